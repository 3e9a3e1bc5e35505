/*
 * 機関別符号 results of J-LIS -> pseudonyms, on the intermediate side only.
 * A 機関別符号 is handled like a 個人番号: it goes from the reader's buffer
 * into the keyed hash and nowhere else. No log line, no receipt, no spill of
 * the sort holds it; the memory it lay in is overwritten, no core is dumped.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "batch/ingest.h"
#include "formats/codec/seal.h"

#define KEY_BYTES 32
#define PSEUDONYM 16 /* bytes of the hash that are used */
#define ACQUIRED "1"

struct codes {
	unsigned char key[KEY_BYTES];
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
make_payload(const struct codes *c, const struct record *rec, struct buf *out)
{
	struct slice code = rec->v[C_AGENCY_CODE].s;
	unsigned char hash[32];

	seal_hmac(
	    (struct slice) { (const char *)c->key, KEY_BYTES }, code, hash);
	buf_put(out, rec->v[C_PROCESSING_NUMBER].s);
	buf_putc(out, '\n');
	for (int i = 0; i < PSEUDONYM; i++)
		buf_printf(out, "%02x", hash[i]);
	explicit_bzero(hash, sizeof(hash));
	/* the slice lies in the reader's own buffer, which is writable */
	explicit_bzero((void *)(uintptr_t)code.p, code.n);
}

static int
take(struct ingest_upload *u, struct ingest_member *m, struct record *rec)
{
	struct codes *c = u->arg;
	const struct insurer *in = find_insurer(c, rec->v[C_INSURER_CODE].s);
	char storage[128];
	struct typed_key key;
	struct buf b;

	if (in == NULL) {
		ingest_refuse(
		    m, rec, DIAG_UNKNOWN_INSURER, C_INSURER_CODE, NULL);
		return 0;
	}
	if (!slice_is(rec->v[C_RESULT].s, ACQUIRED)) {
		c->none++;
		return 0;
	}
	person_key(u->run->config, in, rec->v[C_PERSON_ID].s, &key);
	buf_init(&b, storage, sizeof(storage));
	make_payload(c, rec, &b);
	return ingest_add_bytes(u, key.b, rec->number, buf_slice(&b));
}

static int
codes_read(struct ingest_upload *u)
{
	return ingest_each(u, 0, take);
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
load_key(struct codes *c, const char *path, struct diag_sink *sink)
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
	else if (parse_key((struct slice) { hex, n }, c->key) == -1)
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
}

static void
codes_run(struct run *run, const struct partners *partners)
{
	const struct config *config = run->config;
	struct codes c = { .n = 0 };

	if (load_key(&c, config->pseudonym_key, &run->log.sink) == -1) {
		run_worst(run, EXIT_CONFIG);
		return;
	}
	sort_insurers(&c, partners);
	ingest_side(run, config->intermediate_root, feeds, partners, NULL, &c);
	run_note(run, "without_code", c.none);
	if (run->files == 0)
		run_worst(run, EXIT_NOTHING);
	explicit_bzero(c.key, sizeof(c.key));
	free(c.by_code);
}

int
main(int argc, char **argv)
{
	struct run run;
	struct partners *partners;

	keep_memory_private();
	if (run_begin(&run, "codes", argc, argv, NULL) == -1)
		return run_end(&run);
	if (run.config->intermediate_root[0] == '\0') {
		diag_file(&run.log.sink, DIAG_CONFIG, run.config_path,
		    "intermediate.root is empty: codes works on that side");
		run_worst(&run, EXIT_CONFIG);
		return run_end(&run);
	}
	partners = partners_load(
	    run.config->senders, run.config->insurers, &run.log.sink);
	if (partners == NULL)
		run_worst(&run, EXIT_CONFIG);
	else
		codes_run(&run, partners);
	partners_free(partners);
	return run_end(&run);
}
