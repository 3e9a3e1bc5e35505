/* The two fixed-length tables of municipal NHI (F2). */
#include "formats/nhi.h"

#include <string.h>

#include "formats/codec/check.h"
#include "formats/codes.h"
#include "formats/period.h"
#include "formats/qualification.h"

/* clang-format off */
enum { REQ = FIELD_REQUIRED, KEY = FIELD_KEY, PRV = FIELD_PRIVATE,
	EXA = FIELD_EXACT, FRE = FIELD_FREE };

/* 市町村コード with 5 or 6 digits is left-aligned, hence ANK and not NUM. */
static const struct field household_fields[NH__MAX] = {
	[NH_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[NH_NUMBER] = { "RecordNumber", "レコード識別番号", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[NH_MUNICIPALITY] = { "MunicipalityCode", "市町村コード", 3, 6, FIELD_ANK, REQ | KEY, check_municipality, NULL },
	[NH_HOUSEHOLD] = { "HouseholdNumber", "世帯番号", 4, 15, FIELD_ANK, REQ | KEY | PRV, NULL, NULL },
	[NH_HEAD_NAME] = { "HeadName", "世帯主", 5, 120, FIELD_KANJI, REQ | PRV | FRE, NULL, NULL },
	[NH_HEAD_KIND] = { "FictiveHead", "擬制世帯主", 6, 1, FIELD_CODE, 0, NULL, codes_flag },
	[NH_INSURER_NUMBER] = { "InsurerNumber", "保険者番号", 7, 8, FIELD_NUM, REQ, check_insurer_number, NULL },
	[NH_CHANGE] = { "Change", "異動区分", 8, 1, FIELD_CODE, REQ, NULL, codes_change },
	[NH_CHANGE_DATE] = { "ChangeDate", "異動年月日", 9, 8, FIELD_DAY, REQ, NULL, NULL },
	[NH_POST_NUMBER] = { "PostNumber", "郵便番号", 10, 8, FIELD_ANK, PRV, check_post_number, NULL },
	[NH_ADDRESS] = { "Address", "住所", 11, 300, FIELD_TEXT, PRV | FRE, NULL, NULL },
};

static const struct field person_fields[NP__MAX] = {
	[NP_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[NP_NUMBER] = { "RecordNumber", "レコード識別番号", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[NP_MUNICIPALITY] = { "MunicipalityCode", "市町村コード", 3, 6, FIELD_ANK, REQ | KEY, check_municipality, NULL },
	[NP_PERSON_ID] = { "CityPersonId", "市町村被保険者ID", 4, 20, FIELD_ANK, REQ | KEY | PRV, check_person_id, NULL },
	[NP_ADDRESSEE] = { "AddresseeNumber", "宛名番号", 5, 15, FIELD_ANK, PRV, NULL, NULL },
	[NP_HOUSEHOLD] = { "HouseholdNumber", "世帯番号", 6, 15, FIELD_ANK, REQ | PRV, NULL, NULL },
	[NP_CHANGE] = { "Change", "異動区分", 7, 1, FIELD_CODE, REQ, NULL, codes_change },
	[NP_CHANGE_DATE] = { "ChangeDate", "異動年月日", 8, 8, FIELD_DAY, REQ, NULL, NULL },
	[NP_PROCESSING_NUMBER] = { "ProcessingNumber", "処理通番", 9, 64, FIELD_ANK, PRV, NULL, NULL },
	[NP_CARD_CLASS] = { "InsuredCardClassification", "被保険者証区分", 10, 2, FIELD_CODE, REQ, NULL, codes_card_class },
	[NP_SYMBOL] = { "InsuredCardSymbol", "被保険者証記号", 11, 40, FIELD_TEXT, PRV | FRE, NULL, NULL },
	[NP_INSURED_NUMBER] = { "InsuredIdentificationNumber", "被保険者証番号", 12, 40, FIELD_TEXT, REQ | PRV | FRE, NULL, NULL },
	[NP_BRANCH] = { "InsuredBranchNumber", "枝番", 13, 2, FIELD_NUM, EXA, check_branch, NULL },
	[NP_FAMILY] = { "PersonalFamilyClassification", "本人・家族の別", 14, 1, FIELD_CODE, 0, NULL, codes_family },
	[NP_NAME] = { "Name", "氏名", 15, 120, FIELD_KANJI, REQ | PRV | FRE, NULL, NULL },
	[NP_KANA] = { "NameKana", "氏名カナ", 16, 120, FIELD_KANA, REQ | PRV, NULL, NULL },
	[NP_SEX] = { "Sex1", "性別", 17, 1, FIELD_CODE, REQ | PRV, NULL, codes_sex },
	[NP_BIRTHDATE] = { "Birthdate", "生年月日", 18, 8, FIELD_DAY, REQ | PRV, NULL, NULL },
	[NP_QUALIFIED_ON] = { "QualificationDate", "資格取得年月日", 19, 8, FIELD_DAY, REQ | KEY, NULL, NULL },
	[NP_QUALIFIED_REASON] = { "ReasonOfQualification", "資格取得事由", 20, 2, FIELD_CODE, 0, NULL, codes_gain_reason },
	[NP_LOST_ON] = { "DisqualificationDate", "資格喪失年月日", 21, 8, FIELD_DAY, 0, NULL, NULL },
	[NP_LOSS_REASON] = { "ReasonOfLoss", "資格喪失事由", 22, 2, FIELD_CODE, PRV, NULL, codes_loss_reason },
	[NP_APPLIED_FROM] = { "ApplicationStartDate", "適用開始年月日", 23, 8, FIELD_DAY, 0, NULL, NULL },
	[NP_APPLIED_UNTIL] = { "ApplicationEndDate", "適用終了年月日", 24, 8, FIELD_DAY, 0, NULL, NULL },
	[NP_CARD_ISSUED_ON] = { "InsuredCertificateIssuanceDate", "被保険者証交付年月日", 25, 8, FIELD_DAY, 0, NULL, NULL },
	[NP_CARD_FROM] = { "InsuredCardValidDate", "被保険者証有効開始年月日", 26, 8, FIELD_DAY, 0, NULL, NULL },
	[NP_CARD_UNTIL] = { "InsuredCardExpirationDate", "被保険者証有効終了年月日", 27, 8, FIELD_DAY, 0, NULL, NULL },
	[NP_PRESCHOOL] = { "PreschoolClassification", "未就学区分", 28, 1, FIELD_CODE, 0, NULL, codes_preschool },
	[NP_ELDERLY_ISSUED_ON] = { "ElderlyRecipientCertificateDate", "高齢受給者証交付年月日", 29, 8, FIELD_DAY, 0, NULL, NULL },
	[NP_ELDERLY_FROM] = { "ElderlyRecipientValidStartDate", "高齢受給者証有効開始年月日", 30, 8, FIELD_DAY, 0, NULL, NULL },
	[NP_ELDERLY_UNTIL] = { "ElderlyRecipientValidEndDate", "高齢受給者証有効終了年月日", 31, 8, FIELD_DAY, 0, NULL, NULL },
	[NP_ELDERLY_RATIO] = { "ElderlyRecipientContributionRatio", "高齢受給者証一部負担金割合", 32, 3, FIELD_NUM, EXA, check_ratio, NULL },
};

static const struct field rekey_fields[RK__MAX] = {
	[RK_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[RK_NUMBER] = { "RecordNumber", "レコード識別番号", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[RK_INSURER_NUMBER] = { "InsurerNumber", "保険者番号", 3, 8, FIELD_NUM, REQ | KEY, check_insurer_number, NULL },
	[RK_OLD_ID] = { "CityPersonId", "市町村被保険者ID", 4, 20, FIELD_ANK, REQ | KEY | PRV, check_person_id, NULL },
	[RK_INSURER_CODE] = { "InsurerCode", "保険者コード", 5, 8, FIELD_NUM, REQ | EXA, NULL, NULL },
	[RK_PERSON_ID] = { "PersonId", "被保険者枝番", 6, 20, FIELD_ANK, REQ | PRV, check_person_id, NULL },
};
/* clang-format on */

/* The channel is for municipalities: a federation sends nobody else's. */
static int
municipal_at(const struct record *r, int field, const struct diag *at,
    struct diag_sink *sink)
{
	struct diag d = *at;
	struct slice number = r->v[field].s;
	enum scheme s;

	if (number.n == 0 || (r->bad >> field & 1) != 0)
		return 0;
	s = insurer_scheme(number);
	if (s == SCHEME_NHI_CITY)
		return 0;
	d.code =
	    s == SCHEME_OUT_OF_SCOPE ? DIAG_OUT_OF_SCOPE : DIAG_SCHEME_ITEM;
	d.field = r->format->fields[field].name;
	d.item = r->format->fields[field].item;
	d.detail = "a municipality's number is expected";
	diag_raise(sink, &d);
	return 1;
}

static int
municipal(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	(void)today;
	return municipal_at(r, NH_INSURER_NUMBER, at, sink);
}

static int
rekey_municipal(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	(void)today;
	return municipal_at(r, RK_INSURER_NUMBER, at, sink);
}

static const struct rule household_rules[] = {
	{ "F2 (+) 保険者番号", municipal },
	{ NULL, NULL },
};
static const struct rule rekey_rules[] = {
	{ "F2 (+) 保険者番号", rekey_municipal },
	{ NULL, NULL },
};

const struct format household_format = {
	.name = "Household",
	.ja = "資格情報（世帯）",
	.fields = household_fields,
	.nfields = NH__MAX,
	.rules = household_rules,
};
const struct format person_format = {
	.name = "Person",
	.ja = "資格情報（個人）",
	.fields = person_fields,
	.nfields = NP__MAX,
	.rules = period_rules,
};
const struct format rekey_format = {
	.name = "Rekey",
	.ja = "被保険者キー対応",
	.fields = rekey_fields,
	.nfields = RK__MAX,
	.rules = rekey_rules,
};

const struct layout household_layout = {
	.name = "nhi_household",
	.ja = "資格情報（世帯）ファイル",
	.header = &file_header,
	.data = &household_format,
	.trailer = &file_trailer,
	.trailer_count = FT_COUNT,
	.trailer_total = FT_TOTAL,
	.total_field = -1,
	.number_field = NH_NUMBER,
	.blocks = true,
	.refuse_percent = 100,
};
const struct layout person_layout = {
	.name = "nhi_person",
	.ja = "資格情報（個人）ファイル",
	.header = &file_header,
	.data = &person_format,
	.trailer = &file_trailer,
	.trailer_count = FT_COUNT,
	.trailer_total = FT_TOTAL,
	.total_field = NP_BIRTHDATE,
	.number_field = NP_NUMBER,
	.blocks = true,
	.refuse_percent = 100,
};
const struct layout rekey_layout = {
	.name = "rekey",
	.ja = "被保険者キー対応表",
	.header = &file_header,
	.data = &rekey_format,
	.trailer = &file_trailer,
	.trailer_count = FT_COUNT,
	.trailer_total = FT_TOTAL,
	.total_field = -1,
	.number_field = RK_NUMBER,
	.refuse_percent = 100,
};

static const signed char from_person[Q__MAX] = {
	[Q_NUMBER] = NP_NUMBER,
	[Q_CHANGE] = NP_CHANGE,
	[Q_CHANGE_DATE] = NP_CHANGE_DATE,
	[Q_PERSON_ID] = NP_PERSON_ID,
	[Q_PROCESSING_NUMBER] = NP_PROCESSING_NUMBER,
	[Q_CARD_CLASS] = NP_CARD_CLASS,
	[Q_SYMBOL] = NP_SYMBOL,
	[Q_INSURED_NUMBER] = NP_INSURED_NUMBER,
	[Q_BRANCH] = NP_BRANCH,
	[Q_FAMILY] = NP_FAMILY,
	[Q_NAME] = NP_NAME,
	[Q_KANA] = NP_KANA,
	[Q_SEX1] = NP_SEX,
	[Q_BIRTHDATE] = NP_BIRTHDATE,
	[Q_QUALIFIED_ON] = NP_QUALIFIED_ON,
	[Q_LOST_ON] = NP_LOST_ON,
	[Q_LOSS_REASON] = NP_LOSS_REASON,
	[Q_CARD_ISSUED_ON] = NP_CARD_ISSUED_ON,
	[Q_CARD_FROM] = NP_CARD_FROM,
	[Q_CARD_UNTIL] = NP_CARD_UNTIL,
	[Q_PRESCHOOL] = NP_PRESCHOOL,
	[Q_ELDERLY_ISSUED_ON] = NP_ELDERLY_ISSUED_ON,
	[Q_ELDERLY_FROM] = NP_ELDERLY_FROM,
	[Q_ELDERLY_UNTIL] = NP_ELDERLY_UNTIL,
	[Q_ELDERLY_RATIO] = NP_ELDERLY_RATIO,
};

void
nhi_to_qualification(const struct record *person,
    const struct record *household, struct record *out, char pad[9])
{
	struct slice number = household->v[NH_INSURER_NUMBER].s;

	record_init(out, &qualification_format);
	out->number = person->number;
	out->line = person->line;
	out->offset = person->offset;
	out->replaced = person->replaced + household->replaced;
	out->v[Q_TYPE] = person->v[NP_TYPE];
	for (int q = Q_TYPE + 1; q < Q__MAX; q++)
		if (from_person[q] != 0)
			out->v[q] = person->v[from_person[q]];
	if (person->v[NP_APPLIED_FROM].s.n > 0)
		out->v[Q_QUALIFIED_ON] = person->v[NP_APPLIED_FROM];
	if (person->v[NP_APPLIED_UNTIL].s.n > 0)
		out->v[Q_LOST_ON] = person->v[NP_APPLIED_UNTIL];
	if (insurer_number_8(number, pad) != 0)
		pad[0] = '\0';
	record_set(out, Q_INSURER_CODE, slice_of(pad));
	/* kept stripped, compared padded (domain/numbers-and-codes.md 1) */
	if (number.n == 8 && memcmp(number.p, "00", 2) == 0)
		number = (struct slice) { number.p + 2, 6 };
	record_set(out, Q_INSURER_NUMBER, number);
	out->v[Q_INSURED_NAME] = household->v[NH_HEAD_NAME];
	out->v[Q_POST_NUMBER] = household->v[NH_POST_NUMBER];
	out->v[Q_ADDRESS] = household->v[NH_ADDRESS];
}
