/* Units and what they cost, from the bill's summary. */
#include "batch/facts_usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/spool.h"
#include "formats/codec/day.h"

struct costs {
	int64_t mille[PRICES_USES][PRICES_VERSIONS]; /* of a yen */
};

static void
add_units(struct statistics *s, const struct record *rec)
{
	static const struct {
		enum month_field field;
		const char *billing;
	} of[] = { { M_UNITS, "billable" }, { M_RETRIES, "retry" },
		{ M_UNKNOWN, "unknown" }, { M_OTHER, "other" } };
	const char use[2] = { rec->v[M_USE].s.p[0], '\0' };

	for (int i = 0; i < 4; i++)
		figures_add(&s->figures, TABLE_UNITS, use, of[i].billing,
		    slice_number(rec->v[of[i].field].s));
}

/* A version the table no longer has makes no cost; bill says so. */
static void
add_cost(struct costs *c, const struct record *rec, const struct prices *prices)
{
	int use = rec->v[M_USE].s.p[0] - '0', version;
	int64_t price;

	if (prices == NULL || rec->v[M_PRICES].s.n == 0 || use < 1 ||
	    use > PRICES_USES)
		return;
	version = prices_find(prices, rec->v[M_PRICES].s);
	if (version < 0 || (price = prices_of(prices, version, use)) < 0)
		return;
	c->mille[use - 1][version] += price * slice_number(rec->v[M_UNITS].s);
}

static void
put_costs(
    struct statistics *s, const struct costs *c, const struct prices *prices)
{
	for (int u = 0; u < PRICES_USES; u++)
		for (int v = 0; v < PRICES_VERSIONS; v++) {
			const char use[2] = { (char)('1' + u), '\0' };

			if (c->mille[u][v] > 0)
				figures_add(&s->figures, TABLE_COST, use,
				    prices_version(prices, v),
				    (c->mille[u][v] + 500) / 1000);
		}
}

static void
month_name(const struct statistics *s, char name[32])
{
	char d[9];

	day_format(s->first, d);
	snprintf(name, 32, "riyo_month-%.6s.csv", d);
}

bool
facts_billed(const struct statistics *s, const char *root)
{
	char path[SPOOL_PATH_MAX], name[32];

	month_name(s, name);
	spool_path(path, root, "out/usage/%s", name);
	return access(path, F_OK) == 0;
}

int
facts_usage(struct statistics *s, const char *root, const struct prices *prices,
    struct diag_sink *sink)
{
	char path[SPOOL_PATH_MAX], name[32];
	struct record_source src = { .name = name,
		.layout = &month_layout,
		.syntax = SYNTAX_CSV,
		.charset = CHARSET_UTF8,
		.today = DAY_NONE,
		.most = INT64_MAX,
		.sink = sink };
	struct record_reader *reader;
	struct costs *costs;
	struct record rec;
	enum record_result r;

	month_name(s, name);
	spool_path(path, root, "out/usage/%s", name);
	src.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (src.fd == -1 && errno == ENOENT)
		return 0; /* not billed yet */
	if (src.fd == -1) {
		diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
		return -1;
	}
	costs = text_alloc(sizeof(*costs));
	reader = record_open(&src);
	while ((r = record_next(reader, &rec)) == RECORD_OK) {
		add_units(s, &rec);
		add_cost(costs, &rec, prices);
	}
	record_close(reader);
	close(src.fd);
	if (prices != NULL)
		put_costs(s, costs, prices);
	free(costs);
	return r == RECORD_END ? 0 : -1;
}

void
facts_price_gaps(const struct statistics *s, const struct prices *prices,
    void (*each)(void *arg, int32_t from, int32_t to), void *arg)
{
	int32_t from = DAY_NONE;

	if (prices_none(prices))
		return;
	for (int32_t d = s->first; d <= s->last + 1; d++) {
		bool gap = d <= s->last &&
		    (prices_on(prices, 1, d) == -1 ||
			prices_on(prices, 2, d) == -1);

		if (gap && from == DAY_NONE)
			from = d;
		if (!gap && from != DAY_NONE) {
			each(arg, from, d - 1);
			from = DAY_NONE;
		}
	}
}
