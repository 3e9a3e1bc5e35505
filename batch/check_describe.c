/* shikaku-check --describe: the tables, for people and for programs. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/check.h"
#include "batch/describe.h"

static void
wrong_use(struct run *run, const char *what, const char *name)
{
	fprintf(stderr, "shikaku-check: %s %s\n", what, name);
	run_worst(run, EXIT_BAD_USAGE);
}

static void
failed(struct run *run, const char *what)
{
	diag_file(&run->log.sink, DIAG_IO, what, "%s", strerror(errno));
	run_worst(run, EXIT_TEMPORARY);
}

/* A workbook is made as a file; its bytes go to stdout from there. */
static void
workbook(struct run *run, const struct exchange *e)
{
	const char *dir = getenv("TMPDIR");
	char path[512], block[65536];
	ssize_t n = 0;
	int fd;

	if (isatty(STDOUT_FILENO)) {
		wrong_use(run, "xlsx goes into a file:", "> layouts.xlsx");
		return;
	}
	if (dir == NULL || dir[0] == '\0')
		dir = "/tmp";
	snprintf(path, sizeof(path), "%s/shikaku-check.XXXXXX", dir);
	fd = mkstemp(path);
	if (fd == -1 || describe_workbook(e, path, dir) == -1) {
		failed(run, path);
		goto out;
	}
	close(fd); /* the library may have made the file anew */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd != -1 && (n = read(fd, block, sizeof(block))) > 0)
		if (fwrite(block, 1, (size_t)n, stdout) != (size_t)n)
			break;
	if (fd == -1 || n != 0)
		failed(run, path);
out:
	if (fd != -1) {
		close(fd);
		unlink(path);
	}
}

static void
one(struct run *run, const char *name, enum describe_as as)
{
	const struct exchange *e = exchange_find(slice_of(name));

	if (e == NULL)
		wrong_use(
		    run, "no such layout (--describe alone lists them):", name);
	else if (as == DESCRIBE_XLSX)
		workbook(run, e);
	else if (describe(e, as, stdout) == -1)
		wrong_use(run, "not exchanged as XML, see --as yaml:", name);
}

void
check_describe(struct run *run, const char *as)
{
	int form = 0;

	run->silent = true;
	while (form < DESCRIBE__MAX && as != NULL &&
	    strcmp(describe_names[form], as) != 0)
		form++;
	if (form == DESCRIBE__MAX) {
		wrong_use(run, "--as md, html, xlsx, yaml, xsd, man; not", as);
		return;
	}
	for (int i = 0; i < run->argc; i++)
		one(run, run->argv[i], (enum describe_as)form);
	if (run->argc > 0)
		return;
	if (form == DESCRIBE_XLSX)
		workbook(run, NULL);
	else if (form == DESCRIBE_HTML)
		describe_html_all(stdout);
	else if (form == DESCRIBE_MD)
		describe_list(stdout);
	else
		wrong_use(run, "name a layout for --as", as);
}
