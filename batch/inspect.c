/* shikaku-inspect: what is in this file? */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "batch/describe.h"
#include "batch/inspect.h"

static int
option(void *arg, int letter, const char *value)
{
	struct inspect *i = arg;

	switch (letter) {
	case 'f':
		i->told.layout = value;
		return 0;
	case 's':
		i->told.syntax = value;
		return 0;
	case 'e':
		i->told.charset = value;
		return 0;
	case 'u':
		i->unmask = true;
		return 0;
	case 'l':
		i->rows = slice_number(slice_of(value));
		return i->rows < 0 ? -1 : 0;
	case 't':
		i->table = value;
		return 0;
	}
	return -1;
}

static void
table(struct run *run, const char *name)
{
	const struct exchange *e = exchange_find(slice_of(name));

	if (e != NULL) {
		describe(e, DESCRIBE_MD, stdout);
		return;
	}
	fprintf(stderr, "shikaku-inspect: layouts are");
	for (int i = 0; exchanges[i].name != NULL; i++)
		fprintf(stderr, " %s", exchanges[i].name);
	fputs("\n", stderr);
	run_worst(run, EXIT_BAD_USAGE);
}

static int
by_kind(const struct inspect *i, const char *path, int fd)
{
	struct diag_sink *sink = &i->run->log.sink;
	enum file_kind kind;

	if (identify(path, fd, &kind, sink) == -1)
		return -1;
	if (i->told.layout != NULL)
		kind = KIND_RECORDS;
	switch (kind) {
	case KIND_RECORDS:
		return inspect_records(i, path, fd);
	case KIND_SEGMENT:
		return inspect_segment(i, path);
	case KIND_SQLITE:
		return inspect_snapshot(i, path);
	case KIND_YAML:
		return inspect_yaml(i, path);
	case KIND_ZIP:
		return inspect_zip(i, path, fd);
	case KIND_SEALED:
		return inspect_sealed(i, path, fd);
	case KIND_DER:
		diag_file(sink, DIAG_NOT_OURS, path,
		    "DER: openssl crl -inform DER -text -noout, or x509");
		return -1;
	}
	return -1;
}

static void
inspect(const struct inspect *i, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1) {
		diag_file(
		    &i->run->log.sink, DIAG_IO, path, "%s", strerror(errno));
		run_worst(i->run, EXIT_INPUT);
		return;
	}
	if (by_kind(i, path, fd) == -1)
		run_worst(i->run, EXIT_INPUT);
	close(fd);
}

int
main(int argc, char **argv)
{
	struct run run;
	struct inspect i = { .run = &run, .rows = 10 };
	struct run_options extra = {
		.operands = true,
		.no_config = true,
		.letters = "f:s:e:ul:t:",
		.option = option,
		.arg = &i,
		.usage =
		    "shikaku-inspect [-u] [-l ROWS] [-f LAYOUT] [-s SYNTAX] "
		    "[-e CHARSET]\n"
		    "                       [-c SITE.yaml] FILE...\n"
		    "       shikaku-inspect -t LAYOUT\n"
		    "  -t       print the table of a layout\n"
		    "  -u       unmask private values\n"
		    "  -l ROWS  show so many rows; 0: all; default 10\n"
		    "  -c FILE  the site whose trust and keys open a sealed "
		    "upload\n"
		    "  -f LAYOUT, -s csv|fixed|xml, -e utf8|utf8-bom|cp932\n"
		    "           where name and bytes of the file do not say\n",
	};

	if (run_begin(&run, "inspect", argc, argv, &extra) == -1)
		return run_end(&run);
	run.silent = true;
	if (i.table != NULL)
		table(&run, i.table);
	else if (run.argc == 0) {
		fputs("shikaku-inspect: name a FILE (-h: help)\n", stderr);
		run_worst(&run, EXIT_BAD_USAGE);
	}
	for (int n = 0; n < run.argc && !run_stopped(); n++)
		inspect(&i, run.argv[n]);
	return run_end(&run);
}
