/* Partition of a CRL -> the member's name in the delivery set. */
#include "formats/crl_name.h"

#include <string.h>

#include "formats/codec/text.h"

/* The value of the CN in a one-line name; "" where there is none. */
static struct slice
common_name(const char *name)
{
	const char *p = name, *end;

	while (p != NULL && strncmp(p, "CN=", 3) != 0) {
		p = strchr(p, ',');
		if (p != NULL)
			p++;
	}
	if (p == NULL)
		return SLICE("");
	p += 3;
	end = strchr(p, ',');
	return (
	    struct slice) { p, end != NULL ? (size_t)(end - p) : strlen(p) };
}

static bool
plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') || c == '_' || c == '-';
}

void
crl_name(const char *ca, const char *partition, char out[129])
{
	struct slice cn = common_name(partition);
	struct buf b;

	buf_init(&b, out, 129);
	buf_put(&b, (struct slice) { ca, strnlen(ca, 8) });
	buf_putc(&b, '-');
	for (size_t i = 0; i < cn.n && i < 100; i++)
		buf_putc(&b, plain(cn.p[i]) ? cn.p[i] : '_');
	buf_puts(&b, ".crl");
}
