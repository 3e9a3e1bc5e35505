#include "formats/filename.h"

#include <stdio.h>
#include <string.h>

#include "formats/codec/day.h"

#define UPLOAD_EXT ".zip.p7m"

const char *const feed_names[FEED__MAX] = {
	[FEED_SHIKAKU] = "shikaku",
	[FEED_NHI] = "nhi",
	[FEED_CODES] = "codes",
	[FEED_LINK] = "link",
	[FEED_CRL] = "crl",
	[FEED_INSTITUTION] = "iryokikan",
	[FEED_PACKAGE] = "package",
	[FEED_REKEY] = "rekey",
};

int
feed_find(struct slice name)
{
	for (int i = 0; i < FEED__MAX; i++)
		if (slice_is(name, feed_names[i]))
			return i;
	return -1;
}

/* The part of *s before the next '_', which is taken off; n == 0: none. */
static struct slice
part(struct slice *s)
{
	const char *end = s->n > 0 ? memchr(s->p, '_', s->n) : NULL;
	struct slice out = { s->p, 0 };

	if (end == NULL)
		return out;
	out.n = (size_t)(end - s->p);
	s->n -= out.n + 1;
	s->p = end + 1;
	return out;
}

static bool
sender_ok(struct slice s)
{
	if (s.n < 1 || s.n > 8)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') &&
		    (s.p[i] < 'A' || s.p[i] > 'Z'))
			return false;
	return true;
}

int
filename_parse(struct slice name, struct filename *out)
{
	const size_t ext = sizeof(UPLOAD_EXT) - 1;

	memset(out, 0, sizeof(*out));
	if (name.n <= ext ||
	    memcmp(name.p + name.n - ext, UPLOAD_EXT, ext) != 0)
		return -1;
	name.n -= ext;
	return filename_parse_stem(name, out);
}

int
filename_parse_stem(struct slice name, struct filename *out)
{
	struct slice sender, day;
	int feed;

	memset(out, 0, sizeof(*out));
	sender = part(&name);
	feed = feed_find(part(&name));
	day = part(&name);
	if (!sender_ok(sender) || feed < 0 || name.n != 4 ||
	    !slice_digits(name) || slice_is(name, "0000"))
		return -1;
	out->day = day_parse(day);
	if (out->day == DAY_NONE)
		return -1;
	memcpy(out->sender, sender.p, sender.n);
	out->feed = (enum feed)feed;
	out->sequence = (int)slice_number(name);
	return 0;
}

void
filename_format(const struct filename *f, const char *ext, char out[64])
{
	char day[9];

	day_format(f->day, day);
	snprintf(out, 64, "%s_%s_%s_%04d%s", f->sender, feed_names[f->feed],
	    day, f->sequence, ext);
}
