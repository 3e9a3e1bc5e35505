/* The chain of a usage journal, and the journal's name. */
#include "formats/usage_chain.h"

#include <stdio.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/codec/seal.h"

static void
chain_hex(const unsigned char sum[32], char out[17])
{
	text_hex(sum, 8, out);
	out[16] = '\0';
}

static void
chain_end(struct seal_hash *h, char out[17])
{
	unsigned char sum[32];

	seal_hash_end(h, sum);
	chain_hex(sum, out);
}

void
usage_chain_first(int32_t day, int worker, char out[17])
{
	struct seal_hash *h = seal_hash_new();
	char name[48];

	usage_journal_name(day, worker, name);
	seal_hash_add(h, name, strlen(name));
	chain_end(h, out);
}

void
usage_chain(const char prev[17], struct slice line, char out[17])
{
	struct seal_hash *h = seal_hash_new();

	seal_hash_add(h, prev, 16);
	seal_hash_add(h, line.p, line.n);
	chain_end(h, out);
}

void
usage_chain_by(
    struct seal_hash *h, const char prev[17], struct slice line, char out[17])
{
	unsigned char sum[32];

	seal_hash_add(h, prev, 16);
	seal_hash_add(h, line.p, line.n);
	seal_hash_next(h, sum);
	chain_hex(sum, out);
}

void
usage_journal_name(int32_t day, int worker, char out[48])
{
	char d[9];

	day_format(day, d);
	snprintf(out, 48, "usage-%s.%d.log", d, worker);
}

int
usage_journal_parse(struct slice name, int32_t *day, int *worker)
{
	static const char head[] = "usage-", tail[] = ".log";
	struct slice number;
	int64_t n;

	if (name.n < 20 || name.n > 24 || memcmp(name.p, head, 6) != 0 ||
	    memcmp(name.p + name.n - 4, tail, 4) != 0 || name.p[14] != '.')
		return -1;
	*day = day_parse((struct slice) { name.p + 6, 8 });
	number = (struct slice) { name.p + 15, name.n - 19 };
	n = slice_digits(number) ? slice_number(number) : -1;
	if (*day == DAY_NONE || n < 0 || n > 9999)
		return -1;
	*worker = (int)n;
	return 0;
}
