#include "batch/codes_lists.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/publish.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/codec/sort.h"
#include "formats/feeds.h"
#include "formats/notice.h"

enum { CORRECT = 256, WITHDRAW };
const struct run_long codes_longs[] = {
	{ "correct", CORRECT, true },
	{ "withdraw", WITHDRAW, true },
	{ NULL, 0, false },
};

int
codes_option(void *arg, int letter, const char *value)
{
	struct codes_corrections *c = arg;
	const char *colon = strrchr(value, ':');

	if (colon == NULL || c->n == CODES_CORRECTIONS ||
	    (size_t)(colon - value) >= sizeof(c->v[0].list) ||
	    !slice_digits(slice_of(colon + 1)) || strlen(colon + 1) > 9)
		return -1;
	memcpy(c->v[c->n].list, value, (size_t)(colon - value));
	c->v[c->n].record = slice_number(slice_of(colon + 1));
	c->v[c->n++].change = letter == CORRECT ? '2' : '9';
	return 0;
}

struct lists {
	struct run *run;
	const struct partners *partners;
	const struct insurer *city; /* found last */
	struct record_writer *w;
	struct record rec;
	char day[9];
	int64_t rows;
	bool request;
};

static int
io(struct run *run, const char *what)
{
	diag_file(&run->log.sink, DIAG_IO, what, "%s", strerror(errno));
	return -1;
}

/* Of a typed key: 'E' has the 保険者コード, 'C' the 保険者番号 in 8 digits. */
static const struct insurer *
insurer_of(struct lists *l, const char *key)
{
	const struct insurer *v;
	char id[9];
	size_t n = partners_insurers(l->partners, &v);

	if (strlen(key) < 9)
		return NULL;
	memcpy(id, key + 1, 8);
	id[8] = '\0';
	if (key[0] == 'C')
		return partners_insurer(l->partners, id);
	/* keys come in order: nearly always the one found last */
	if (l->city != NULL && strcmp(l->city->code, id) == 0)
		return l->city;
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].code, id) == 0)
			return l->city = &v[i];
	return NULL;
}

static int
scheme_of(void *arg, const char *key)
{
	const struct insurer *in = insurer_of(arg, key);

	return in == NULL ? -1 : (int)in->scheme;
}

/* ---- one file ---- */

static int
write_row(void *arg, const struct pairing_row *row)
{
	struct lists *l = arg;
	const struct insurer *in = insurer_of(l, row->key);
	char number[24], of_record[24], change[2] = { row->change, '\0' };
	struct slice code = in != NULL ? slice_of(in->code) :
					 (struct slice) { row->key + 1, 8 };

	snprintf(number, sizeof(number), "%lld", (long long)++l->rows);
	snprintf(
	    of_record, sizeof(of_record), "%lld", (long long)row->of_record);
	if (l->request) {
		record_init(&l->rec, &code_request_format);
		record_set(&l->rec, CR_TYPE, SLICE("2"));
		record_set(&l->rec, CR_NUMBER, slice_of(number));
		record_set(&l->rec, CR_INSURER_CODE, code);
		record_set(&l->rec, CR_PERSON_ID, slice_of(row->key + 9));
		record_set(
		    &l->rec, CR_PROCESSING_NUMBER, slice_of(row->number));
		record_set(&l->rec, CR_REQUESTED_ON, slice_of(l->day));
		record_set(
		    &l->rec, CR_KIND, slice_of(row->times > 1 ? "2" : "1"));
		return record_write(l->w, &l->rec);
	}
	record_init(&l->rec, &notice_format);
	record_set(&l->rec, NO_TYPE, SLICE("2"));
	record_set(&l->rec, NO_NUMBER, slice_of(number));
	record_set(&l->rec, NO_CHANGE, slice_of(change));
	record_set(&l->rec, NO_INSURER_CODE, code);
	record_set(&l->rec, NO_PERSON_ID, slice_of(row->key + 9));
	record_set(&l->rec, NO_PROCESSING_NUMBER, slice_of(row->number));
	record_set(&l->rec, NO_SCHEME, slice_of(row->scheme));
	record_set(&l->rec, NO_KIND, slice_of(l->run->config->notice_kind));
	record_set(&l->rec, NO_TEXT, slice_of(row->text));
	record_set(&l->rec, NO_JUDGED_ON, slice_of(l->day));
	if (row->change != '1') {
		record_set(&l->rec, NO_CORRECTS_FILE, slice_of(row->of_list));
		record_set(&l->rec, NO_CORRECTS_RECORD, slice_of(of_record));
	}
	return record_write(l->w, &l->rec);
}

static int
write_rows(struct lists *l, struct pairing *p, const struct pairing_list *list)
{
	char sequence[8];
	struct record rec;
	int r;

	snprintf(sequence, sizeof(sequence), "%04d", list->sequence);
	record_init(&rec, &file_header);
	record_set(&rec, FH_TYPE, SLICE("1"));
	record_set(&rec, FH_VERSION, SLICE("1"));
	record_set(&rec, FH_SENDER, SLICE(CODES_SENDER));
	record_set(&rec, FH_FEED,
	    l->request ? SLICE("code_request") : SLICE("notice"));
	record_set(&rec, FH_DAY, slice_of(l->day));
	record_set(&rec, FH_SEQUENCE, slice_of(sequence));
	r = record_write_header(l->w, &rec);
	if (r == 0)
		r = pairing_rows(p, list->name, l->request, write_row, l);
	record_init(&rec, &file_trailer);
	record_set(&rec, FT_TYPE, SLICE("3"));
	return r == 0 ? record_write_trailer(l->w, &rec) : -1;
}

/* Where who it is for fetches it: J-LIS its out box, the お知らせ function of
 * the 中間サーバー out/notice. */
static void
list_folder(const struct lists *l, char out[SPOOL_PATH_MAX])
{
	const char *root = l->run->config->intermediate_root;
	const struct sender *v;
	size_t n = partners_senders(l->partners, &v);

	spool_path(out, root, l->request ? "out/code_request" : "out/notice");
	for (size_t i = 0; l->request && i < n; i++)
		if (!v[i].qualification && (v[i].feeds >> FEED_CODES & 1))
			spool_path(out, root, "box/%s/out", v[i].id);
}

static int
write_list(struct lists *l, struct pairing *p, const struct pairing_list *list)
{
	const char *root = l->run->config->intermediate_root;
	char dir[SPOOL_PATH_MAX], name[96];
	struct publish out;
	int r = -1;

	l->rows = 0;
	day_format(list->day, l->day);
	list_folder(l, dir);
	snprintf(name, sizeof(name), "%s.csv", list->name);
	if (publish_make_dir(dir) == -1 || publish_open(&out, root) == -1)
		return io(l->run, dir);
	l->w = record_create(name, fileno(out.f),
	    l->request ? &code_request_layout : &notice_layout, SYNTAX_CSV,
	    CHARSET_UTF8, &l->run->log.sink);
	if (l->w != NULL)
		r = write_rows(l, p, list);
	if (l->w != NULL && record_finish(l->w) == -1)
		r = -1;
	if (r == -1) {
		publish_abandon(&out);
		return -1;
	}
	if (publish_commit(&out, dir, name) == -1)
		return io(l->run, name);
	l->run->read += l->rows;
	l->run->accepted += l->rows;
	l->run->files++;
	return pairing_published(p, list->name);
}

/* Those of a run that was killed too. */
static int
write_unpublished(struct lists *l, struct pairing *p)
{
	struct pairing_list list;
	int more;

	while ((more = pairing_unpublished(p, &list, &l->request)) == 1)
		if (write_list(l, p, &list) == -1)
			return -1;
	return more;
}

/* ---- what is due ---- */

static int
make_corrections(
    struct lists *l, struct pairing *p, const struct codes_corrections *c)
{
	struct pairing_list list;
	int64_t n = 0;

	if (c->n > 0 && pairing_list_new(p, "notice", l->run->day, &list) == -1)
		return -1;
	for (int i = 0; i < c->n; i++) {
		int r = pairing_correct(p, &list, n + 1, c->v[i].list,
		    c->v[i].record, c->v[i].change);
		if (r == -1)
			return -1;
		n += r;
		if (r == 1)
			continue;
		diag_file(&l->run->log.sink, DIAG_NO_SUCH_NOTICE, c->v[i].list,
		    "record %lld", (long long)c->v[i].record);
		l->run->read++;
		l->run->refused++;
		run_worst(l->run, EXIT_RECORDS);
	}
	return c->n > 0 && n == 0 ? pairing_list_drop(p, &list) : 0;
}

static int
schemes_wanted(struct run *run, unsigned *out)
{
	struct slice rest = slice_of(run->config->notice_schemes);

	*out = 0;
	while (rest.n > 0) {
		const char *plus = memchr(rest.p, '+', rest.n);
		size_t n = plus == NULL ? rest.n : (size_t)(plus - rest.p);
		int i = 0;

		while (i < SCHEME_OUT_OF_SCOPE &&
		    !slice_is((struct slice) { rest.p, n }, scheme_names[i]))
			i++;
		if (i == SCHEME_OUT_OF_SCOPE) {
			diag_file(&run->log.sink, DIAG_CONFIG, run->config_path,
			    "notice.schemes: %.*s", (int)n, rest.p);
			run_worst(run, EXIT_CONFIG);
			return -1;
		}
		*out |= 1u << i;
		n += plus != NULL;
		rest = (struct slice) { rest.p + n, rest.n - n };
	}
	return 0;
}

static int64_t
name_list(struct lists *l, struct pairing *p, bool request,
    const struct codes_corrections *corrections)
{
	const struct config *c = l->run->config;
	struct pairing_list list;
	unsigned schemes;

	if (request)
		return pairing_request(
		    p, l->run->day, c->codes_again_days, &list);
	if (schemes_wanted(l->run, &schemes) == -1 ||
	    make_corrections(l, p, corrections) == -1)
		return -1;
	return schemes == 0 ? 0 :
			      pairing_notice(p, l->run->day, c->notice_text,
				  schemes, scheme_of, l, &list);
}

int
codes_list(struct run *run, struct pairing *p, const struct partners *partners,
    bool request, const struct codes_corrections *corrections)
{
	struct lists l = { .run = run, .partners = partners };
	int64_t n;

	if (!run->dry && write_unpublished(&l, p) == -1)
		return -1;
	if (pairing_begin(p) == -1)
		return -1;
	n = name_list(&l, p, request, corrections);
	if (n == -1 || run->dry) {
		pairing_rollback(p);
		run_note(run, "due", n == -1 ? 0 : n);
		return n == -1 ? -1 : 0;
	}
	if (pairing_commit(p) == -1 || write_unpublished(&l, p) == -1)
		return -1;
	if (run->files == 0)
		run_worst(run, EXIT_NOTHING);
	return 0;
}

/* ---- odd results ---- */

struct odd {
	const char *stem;
	FILE *f;
	int64_t n[PAIRING_NOTE__MAX];
};

static int
write_odd(void *arg, int64_t record, enum pairing_note what)
{
	struct odd *o = arg;

	o->n[what]++;
	return fprintf(o->f, "%s,%lld,%s\r\n", o->stem, (long long)record,
		   pairing_notes[what]) < 0 ?
	    -1 :
	    0;
}

int
codes_odd(struct run *run, struct pairing *p, const char *stem)
{
	const char *root = run->config->intermediate_root;
	char dir[SPOOL_PATH_MAX], name[96];
	struct odd o = { .stem = stem };
	struct publish out;
	int64_t all = 0;

	spool_path(dir, root, "pairing");
	snprintf(name, sizeof(name), "%s.odd.csv", stem);
	if (publish_open(&out, root) == -1)
		return io(run, dir);
	o.f = out.f;
	fputs("File,RecordNumber,What\r\n", o.f);
	if (pairing_odd(p, stem, write_odd, &o) == -1) {
		publish_abandon(&out);
		return -1;
	}
	for (int i = 0; i < PAIRING_NOTE__MAX; i++) {
		all += o.n[i];
		if (o.n[i] > 0)
			run_note(run, pairing_notes[i], o.n[i]);
	}
	if (all == 0) {
		publish_abandon(&out);
		return 0;
	}
	return publish_commit(&out, dir, name) == -1 ? io(run, name) : 0;
}
