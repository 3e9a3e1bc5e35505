/*
 * Uploads that are wrong as a whole, each from a sender of its own, so that
 * no other file suffers. A fault is put in at one stage of the making:
 * member, manifest, archive, seal, name.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "formats/codec/check.h"
#include "formats/codec/day.h"
#include "tests/sample/faults_in.h"

enum place { /* of the fault, in the order of the making */
	PLACE_DAY, /* name's day or number: the file is content with it */
	PLACE_MEMBER,
	PLACE_MANIFEST,
	PLACE_ZIP,
	PLACE_SEAL,
	PLACE_SEALED,
	PLACE_NAME,
	PLACE_PAIR /* two uploads */
};
enum trick {
	NAME,
	BOX,
	FEED_OF_OTHERS,
	LEFT,
	FUTURE,
	EMPTY,
	OLD,
	AGAIN,
	REUSED,
	FLIPPED,
	CUT,
	NO_CMS,
	SIGNED_BADLY,
	SIGNED_BY_OTHER,
	FOR_OTHER,
	NO_ZIP,
	ZIP_CUT,
	UPWARDS,
	LINK,
	FOLDER,
	TWICE,
	BOMB,
	EXTRA,
	ABSENT,
	NO_MANIFEST,
	NO_YAML,
	NOT_THIS,
	UNKNOWN_KEY,
	DIGEST,
	RECORDS,
	TOTAL,
	HEADER_OTHER,
	HEADER_GONE,
	TRAILER_GONE,
	COUNT_OFF,
	TOTAL_OFF,
	UTF16,
	XML_CUT,
	XML_DOCTYPE,
	XML_DEEP,
	TYPE_7,
	AFTER,
	NO_BYTES,
	EOF_MARK,
	GAP,
	BEHIND,
	SHORT_FULL,
	BLANKED
};

struct file_fault {
	enum trick trick;
	enum place place;
	enum diag_code code;
	enum pki_fault key;
	const char *what;
};

/* clang-format off */
static const struct file_fault table[] = {
	{ NAME, PLACE_NAME, DIAG_FILE_NAME, PKI_GOOD, "name of another form" },
	{ BOX, PLACE_NAME, DIAG_WRONG_SENDER, PKI_GOOD, "in another sender's box" },
	{ FEED_OF_OTHERS, PLACE_NAME, DIAG_WRONG_SENDER, PKI_GOOD, "a feed it may not send" },
	{ LEFT, PLACE_DAY, DIAG_NOT_JOINED, PKI_GOOD, "left last month" },
	{ FUTURE, PLACE_DAY, DIAG_FUTURE_DAY, PKI_GOOD, "day in the future" },
	{ EMPTY, PLACE_SEALED, DIAG_EMPTY_FILE, PKI_GOOD, "no bytes" },
	{ OLD, PLACE_PAIR, DIAG_SEQUENCE_OLD, PKI_GOOD, "0003 after 0007" },
	{ AGAIN, PLACE_PAIR, DIAG_REPLAY, PKI_GOOD, "the same bytes under the next number" },
	{ REUSED, PLACE_PAIR, DIAG_SEQUENCE_REUSED, PKI_GOOD, "the same number, other content" },
	{ GAP, PLACE_PAIR, DIAG_SEQUENCE_HELD, PKI_GOOD, "0003 after 0001" },
	{ BEHIND, PLACE_PAIR, DIAG_HELD_BEHIND, PKI_GOOD, "0004 behind 0003, which waits for 0002" },
	{ SHORT_FULL, PLACE_PAIR, DIAG_MASS_LOSS, PKI_GOOD, "a full file of 10 after 60" },
	{ BLANKED, PLACE_PAIR, DIAG_ITEM_BLANKED, PKI_GOOD, "60 addresses, then none" },
	{ FLIPPED, PLACE_SEALED, DIAG_SEAL_BROKEN, PKI_GOOD, "one bit flipped" },
	{ CUT, PLACE_SEALED, DIAG_SEAL_BROKEN, PKI_GOOD, "cut in the middle" },
	{ NO_CMS, PLACE_SEALED, DIAG_SEAL_BROKEN, PKI_GOOD, "no CMS" },
	{ SIGNED_BADLY, PLACE_SEAL, DIAG_SEAL_CHAIN, PKI_OTHER_CA, "signer of another CA" },
	{ SIGNED_BADLY, PLACE_SEAL, DIAG_SEAL_CHAIN, PKI_SELF_SIGNED, "self-signed signer" },
	{ SIGNED_BADLY, PLACE_SEAL, DIAG_SEAL_CHAIN, PKI_WEAK, "RSA of 1024 bits" },
	{ SIGNED_BADLY, PLACE_SEAL, DIAG_SEAL_CHAIN, PKI_WRONG_USE, "certificate of another use" },
	{ SIGNED_BADLY, PLACE_SEAL, DIAG_SEAL_REVOKED, PKI_REVOKED, "revoked signer" },
	{ SIGNED_BADLY, PLACE_SEAL, DIAG_SEAL_EXPIRED, PKI_EXPIRED, "expired signer" },
	{ SIGNED_BY_OTHER, PLACE_SEAL, DIAG_SEAL_SIGNER, PKI_GOOD, "another sender's signature" },
	{ FOR_OTHER, PLACE_SEAL, DIAG_SEAL_DECRYPT, PKI_GOOD, "enveloped for somebody else" },
	{ NO_ZIP, PLACE_ZIP, DIAG_ARCHIVE_BROKEN, PKI_GOOD, "no archive" },
	{ ZIP_CUT, PLACE_ZIP, DIAG_ARCHIVE_BROKEN, PKI_GOOD, "archive cut" },
	{ UPWARDS, PLACE_ZIP, DIAG_ARCHIVE_MEMBER, PKI_GOOD, "member ../shikaku.csv" },
	{ LINK, PLACE_ZIP, DIAG_ARCHIVE_MEMBER, PKI_GOOD, "member is a link" },
	{ FOLDER, PLACE_ZIP, DIAG_ARCHIVE_MEMBER, PKI_GOOD, "member is a folder" },
	{ TWICE, PLACE_ZIP, DIAG_ARCHIVE_MEMBER, PKI_GOOD, "member twice" },
	{ BOMB, PLACE_MEMBER, DIAG_ARCHIVE_LIMIT, PKI_GOOD, "unpacks a thousandfold" },
	{ EXTRA, PLACE_ZIP, DIAG_MANIFEST_DIFFERS, PKI_GOOD, "member not in the manifest" },
	{ ABSENT, PLACE_ZIP, DIAG_MANIFEST_DIFFERS, PKI_GOOD, "member missing" },
	{ NO_MANIFEST, PLACE_ZIP, DIAG_MANIFEST, PKI_GOOD, "no manifest" },
	{ NO_YAML, PLACE_ZIP, DIAG_YAML_SYNTAX, PKI_GOOD, "manifest is no YAML" },
	{ UNKNOWN_KEY, PLACE_ZIP, DIAG_MANIFEST, PKI_GOOD, "unknown key in the manifest" },
	{ NOT_THIS, PLACE_MANIFEST, DIAG_MANIFEST, PKI_GOOD, "manifest of another number" },
	{ DIGEST, PLACE_MANIFEST, DIAG_MANIFEST_DIFFERS, PKI_GOOD, "digest of the member" },
	{ RECORDS, PLACE_MANIFEST, DIAG_COUNT_DIFFERS, PKI_GOOD, "one record more in the manifest" },
	{ TOTAL, PLACE_MANIFEST, DIAG_TOTAL_DIFFERS, PKI_GOOD, "another total in the manifest" },
	{ HEADER_OTHER, PLACE_MEMBER, DIAG_HEADER, PKI_GOOD, "header of another number" },
	{ HEADER_GONE, PLACE_MEMBER, DIAG_HEADER, PKI_GOOD, "no header" },
	{ TRAILER_GONE, PLACE_MEMBER, DIAG_TRAILER, PKI_GOOD, "no trailer" },
	{ COUNT_OFF, PLACE_MEMBER, DIAG_COUNT_DIFFERS, PKI_GOOD, "count of the trailer" },
	{ TOTAL_OFF, PLACE_MEMBER, DIAG_TOTAL_DIFFERS, PKI_GOOD, "total of the trailer" },
	{ UTF16, PLACE_MEMBER, DIAG_ENCODING, PKI_GOOD, "begins like UTF-16" },
	{ XML_CUT, PLACE_MEMBER, DIAG_XML_SYNTAX, PKI_GOOD, "element not closed" },
	{ XML_DOCTYPE, PLACE_MEMBER, DIAG_XML_DOCTYPE, PKI_GOOD, "DOCTYPE" },
	{ XML_DEEP, PLACE_MEMBER, DIAG_XML_DEPTH, PKI_GOOD, "twenty elements in each other" },
	{ TYPE_7, PLACE_MEMBER, DIAG_RECORD_TYPE, PKI_GOOD, "record type 7" },
	{ AFTER, PLACE_MEMBER, DIAG_AFTER_TRAILER, PKI_GOOD, "record after the trailer" },
	{ NO_BYTES, PLACE_MEMBER, DIAG_EMPTY_FILE, PKI_GOOD, "member without bytes" },
	{ EOF_MARK, PLACE_MEMBER, DIAG_END_OF_FILE_MARK, PKI_GOOD, "ends with 1A" },
};
/* clang-format on */
#define NTABLE ((int)(sizeof(table) / sizeof(table[0])))

bool
faults_sender(int i, struct fault_sender *out)
{
	struct buf b;
	int digit;

	if (i >= NTABLE)
		return false;
	buf_init(&b, out->id, sizeof(out->id));
	buf_printf(&b, "06139%02d", i);
	digit = check_digit_folded(buf_slice(&b));
	buf_putc(&b, (char)('0' + digit));
	out->name = "誤りを送る健康保険組合";
	out->key = table[i].key;
	out->left = table[i].trick == LEFT;
	return true;
}

/* ---- one upload ---- */

struct making {
	struct sample *s;
	const struct file_fault *t;
	struct office office;
	struct upload u;
	struct stream f;
	char zip[512], sealed[512], name[96], box[9];
	char stem[96]; /* the name as uploaded, without .zip.p7m */
};

/* People whose records raise nothing by themselves. */
static int
people(struct making *m, int64_t *from, int n)
{
	const struct country *c = m->s->c;
	const struct office *o = NULL;
	struct household hh;
	struct cover v;
	struct scratch t;
	struct record r;

	for (int i = 0; i < c->offices; i++)
		if (c->office[i].scheme == SCHEME_KYOKAI &&
		    (o == NULL || c->office[i].people > o->people))
			o = &c->office[i];
	if (o == NULL || o->people < 12)
		return -1;
	for (; n > 0; *from += hh.n) {
		country_household(c, o, *from % o->people, &hh);
		country_cover(&hh, &hh.m[0], &v);
		v.office = &m->office;
		scratch_init(&t);
		fill_qualification(&r, &t, m->s, &v, CHANGE_NEW, 0);
		if (v.until != DAY_NONE ||
		    text_repertoire(r.v[Q_NAME].s, 0x25cf, &t.b) > 0 ||
		    text_repertoire(r.v[Q_NAME_OTHER].s, 0x25cf, &t.b) > 0 ||
		    text_repertoire(r.v[Q_ADDRESS].s, 0x25cf, &t.b) > 0)
			continue;
		scratch_init(&t);
		fill_qualification(&r, &t, m->s, &v, CHANGE_NEW, 0);
		if (m->t->trick == BLANKED && m->u.manifest->id.sequence == 2)
			record_set(&r, Q_ADDRESS, (struct slice) { NULL, 0 });
		if (stream_write(&m->f, &r, &t) == -1)
			return -1;
		n--;
	}
	return 0;
}

static bool
is_xml(enum trick t)
{
	return t == XML_CUT || t == XML_DOCTYPE || t == XML_DEEP;
}

static char *
slurp(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text = NULL;

	if (fd != -1 && fstat(fd, &st) == 0) {
		text = text_alloc((size_t)st.st_size + 1);
		*n = (size_t)read(fd, text, (size_t)st.st_size);
	}
	if (fd != -1)
		close(fd);
	return text;
}

static int
spit(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "we");
	int r = f != NULL && fwrite(text, 1, n, f) == n ? 0 : -1;

	if (f != NULL && fclose(f) != 0)
		r = -1;
	return r == 0 ? 0 : sample_failed("cannot write", path);
}

/* old -> new, the first one from `from` on; both exist. */
static void
swap(char **text, size_t *n, const char *from, const char *old, const char *new)
{
	char *at = strstr(strstr(*text, from), old);
	size_t a = strlen(old), b = strlen(new), before = (size_t)(at - *text);
	char *out = text_alloc(*n + b + 1);

	memcpy(out, *text, before);
	memcpy(out + before, new, b);
	memcpy(out + before + b, at + a, *n - before - a);
	free(*text);
	*text = out;
	*n = *n - a + b;
}

static void
deep(char *out, size_t size)
{
	struct buf b;

	buf_init(&b, out, size);
	buf_puts(&b, "<Sex1>");
	for (int i = 0; i < 20; i++)
		buf_puts(&b, "<a>");
	for (int i = 0; i < 20; i++)
		buf_puts(&b, "</a>");
	buf_puts(&b, "</Sex1><X>");
}

static int
bomb(const char *path)
{
	static const char blanks[65536];
	FILE *f = fopen(path, "we");
	int r = f == NULL ? -1 : 0;

	for (int i = 0; r == 0 && i < 1024; i++) /* 64 MiB */
		r = fwrite(blanks, sizeof(blanks), 1, f) == 1 ? 0 : -1;
	if (f != NULL && fclose(f) != 0)
		r = -1;
	return r;
}

static int
spoil_member(struct making *m, const char *path)
{
	char nest[256];
	size_t n = 0;
	char *text = slurp(path, &n), *at;
	int r;

	if (text == NULL)
		return sample_failed("cannot read", path);
	switch (m->t->trick) {
	case HEADER_OTHER:
		swap(&text, &n, "1,1,", ",0001,", ",0002,");
		break;
	case HEADER_GONE:
		at = strchr(text, '\n') + 1;
		n -= (size_t)(at - text);
		memmove(text, at, n);
		break;
	case TRAILER_GONE:
		n = (size_t)(strstr(text, "\n3,") + 1 - text);
		break;
	case COUNT_OFF:
		swap(&text, &n, "\n3,3,", "3,3,", "3,4,");
		break;
	case TOTAL_OFF:
		swap(&text, &n, "\n3,3,", "3,3,", "3,3,1");
		break;
	case UTF16:
		swap(&text, &n, "1,1,", "1,1,",
		    "\xff\xfe"
		    "1,1,");
		break;
	case XML_CUT:
		swap(&text, &n, "<Record>", "</Name>", "");
		break;
	case XML_DOCTYPE:
		swap(&text, &n, "<shikaku>", "<shikaku>",
		    "<!DOCTYPE a [<!ENTITY b \"c\">]><shikaku>");
		break;
	case XML_DEEP:
		deep(nest, sizeof(nest));
		swap(&text, &n, "<Record>", "<Change>", nest);
		break;
	case TYPE_7:
		swap(&text, &n, "\n2,2,", "2,2,", "7,2,");
		break;
	case AFTER:
		swap(&text, &n, "\n3,", "\n3,", "\n3,");
		text = text_realloc(text, 2 * n + 1);
		at = strstr(text, "\n2,1,") + 1;
		memcpy(text + n, at, (size_t)(strchr(at, '\n') + 1 - at));
		n += (size_t)(strchr(at, '\n') + 1 - at);
		break;
	case NO_BYTES:
		n = 0;
		break;
	case EOF_MARK:
		text[n++] = '\x1a'; /* slurp left room for one */
		break;
	default:
		break;
	}
	r = m->t->trick == BOMB ? bomb(path) : spit(path, text, n);
	free(text);
	return r;
}

static int
write_member(struct making *m, int64_t from, int n)
{
	bool xml = is_xml(m->t->trick);
	const char *name = xml ? "shikaku.xml" : "shikaku.csv";
	struct manifest_member *k = &m->u.manifest->member[0];
	char path[512];

	if (stream_open(&m->f, &m->u, 0, &qualification_layout,
		xml ? SYNTAX_XML : SYNTAX_CSV, CHARSET_UTF8) == -1 ||
	    stream_header(&m->f, NULL) == -1 || people(m, &from, n) == -1 ||
	    stream_trailer(&m->f) == -1 || stream_close(&m->f, name) == -1)
		return -1;
	upload_path(&m->u, 0, path);
	if (m->t->place == PLACE_MEMBER &&
	    (spoil_member(m, path) == -1 ||
		upload_member(&m->u, 0, name, "shikaku", xml ? "xml" : "csv",
		    "utf8", n, m->f.total) == -1))
		return -1;
	switch (m->t->trick) {
	case SHORT_FULL:
		m->u.manifest->full = m->u.manifest->id.sequence == 2;
		break;
	case NOT_THIS:
		m->u.manifest->id.sequence++;
		break;
	case DIGEST:
		k->sha256[0] = k->sha256[0] == '0' ? '1' : '0';
		break;
	case RECORDS:
		k->records++;
		break;
	case TOTAL:
		k->total++;
		break;
	default:
		break;
	}
	return 0;
}

/* ---- archives no honest program makes ---- */

static int
zip_add(
    struct archive *a, const char *name, int type, const char *text, size_t n)
{
	struct archive_entry *e = archive_entry_new();
	int r;

	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, (unsigned)type);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_mtime(e, 315532800, 0);
	if (type == AE_IFLNK)
		archive_entry_set_symlink(e, text);
	else
		archive_entry_set_size(e, type == AE_IFREG ? (int64_t)n : 0);
	r = archive_write_header(a, e);
	if (r == ARCHIVE_OK && type == AE_IFREG)
		r = archive_write_data(a, text, n) < 0 ? ARCHIVE_FATAL : r;
	archive_entry_free(e);
	return r == ARCHIVE_OK ? 0 : -1;
}

static int
zip_members(struct making *m, struct archive *a, const char *member, size_t n)
{
	enum trick t = m->t->trick;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	int r = 0;

	manifest_write(m->u.manifest, f);
	if (t == UNKNOWN_KEY)
		fputs("colour: \"green\"\n", f);
	fclose(f);
	if (t == NO_YAML)
		r = zip_add(a, "manifest.yaml", AE_IFREG, "a: [1, {\n", 9);
	else if (t != NO_MANIFEST)
		r = zip_add(a, "manifest.yaml", AE_IFREG, text, size);
	free(text);
	if (r == 0 && t == LINK)
		return zip_add(a, "shikaku.csv", AE_IFLNK, "/etc/passwd", 11);
	if (r == 0 && t == FOLDER)
		r = zip_add(a, "folder/", AE_IFDIR, "", 0);
	if (r == 0 && t == EXTRA)
		r = zip_add(a, "readme.txt", AE_IFREG, "hello", 5);
	if (r == 0 && t != ABSENT)
		r = zip_add(a, t == UPWARDS ? "../shikaku.csv" : "shikaku.csv",
		    AE_IFREG, member, n);
	if (r == 0 && t == TWICE)
		r = zip_add(a, "shikaku.csv", AE_IFREG, member, n);
	return r;
}

static int
zip_own(struct making *m)
{
	char path[512];
	size_t n = 0;
	char *member;
	struct archive *a;
	int r;

	upload_path(&m->u, 0, path);
	member = slurp(path, &n);
	a = archive_write_new();
	archive_write_set_format_zip(a);
	r = member != NULL &&
		archive_write_open_filename(a, m->zip) == ARCHIVE_OK ?
	    zip_members(m, a, member, n) :
	    -1;
	if (archive_write_close(a) != ARCHIVE_OK)
		r = -1;
	archive_write_free(a);
	free(member);
	return r == 0 ? 0 : sample_failed("cannot pack", m->zip);
}

static int
pack(struct making *m)
{
	struct stat st;

	if (m->t->trick == NO_ZIP)
		return spit(m->zip, "this is no archive", 18);
	if (m->t->place == PLACE_ZIP && m->t->trick != ZIP_CUT)
		return zip_own(m);
	if (upload_zip(&m->u, m->zip) == -1)
		return -1;
	if (m->t->trick == ZIP_CUT && stat(m->zip, &st) == 0)
		return truncate(m->zip, st.st_size / 2);
	return 0;
}

/* ---- seals ---- */

static int
seal(struct making *m)
{
	char other[512];
	struct buf b;
	int fd, r;

	if (m->t->trick == SIGNED_BY_OTHER) {
		buf_init(&b, m->u.key, sizeof(m->u.key));
		buf_printf(&b, "%s/senders/KOSEI001.key", m->s->pki_dir);
		buf_init(&b, m->u.cert, sizeof(m->u.cert));
		buf_printf(&b, "%s/senders/KOSEI001.pem", m->s->pki_dir);
	}
	m->u.form = SEAL_DER;
	if (m->t->trick != FOR_OTHER)
		return upload_seal(&m->u, m->zip, m->sealed);
	if (pki_leaf(m->s->pki, PKI_SITE, PKI_USE_OPEN, PKI_GOOD,
		"shikaku TEST somebody else", NULL, "bad/open-other") == -1)
		return -1;
	buf_init(&b, other, sizeof(other));
	buf_printf(&b, "%s/bad/open-other.pem", m->s->pki_dir);
	fd = open(m->sealed, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	r = fd == -1 ? -1 :
		       pki_seal(m->u.key, m->u.cert, other, false, m->zip, fd);
	if (fd != -1)
		close(fd);
	return r;
}

static int
spoil_sealed(struct making *m)
{
	size_t n = 0;
	char *text = slurp(m->sealed, &n);
	int r;

	if (text == NULL)
		return -1;
	switch (m->t->trick) {
	case EMPTY:
		n = 0;
		break;
	case CUT:
		n /= 2;
		break;
	case FLIPPED:
		text[n / 3] ^= 0x10; /* inside the archive */
		break;
	default:
		memset(text, 'x', n);
		break;
	}
	r = spit(m->sealed, text, n);
	free(text);
	return r;
}

/* ---- names ---- */

static void
named(struct making *m)
{
	struct filename id = m->u.id;
	struct buf b;

	if (m->t->trick == FEED_OF_OTHERS)
		id.feed = FEED_NHI;
	filename_format(&id, ".zip.p7m", m->name);
	buf_init(&b, m->box, sizeof(m->box));
	buf_puts(&b, m->u.id.sender);
	if (m->t->trick == NAME) {
		buf_init(&b, m->name, sizeof(m->name));
		buf_printf(&b, "%s-shikaku-0001.zip.p7m", m->u.id.sender);
	}
	if (m->t->trick == BOX) {
		struct filename other = m->u.id;

		memcpy(other.sender, "06139992", 9);
		filename_format(&other, ".zip.p7m", m->name);
	}
	buf_init(&b, m->stem, sizeof(m->stem));
	buf_put(&b, (struct slice) { m->name, strlen(m->name) - 8 });
}

/* One upload, from people to box. */
static int
make(struct making *m, int32_t day, int sequence, int64_t from, int people_n)
{
	struct sample *s = m->s;
	int32_t today = s->day;
	int r;

	s->day = day;
	upload_open(&m->u, s, m->office.sender, FEED_SHIKAKU, sequence, 1);
	upload_path(&m->u, -1, m->zip);
	upload_path(&m->u, -2, m->sealed);
	named(m);
	r = write_member(m, from, people_n);
	if (r == 0)
		r = pack(m);
	if (r == 0)
		r = seal(m);
	if (r == 0 && m->t->place == PLACE_SEALED)
		r = spoil_sealed(m);
	s->day = today;
	return r;
}

static int
put(struct making *m)
{
	int r = upload_put(&m->u, m->sealed, m->box, m->name);

	upload_clear(&m->u);
	return r;
}

/* The same upload twice: as NNNN and as NNNN + 1. */
static int
put_again(struct making *m)
{
	size_t n = 0;
	char *text = slurp(m->sealed, &n), copy[520];
	struct filename id = m->u.id;
	struct buf b;
	int r = text == NULL ? -1 : 0;

	buf_init(&b, copy, sizeof(copy));
	buf_printf(&b, "%s.copy", m->sealed);
	if (r == 0)
		r = spit(copy, text, n);
	free(text);
	if (r == 0)
		r = upload_put(&m->u, m->sealed, m->box, m->name);
	id.sequence++;
	filename_format(&id, ".zip.p7m", m->name);
	if (r == 0)
		r = upload_put(&m->u, copy, m->box, m->name);
	filename_format(&id, "", m->stem);
	upload_clear(&m->u);
	return r;
}

static int
pair(struct making *m)
{
	struct sample *s = m->s;
	int32_t day = s->day;

	switch (m->t->trick) {
	case OLD:
		if (make(m, day - 1, 7, 0, 3) == -1 || put(m) == -1 ||
		    make(m, day, 3, 40, 3) == -1)
			return -1;
		return put(m);
	case GAP:
	case BEHIND:
		if (make(m, day, 1, 0, 3) == -1 || put(m) == -1 ||
		    make(m, day, 3, 40, 3) == -1 || put(m) == -1)
			return -1;
		/* told at once by the receipt, then by the check result */
		for (int i = 0; i < 2; i++)
			faults_row(s->faults, m->stem, "", 0, "",
			    DIAG_SEQUENCE_HELD, "0003 after 0001");
		if (m->t->trick == GAP)
			return 0;
		return make(m, day, 4, 80, 3) == -1 ? -1 : put(m);
	case SHORT_FULL:
	case BLANKED:
		if (make(m, day, 1, 0, 60) == -1 || put(m) == -1 ||
		    make(m, day, 2, 0, m->t->trick == BLANKED ? 60 : 10) == -1)
			return -1;
		return put(m);
	case AGAIN:
		return make(m, day, 1, 0, 3) == -1 ? -1 : put_again(m);
	default: /* REUSED: the other one comes on a later day */
		if (make(m, s->first, 1, s->k == 0 ? 0 : 80 * s->k, 3) == -1)
			return -1;
		return put(m);
	}
}

static int
plant(struct sample *s, int i)
{
	struct making m = { .s = s, .t = &table[i] };
	struct fault_sender who;
	int32_t day = s->day;
	int r;

	if (s->k > 0 && m.t->trick != REUSED)
		return 0;
	faults_sender(i, &who);
	m.office.scheme = SCHEME_SOCIETY;
	m.office.prefecture = 13;
	memcpy(m.office.number, who.id, 9);
	memcpy(m.office.code, who.id, 9);
	memcpy(m.office.sender, who.id, 9);
	if (m.t->place == PLACE_PAIR) {
		r = pair(&m);
	} else {
		if (m.t->trick == FUTURE)
			day += 5;
		r = make(&m, day, 1, 0, 3);
		if (r == 0)
			r = put(&m);
	}
	if (r == 0 && m.t->trick != GAP && (m.t->trick != REUSED || s->k > 0))
		faults_row(s->faults, m.stem, "", 0, "", m.t->code, m.t->what);
	return r;
}

int
faults_files(struct sample *s)
{
	int r = 0;

	s->faults->off = true; /* no others inside these */
	for (int i = 0; r == 0 && i < NTABLE; i++)
		r = plant(s, i);
	s->faults->off = false;
	return r;
}
