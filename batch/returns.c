/* Three papers made in work/ in one walk, then shown one after the other. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/publish.h"
#include "batch/returns.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/receipt.h"

enum { CSV, CP932, XLSX, RESULT, FORMS };
static const char *const extensions[FORMS] = { "errors.csv", "errors.cp932.csv",
	"errors.xlsx", "check.yaml" };

int
returns_errors(const struct returns *r,
    int (*fill)(void *arg, struct error_writer *w), void *arg)
{
	char dir[SPOOL_PATH_MAX], sheets[SPOOL_PATH_MAX], stem[64], number[64];
	char name[FORMS][80];
	const char *names[FORMS];
	struct publish p[FORMS];
	int forms = r->result != NULL ? FORMS : RESULT;
	int open = 0, filled, saved;
	int r_ = -1;

	filename_format(&r->id, "", stem);
	receipt_number(&r->id, r->sha256, number);
	spool_path(dir, r->root, "box/%s/out", r->id.sender);
	/* the sheets' own names are the library's: in a folder of ours, which
	 * the run after a killed one removes */
	spool_temp(sheets, r->root);
	if (publish_make_dir(dir) == -1 || mkdir(sheets, 0700) == -1)
		return -1;
	for (; open < forms; open++) {
		snprintf(name[open], sizeof(name[open]), "%s.%s", stem,
		    extensions[open]);
		names[open] = name[open];
		if (publish_open(&p[open], r->root) == -1)
			goto out;
	}
	struct error_paper paper = { .receipt = number,
		.csv = p[CSV].f,
		.cp932 = p[CP932].f,
		.xlsx = p[XLSX].temp,
		.temp_dir = sheets,
		.max = r->max,
		.created = day_moment(r->id.day, 0) };
	struct error_writer *w = error_writer_open(&paper);
	filled = fill(arg, w);
	if (error_writer_close(w) == -1 || filled == -1)
		goto out;
	if (r->result != NULL)
		r->result(arg, p[RESULT].f);
	/* the result last: who sees it finds the lists it speaks of */
	r_ = publish_commit_all(p, names, forms, dir);
	open = 0;
out:
	saved = errno;
	for (int i = 0; i < open; i++)
		publish_abandon(&p[i]);
	rmdir(sheets);
	errno = saved;
	return r_;
}
