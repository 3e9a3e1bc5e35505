/* The table of 加入者情報 (F1), its keys and what an insurer number says. */
#include "formats/qualification.h"

#include <string.h>

#include "formats/codec/check.h"
#include "formats/codes.h"
#include "formats/period.h"

/* clang-format off */
enum { REQ = FIELD_REQUIRED, KEY = FIELD_KEY, PRV = FIELD_PRIVATE,
	STO = FIELD_STORED, EXA = FIELD_EXACT, FRE = FIELD_FREE };

static const struct code versions[] = {
	{ "1", "first version", "第1版", false },
	{ NULL, NULL, NULL, false }
};

static const struct field header_fields[FH__MAX] = {
	[FH_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[FH_VERSION] = { "Version", "レイアウト版", 2, 2, FIELD_CODE, REQ, NULL, versions },
	[FH_SENDER] = { "Sender", "送信元", 3, 8, FIELD_ANK, REQ, NULL, NULL },
	[FH_FEED] = { "Feed", "種別", 4, 16, FIELD_ANK, REQ, NULL, NULL },
	[FH_DAY] = { "Day", "年月日", 5, 8, FIELD_DAY, REQ, NULL, NULL },
	[FH_SEQUENCE] = { "Sequence", "連番", 6, 4, FIELD_NUM, REQ, NULL, NULL },
	[FH_MUNICIPALITY] = { "MunicipalityCode", "市町村コード", 7, 6, FIELD_ANK, 0, check_municipality, NULL },
};
static const struct field trailer_fields[FT__MAX] = {
	[FT_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[FT_COUNT] = { "Count", "データ件数", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[FT_TOTAL] = { "Total", "合計値", 3, 15, FIELD_NUM, REQ, NULL, NULL },
};
const struct format file_header
    = { "Header", "ヘッダレコード", header_fields, FH__MAX, NULL };
const struct format file_trailer
    = { "Trailer", "トレーラレコード", trailer_fields, FT__MAX, NULL };

/* Names: domain 3 where the message has one, ours otherwise. Widths of
 * names are OURS: 60 characters full width, as many half width. */
static const struct field fields[Q__MAX] = {
	[Q_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[Q_NUMBER] = { "RecordNumber", "レコード識別番号", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[Q_CHANGE] = { "Change", "異動区分", 3, 1, FIELD_CODE, REQ | STO, NULL, codes_change },
	[Q_CHANGE_DATE] = { "ChangeDate", "異動年月日", 4, 8, FIELD_DAY, REQ | STO, NULL, NULL },
	[Q_INSURER_CODE] = { "InsurerCode", "保険者コード", 5, 8, FIELD_NUM, REQ | KEY | STO | EXA, NULL, NULL },
	[Q_PERSON_ID] = { "PersonId", "被保険者枝番", 6, 20, FIELD_ANK, REQ | KEY | STO | PRV, check_person_id, NULL },
	[Q_PROCESSING_NUMBER] = { "ProcessingNumber", "処理通番", 7, 64, FIELD_ANK, STO | PRV, NULL, NULL },
	[Q_CARD_CLASS] = { "InsuredCardClassification", "被保険者証区分", 8, 2, FIELD_CODE, REQ | STO, NULL, codes_card_class },
	[Q_INSURER_NUMBER] = { "InsurerNumber", "保険者番号", 9, 8, FIELD_NUM, REQ | STO, check_insurer_number, NULL },
	[Q_SYMBOL] = { "InsuredCardSymbol", "被保険者証記号", 10, 40, FIELD_TEXT, STO | PRV | FRE, NULL, NULL },
	[Q_INSURED_NUMBER] = { "InsuredIdentificationNumber", "被保険者証番号", 11, 40, FIELD_TEXT, REQ | STO | PRV | FRE, NULL, NULL },
	[Q_BRANCH] = { "InsuredBranchNumber", "枝番", 12, 2, FIELD_NUM, STO | EXA, check_branch, NULL },
	[Q_FAMILY] = { "PersonalFamilyClassification", "本人・家族の別", 13, 1, FIELD_CODE, STO, NULL, codes_family },
	[Q_INSURED_NAME] = { "InsuredName", "被保険者氏名（世帯主氏名）", 14, 120, FIELD_KANJI, STO | PRV | FRE, NULL, NULL },
	[Q_NAME] = { "Name", "氏名", 15, 120, FIELD_KANJI, REQ | STO | PRV | FRE, NULL, NULL },
	[Q_NAME_OTHER] = { "NameOfOther", "氏名（その他）", 16, 120, FIELD_KANJI, STO | PRV | FRE, NULL, NULL },
	[Q_KANA] = { "NameKana", "氏名カナ", 17, 120, FIELD_KANA, REQ | STO | PRV, NULL, NULL },
	[Q_KANA_OTHER] = { "NameOfOtherKana", "氏名カナ（その他）", 18, 120, FIELD_KANA, STO | PRV, NULL, NULL },
	[Q_SEX1] = { "Sex1", "性別1", 19, 1, FIELD_CODE, REQ | STO | PRV, NULL, codes_sex },
	[Q_SEX2] = { "Sex2", "性別2", 20, 1, FIELD_CODE, STO | PRV, NULL, codes_sex },
	[Q_BIRTHDATE] = { "Birthdate", "生年月日", 21, 8, FIELD_DAY, REQ | STO | PRV, NULL, NULL },
	[Q_POST_NUMBER] = { "PostNumber", "郵便番号", 22, 8, FIELD_ANK, STO | PRV, check_post_number, NULL },
	[Q_ADDRESS] = { "Address", "住所", 23, 300, FIELD_TEXT, STO | PRV | FRE, NULL, NULL },
	[Q_QUALIFIED_ON] = { "QualificationDate", "資格取得年月日", 24, 8, FIELD_DAY, REQ | KEY | STO, NULL, NULL },
	[Q_LOST_ON] = { "DisqualificationDate", "資格喪失年月日", 25, 8, FIELD_DAY, STO, NULL, NULL },
	[Q_LOSS_REASON] = { "ReasonOfLoss", "資格喪失事由", 26, 2, FIELD_CODE, STO, NULL, codes_loss_reason },
	[Q_CARD_ISSUED_ON] = { "InsuredCertificateIssuanceDate", "被保険者証交付年月日", 27, 8, FIELD_DAY, STO, NULL, NULL },
	[Q_CARD_FROM] = { "InsuredCardValidDate", "被保険者証有効開始年月日", 28, 8, FIELD_DAY, STO, NULL, NULL },
	[Q_CARD_UNTIL] = { "InsuredCardExpirationDate", "被保険者証有効終了年月日", 29, 8, FIELD_DAY, STO, NULL, NULL },
	[Q_CARD_RETURNED_ON] = { "InsuredCardReturnDate", "被保険者証回収年月日", 30, 8, FIELD_DAY, STO, NULL, NULL },
	[Q_RATIO] = { "InsuredPartialContributionRatio", "一部負担金割合", 31, 3, FIELD_NUM, STO | EXA, check_ratio, NULL },
	[Q_PRESCHOOL] = { "PreschoolClassification", "未就学区分", 32, 1, FIELD_CODE, STO, NULL, codes_preschool },
	[Q_ELDERLY_ISSUED_ON] = { "ElderlyRecipientCertificateDate", "高齢受給者証交付年月日", 33, 8, FIELD_DAY, STO, NULL, NULL },
	[Q_ELDERLY_FROM] = { "ElderlyRecipientValidStartDate", "高齢受給者証有効開始年月日", 34, 8, FIELD_DAY, STO, NULL, NULL },
	[Q_ELDERLY_UNTIL] = { "ElderlyRecipientValidEndDate", "高齢受給者証有効終了年月日", 35, 8, FIELD_DAY, STO, NULL, NULL },
	[Q_ELDERLY_RATIO] = { "ElderlyRecipientContributionRatio", "高齢受給者証一部負担金割合", 36, 3, FIELD_NUM, STO | EXA, check_ratio, NULL },
};
const struct format qualification_format
    = { "Record", "加入者情報", fields, Q__MAX, period_rules };
/* clang-format on */

/* 100: ingest decides by ingest.refuse_percent of the site. */
const struct layout qualification_layout = {
	.name = "shikaku",
	.ja = "加入者情報ファイル",
	.header = &file_header,
	.data = &qualification_format,
	.trailer = &file_trailer,
	.trailer_count = FT_COUNT,
	.trailer_total = FT_TOTAL,
	.total_field = Q_BIRTHDATE,
	.number_field = Q_NUMBER,
	.refuse_percent = 100,
};

void
typed_key_make(struct typed_key *k, char scheme, struct slice code8,
    struct slice person_id)
{
	size_t pad = code8.n < 8 ? 8 - code8.n : 0;
	size_t n = code8.n < 8 ? code8.n : 8;
	size_t id =
	    person_id.n < TYPED_KEY_SIZE - 9 ? person_id.n : TYPED_KEY_SIZE - 9;

	memset(k->b, 0, sizeof(k->b));
	k->b[0] = scheme;
	memset(k->b + 1, '0', pad);
	if (n > 0)
		memcpy(k->b + 1 + pad, code8.p, n);
	if (id > 0)
		memcpy(k->b + 9, person_id.p, id);
}

struct slice
typed_key_text(const struct typed_key *k)
{
	return (struct slice) { k->b, strnlen(k->b, sizeof(k->b)) };
}

int
insurer_number_8(struct slice s, char out[9])
{
	s = slice_trim(s);
	if (!slice_digits(s) || (s.n != 6 && s.n != 8))
		return -1;
	memset(out, '0', 8);
	memcpy(out + 8 - s.n, s.p, s.n);
	out[8] = '\0';
	return 0;
}

/* 国保組合: the first of the three digits 保険者別番号 is 3 (domain 1). */
static enum scheme
nhi_kind(const char *six)
{
	return six[2] == '3' ? SCHEME_NHI_UNION : SCHEME_NHI_CITY;
}

/*
 * By 法別番号 (domain/numbers-and-codes.md 2). 船員保険 (02) is run by
 * 協会けんぽ, 自衛官 (07) is a 共済: the report's list has neither, so they go
 * with their nearest kind (OURS). What is left is 公費 or unknown.
 */
enum scheme
insurer_scheme(struct slice number)
{
	static const unsigned char by_law[100] = {
		[0] = SCHEME_NHI_CITY + 1,
		[67] = SCHEME_NHI_CITY + 1,
		[1] = SCHEME_KYOKAI + 1,
		[2] = SCHEME_KYOKAI + 1,
		[3] = SCHEME_DAY + 1,
		[4] = SCHEME_DAY + 1,
		[6] = SCHEME_SOCIETY + 1,
		[63] = SCHEME_SOCIETY + 1,
		[7] = SCHEME_MUTUAL + 1,
		[31] = SCHEME_MUTUAL + 1,
		[32] = SCHEME_MUTUAL + 1,
		[33] = SCHEME_MUTUAL + 1,
		[34] = SCHEME_MUTUAL + 1,
		[72] = SCHEME_MUTUAL + 1,
		[73] = SCHEME_MUTUAL + 1,
		[74] = SCHEME_MUTUAL + 1,
		[75] = SCHEME_MUTUAL + 1,
		[39] = SCHEME_ELDERLY + 1,
	};
	struct slice n = slice_trim(number);
	int law;

	if (!slice_digits(n) || (n.n != 6 && n.n != 8))
		return SCHEME_OUT_OF_SCOPE;
	/* six digits are 市町村国保 or 国保組合: no law in front of them */
	law = n.n == 6 ? 0 : (n.p[0] - '0') * 10 + n.p[1] - '0';
	if (by_law[law] == 0)
		return SCHEME_OUT_OF_SCOPE;
	if (by_law[law] == SCHEME_NHI_CITY + 1)
		return nhi_kind(n.p + n.n - 6);
	return (enum scheme)(by_law[law] - 1);
}

/* The first seven are the codes of schemas/codes/scheme.tsv. */
const char *const scheme_names[SCHEME__MAX] = {
	[SCHEME_NHI_CITY] = "nhi_city",
	[SCHEME_NHI_UNION] = "nhi_union",
	[SCHEME_KYOKAI] = "kyokai",
	[SCHEME_SOCIETY] = "society",
	[SCHEME_MUTUAL] = "mutual",
	[SCHEME_ELDERLY] = "elderly",
	[SCHEME_DAY] = "day",
	[SCHEME_OUT_OF_SCOPE] = "out_of_scope",
};
const char *const scheme_names_ja[SCHEME__MAX] = {
	[SCHEME_NHI_CITY] = "市町村国保",
	[SCHEME_NHI_UNION] = "国民健康保険組合",
	[SCHEME_KYOKAI] = "全国健康保険協会",
	[SCHEME_SOCIETY] = "健康保険組合",
	[SCHEME_MUTUAL] = "共済組合",
	[SCHEME_ELDERLY] = "後期高齢者医療広域連合",
	[SCHEME_DAY] = "日雇特例",
	[SCHEME_OUT_OF_SCOPE] = "対象外",
};

static uint64_t
mix(uint64_t h, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return (h ^ 0x1f) * UINT64_C(0x100000001b3);
}

uint64_t
printed_hash(struct slice insurer_number8, struct slice symbol,
    struct slice number, int32_t birth)
{
	char folded[256], day[4];
	struct buf b;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	h = mix(h, insurer_number8);
	buf_init(&b, folded, sizeof(folded));
	text_fold(symbol, &b);
	h = mix(h, buf_slice(&b));
	buf_clear(&b);
	text_fold(number, &b);
	h = mix(h, buf_slice(&b));
	for (int i = 0; i < 4; i++)
		day[i] = (char)((uint32_t)birth >> (8 * i));
	h = mix(h, (struct slice) { day, 4 });
	/* FNV leaves the high bits weak; spread them. */
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	return h;
}
