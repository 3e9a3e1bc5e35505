/*
 * shikaku-codes: 機関別符号, on the intermediate side only.
 *
 *  accept   results of J-LIS -> pseudonyms (pair segments), pairing file
 *  request  registered people who have none -> request file
 *  notice   people whose code was obtained -> notice list for マイナポータル
 *  rotate   all codes again under a new pseudonym key -> pair segment
 *
 * A 機関別符号 is handled like a 個人番号: it goes from the reader's buffer
 * into the keyed hash and, sealed, into the pairing file, and nowhere else. No
 * log line, no receipt, no spill of the sort holds it; the memory it lay in is
 * overwritten, no core is dumped.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "batch/codes_lists.h"
#include "batch/ingest.h"
#include "batch/pairing.h"
#include "batch/publish.h"
#include "formats/codec/seal.h"
#include "formats/segment_make.h"

#define KEY_BYTES PAIRING_KEY
#define PSEUDONYM 16 /* bytes of the hash that are used */
#define ACQUIRED "1"

struct codes {
	struct run *run;
	const struct partners *partners;
	struct codes_corrections *corrections;
	unsigned char key[KEY_BYTES];
	unsigned char pairing_key[KEY_BYTES];
	struct pairing *pairing;
	const struct insurer **by_code; /* sorted by 保険者コード */
	size_t n;
	int64_t none; /* results without a code: nothing to pair */
};

static int
compare_codes(const void *a, const void *b)
{
	const struct insurer *x = *(const struct insurer *const *)a;
	const struct insurer *y = *(const struct insurer *const *)b;
	int c = strcmp(x->code, y->code);

	return c != 0 ? c : strcmp(x->number8, y->number8);
}

static void
sort_insurers(struct codes *c, const struct partners *partners)
{
	const struct insurer *v;

	c->n = partners_insurers(partners, &v);
	c->by_code = text_alloc(c->n * sizeof(const struct insurer *));
	for (size_t i = 0; i < c->n; i++)
		c->by_code[i] = &v[i];
	if (c->n > 1)
		qsort(c->by_code, c->n, sizeof(const struct insurer *),
		    compare_codes);
}

static const struct insurer *
find_insurer(const struct codes *c, struct slice code)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (slice_cmp(slice_of(c->by_code[mid]->code), code) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < c->n && slice_is(code, c->by_code[low]->code))
		return c->by_code[low];
	return NULL;
}

/* As ingest keys the periods of the same person. */
static void
person_key(const struct config *config, const struct insurer *in,
    struct slice id, struct typed_key *key)
{
	bool city = in->scheme == SCHEME_NHI_CITY && config->city_key == 0;

	typed_key_make(
	    key, city ? 'C' : 'E', slice_of(city ? in->number8 : in->code), id);
}

/* 処理通番 LF pseudonym in hexadecimal. */
static void
make_payload(const struct codes *c, struct slice number, struct slice code,
    struct buf *out)
{
	unsigned char hash[32];

	seal_hmac(
	    (struct slice) { (const char *)c->key, KEY_BYTES }, code, hash);
	buf_put(out, number);
	buf_putc(out, '\n');
	for (int i = 0; i < PSEUDONYM; i++)
		buf_printf(out, "%02x", hash[i]);
	explicit_bzero(hash, sizeof(hash));
}

/* ---- accept ---- */

/* Under the lock of the run only. */
static int
open_pairing(struct codes *c)
{
	if (c->pairing == NULL)
		c->pairing = pairing_open(c->run->config->intermediate_root,
		    c->pairing_key, &c->run->log.sink);
	return c->pairing == NULL ? -1 : 0;
}

static int
take(struct ingest_upload *u, struct ingest_member *m, struct record *rec)
{
	struct codes *c = u->arg;
	const struct insurer *in = find_insurer(c, rec->v[C_INSURER_CODE].s);
	struct slice code = rec->v[C_AGENCY_CODE].s;
	struct pairing_result result = { .file = u->stem,
		.record = rec->number,
		.number = rec->v[C_PROCESSING_NUMBER].s,
		.state = (int)slice_number(rec->v[C_RESULT].s),
		.day = (int32_t)rec->v[C_RESULT_DATE].n,
		.code = code };
	char storage[128];
	struct buf b;

	if (in == NULL) {
		ingest_refuse(
		    m, rec, DIAG_UNKNOWN_INSURER, C_INSURER_CODE, NULL);
		return 0;
	}
	person_key(u->run->config, in, rec->v[C_PERSON_ID].s, &result.key);
	int other = pairing_stage(c->pairing, &result);
	buf_init(&b, storage, sizeof(storage));
	make_payload(c, result.number, code, &b);
	/* the slice lies in the reader's own buffer, which is writable */
	if (code.n > 0)
		explicit_bzero((void *)(uintptr_t)code.p, code.n);
	if (other == -1)
		return -1;
	if (other == 1) {
		ingest_refuse(m, rec, DIAG_CODE_DIFFERS, C_AGENCY_CODE, NULL);
		return 0;
	}
	if (result.state != 1) {
		c->none++;
		return 0;
	}
	return ingest_add_bytes(u, result.key.b, rec->number, buf_slice(&b));
}

/* What an upload says stays staged until the ledger has it as taken. */
static int
codes_read(struct ingest_upload *u)
{
	struct codes *c = u->arg;

	if (open_pairing(c) == -1 || pairing_begin(c->pairing) == -1)
		return -1;
	if (pairing_unstage(c->pairing, u->stem) == -1 ||
	    ingest_each(u, 0, take) == -1) {
		pairing_rollback(c->pairing);
		return -1;
	}
	if (u->run->dry) {
		pairing_rollback(c->pairing);
		return 0;
	}
	return pairing_commit(c->pairing);
}

static const struct ingest_feed feeds[] = {
	{ FEED_CODES, SEGMENT_PAIR, { &codes_layout, NULL }, codes_read },
	{ FEED__MAX, SEGMENT__MAX, { NULL, NULL }, NULL },
};

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
parse_key(struct slice hex, unsigned char out[KEY_BYTES])
{
	while (
	    hex.n > 0 && (hex.p[hex.n - 1] == '\n' || hex.p[hex.n - 1] == '\r'))
		hex.n--;
	if (hex.n != 2 * KEY_BYTES)
		return -1;
	for (int i = 0; i < KEY_BYTES; i++) {
		int high = hex_value(hex.p[2 * i]);
		int low = hex_value(hex.p[2 * i + 1]);

		if (high == -1 || low == -1)
			return -1;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

/* 64 hexadecimal digits in a file that nobody else may read. */
static int
load_key(unsigned char out[KEY_BYTES], const char *path, struct diag_sink *sink)
{
	struct stat st;
	const char *why = NULL;
	char *hex = NULL;
	size_t n = 0;

	if (stat(path, &st) == -1 ||
	    (hex = spool_slurp(path, 4096, &n)) == NULL)
		why = strerror(errno);
	else if ((st.st_mode & 077) != 0)
		why = "others may read it";
	else if (parse_key((struct slice) { hex, n }, out) == -1)
		why = "not 64 hexadecimal digits";
	if (hex != NULL)
		explicit_bzero(hex, n);
	free(hex);
	if (why == NULL)
		return 0;
	diag_file(sink, DIAG_KEY_UNREADABLE, path, "%s", why);
	return -1;
}

/* Freed memory is overwritten, and no image of the process is ever kept. */
static void
keep_memory_private(void)
{
	static const struct rlimit none = { 0, 0 };

	mallopt(M_PERTURB, 0xff);
	setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* which looks for leaks as a tracer */
	prctl(PR_SET_DUMPABLE, 0); /* also where cores go into a pipe */
#endif
}

/* ---- who is registered ---- */

struct registering {
	struct codes *c;
	struct typed_key last;
	int64_t segments;
	enum segment_kind kind; /* those that are looked at */
};

/* Of a row: is there a period? A cancelled one alone makes nobody. */
static int
register_row(struct registering *g, const struct segment_head *head,
    const struct segment_row *row)
{
	struct typed_key key, to;
	struct record rec;

	memcpy(key.b, row->key, sizeof(key.b));
	if (head->kind == SEGMENT_REKEY) {
		memset(&to, 0, sizeof(to));
		if (row->payload.n > sizeof(to.b))
			return 0;
		memcpy(to.b, row->payload.p, row->payload.n);
		return pairing_wish(g->c->pairing, &key, &to);
	}
	if (memcmp(&key, &g->last, sizeof(key)) == 0 ||
	    record_unpack(&qualification_format, row->payload, &rec) == -1)
		return 0;
	int64_t change = slice_number(rec.v[Q_CHANGE].s);
	if (change == CHANGE_CANCEL || change == CHANGE_KEEP)
		return 0;
	g->last = key;
	return pairing_register(g->c->pairing, &key);
}

static int
register_segment(void *arg, const struct ledger_segment *s)
{
	struct registering *g = arg;
	struct codes *c = g->c;
	char path[SPOOL_PATH_MAX];
	struct segment_row row;
	int got = 0, r = 0;

	if (s->kind != (int)g->kind)
		return 0;
	int seen = pairing_seen(c->pairing, s->name);
	if (seen != 0)
		return seen == 1 ? 0 : -1;
	spool_path(
	    path, c->run->config->intermediate_root, "segments/%s", s->name);
	struct segment *seg =
	    segment_open(path, s->name, false, &c->run->log.sink);
	if (seg == NULL)
		return -1;
	memset(&g->last, 0, sizeof(g->last));
	while (r == 0 && (got = segment_next(seg, &row)) == 1)
		r = register_row(g, segment_head(seg), &row);
	segment_close(seg);
	g->segments++;
	return got == -1 || r == -1 ? -1 : pairing_saw(c->pairing, s->name);
}

/* What insurers have sent since the last run. */
static int
register_all(struct codes *c, struct ledger *ledger)
{
	struct registering g = { .c = c, .kind = SEGMENT_REKEY };

	if (pairing_begin(c->pairing) == -1)
		return -1;
	int r = ledger_segments(ledger, -1, register_segment, &g);
	if (r == 0)
		r = pairing_rekey(c->pairing);
	g.kind = SEGMENT_PERIOD;
	if (r == 0)
		r = ledger_segments(ledger, -1, register_segment, &g);
	if (r != 0) {
		pairing_rollback(c->pairing);
		return -1;
	}
	return pairing_commit(c->pairing);
}

/* ---- results that were taken ---- */

/* A list is named after its upload: the same again by a run that was killed. */
static int
settle_upload(struct codes *c, struct ledger *ledger, const char *stem)
{
	struct ledger_file row = { .state = FILE_REFUSED };
	struct filename id;
	int r = filename_parse_stem(slice_of(stem), &id) == -1 ?
	    0 :
	    ledger_file_get(ledger, &id, &row);
	bool taken = r == 1 && row.state >= FILE_INGESTED;

	if (r == -1 || (taken && codes_odd(c->run, c->pairing, stem) == -1) ||
	    pairing_begin(c->pairing) == -1)
		return -1;
	if (pairing_settle(c->pairing, stem, taken) == -1) {
		pairing_rollback(c->pairing);
		return -1;
	}
	return pairing_commit(c->pairing);
}

static int
settle(struct codes *c, struct ledger *ledger)
{
	char stem[64];
	int more;

	while ((more = pairing_staged(c->pairing, stem)) == 1)
		if (settle_upload(c, ledger, stem) == -1)
			return -1;
	return more;
}

/* Also what a run before this one was killed over. */
static int
bring_up(struct codes *c)
{
	struct ledger *ledger =
	    ledger_open(c->run->config->intermediate_root, &c->run->log.sink);
	int r = ledger == NULL || open_pairing(c) == -1 ||
		register_all(c, ledger) == -1 || settle(c, ledger) == -1 ?
	    -1 :
	    0;

	ledger_close(ledger);
	return r;
}

static int
codes_accept(struct codes *c)
{
	struct run *run = c->run;

	sort_insurers(c, c->partners);
	int r = ingest_side(
	    run, run->config->intermediate_root, feeds, c->partners, NULL, c);
	run_note(run, "without_code", c->none);
	if (run->files == 0)
		run_worst(run, EXIT_NOTHING);
	free(c->by_code);
	return r == -1 || run->dry ? 0 : bring_up(c);
}

/* ---- a new pseudonym key ---- */

struct rotation {
	struct codes *c;
	struct segment_make *make;
	int64_t rows;
};

static int
rotate_row(void *arg, const struct typed_key *key, struct slice number,
    struct slice code)
{
	struct rotation *r = arg;
	char storage[128];
	struct buf b;

	buf_init(&b, storage, sizeof(storage));
	make_payload(r->c, number, code, &b);
	return segment_add(r->make, key->b, ++r->rows, buf_slice(&b));
}

static int
fail_io(struct codes *c, const char *what)
{
	diag_file(&c->run->log.sink, DIAG_IO, what, "%s", strerror(errno));
	return -1;
}

static int
rotate_segment(struct codes *c, struct ledger *ledger, struct rotation *r,
    struct segment_head *head, struct ledger_segment *row)
{
	const char *root = c->run->config->intermediate_root;
	char work[SPOOL_PATH_MAX], dir[SPOOL_PATH_MAX];

	spool_temp(work, root);
	spool_path(dir, root, "work");
	r->make = segment_create(head, dir);
	if (pairing_codes(c->pairing, rotate_row, r) == -1) {
		segment_abandon(r->make);
		return -1;
	}
	c->run->read = c->run->accepted = r->rows;
	if (r->rows == 0 || c->run->dry) {
		segment_abandon(r->make);
		if (r->rows == 0)
			run_worst(c->run, EXIT_NOTHING);
		return 0;
	}
	if (segment_finish(r->make, work, head) == -1)
		return fail_io(c, work);
	row->kind = (int)head->kind;
	row->rows = head->rows;
	memcpy(row->digest, head->digest, sizeof(row->digest));
	spool_path(dir, root, "segments");
	if (publish_rename(work, dir, row->name) == -1)
		return fail_io(c, row->name);
	return ledger_segment_put(ledger, row);
}

static int
codes_rotate(struct codes *c)
{
	struct segment_head head = { .kind = SEGMENT_PAIR };
	struct ledger_segment row = { .generation = 0 }, there;
	struct rotation r = { .c = c };
	int found = 1, done = -1;
	struct ledger *ledger =
	    ledger_open(c->run->config->intermediate_root, &c->run->log.sink);

	if (ledger == NULL)
		return -1;
	snprintf(head.id.sender, sizeof(head.id.sender), "%s", CODES_SENDER);
	head.id.feed = FEED_CODES;
	head.id.day = c->run->day;
	while (found == 1 && head.id.sequence < 9999) {
		head.id.sequence++;
		ingest_segment_name(&head, row.name);
		found = ledger_segment_get(ledger, row.name, &there);
	}
	row.id = head.id;
	if (found == 0)
		done = rotate_segment(c, ledger, &r, &head, &row);
	ledger_close(ledger);
	return done;
}

/* ---- the program ---- */

static int
codes_request(struct codes *c)
{
	if (!c->run->dry && bring_up(c) == -1)
		return -1;
	return codes_list(c->run, c->pairing, c->partners, true, NULL);
}

static int
codes_notice(struct codes *c)
{
	return codes_list(
	    c->run, c->pairing, c->partners, false, c->corrections);
}

static const struct word {
	const char *name;
	int (*run)(struct codes *c);
	bool enters; /* the lock is taken on the way */
} words[] = {
	{ "accept", codes_accept, true },
	{ "request", codes_request, false },
	{ "notice", codes_notice, false },
	{ "rotate", codes_rotate, false },
	{ NULL, NULL, false },
};

static void
codes_run(struct run *run, const struct partners *partners,
    const struct word *word, struct codes_corrections *corrections)
{
	const struct config *config = run->config;
	struct codes c = {
		.run = run, .partners = partners, .corrections = corrections
	};
	struct diag_sink *sink = &run->log.sink;

	if (load_key(c.key, config->pseudonym_key, sink) == -1 ||
	    load_key(c.pairing_key, config->pairing_key, sink) == -1) {
		run_worst(run, EXIT_CONFIG);
		goto out;
	}
	if (!word->enters &&
	    (run_lock(run, config->intermediate_root) == -1 ||
		open_pairing(&c) == -1)) {
		goto failed;
	}
	if (word->run(&c) == -1)
		goto failed;
	goto out;
failed:
	if (run->exit < EXIT_NOT_READY)
		run_worst(run,
		    sink->counts[DIAG_KEY_UNREADABLE] > 0 ? EXIT_CONFIG :
							    EXIT_TEMPORARY);
out:
	pairing_close(c.pairing);
	explicit_bzero(c.pairing_key, sizeof(c.pairing_key));
	explicit_bzero(c.key, sizeof(c.key));
}

static const char usage[] =
    "shikaku-codes [accept|request|rotate] -c SITE.yaml [-nv] "
    "[-D YYYY-MM-DD]\n"
    "       shikaku-codes notice -c SITE.yaml [-nv] [-D YYYY-MM-DD]\n"
    "                      [--correct LIST:RECORD]... "
    "[--withdraw LIST:RECORD]...\n";

int
main(int argc, char **argv)
{
	const struct word *word = words; /* none: accept */
	struct codes_corrections *corrections =
	    text_alloc(sizeof(*corrections));
	struct run_options extra = { .letters = "",
		.longs = codes_longs,
		.option = codes_option,
		.arg = corrections,
		.usage = usage };
	struct run run;
	struct partners *partners;

	keep_memory_private();
	if (argc > 1 && argv[1][0] != '-') {
		while (word->name != NULL && strcmp(word->name, argv[1]) != 0)
			word++;
		if (word->name == NULL) {
			fprintf(stderr, "usage: %s", usage);
			free(corrections);
			return EXIT_BAD_USAGE;
		}
		argv[1] = argv[0];
		argc--;
		argv++;
	}
	if (run_begin(&run, "codes", argc, argv, &extra) == -1)
		goto out;
	if (corrections->n > 0 && word->run != codes_notice) {
		fprintf(stderr, "usage: %s", usage);
		run_worst(&run, EXIT_BAD_USAGE);
		goto out;
	}
	if (run.config->intermediate_root[0] == '\0') {
		diag_file(&run.log.sink, DIAG_CONFIG, run.config_path,
		    "intermediate.root is empty: codes works on that side");
		run_worst(&run, EXIT_CONFIG);
		goto out;
	}
	partners = partners_load(
	    run.config->senders, run.config->insurers, &run.log.sink);
	if (partners == NULL)
		run_worst(&run, EXIT_CONFIG);
	else
		codes_run(&run, partners, word, corrections);
	partners_free(partners);
out:
	free(corrections);
	return run_end(&run);
}
