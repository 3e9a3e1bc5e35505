/* Record faults: chosen while a record goes out, put in when its file is
 * finished, line by line. */
#include "tests/sample/faults.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/check.h"
#include "formats/codec/day.h"
#include "formats/feeds.h"
#include "formats/nhi.h"
#include "tests/sample/faults_in.h"

/* Which files a fault can be put into. */
enum { CSV = 1, XML = 2, FIXED = 4, ANY = CSV | XML | FIXED };
/* Of whom. */
enum {
	ELDERLY = 1,
	NHI = 2,
	UNION = 4,
	OTHERS = 8,
	ALL = ELDERLY | NHI | UNION | OTHERS,
	NOT_ELDERLY = ALL & ~ELDERLY
};
/* What the record must be like. */
enum {
	NOT_LOST = 1,
	NO_RECIPIENT = 2,
	YOUNG = 4,
	ALONE = 8,
	LATER = 16,
	SAME_OFFICE = 32
};

struct fault;
/* Fills the edit from the record; false: not with this one. */
typedef bool make(struct stream *f, const struct record *r, struct edit *e);

struct fault {
	enum diag_code code;
	const char *field; /* of the diagnostic; "" none */
	const char *item, *value; /* what is put where; NULL: make does it */
	int syntaxes, schemes, needs;
	make *make;
	const char *what;
};

/* ---- the record at hand ---- */

static int
field_of(const struct format *f, const char *name)
{
	for (unsigned i = 0; i < f->nfields; i++)
		if (strcmp(f->fields[i].name, name) == 0)
			return (int)i;
	return -1;
}

static const struct value *
item(const struct record *r, const char *name)
{
	static const struct value none;
	int i = field_of(r->format, name);

	return i < 0 ? &none : &r->v[i];
}

static void
put(struct edit *e, const struct record *r, const char *name, const char *value)
{
	struct change_of *c = &e->change[e->n++];
	struct buf b;

	c->field = field_of(r->format, name);
	buf_init(&b, c->value, sizeof(c->value));
	buf_puts(&b, value);
}

static void
put_day(struct edit *e, const struct record *r, const char *name, int64_t day)
{
	char d[9];

	day_format((int32_t)day, d);
	put(e, r, name, d);
}

static int
scheme_bit(const struct record *r)
{
	if (r->format == &person_format || r->format == &household_format)
		return NHI;
	switch (insurer_scheme(item(r, "InsurerNumber")->s)) {
	case SCHEME_ELDERLY:
		return ELDERLY;
	case SCHEME_NHI_UNION:
		return UNION;
	case SCHEME_DAY:
		return 0;
	default:
		return OTHERS;
	}
}

/* ---- faults that need the record ---- */

static bool
wrong_digit(struct stream *f, const struct record *r, struct edit *e)
{
	struct slice s = item(r, "InsurerNumber")->s;
	char n[9] = "";

	(void)f;
	memcpy(n, s.p, s.n < 9 ? s.n : 8);
	n[s.n - 1] = (char)('0' + (n[s.n - 1] - '0' + 1) % 10);
	put(e, r, "InsurerNumber", n);
	return true;
}

static bool
unregistered(struct stream *f, const struct record *r, struct edit *e)
{
	(void)f;
	put(e, r, "InsurerNumber",
	    scheme_bit(r) == ELDERLY ? "39139993" : "06139992");
	return true;
}

static bool
lost_before(struct stream *f, const struct record *r, struct edit *e)
{
	(void)f;
	put_day(
	    e, r, "DisqualificationDate", item(r, "QualificationDate")->n - 10);
	put(e, r, "ReasonOfLoss", "99");
	return true;
}

static bool
before_birth(struct stream *f, const struct record *r, struct edit *e)
{
	(void)f;
	put_day(e, r, "QualificationDate", item(r, "Birthdate")->n - 1);
	return item(r, "ApplicationStartDate")->s.n == 0;
}

static bool
far_ahead(struct stream *f, const struct record *r, struct edit *e)
{
	put_day(e, r, "QualificationDate", f->u->s->day + 400);
	return item(r, "ApplicationEndDate")->s.n == 0;
}

static bool
unborn(struct stream *f, const struct record *r, struct edit *e)
{
	put_day(e, r, "Birthdate", f->u->s->day + 30);
	put_day(e, r, "QualificationDate", f->u->s->day + 60);
	return f->syntax != SYNTAX_FIXED;
}

static bool
late_elderly(struct stream *f, const struct record *r, struct edit *e)
{
	(void)f;
	put_day(e, r, "QualificationDate", item(r, "Birthdate")->n + 20000);
	return true;
}

static bool
recipient_young(struct stream *f, const struct record *r, struct edit *e)
{
	put_day(e, r, "ElderlyRecipientValidStartDate", f->u->s->day - 1);
	put(e, r, "ElderlyRecipientContributionRatio", "020");
	return true;
}

static bool
card_backwards(struct stream *f, const struct record *r, struct edit *e)
{
	(void)f;
	put(e, r, "InsuredCardValidDate", "20250801");
	put(e, r, "InsuredCardExpirationDate", "20250701");
	return true;
}

static bool
short_endless(struct stream *f, const struct record *r, struct edit *e)
{
	(void)f;
	put(e, r, "InsuredCardClassification", "03");
	put(e, r, "InsuredCardExpirationDate", "");
	return true;
}

static bool
short_of_society(struct stream *f, const struct record *r, struct edit *e)
{
	(void)f;
	put(e, r, "InsuredCardClassification", "03");
	put_day(e, r, "InsuredCardExpirationDate",
	    item(r, "InsuredCardValidDate")->n + 100);
	return true;
}

/* Not well-formed in the file's character set. */
static bool
bad_bytes(struct stream *f, const struct record *r, struct edit *e)
{
	put(e, r, "Name",
	    f->charset == CHARSET_CP932 ? "\x8e\x52\x81\x20\x8e\x52" :
					  "\xe5\xb1\xb1\xe3\x81\xe5\xb1\xb1");
	e->raw = true;
	return true;
}

static bool
number_off(struct stream *f, const struct record *r, struct edit *e)
{
	char n[16];
	struct buf b;

	buf_init(&b, n, sizeof(n));
	buf_printf(&b, "%0*lld", f->syntax == SYNTAX_FIXED ? 9 : 1,
	    (long long)f->n + 5);
	put(e, r, "RecordNumber", n);
	return true;
}

static bool
no_house(struct stream *f, const struct record *r, struct edit *e)
{
	char n[16] = "";
	struct slice s = item(r, "HouseholdNumber")->s;

	(void)f;
	memcpy(n, s.p, s.n < 14 ? s.n : 14);
	n[s.n] = 'A'; /* after this household, before the next one */
	put(e, r, "HouseholdNumber", n);
	return true;
}

static bool
twice(struct stream *f, const struct record *r, struct edit *e)
{
	const struct faults *x = f->u->s->faults;
	const char *id =
	    r->format == &person_format ? "CityPersonId" : "PersonId";

	if (x->before.f != f || x->before.n != f->n - 1 || x->before.faulty ||
	    !slice_is(r->format == &person_format ?
		    item(r, "MunicipalityCode")->s :
		    item(r, "InsurerNumber")->s,
		x->before.office) ||
	    item(r, "ApplicationStartDate")->s.n > 0 || x->before.applied ||
	    item(r, "Birthdate")->n > x->before.from)
		return false;
	put(e, r, id, x->before.id);
	put_day(e, r, "QualificationDate", x->before.from);
	return true;
}

static bool
extra_item(struct stream *f, const struct record *r, struct edit *e)
{
	(void)f;
	(void)r;
	e->add = ",1";
	return true;
}

static bool
unknown_item(struct stream *f, const struct record *r, struct edit *e)
{
	(void)f;
	(void)r;
	e->add = "<FavouriteColour>1</FavouriteColour>";
	return true;
}

static bool
excluded_item(struct stream *f, const struct record *r, struct edit *e)
{
	(void)f;
	(void)r;
	e->add = "<LimitApplicationCertificateRelatedInfo>1"
		 "</LimitApplicationCertificateRelatedInfo>";
	return true;
}

static bool
item_twice(struct stream *f, const struct record *r, struct edit *e)
{
	(void)f;
	(void)r;
	e->add = "<Sex1>1</Sex1>";
	return true;
}

static bool
lone_quote(struct stream *f, const struct record *r, struct edit *e)
{
	(void)f;
	put(e, r, "InsuredBranchNumber", "0\"1");
	return true;
}

static bool
cut_short(struct stream *f, const struct record *r, struct edit *e)
{
	(void)f;
	(void)r;
	e->cut = 3;
	return true;
}

/* clang-format off */
static const struct fault faults[] = {
	{ DIAG_MISSING, "NameKana", "NameKana", "", ANY, ALL, 0, NULL, "no kana" },
	{ DIAG_TOO_LONG, "PersonId", "PersonId", "A12345678901234567890", CSV | XML, ALL, 0, NULL, "21 characters" },
	{ DIAG_TOO_SHORT, "InsurerCode", "InsurerCode", "1234567", CSV | XML, ALL, 0, NULL, "7 digits" },
	{ DIAG_TOO_SHORT, "InsuredBranchNumber", "InsuredBranchNumber", "1", ANY, NOT_ELDERLY, 0, NULL, "one digit" },
	{ DIAG_NOT_DIGITS, "InsuredBranchNumber", "InsuredBranchNumber", "0A", ANY, ALL, 0, NULL, "a letter" },
	{ DIAG_NOT_ASCII, "ProcessingNumber", "ProcessingNumber", "処理通番", ANY, ALL, 0, NULL, "kanji in an id" },
	{ DIAG_NOT_KANA, "NameKana", "NameKana", "やまだ", ANY, ALL, 0, NULL, "hiragana" },
	{ DIAG_NOT_FULL_WIDTH, "Name", "Name", "YAMADA", ANY, ALL, 0, NULL, "half width" },
	{ DIAG_BAD_BYTES, "Name", NULL, NULL, CSV | FIXED, ALL, 0, bad_bytes, "half a character" },
	{ DIAG_CONTROL_CHARACTER, "InsuredCardSymbol", "InsuredCardSymbol", "A\x01" "B", CSV | FIXED, ALL, 0, NULL, "control character" },
	{ DIAG_BAD_DATE, "InsuredCertificateIssuanceDate", "InsuredCertificateIssuanceDate", "20250230", ANY, ALL, 0, NULL, "30 February" },
	{ DIAG_CHECK_DIGIT, "InsurerNumber", NULL, NULL, CSV | XML, ALL, 0, wrong_digit, "check digit" },
	{ DIAG_NOT_IN_CODES, "Sex1", "Sex1", "5", ANY, ALL, 0, NULL, "no such sex" },
	{ DIAG_OUT_OF_SCOPE, "InsuredCardClassification", "InsuredCardClassification", "A1", ANY, ALL, 0, NULL, "医療扶助" },
	{ DIAG_OUT_OF_SCOPE, "InsuredCardClassification", "InsuredCardClassification", "L1", ANY, ALL, 0, NULL, "限度額適用認定証" },
	{ DIAG_OUT_OF_SCOPE, "InsurerNumber", "InsurerNumber", "19136019", CSV | XML, ALL, 0, NULL, "公費" },
	{ DIAG_OUT_OF_SCOPE, "", NULL, NULL, XML, ALL, 0, excluded_item, "item of an excluded certificate" },
	{ DIAG_MY_NUMBER, "InsuredCardSymbol", "InsuredCardSymbol", "123456789018", ANY, ALL, 0, NULL, "looks like a 個人番号" },
	{ DIAG_MY_NUMBER, "Address", "Address", "見本県１２３４５６７８９０１８番地", CSV | XML, ALL, 0, NULL, "個人番号 inside an address" },
	{ DIAG_SCHEME_ITEM, "InsuredCardClassification", "InsuredCardClassification", "07", ANY, ALL, 0, NULL, "self-defence official elsewhere" },
	{ DIAG_BAD_PATTERN, "PostNumber", "PostNumber", "1234567", CSV | XML, ALL, 0, NULL, "post number without hyphen" },
	{ DIAG_BAD_PATTERN, "CityPersonId", "CityPersonId", "AB/CD", FIXED, ALL, 0, NULL, "slash in an id" },
	{ DIAG_UNKNOWN_INSURER, "InsurerNumber", NULL, NULL, CSV | XML, ALL, 0, unregistered, "unregistered insurer" },
	{ DIAG_FIELD_COUNT, "", NULL, NULL, CSV, ALL, 0, extra_item, "one item too many" },
	{ DIAG_RECORD_LENGTH, "", NULL, NULL, FIXED, ALL, 0, cut_short, "three blanks cut" },
	{ DIAG_QUOTING, "", NULL, NULL, CSV, ALL, 0, lone_quote, "quote inside an item" },
	{ DIAG_UNKNOWN_ITEM, "", NULL, NULL, XML, ALL, 0, unknown_item, "unknown element" },
	{ DIAG_ITEM_TWICE, "Sex1", NULL, NULL, XML, ALL, 0, item_twice, "element twice" },
	{ DIAG_LOSS_BEFORE_START, "DisqualificationDate", NULL, NULL, ANY, ALL, NOT_LOST, lost_before, "lost before acquired" },
	{ DIAG_START_BEFORE_BIRTH, "QualificationDate", NULL, NULL, ANY, ALL, 0, before_birth, "acquired before birth" },
	{ DIAG_TOO_FAR_AHEAD, "QualificationDate", NULL, NULL, ANY, ALL, NOT_LOST, far_ahead, "400 days ahead" },
	{ DIAG_BORN_LATER, "Birthdate", NULL, NULL, CSV | XML, NOT_ELDERLY, NOT_LOST | NO_RECIPIENT, unborn, "born next month" },
	{ DIAG_REASON_WITHOUT_LOSS, "DisqualificationDate", "ReasonOfLoss", "99", ANY, ALL, NOT_LOST, NULL, "reason without date" },
	{ DIAG_CARD_PERIOD, "InsuredCardExpirationDate", NULL, NULL, ANY, ALL, 0, card_backwards, "certificate backwards" },
	{ DIAG_SHORT_WITHOUT_END, "InsuredCardExpirationDate", NULL, NULL, ANY, ELDERLY | NHI, 0, short_endless, "short-term without end" },
	{ DIAG_ELDERLY_AGE, "ElderlyRecipientValidStartDate", NULL, NULL, ANY, ALL, NO_RECIPIENT | YOUNG, recipient_young, "高齢受給者証 too young" },
	{ DIAG_ELDERLY_INCOMPLETE, "ElderlyRecipientValidStartDate", "ElderlyRecipientContributionRatio", "020", ANY, ALL, NO_RECIPIENT, NULL, "ratio alone" },
	{ DIAG_SCHEME_ITEM, "InsuredPartialContributionRatio", "InsuredPartialContributionRatio", "010", CSV | XML, NOT_ELDERLY, 0, NULL, "ratio of another scheme" },
	{ DIAG_SCHEME_ITEM, "InsuredCardClassification", NULL, NULL, CSV | XML, OTHERS, 0, short_of_society, "short-term of a society" },
	{ DIAG_SCHEME_ITEM, "InsuredCardClassification", "InsuredCardClassification", "D1", ANY, ALL, 0, NULL, "day labourer's slip" },
	{ DIAG_LATE_ELDERLY_AGE, "QualificationDate", NULL, NULL, CSV | XML, ELDERLY, 0, late_elderly, "54 years old" },
	{ DIAG_INSURER_CODE_MISMATCH, "InsurerCode", "InsurerCode", "99999999", CSV | XML, ALL, 0, NULL, "another insurer's code" },
	{ DIAG_DUPLICATE, "", NULL, NULL, ANY, NOT_ELDERLY, NOT_LOST, twice, "same period twice" },
	{ DIAG_NUMBER_ORDER, "RecordNumber", NULL, NULL, ANY, ALL, 0, number_off, "number jumps" },
	{ DIAG_HOUSEHOLD_MISSING, "HouseholdNumber", NULL, NULL, FIXED, NHI, ALONE, no_house, "no such household" },
	{ DIAG_NOT_ASCENDING, "HouseholdNumber", "HouseholdNumber", "0000000000", FIXED, NHI, ALONE | LATER, NULL, "goes back" },
};
/* of the other feeds, by layout */
static const struct { const char *layout; struct fault f; } others[] = {
	{ "link", { DIAG_BAD_TIME, "ProvidedAt", "ProvidedAt", "20260802250000", CSV, 0, 0, NULL, "25 o'clock" } },
	{ "link", { DIAG_BAD_PATTERN, "CaKeyId", "CaKeyId", "ZZ67951B5CA70D84A0FFF1D85A87F1AAB1340385", CSV, 0, 0, NULL, "no hexadecimal" } },
	{ "link", { DIAG_CARD_PERIOD, "ValidUntil", "ValidUntil", "20010101", CSV, 0, 0, NULL, "ends before it begins" } },
	{ "codes", { DIAG_NOT_IN_CODES, "Result", "Result", "7", CSV, 0, 0, NULL, "no such result" } },
	{ "codes", { DIAG_MISSING, "ProcessingNumber", "ProcessingNumber", "", CSV, 0, 0, NULL, "no 処理通番" } },
	{ "iryokikan", { DIAG_CHECK_DIGIT, "InstitutionCode", "InstitutionCode", "1312345670", CSV, 0, 0, NULL, "check digit" } },
	{ "iryokikan", { DIAG_CARD_PERIOD, "DesignatedUntil", "DesignatedUntil", "19010101", CSV, 0, 0, NULL, "ends before it begins" } },
};
/* clang-format on */
#define NFAULTS (sizeof(faults) / sizeof(faults[0]))
#define NOTHERS (sizeof(others) / sizeof(others[0]))

/* ---- the list ---- */

struct faults *
faults_new(struct sample *s, double rate)
{
	struct faults *x = text_alloc(sizeof(*x));
	char path[512];
	struct buf b;

	x->s = s;
	x->per_million = (uint64_t)(rate * 1e6);
	buf_init(&b, path, sizeof(path));
	buf_printf(&b, "%s/planted.tsv", s->folder);
	x->out = fopen(path, s->k > 0 ? "ae" : "we");
	if (x->out == NULL) {
		sample_failed("cannot write", path);
		free(x);
		return NULL;
	}
	if (s->k == 0)
		fputs("# stem\tmember\trecord\titem\tcode\twhat\n", x->out);
	return x;
}

int
faults_free(struct faults *x)
{
	int r = fclose(x->out) == 0 ?
	    0 :
	    sample_failed("cannot write", "planted.tsv");

	free(x->edit);
	free(x);
	return r;
}

void
faults_row(struct faults *x, const char *stem, const char *member,
    int64_t record, const char *field, enum diag_code code, const char *what)
{
	fprintf(x->out, "%s\t%s\t%lld\t%s\t%s\t%s\n", stem, member,
	    (long long)record, field, diag_table[code].code, what);
}

static const char *
member_of(const struct stream *f)
{
	if (f->layout == &household_layout)
		return "nhi_household.txt";
	if (f->layout == &person_layout)
		return "nhi_person.txt";
	if (f->layout == &qualification_layout)
		return f->syntax == SYNTAX_XML ? "shikaku.xml" : "shikaku.csv";
	return f->layout == &link_layout ? "link.csv" :
	    f->layout == &codes_layout	 ? "codes.csv" :
					   "iryokikan.csv";
}

static void
planted(
    struct stream *f, const char *field, enum diag_code code, const char *what)
{
	char stem[64];

	filename_format(&f->u->id, "", stem);
	faults_row(
	    f->u->s->faults, stem, member_of(f), f->n, field, code, what);
}

void
faults_note(struct stream *f, enum diag_code code, const char *what)
{
	planted(f, "", code, what);
}

uint64_t
faults_rate(const struct faults *x)
{
	return x->per_million;
}

/* Fields whose characters will be replaced: one W1109 each. */
static int
rare(struct stream *f, const struct record *r)
{
	int n = 0;

	for (unsigned i = 0; i < r->format->nfields; i++) {
		const struct field *row = &r->format->fields[i];
		const char *p = r->v[i].s.p, *end = p + r->v[i].s.n;
		bool found = false;

		if (row->type != FIELD_KANJI && row->type != FIELD_TEXT)
			continue;
		while (p < end && !found)
			found = !text_in_repertoire(text_next(&p, end));
		if (found)
			planted(f, row->name, DIAG_REPLACED, "ordinary name");
		n += found;
	}
	return n;
}

/* ---- choosing ---- */

static bool
fits(const struct fault *t, struct stream *f, const struct record *r)
{
	const struct sample *s = f->u->s;
	int syntax = f->syntax == SYNTAX_CSV ? CSV :
	    f->syntax == SYNTAX_XML	     ? XML :
					       FIXED;
	bool recipient = item(r, "ElderlyRecipientValidStartDate")->s.n > 0;
	int32_t birth = (int32_t)item(r, "Birthdate")->n;

	if ((t->syntaxes & syntax) == 0 || (t->schemes & scheme_bit(r)) == 0)
		return false;
	if ((t->needs & NOT_LOST) != 0 &&
	    (item(r, "DisqualificationDate")->s.n > 0 ||
		item(r, "ApplicationEndDate")->s.n > 0))
		return false;
	if ((t->needs & NO_RECIPIENT) != 0 && recipient)
		return false;
	if ((t->needs & YOUNG) != 0 && day_birthday(birth, 69) < s->day)
		return false;
	if ((t->needs & ALONE) != 0 && !s->faults->alone)
		return false;
	if ((t->needs & LATER) != 0 && s->faults->house < 60)
		return false;
	return true;
}

static bool
try_fault(const struct fault *t, struct stream *f, const struct record *r)
{
	struct faults *x = f->u->s->faults;
	struct edit e = { .record = f->n, .member = f->member };

	if (t->schemes != 0 && !fits(t, f, r))
		return false;
	if (t->item != NULL)
		put(&e, r, t->item, t->value);
	else if (!t->make(f, r, &e))
		return false;
	for (int i = 0; i < e.n; i++)
		if (e.change[i].field < 0)
			return false;
	if (x->edits == x->max) {
		x->max = x->max == 0 ? 64 : 2 * x->max;
		x->edit = text_realloc(x->edit, x->max * sizeof(*x->edit));
	}
	x->edit[x->edits++] = e;
	planted(f, t->field, t->code, t->what);
	return true;
}

/* In turn, so that each is planted before any a second time. */
static bool
choose(struct stream *f, const struct record *r)
{
	struct faults *x = f->u->s->faults;
	unsigned *turn = &x->turn[f->layout == &person_layout ? 3 :
		f->syntax == SYNTAX_XML			      ? 2 :
		f->charset == CHARSET_CP932		      ? 1 :
								0];

	for (unsigned i = 0; i < NFAULTS; i++)
		if (try_fault(&faults[(*turn + i) % NFAULTS], f, r)) {
			*turn = (*turn + i + 1) % NFAULTS;
			return true;
		}
	return false;
}

static bool
choose_other(struct stream *f, const struct record *r)
{
	struct faults *x = f->u->s->faults;

	for (unsigned i = 0; i < NOTHERS; i++) {
		unsigned k = (x->turn[4] + i) % NOTHERS;

		if (strcmp(others[k].layout, f->layout->name) == 0 &&
		    try_fault(&others[k].f, f, r)) {
			x->turn[4] = k + 1;
			return true;
		}
	}
	return false;
}

/* What the next record may need to be the same as. */
static void
remember(struct stream *f, const struct record *r, bool faulty)
{
	struct faults *x = f->u->s->faults;
	struct buf b;
	bool nhi = r->format == &person_format;

	x->before.f = f;
	x->before.n = f->n;
	x->before.faulty = faulty;
	x->before.from = (int32_t)item(r, "QualificationDate")->n;
	x->before.applied = item(r, "ApplicationStartDate")->s.n > 0;
	buf_init(&b, x->before.id, sizeof(x->before.id));
	buf_put(&b, item(r, nhi ? "CityPersonId" : "PersonId")->s);
	buf_init(&b, x->before.office, sizeof(x->before.office));
	buf_put(&b, item(r, nhi ? "MunicipalityCode" : "InsurerNumber")->s);
}

/* A household that is refused, and its only person after it. */
static void
household(struct stream *f, const struct record *r, bool chosen)
{
	static const struct fault empty = { DIAG_MISSING, "HeadName",
		"HeadName", "", FIXED, NHI, 0, NULL, "household without head" };
	struct faults *x = f->u->s->faults;

	x->homeless = false;
	if (chosen && x->alone && f->n % 3 == 0)
		x->homeless = try_fault(&empty, f, r);
}

void
faults_may(struct sample *s, bool may, bool alone, int64_t house)
{
	if (s->faults == NULL)
		return;
	s->faults->may = may;
	s->faults->alone = alone;
	s->faults->house = house;
}

void
faults_seen(struct stream *f, const struct record *r)
{
	struct faults *x = f->u->s->faults;
	bool clean = rare(f, r) == 0, chosen, faulty = false;

	if (x->s->k > 0 || f->u->s->faults->off)
		return;
	chosen = x->may && clean &&
	    country_hash(x->s->c, 1201, x->seen++) % 1000000 < x->per_million;
	if (f->layout == &household_layout) {
		household(f, r, chosen);
		return;
	}
	if (f->layout == &person_layout && x->homeless) {
		planted(f, "HouseholdNumber", DIAG_HOUSEHOLD_MISSING,
		    "its household was refused");
		x->homeless = false;
		faulty = true;
	} else if (chosen && f->layout != &qualification_layout &&
	    f->layout != &person_layout) {
		choose_other(f, r);
	} else if (chosen) {
		faulty = choose(f, r);
	}
	if (f->layout == &qualification_layout || f->layout == &person_layout)
		remember(f, r, faulty);
}

/* ---- putting them in ---- */

struct editor {
	struct stream *f;
	const struct format *data;
	char *line;
	size_t n;
	FILE *out;
	int64_t total_change;
};

static struct slice
in_charset(const struct stream *f, const struct edit *e,
    const struct change_of *c, char *store, size_t size)
{
	struct buf b;

	if (e->raw || f->charset != CHARSET_CP932)
		return slice_of(c->value);
	buf_init(&b, store, size);
	text_to_cp932(slice_of(c->value), 0x25cf, &b, NULL);
	return buf_slice(&b);
}

/* Item i of a row without quotes. */
static struct slice
csv_item(const struct editor *x, int i)
{
	const char *p = x->line, *end = x->line + x->n, *q;

	for (; i > 0; i--)
		p = (const char *)memchr(p, ',', (size_t)(end - p)) + 1;
	for (q = p; q < end && *q != ',' && *q != '\r'; q++)
		;
	return (struct slice) { p, (size_t)(q - p) };
}

static struct slice
fixed_item(const struct editor *x, int i)
{
	size_t at = 0;

	for (int k = 0; k < i; k++)
		at += x->data->fields[k].width;
	return (struct slice) { x->line + at, x->data->fields[i].width };
}

/* The text of an element; where it is not there, the place for it. */
static struct slice
xml_item(const struct editor *x, int i, bool *there)
{
	char tag[80];
	struct buf b;
	const char *p, *end;

	buf_init(&b, tag, sizeof(tag));
	buf_printf(&b, "<%s>", x->data->fields[i].name);
	p = memmem(x->line, x->n, tag, b.n);
	*there = p != NULL;
	if (p == NULL) {
		buf_clear(&b);
		buf_printf(&b, "</%s>", x->data->name);
		p = memmem(x->line, x->n, tag, b.n);
		return (struct slice) { p, 0 };
	}
	p += b.n;
	end = strchr(p, '<');
	return (struct slice) { p, (size_t)(end - p) };
}

/* x->line with `old` replaced by text. */
static void
replace(struct editor *x, struct slice old, struct slice text)
{
	size_t before = (size_t)(old.p - x->line);
	size_t after = x->n - before - old.n;
	char *line = text_alloc(x->n + text.n + 1);

	memcpy(line, x->line, before);
	memcpy(line + before, text.p, text.n);
	memcpy(line + before + text.n, old.p + old.n, after);
	free(x->line);
	x->line = line;
	x->n = before + text.n + after;
}

static void
edit_one(struct editor *x, const struct edit *e, const struct change_of *c)
{
	char store[256], padded[512];
	struct slice v = in_charset(x->f, e, c, store, sizeof(store)), old;
	const char *name = x->data->fields[c->field].name;
	struct buf b;
	bool there;

	if (x->f->syntax == SYNTAX_XML) {
		old = xml_item(x, c->field, &there);
		buf_init(&b, padded, sizeof(padded));
		if (!there)
			buf_printf(
			    &b, "<%s>%.*s</%s>", name, (int)v.n, v.p, name);
		else
			buf_put(&b, v);
		v = buf_slice(&b);
	} else if (x->f->syntax == SYNTAX_FIXED) {
		old = fixed_item(x, c->field);
		memset(padded, ' ', sizeof(padded));
		memcpy(padded, v.p, v.n);
		v = (struct slice) { padded, old.n };
	} else {
		old = csv_item(x, c->field);
	}
	if (c->field == x->f->layout->total_field) {
		int64_t a = slice_number(old), n = slice_number(v);

		if (n > 0)
			x->total_change += n - a;
	}
	replace(x, old, v);
}

static void
edit_line(struct editor *x, const struct edit *e)
{
	size_t end;

	for (int i = 0; i < e->n; i++)
		edit_one(x, e, &e->change[i]);
	if (e->cut > 0 || (e->add != NULL && x->f->syntax == SYNTAX_CSV)) {
		end = x->n - 2 - (size_t)e->cut; /* before CRLF */
		replace(x, (struct slice) { x->line + end, (size_t)e->cut },
		    slice_of(e->add != NULL ? e->add : ""));
	} else if (e->add != NULL) {
		char tag[80];
		struct buf b;

		buf_init(&b, tag, sizeof(tag));
		buf_printf(&b, "</%s>", x->data->name);
		replace(x,
		    (struct slice) { memmem(x->line, x->n, tag, b.n), 0 },
		    slice_of(e->add));
	}
}

/* The trailer tells the total of what now stands in the file. */
static void
edit_trailer(struct editor *x)
{
	struct editor t = *x;
	struct slice old;
	char n[24];
	struct buf b;
	bool there;

	x->f->total += x->total_change;
	buf_init(&b, n, sizeof(n));
	buf_printf(&b, "%lld", (long long)x->f->total);
	t.data = &file_trailer;
	old = x->f->syntax == SYNTAX_XML ? xml_item(&t, FT_TOTAL, &there) :
					   csv_item(&t, FT_TOTAL);
	replace(x, old, buf_slice(&b));
}

static char
kind(const struct editor *x)
{
	if (x->f->syntax != SYNTAX_XML)
		return x->line[0];
	return strncmp(x->line, "<Trailer>", 9) == 0 ? '3' :
	    strncmp(x->line, "<Header>", 8) == 0     ? '1' :
	    x->line[0] == '<' && x->line[1] != '?' && x->line[1] != '/' &&
		memmem(x->line, x->n, "<RecordType>2<", 14) != NULL ?
						   '2' :
						   '?';
}

static int
edit_file(struct editor *x, FILE *in)
{
	struct faults *l = x->f->u->s->faults;
	size_t next = 0, room = 0;
	int64_t n = 0;
	ssize_t got;

	x->line = NULL;
	while ((got = getline(&x->line, &room, in)) > 0) {
		char k = kind(x);

		x->n = (size_t)got;
		while (next < l->edits && l->edit[next].member != x->f->member)
			next++;
		if (k == '2' &&
		    ++n == (next < l->edits ? l->edit[next].record : 0)) {
			edit_line(x, &l->edit[next++]);
			room = x->n;
		} else if (k == '3' && x->total_change != 0) {
			edit_trailer(x);
			room = x->n;
		}
		if (fwrite(x->line, 1, x->n, x->out) != x->n)
			return -1;
	}
	free(x->line);
	return 0;
}

/* Drops this member's edits; those of another member stay. */
static void
done(struct faults *l, int member)
{
	size_t n = 0;

	for (size_t i = 0; i < l->edits; i++)
		if (l->edit[i].member != member)
			l->edit[n++] = l->edit[i];
	l->edits = n;
}

int
faults_apply(struct stream *f, const char *name)
{
	struct faults *l = f->u->s->faults;
	struct editor x = { .f = f, .data = f->layout->data };
	char path[512], copy[520];
	struct buf b;
	FILE *in;
	bool any = false;
	int r;

	(void)name;
	for (size_t i = 0; i < l->edits; i++)
		any = any || l->edit[i].member == f->member;
	if (!any)
		return 0;
	upload_path(f->u, f->member, path);
	buf_init(&b, copy, sizeof(copy));
	buf_printf(&b, "%s.new", path);
	in = fopen(path, "re");
	x.out = fopen(copy, "we");
	if (in == NULL || x.out == NULL)
		return sample_failed("cannot edit", path);
	r = edit_file(&x, in);
	fclose(in);
	if (fclose(x.out) != 0 || r == -1 || rename(copy, path) == -1)
		r = sample_failed("cannot edit", path);
	done(l, f->member);
	return r;
}
