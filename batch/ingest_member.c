/* One member of an upload: its records, held to file name and manifest. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "batch/ingest.h"
#include "formats/codec/detail.h"
#include "formats/segment_make.h"
#include "formats/qualification.h"

#define TOTAL_MODULO INT64_C(1000000000000000)

static const struct manifest_member *
find(const struct manifest *m, const char *layout, int *place)
{
	for (int i = 0; m != NULL && i < m->members; i++)
		if (strcmp(m->member[i].layout, layout) == 0) {
			*place = i;
			return &m->member[i];
		}
	return NULL;
}

static void
open_reader(struct ingest_upload *u, struct ingest_member *m,
    const struct layout *layout, int place)
{
	struct record_source src = { .name = m->name,
		.layout = layout,
		.today = u->run->day,
		.lenient = lenient_reader(u->lenient),
		.substitute = u->run->config->substitute,
		.sink = &m->faults.sink };
	char path[SPOOL_PATH_MAX];
	int syntax = syntax_find(slice_of(m->said->syntax));
	int charset = charset_find(slice_of(m->said->charset));

	if (syntax == -1 || charset == -1) {
		diag_file(&m->faults.sink, DIAG_MANIFEST, m->name,
		    "syntax or charset is unknown");
		return;
	}
	src.syntax = (enum syntax)syntax;
	src.charset = (enum charset)charset;
	src.declared = true;
	spool_member(path, u->root, u->stem, place, m->said->syntax);
	src.fd = m->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (m->fd == -1)
		diag_file(&m->faults.sink, DIAG_MANIFEST_DIFFERS, m->name, "%s",
		    strerror(errno));
	else
		m->reader = record_open(&src);
	m->src = src;
}

void
ingest_open(struct ingest_upload *u)
{
	for (int i = 0; i < 2 && u->feed->layouts[i] != NULL; i++) {
		const struct layout *layout = u->feed->layouts[i];
		struct ingest_member *m = &u->member[i];
		int place = 0;

		u->members = i + 1;
		m->said = find(u->manifest, layout->name, &place);
		snprintf(m->name, sizeof(m->name), "%s/%s", u->stem,
		    m->said != NULL ? m->said->name : layout->name);
		if (m->said != NULL)
			open_reader(u, m, layout, place);
		else if (u->manifest != NULL)
			diag_file(&m->faults.sink, DIAG_MANIFEST, m->name,
			    "no member of layout %s", layout->name);
		m->broken = m->reader == NULL;
	}
}

/* Every header of the file says whose file it is, and of which day. */
static void
look_header(struct ingest_upload *u, struct ingest_member *m)
{
	const struct record *h = record_header(m->reader);
	const struct filename *id = &u->file.id;
	const char *wrong;

	if (h == NULL || h->line == m->header_line)
		return;
	m->header_line = h->line;
	wrong = !slice_is(h->v[FH_SENDER].s, id->sender)     ? "Sender" :
	    !slice_is(h->v[FH_FEED].s, feed_names[id->feed]) ? "Feed" :
	    h->v[FH_DAY].n != id->day			     ? "Day" :
	    h->v[FH_SEQUENCE].n != id->sequence		     ? "Sequence" :
							       NULL;
	if (wrong != NULL && m->faults.sink.counts[DIAG_HEADER] == 0)
		diag_file(&m->faults.sink, DIAG_HEADER, m->name, DETAIL_HEADER,
		    wrong);
}

static void
look_trailer(struct ingest_member *m)
{
	const struct record *t = record_trailer(m->reader);

	if (t == NULL || t->line == m->trailer_line)
		return;
	m->trailer_line = t->line;
	m->total = (m->total + t->v[FT_TOTAL].n) % TOTAL_MODULO;
}

static void
look_manifest(struct ingest_member *m, unsigned lenient)
{
	int64_t read = record_count(m->reader).read;

	if (read != m->said->records)
		diag_file(&m->faults.sink, DIAG_COUNT_DIFFERS, m->name,
		    DETAIL_MANIFEST_COUNT, (long long)read,
		    (long long)m->said->records);
	/* a sender that gives no total in the trailer gives none here */
	if (m->said->total == 0 && (lenient & RECORD_LENIENT_TOTAL) != 0)
		return;
	if (m->total != m->said->total)
		diag_file(&m->faults.sink, DIAG_TOTAL_DIFFERS, m->name,
		    DETAIL_MANIFEST_TOTAL);
}

enum record_result
ingest_next(
    struct ingest_upload *u, struct ingest_member *m, struct record *rec)
{
	enum record_result r;

	if (m->broken)
		return RECORD_BROKEN;
	r = record_next(m->reader, rec);
	if (r == RECORD_OK || r == RECORD_REFUSED)
		error_list_record(&m->faults, rec);
	look_header(u, m);
	look_trailer(m);
	if (r == RECORD_END)
		look_manifest(m, m->src.lenient);
	else if (r == RECORD_BROKEN)
		m->broken = true;
	else if (rec->number % 4096 == 0)
		run_progress(u->run, u->stem, rec->number, m->said->records);
	return r;
}

/* A person of whom a record of a full file was refused stays as stored. */
int
ingest_keep(struct ingest_upload *u, const struct record *rec)
{
	static const char keep = '0' + CHANGE_KEEP;
	struct record r = *rec;
	struct typed_key key;

	if (!u->full)
		return 0;
	if (r.format != &qualification_format || r.v[Q_INSURER_CODE].s.n == 0 ||
	    r.v[Q_PERSON_ID].s.n == 0) {
		u->unsure = true;
		return 0;
	}
	typed_key_make(&key, 'E', r.v[Q_INSURER_CODE].s, r.v[Q_PERSON_ID].s);
	r.v[Q_CHANGE].s = (struct slice) { &keep, 1 };
	return ingest_add(u, key.b, &r);
}

int
ingest_each(struct ingest_upload *u, int i,
    int (*take)(
	struct ingest_upload *u, struct ingest_member *m, struct record *rec))
{
	struct ingest_member *m = &u->member[i];
	struct record rec;
	enum record_result r;

	while (
	    (r = ingest_next(u, m, &rec)) != RECORD_END && r != RECORD_BROKEN)
		if (r == RECORD_OK ? take(u, m, &rec) == -1 :
				     ingest_keep(u, &rec) == -1)
			return -1;
	return 0;
}

void
ingest_refuse(struct ingest_member *m, const struct record *rec,
    enum diag_code code, int field, const char *detail)
{
	struct diag d = { .code = code,
		.file = m->name,
		.record = rec->number,
		.line = rec->line,
		.offset = rec->offset,
		.field = rec->format->fields[field].name,
		.item = rec->format->fields[field].item,
		.detail = detail };

	m->refused++;
	diag_raise(&m->faults.sink, &d);
	error_list_record(&m->faults, rec);
}

const struct insurer *
ingest_insurer(struct ingest_upload *u, struct slice number)
{
	char number8[9];

	/* mostly that of the record before, to the digit */
	if (number.n == 8 && memcmp(number.p, u->number8, 8) == 0)
		return u->insurer;
	if (insurer_number_8(number, number8) == -1)
		return NULL;
	if (strcmp(number8, u->number8) == 0)
		return u->insurer;
	memcpy(u->number8, number8, sizeof(number8));
	u->insurer = partners_insurer(u->partners, number8);
	if (u->insurer != NULL &&
	    strcmp(u->insurer->sender, u->file.id.sender) != 0)
		u->insurer = NULL;
	return u->insurer;
}

int
ingest_add_bytes(struct ingest_upload *u, const char key[SEGMENT_KEY_SIZE],
    int64_t record, struct slice payload)
{
	if (segment_add(u->make, key, record, payload) == 0)
		return 0;
	diag_file(&u->run->log.sink, DIAG_IO, u->stem, "segment: %s",
	    strerror(errno));
	return -1;
}

/* A period: counted, and of a full file its insurer is a whole set. */
int
ingest_add_period(struct ingest_upload *u, const char *number8,
    const char key[SEGMENT_KEY_SIZE], const struct record *rec)
{
	ingest_count(u, number8, rec, 1);
	if (u->full && segment_add_scope(u->make, key) == -1) {
		diag_file(&u->run->log.sink, DIAG_IO, u->stem, "scope: %s",
		    strerror(errno));
		return -1;
	}
	return ingest_add(u, key, rec);
}

int
ingest_add(struct ingest_upload *u, const char key[SEGMENT_KEY_SIZE],
    const struct record *rec)
{
	struct buf b;

	buf_init(&b, u->pack, sizeof(u->pack));
	if (record_pack(rec, &b) == 0 && !b.full)
		return ingest_add_bytes(u, key, rec->number, buf_slice(&b));
	diag_file(&u->run->log.sink, DIAG_UNBALANCED, u->stem,
	    "record %lld cannot be packed", (long long)rec->number);
	return -1;
}
