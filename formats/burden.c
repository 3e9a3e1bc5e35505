/* Prices, monthly summary, burden: three tables. */
#include "formats/burden.h"

#include "formats/codec/check.h"
#include "formats/codes.h"
#include "formats/qualification.h"

static enum diag_code check_month(const struct value *v);

/* clang-format off */
enum { REQ = FIELD_REQUIRED, KEY = FIELD_KEY, EXA = FIELD_EXACT };

static const struct field price_fields[PR__MAX] = {
	[PR_VERSION] = { "PriceTable", "料金表版", 1, 16, FIELD_ANK, REQ | KEY, NULL, NULL },
	[PR_USE] = { "Use", "利用種別", 2, 1, FIELD_CODE, REQ | KEY, NULL, codes_use },
	[PR_PRICE] = { "Price", "単価（円の千分の一）", 3, 9, FIELD_NUM, REQ, NULL, NULL },
	[PR_FROM] = { "ValidFrom", "適用開始年月日", 4, 8, FIELD_DAY, REQ, NULL, NULL },
	[PR_UNTIL] = { "ValidUntil", "適用終了年月日", 5, 8, FIELD_DAY, 0, NULL, NULL },
};
static const struct field month_fields[M__MAX] = {
	[M_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[M_NUMBER] = { "RecordNumber", "レコード識別番号", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[M_MONTH] = { "Month", "利用年月", 3, 6, FIELD_NUM, REQ | KEY | EXA, check_month, NULL },
	[M_USE] = { "Use", "利用種別", 4, 1, FIELD_CODE, REQ | KEY, NULL, codes_use },
	[M_INSURER] = { "InsurerCode", "保険者コード", 5, 8, FIELD_NUM, KEY | EXA, NULL, NULL },
	[M_PREFECTURE] = { "Prefecture", "都道府県番号", 6, 2, FIELD_NUM, REQ | KEY | EXA, check_prefecture, NULL },
	[M_INSTITUTION_KIND] = { "InstitutionKind", "機関種別", 7, 1, FIELD_CODE, REQ | KEY, NULL, codes_institution_kind },
	[M_UNITS] = { "Units", "課金対象件数", 8, 12, FIELD_NUM, REQ, NULL, NULL },
	[M_RETRIES] = { "Retries", "再送件数（対象外）", 9, 12, FIELD_NUM, REQ, NULL, NULL },
	[M_UNKNOWN] = { "WithoutResult", "未確認件数（対象外）", 10, 12, FIELD_NUM, REQ, NULL, NULL },
	[M_OTHER] = { "OwnUse", "試験・自己運用件数（対象外）", 11, 12, FIELD_NUM, REQ, NULL, NULL },
	[M_LATE] = { "LateUnits", "うち前月以前の利用分", 12, 12, FIELD_NUM, REQ, NULL, NULL },
	[M_PRICES] = { "PriceTable", "料金表版", 13, 16, FIELD_ANK, KEY, NULL, NULL },
};
static const struct field burden_fields[BU__MAX] = {
	[BU_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[BU_NUMBER] = { "RecordNumber", "レコード識別番号", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[BU_MONTH] = { "Month", "利用年月", 3, 6, FIELD_NUM, REQ | KEY | EXA, check_month, NULL },
	[BU_CHANGE] = { "BurdenChange", "訂正区分", 4, 1, FIELD_CODE, REQ | KEY, NULL, codes_burden_change },
	[BU_INSURER] = { "InsurerCode", "保険者コード", 5, 8, FIELD_NUM, REQ | KEY | EXA, NULL, NULL },
	[BU_INSURER_NAME] = { "InsurerName", "保険者名称", 6, 200, FIELD_TEXT, 0, NULL, NULL },
	[BU_BASIS] = { "Basis", "算定基礎", 7, 1, FIELD_CODE, REQ, NULL, codes_burden_basis },
	[BU_CHECKS] = { "Checks", "失効確認件数", 8, 12, FIELD_NUM, REQ, NULL, NULL },
	[BU_PROVISIONS] = { "Provisions", "シリアル番号・処理通番提供件数", 9, 12, FIELD_NUM, REQ, NULL, NULL },
	[BU_PERSONS] = { "InsuredPersons", "被保険者数", 10, 12, FIELD_NUM, 0, NULL, NULL },
	[BU_AMOUNT] = { "Amount", "負担額（円）", 11, 14, FIELD_NUM, REQ, NULL, NULL },
	[BU_PRICES] = { "PriceTable", "料金表版", 12, 16, FIELD_ANK, REQ, NULL, NULL },
};
/* clang-format on */

/* YYYYMM of a month that there is. */
static enum diag_code
check_month(const struct value *v)
{
	int64_t n = slice_number(v->s);

	if (n < 190001 || n % 100 < 1 || n % 100 > 12)
		return DIAG_BAD_DATE;
	return DIAG__MAX;
}

static int
raise_at(const struct record *r, int field, enum diag_code code,
    const struct diag *at, struct diag_sink *sink)
{
	struct diag d = *at;

	d.code = code;
	d.field = r->format->fields[field].name;
	d.item = r->format->fields[field].item;
	diag_raise(sink, &d);
	return 1;
}

static int
price_period(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	uint64_t either = UINT64_C(1) << PR_FROM | UINT64_C(1) << PR_UNTIL;

	(void)today;
	if ((r->bad & either) != 0 || r->v[PR_UNTIL].s.n == 0 ||
	    r->v[PR_UNTIL].n >= r->v[PR_FROM].n)
		return 0;
	return raise_at(r, PR_UNTIL, DIAG_CARD_PERIOD, at, sink);
}

/* By insured persons needs their number. */
static int
persons_counted(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	uint64_t either = UINT64_C(1) << BU_BASIS | UINT64_C(1) << BU_PERSONS;

	(void)today;
	if ((r->bad & either) != 0 || !slice_is(r->v[BU_BASIS].s, "2") ||
	    r->v[BU_PERSONS].s.n > 0)
		return 0;
	return raise_at(r, BU_PERSONS, DIAG_MISSING, at, sink);
}

static const struct rule price_rules[] = {
	{ "O3 rule 7 適用期間", price_period },
	{ NULL, NULL },
};
static const struct rule burden_rules[] = {
	{ "O3 rule 10 算定基礎", persons_counted },
	{ NULL, NULL },
};

static const struct format price_format = { "Price", "料金表", price_fields,
	PR__MAX, price_rules };
const struct format month_format = { "Month", "利用実績月次集計", month_fields,
	M__MAX, NULL };
const struct format burden_format = { "Burden", "負担額", burden_fields,
	BU__MAX, burden_rules };

const struct layout price_layout = {
	.name = "ryokin",
	.ja = "料金表",
	.data = &price_format,
	.trailer_count = -1,
	.trailer_total = -1,
	.total_field = -1,
	.number_field = -1,
	.bare = true,
};
const struct layout month_layout = {
	.name = "riyo_month",
	.ja = "利用実績月次集計ファイル",
	.header = &file_header,
	.data = &month_format,
	.trailer = &file_trailer,
	.trailer_count = FT_COUNT,
	.trailer_total = FT_TOTAL,
	.total_field = M_UNITS,
	.number_field = M_NUMBER,
};
const struct layout burden_layout = {
	.name = "futan",
	.ja = "負担額ファイル",
	.header = &file_header,
	.data = &burden_format,
	.trailer = &file_trailer,
	.trailer_count = FT_COUNT,
	.trailer_total = FT_TOTAL,
	.total_field = BU_AMOUNT,
	.number_field = BU_NUMBER,
};
