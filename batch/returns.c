/* Three papers made in work/ in one walk, then shown one after the other. */
#include <errno.h>
#include <string.h>

#include "batch/publish.h"
#include "batch/returns.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/receipt.h"

enum { CSV, CP932, XLSX, FORMS };
static const char *const extensions[FORMS] = { "errors.csv", "errors.cp932.csv",
	"errors.xlsx" };

int
returns_errors(const struct returns *r,
    int (*fill)(void *arg, struct error_writer *w), void *arg)
{
	char dir[SPOOL_PATH_MAX], work[SPOOL_PATH_MAX], name[80], stem[64];
	char number[64];
	struct publish p[FORMS];
	int open = 0, done = 0, filled, saved;
	int r_ = -1;

	filename_format(&r->id, "", stem);
	receipt_number(&r->id, r->sha256, number);
	spool_path(dir, r->root, "box/%s/out", r->id.sender);
	spool_path(work, r->root, "work");
	if (publish_make_dir(dir) == -1)
		return -1;
	for (; open < FORMS; open++)
		if (publish_open(&p[open], r->root) == -1)
			goto out;
	struct error_paper paper = { .receipt = number,
		.csv = p[CSV].f,
		.cp932 = p[CP932].f,
		.xlsx = p[XLSX].temp,
		.temp_dir = work,
		.max = r->max,
		.created = day_moment(r->id.day, 0) };
	struct error_writer *w = error_writer_open(&paper);
	filled = fill(arg, w);
	if (error_writer_close(w) == -1 || filled == -1)
		goto out;
	for (; done < FORMS; done++) {
		snprintf(name, sizeof(name), "%s.%s", stem, extensions[done]);
		if (publish_commit(&p[done], dir, name) == -1) {
			done++; /* it has removed its own */
			goto out;
		}
	}
	r_ = 0;
out:
	saved = errno;
	for (int i = done; i < open; i++)
		publish_abandon(&p[i]);
	errno = saved;
	return r_;
}
