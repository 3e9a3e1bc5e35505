/* The clauses a period of cover has to keep; see diag.def class 2. */
#include "formats/period.h"

#include <string.h>

#include "formats/codec/day.h"
#include "formats/nhi.h"
#include "formats/qualification.h"

enum place {
	P_CHANGE,
	P_CLASS,
	P_INSURER,
	P_BIRTH,
	P_GAINED,
	P_LOST,
	P_REASON,
	P_FROM, /* 適用開始/終了 of a municipality */
	P_UNTIL,
	P_CARD_FROM,
	P_CARD_UNTIL,
	P_RATIO,
	P_ELDERLY_ISSUED,
	P_ELDERLY_FROM,
	P_ELDERLY_UNTIL,
	P_ELDERLY_RATIO,
	P__MAX
};

/* clang-format off */
static const signed char places[2][P__MAX] = {
	{ Q_CHANGE, Q_CARD_CLASS, Q_INSURER_NUMBER, Q_BIRTHDATE,
	  Q_QUALIFIED_ON, Q_LOST_ON, Q_LOSS_REASON, -1, -1, Q_CARD_FROM,
	  Q_CARD_UNTIL, Q_RATIO, Q_ELDERLY_ISSUED_ON, Q_ELDERLY_FROM,
	  Q_ELDERLY_UNTIL, Q_ELDERLY_RATIO },
	{ NP_CHANGE, NP_CARD_CLASS, -1, NP_BIRTHDATE,
	  NP_QUALIFIED_ON, NP_LOST_ON, NP_LOSS_REASON, NP_APPLIED_FROM,
	  NP_APPLIED_UNTIL, NP_CARD_FROM, NP_CARD_UNTIL, -1,
	  NP_ELDERLY_ISSUED_ON, NP_ELDERLY_FROM, NP_ELDERLY_UNTIL,
	  NP_ELDERLY_RATIO },
};
/* clang-format on */

static int
field_of(const struct record *r, enum place p)
{
	return places[r->format == &person_format][p];
}

/* There and content with its row. */
static const struct value *
given(const struct record *r, enum place p)
{
	int f = field_of(r, p);

	if (f < 0 || r->v[f].s.n == 0 || (r->bad >> f & 1) != 0)
		return NULL;
	return &r->v[f];
}

/* Known not to be there; a value its row refused is neither. */
static bool
absent(const struct record *r, enum place p)
{
	int f = field_of(r, p);

	return f < 0 || (r->v[f].s.n == 0 && (r->bad >> f & 1) == 0);
}

static int
raise(const struct record *r, enum place p, enum diag_code code,
    const char *detail, const struct diag *at, struct diag_sink *sink)
{
	struct diag d = *at;
	int f = field_of(r, p);

	d.code = code;
	d.field = f < 0 ? NULL : r->format->fields[f].name;
	d.item = f < 0 ? 0 : r->format->fields[f].item;
	d.detail = detail;
	diag_raise(sink, &d);
	return 1;
}

/* Both given and a < b. */
static bool
before(const struct record *r, enum place a, enum place b)
{
	const struct value *x = given(r, a), *y = given(r, b);

	return x != NULL && y != NULL && x->n < y->n;
}

/* Loss on the day of acquisition is a cover cancelled at once: accepted. */
static int
loss_not_before_start(const struct record *r, int32_t today,
    const struct diag *at, struct diag_sink *sink)
{
	int n = 0;

	(void)today;
	if (before(r, P_LOST, P_GAINED))
		n += raise(r, P_LOST, DIAG_LOSS_BEFORE_START, NULL, at, sink);
	if (before(r, P_UNTIL, P_FROM))
		n += raise(r, P_UNTIL, DIAG_LOSS_BEFORE_START, NULL, at, sink);
	return n;
}

static int
start_not_before_birth(const struct record *r, int32_t today,
    const struct diag *at, struct diag_sink *sink)
{
	(void)today;
	if (!before(r, P_GAINED, P_BIRTH))
		return 0;
	return raise(r, P_GAINED, DIAG_START_BEFORE_BIRTH, NULL, at, sink);
}

static int
start_within_a_year(const struct record *r, int32_t today,
    const struct diag *at, struct diag_sink *sink)
{
	const struct value *v = given(r, P_GAINED);

	/* a year has 365 days at least */
	if (today == DAY_NONE || v == NULL || v->n <= today + 365 ||
	    v->n <= day_birthday(today, 1))
		return 0;
	return raise(r, P_GAINED, DIAG_TOO_FAR_AHEAD, NULL, at, sink);
}

static int
born_by_today(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	const struct value *v = given(r, P_BIRTH);

	if (today == DAY_NONE || v == NULL || v->n <= today)
		return 0;
	return raise(r, P_BIRTH, DIAG_BORN_LATER, NULL, at, sink);
}

/*
 * A reason needs its date; a change 喪失 needs both. Who only moves inside
 * the prefecture has 適用終了 and keeps the 資格: then there is no reason.
 */
static int
loss_complete(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	const struct value *change = given(r, P_CHANGE);
	bool loss = change != NULL && change->s.p[0] == '0' + CHANGE_LOSS;
	bool no_date = absent(r, P_LOST) && absent(r, P_UNTIL);

	(void)today;
	if (no_date && given(r, P_REASON) != NULL)
		return raise(r, P_LOST, DIAG_REASON_WITHOUT_LOSS,
		    "a reason needs its date", at, sink);
	if (loss && no_date)
		return raise(r, P_LOST, DIAG_REASON_WITHOUT_LOSS,
		    "a loss needs its date", at, sink);
	if (loss && given(r, P_LOST) != NULL && absent(r, P_REASON))
		return raise(r, P_REASON, DIAG_REASON_WITHOUT_LOSS,
		    "a loss needs its reason", at, sink);
	return 0;
}

static int
card_ends_after_start(const struct record *r, int32_t today,
    const struct diag *at, struct diag_sink *sink)
{
	int n = 0;

	(void)today;
	if (before(r, P_CARD_UNTIL, P_CARD_FROM))
		n += raise(r, P_CARD_UNTIL, DIAG_CARD_PERIOD, NULL, at, sink);
	if (before(r, P_ELDERLY_UNTIL, P_ELDERLY_FROM))
		n +=
		    raise(r, P_ELDERLY_UNTIL, DIAG_CARD_PERIOD, NULL, at, sink);
	return n;
}

/* 証区分 as one number; 0: none that is content. */
#define CLASS(a, b) ((unsigned)(a) << 8 | (unsigned)(b))
static unsigned
class_of(const struct record *r)
{
	const struct value *v = given(r, P_CLASS);

	return v == NULL || v->s.n != 2 ?
	    0 :
	    CLASS((unsigned char)v->s.p[0], (unsigned char)v->s.p[1]);
}

static int
short_has_end(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	unsigned c = class_of(r);

	(void)today;
	if ((c != CLASS('0', '3') && c != CLASS('0', '4')) ||
	    !absent(r, P_CARD_UNTIL))
		return 0;
	return raise(r, P_CARD_UNTIL, DIAG_SHORT_WITHOUT_END, NULL, at, sink);
}

static int
elderly_complete(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	int n = 0;

	(void)today;
	if (given(r, P_ELDERLY_ISSUED) == NULL &&
	    given(r, P_ELDERLY_FROM) == NULL &&
	    given(r, P_ELDERLY_UNTIL) == NULL &&
	    given(r, P_ELDERLY_RATIO) == NULL)
		return 0;
	if (absent(r, P_ELDERLY_FROM))
		n += raise(
		    r, P_ELDERLY_FROM, DIAG_ELDERLY_INCOMPLETE, NULL, at, sink);
	if (absent(r, P_ELDERLY_RATIO))
		n += raise(r, P_ELDERLY_RATIO, DIAG_ELDERLY_INCOMPLETE, NULL,
		    at, sink);
	return n;
}

/*
 * 70 is reached on the eve of the birthday (年齢計算ニ関する法律), so who is
 * born on the 1st has the certificate from that very month, all others from
 * the next. It ends before the 75th birthday, when 後期高齢 begins.
 */
static int
elderly_age(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	const struct value *birth = given(r, P_BIRTH);
	const struct value *from = given(r, P_ELDERLY_FROM);
	const struct value *until = given(r, P_ELDERLY_UNTIL);
	int32_t first, end;
	int n = 0;

	(void)today;
	if ((from == NULL && until == NULL) || birth == NULL)
		return 0;
	first = day_month_first(day_birthday((int32_t)birth->n, 70) - 1, 1);
	end = day_birthday((int32_t)birth->n, 75);
	if (from != NULL && (from->n < first || from->n >= end))
		n += raise(r, P_ELDERLY_FROM, DIAG_ELDERLY_AGE, NULL, at, sink);
	if (until != NULL && until->n >= end)
		n +=
		    raise(r, P_ELDERLY_UNTIL, DIAG_ELDERLY_AGE, NULL, at, sink);
	return n;
}

static enum scheme
scheme_of(const struct record *r)
{
	const struct value *v;

	if (field_of(r, P_INSURER) < 0)
		return SCHEME_NHI_CITY;
	v = given(r, P_INSURER);
	return v == NULL ? SCHEME__MAX : insurer_scheme(v->s);
}

/* 課題③: 公費負担医療 and 地域単独事業 stay with the paper. */
static int
in_scope(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	(void)today;
	if (scheme_of(r) != SCHEME_OUT_OF_SCOPE)
		return 0;
	return raise(r, P_INSURER, DIAG_OUT_OF_SCOPE,
	    "law number of no insurer of the report", at, sink);
}

/* By the first two of eight digits. */
static bool
of_law(const struct record *r, const char law[3])
{
	const struct value *v =
	    field_of(r, P_INSURER) < 0 ? NULL : given(r, P_INSURER);

	return v != NULL && v->s.n == 8 && memcmp(v->s.p, law, 2) == 0;
}

static int
scheme_items(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	enum scheme s = scheme_of(r);
	bool nhi = s == SCHEME_NHI_CITY || s == SCHEME_NHI_UNION;
	unsigned c = class_of(r);
	int n = 0;

	(void)today;
	if (s == SCHEME__MAX || s == SCHEME_OUT_OF_SCOPE)
		return 0;
	if (s != SCHEME_ELDERLY && given(r, P_RATIO) != NULL)
		n += raise(r, P_RATIO, DIAG_SCHEME_ITEM,
		    "only of the late-stage elderly", at, sink);
	if (!nhi && s != SCHEME_ELDERLY &&
	    (c == CLASS('0', '3') || c == CLASS('0', '4') ||
		c == CLASS('0', '5')))
		n += raise(r, P_CLASS, DIAG_SCHEME_ITEM,
		    "only of NHI and the late-stage elderly", at, sink);
	if (!nhi && (c == CLASS('0', '2') || c == CLASS('0', '4')))
		n += raise(r, P_CLASS, DIAG_SCHEME_ITEM,
		    "retired members are only of NHI", at, sink);
	if (s != SCHEME_SOCIETY && s != SCHEME_MUTUAL && c == CLASS('0', '6'))
		n += raise(r, P_CLASS, DIAG_SCHEME_ITEM,
		    "only of societies and mutual aid", at, sink);
	if (c == CLASS('0', '7') && !of_law(r, "07"))
		n += raise(
		    r, P_CLASS, DIAG_SCHEME_ITEM, "only of law 07", at, sink);
	/* 被保険者受給資格者票 is of 一般療養, the other of 特別療養費 */
	if (s == SCHEME_DAY && c == CLASS('D', of_law(r, "03") ? '2' : '1'))
		n += raise(r, P_CLASS, DIAG_SCHEME_ITEM,
		    "D1 is of law 03, D2 of law 04", at, sink);
	if (s != SCHEME_DAY && (c == CLASS('D', '1') || c == CLASS('D', '2')))
		n += raise(r, P_CLASS, DIAG_SCHEME_ITEM,
		    "only of day labourers", at, sink);
	return n;
}

/* 65 to 74 with a disability is possible; reached on the eve again. */
static int
late_elderly_age(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	const struct value *birth = given(r, P_BIRTH);
	const struct value *from = given(r, P_GAINED);

	(void)today;
	if (birth == NULL || from == NULL || scheme_of(r) != SCHEME_ELDERLY ||
	    from->n >= day_birthday((int32_t)birth->n, 65) - 1 ||
	    from->n < birth->n)
		return 0;
	return raise(r, P_GAINED, DIAG_LATE_ELDERLY_AGE, NULL, at, sink);
}

const struct rule period_rules[] = {
	{ "F1 資格喪失年月日", loss_not_before_start },
	{ "F1 資格取得年月日 (domain 12.4)", start_not_before_birth },
	{ "F1 資格取得年月日 (domain 12.4)", start_within_a_year },
	{ "F1 生年月日 (domain 12.4)", born_by_today },
	{ "F1 資格喪失事由", loss_complete },
	{ "F1 有効終了", card_ends_after_start },
	{ "F1 短期被保険者証", short_has_end },
	{ "F1 高齢受給者証", elderly_complete },
	{ "健康保険法74条1項2号", elderly_age },
	{ "report 課題③", in_scope },
	{ "F1 負担割合, 証区分", scheme_items },
	{ "高齢者の医療の確保に関する法律50条", late_elderly_age },
	{ NULL, NULL },
};
