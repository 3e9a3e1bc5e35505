/* A record file as its receiver reads it: same tables, same rules. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "batch/check.h"
#include "formats/limits.h"
#include "formats/receipt.h"

static void
verdict(const struct run *run, const char *path, const struct record_source *s,
    const struct record_counts *n, bool broken)
{
	fprintf(stderr,
	    "shikaku-check: %s: layout=%s syntax=%s charset=%s read=%lld "
	    "accepted=%lld refused=%lld exit=%d\n",
	    path, s->layout->name, syntax_names[s->syntax],
	    charset_names[s->charset], (long long)n->read,
	    (long long)n->accepted, (long long)n->refused, run->exit);
	if (broken)
		fputs("the file as a whole would be refused / "
		      "このファイルは受け付けられません\n",
		    stderr);
	else if (n->refused > 0)
		fputs("the file would be taken, the records listed would not / "
		      "一覧のレコードは受け付けられません\n",
		    stderr);
	else
		fputs("the file would be taken / "
		      "このファイルは受け付けられます\n",
		    stderr);
}

/* Reads src to its end; the counts. -1: the file as a whole is refused. */
static int
read_all(struct run *run, const struct record_source *src,
    struct record_counts *counts)
{
	struct record_reader *reader = record_open(src);
	enum record_result r = RECORD_BROKEN;
	struct record rec;

	*counts = (struct record_counts) { 0 };
	if (reader == NULL)
		return -1;
	while ((r = record_next(reader, &rec)) != RECORD_END &&
	    r != RECORD_BROKEN && !run_stopped())
		run_progress(run, "records", rec.number, 0);
	*counts = record_count(reader);
	record_close(reader);
	return r == RECORD_BROKEN ? -1 : 0;
}

void
check_file(
    struct run *run, const char *path, const struct identify_options *told)
{
	struct record_source src = { .today = run->day };
	struct record_counts counts = { 0 };
	const char *slash = strrchr(path, '/');
	struct diag_list list;
	bool broken = true;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1) {
		diag_file(&run->log.sink, DIAG_IO, path, "%s", strerror(errno));
		run_worst(run, EXIT_INPUT);
		return;
	}
	diag_list_init(&list, DIAGS_PER_FILE_MAX, NULL, DIAG_FATAL);
	src.name = slash == NULL ? path : slash + 1;
	src.fd = fd;
	src.sink = &list.sink;
	if (identify_records(path, fd, told, &src, &run->log.sink) == -1) {
		run_worst(run, EXIT_INPUT);
		goto out;
	}
	broken = read_all(run, &src, &counts) == -1;
	run->read += counts.read;
	run->accepted += counts.accepted;
	run->refused += counts.read - counts.accepted;
	if (broken)
		run_worst(run, EXIT_INPUT);
	else if (counts.refused > 0)
		run_worst(run, EXIT_RECORDS);
	receipt_errors_head(stdout);
	receipt_errors_rows(&list, stdout);
	verdict(run, path, &src, &counts, broken);
out:
	diag_list_free(&list);
	close(fd);
}
