/* The smaller feeds: F4, F6, F5 and the two tables a site keeps. */
#include "formats/feeds.h"

#include "formats/codec/check.h"
#include "formats/codes.h"
#include "formats/qualification.h"

/* clang-format off */
enum { REQ = FIELD_REQUIRED, KEY = FIELD_KEY, PRV = FIELD_PRIVATE,
	STO = FIELD_STORED, EXA = FIELD_EXACT };

static enum diag_code check_ski(const struct value *v);
static enum diag_code check_sender(const struct value *v);
static enum diag_code check_clock(const struct value *v);

static const struct field link_fields[L__MAX] = {
	[L_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[L_NUMBER] = { "RecordNumber", "レコード識別番号", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[L_CA] = { "CaKeyId", "発行者識別", 3, 40, FIELD_ANK, REQ | KEY | STO | EXA, check_ski, NULL },
	[L_SERIAL] = { "SerialNumber", "シリアル番号", 4, 40, FIELD_ANK, REQ | KEY | STO | PRV, check_serial, NULL },
	[L_PROCESSING_NUMBER] = { "ProcessingNumber", "処理通番", 5, 64, FIELD_ANK, REQ | STO | PRV, NULL, NULL },
	[L_STATE] = { "LinkState", "新旧区分", 6, 1, FIELD_CODE, REQ | STO, NULL, codes_link_state },
	[L_VALID_FROM] = { "ValidFrom", "有効期間開始", 7, 8, FIELD_DAY, STO, NULL, NULL },
	[L_VALID_UNTIL] = { "ValidUntil", "有効期間満了", 8, 8, FIELD_DAY, STO, NULL, NULL },
	[L_PROVIDED_AT] = { "ProvidedAt", "提供年月日時", 9, 14, FIELD_TIME, REQ | STO, NULL, NULL },
};

/* 機関別符号 is handled like a 個人番号: it never leaves this side. */
static const struct field codes_fields[C__MAX] = {
	[C_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[C_NUMBER] = { "RecordNumber", "レコード識別番号", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[C_INSURER_CODE] = { "InsurerCode", "保険者コード", 3, 8, FIELD_NUM, REQ | KEY | STO | EXA, NULL, NULL },
	[C_PERSON_ID] = { "PersonId", "被保険者枝番", 4, 20, FIELD_ANK, REQ | KEY | STO | PRV, check_person_id, NULL },
	[C_PROCESSING_NUMBER] = { "ProcessingNumber", "処理通番", 5, 64, FIELD_ANK, REQ | STO | PRV, NULL, NULL },
	[C_RESULT] = { "Result", "結果", 6, 1, FIELD_CODE, REQ | STO, NULL, codes_code_result },
	[C_RESULT_DATE] = { "ResultDate", "結果年月日", 7, 8, FIELD_DAY, REQ | STO, NULL, NULL },
	[C_AGENCY_CODE] = { "AgencyCode", "機関別符号", 8, 64, FIELD_ANK, PRV, NULL, NULL },
};

/* Only for persons who have no 機関別符号 yet (report 4章6-2). */
static const struct field code_request_fields[CR__MAX] = {
	[CR_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[CR_NUMBER] = { "RecordNumber", "レコード識別番号", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[CR_INSURER_CODE] = { "InsurerCode", "保険者コード", 3, 8, FIELD_NUM, REQ | KEY | EXA, NULL, NULL },
	[CR_PERSON_ID] = { "PersonId", "被保険者枝番", 4, 20, FIELD_ANK, REQ | KEY | PRV, check_person_id, NULL },
	[CR_PROCESSING_NUMBER] = { "ProcessingNumber", "処理通番", 5, 64, FIELD_ANK, REQ | PRV, NULL, NULL },
	[CR_REQUESTED_ON] = { "RequestDate", "要求年月日", 6, 8, FIELD_DAY, REQ, NULL, NULL },
	[CR_KIND] = { "RequestKind", "要求区分", 7, 1, FIELD_CODE, REQ, NULL, codes_request_kind },
};

static const struct field institution_fields[I__MAX] = {
	[I_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[I_NUMBER] = { "RecordNumber", "レコード識別番号", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[I_CODE] = { "InstitutionCode", "医療機関コード", 3, 10, FIELD_NUM, REQ | KEY | STO | EXA, check_institution_code, NULL },
	[I_PREFECTURE] = { "Prefecture", "都道府県番号", 4, 2, FIELD_NUM, REQ | STO | EXA, check_prefecture, NULL },
	[I_SIZE_CLASS] = { "SizeClass", "規模区分", 5, 1, FIELD_CODE, REQ | STO, NULL, codes_size_class },
	[I_BEDS] = { "Beds", "病床数", 6, 5, FIELD_NUM, STO, NULL, NULL },
	[I_NAME] = { "InstitutionName", "名称", 7, 200, FIELD_TEXT, STO, NULL, NULL },
	[I_POST_NUMBER] = { "PostNumber", "郵便番号", 8, 8, FIELD_ANK, STO, check_post_number, NULL },
	[I_ADDRESS] = { "Address", "所在地", 9, 300, FIELD_TEXT, STO, NULL, NULL },
	[I_FROM] = { "DesignatedFrom", "指定開始年月日", 10, 8, FIELD_DAY, STO, NULL, NULL },
	[I_UNTIL] = { "DesignatedUntil", "指定終了年月日", 11, 8, FIELD_DAY, STO, NULL, NULL },
	[I_PILOT] = { "Phase1", "第1段階参加区分", 12, 1, FIELD_CODE, STO, NULL, codes_flag },
	[I_ENCODING] = { "Encoding", "応答の文字コード", 13, 5, FIELD_CODE, STO, NULL, codes_encoding },
};

static const struct field sender_fields[S__MAX] = {
	[S_ID] = { "Sender", "送信元", 1, 8, FIELD_ANK, REQ | KEY, check_sender, NULL },
	[S_SIDE] = { "Side", "側", 2, 16, FIELD_CODE, REQ, NULL, codes_side },
	[S_FEEDS] = { "Feeds", "送付種別", 3, 64, FIELD_ANK, REQ, NULL, NULL },
	[S_NAME] = { "SenderName", "名称", 4, 200, FIELD_TEXT, 0, NULL, NULL },
	[S_JOINS_ON] = { "JoinsOn", "参加開始年月日", 5, 8, FIELD_DAY, 0, NULL, NULL },
	[S_LEAVES_ON] = { "LeavesOn", "参加終了年月日", 6, 8, FIELD_DAY, 0, NULL, NULL },
};

static const struct field insurer_fields[N__MAX] = {
	[N_NUMBER] = { "InsurerNumber", "保険者番号", 1, 8, FIELD_NUM, REQ | KEY | STO, check_insurer_number, NULL },
	[N_CODE] = { "InsurerCode", "保険者コード", 2, 8, FIELD_NUM, REQ | STO | EXA, NULL, NULL },
	[N_SCHEME] = { "Scheme", "制度", 3, 16, FIELD_CODE, REQ | STO, NULL, codes_scheme },
	[N_NAME] = { "InsurerName", "保険者名称", 4, 200, FIELD_TEXT, REQ | STO, NULL, NULL },
	[N_PREFECTURE] = { "Prefecture", "都道府県番号", 5, 2, FIELD_NUM, STO | EXA, check_prefecture, NULL },
	[N_SENDER] = { "Sender", "送信元", 6, 8, FIELD_ANK, REQ, check_sender, NULL },
};

static const struct field arrival_fields[V__MAX] = {
	[V_SENDER] = { "Sender", "送信元", 1, 8, FIELD_ANK, REQ | KEY, check_sender, NULL },
	[V_FEED] = { "Feed", "送付種別", 2, 16, FIELD_ANK, REQ | KEY, NULL, NULL },
	[V_CALENDAR] = { "Calendar", "送付日の規則", 3, 64, FIELD_TEXT, REQ, NULL, NULL },
	[V_BY] = { "By", "到着予定時刻", 4, 5, FIELD_ANK, REQ | EXA, check_clock, NULL },
	[V_CALL_AFTER] = { "CallAfter", "緊急連絡までの未着回数", 5, 2, FIELD_NUM, 0, NULL, NULL },
};
/* clang-format on */

/* 40 lower-case hexadecimal digits: compared as bytes ever after. */
static enum diag_code
check_ski(const struct value *v)
{
	for (size_t i = 0; i < v->s.n; i++) {
		char c = v->s.p[i];

		if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
			return DIAG_BAD_PATTERN;
	}
	return DIAG__MAX;
}

/* HH:MM */
static enum diag_code
check_clock(const struct value *v)
{
	const char *p = v->s.p;
	int64_t h = slice_number((struct slice) { p, 2 });
	int64_t m = slice_number((struct slice) { p + 3, 2 });

	return p[2] == ':' && h >= 0 && h <= 23 && m >= 0 && m <= 59 ?
	    DIAG__MAX :
	    DIAG_BAD_PATTERN;
}

static enum diag_code
check_sender(const struct value *v)
{
	for (size_t i = 0; i < v->s.n; i++) {
		char c = v->s.p[i];

		if ((c < '0' || c > '9') && (c < 'A' || c > 'Z'))
			return DIAG_BAD_PATTERN;
	}
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

static bool
backwards(const struct record *r, int from, int until)
{
	uint64_t either = UINT64_C(1) << from | UINT64_C(1) << until;

	return (r->bad & either) == 0 && r->v[from].s.n > 0 &&
	    r->v[until].s.n > 0 && r->v[until].n < r->v[from].n;
}

static int
link_period(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	(void)today;
	if (!backwards(r, L_VALID_FROM, L_VALID_UNTIL))
		return 0;
	return raise_at(r, L_VALID_UNTIL, DIAG_CARD_PERIOD, at, sink);
}

static int
institution_period(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	(void)today;
	if (!backwards(r, I_FROM, I_UNTIL))
		return 0;
	return raise_at(r, I_UNTIL, DIAG_CARD_PERIOD, at, sink);
}

/* 取得済 without the code, or the code without 取得済. */
static int
code_with_result(const struct record *r, int32_t today, const struct diag *at,
    struct diag_sink *sink)
{
	uint64_t either =
	    UINT64_C(1) << C_RESULT | UINT64_C(1) << C_AGENCY_CODE;
	bool acquired = slice_is(r->v[C_RESULT].s, "1");

	(void)today;
	if ((r->bad & either) != 0 || acquired == (r->v[C_AGENCY_CODE].s.n > 0))
		return 0;
	return raise_at(r, C_AGENCY_CODE,
	    acquired ? DIAG_MISSING : DIAG_UNKNOWN_ITEM, at, sink);
}

static const struct rule link_rules[] = {
	{ "F4 有効期間", link_period },
	{ NULL, NULL },
};
static const struct rule codes_rules[] = {
	{ "F6 結果", code_with_result },
	{ NULL, NULL },
};
static const struct rule institution_rules[] = {
	{ "F5 指定開始 / 終了", institution_period },
	{ NULL, NULL },
};

/* clang-format off */
const struct format link_format
    = { "Link", "紐付情報", link_fields, L__MAX, link_rules };
const struct format codes_format
    = { "Code", "機関別符号取得結果", codes_fields, C__MAX, codes_rules };
const struct format code_request_format
    = { "CodeRequest", "機関別符号取得要求", code_request_fields, CR__MAX, NULL };
const struct format institution_format
    = { "Institution", "医療機関", institution_fields, I__MAX, institution_rules };
const struct format sender_format
    = { "Sender", "送信元", sender_fields, S__MAX, NULL };
const struct format insurer_format
    = { "Insurer", "保険者", insurer_fields, N__MAX, NULL };
const struct format arrival_format
    = { "Arrival", "到着予定", arrival_fields, V__MAX, NULL };
/* clang-format on */

const struct layout link_layout = {
	.name = "link",
	.ja = "紐付情報ファイル",
	.header = &file_header,
	.data = &link_format,
	.trailer = &file_trailer,
	.trailer_count = FT_COUNT,
	.trailer_total = FT_TOTAL,
	.total_field = -1,
	.number_field = L_NUMBER,
	.refuse_percent = 100,
};
const struct layout codes_layout = {
	.name = "codes",
	.ja = "機関別符号取得結果ファイル",
	.header = &file_header,
	.data = &codes_format,
	.trailer = &file_trailer,
	.trailer_count = FT_COUNT,
	.trailer_total = FT_TOTAL,
	.total_field = -1,
	.number_field = C_NUMBER,
	.refuse_percent = 100,
};
const struct layout code_request_layout = {
	.name = "code_request",
	.ja = "機関別符号取得要求ファイル",
	.header = &file_header,
	.data = &code_request_format,
	.trailer = &file_trailer,
	.trailer_count = FT_COUNT,
	.trailer_total = FT_TOTAL,
	.total_field = -1,
	.number_field = CR_NUMBER,
	.refuse_percent = 100,
};
const struct layout institution_layout = {
	.name = "iryokikan",
	.ja = "医療機関マスタ",
	.header = &file_header,
	.data = &institution_format,
	.trailer = &file_trailer,
	.trailer_count = FT_COUNT,
	.trailer_total = FT_TOTAL,
	.total_field = -1,
	.number_field = I_NUMBER,
	.refuse_percent = 100,
};
/* A site's own tables: one bad row refuses the table. */
const struct layout sender_layout = {
	.name = "senders",
	.ja = "送信元一覧",
	.data = &sender_format,
	.trailer_count = -1,
	.trailer_total = -1,
	.total_field = -1,
	.number_field = -1,
	.bare = true,
};
const struct layout insurer_layout = {
	.name = "insurers",
	.ja = "保険者一覧",
	.data = &insurer_format,
	.trailer_count = -1,
	.trailer_total = -1,
	.total_field = -1,
	.number_field = -1,
	.bare = true,
};
const struct layout arrival_layout = {
	.name = "arrivals",
	.ja = "到着予定一覧",
	.data = &arrival_format,
	.trailer_count = -1,
	.trailer_total = -1,
	.total_field = -1,
	.number_field = -1,
	.bare = true,
};
