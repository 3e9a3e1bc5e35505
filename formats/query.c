/*
 * One table of elements (domain/messages.md 4, 5) walked by everything here.
 * What the report excludes (限度額, 特定疾病, 医療扶助, 健診 and so on) has no
 * row: read, it is an unknown element; written, it is absent (messages.md 1).
 */
#include "formats/query.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "formats/codec/check.h"
#include "formats/codec/day.h"
#include "formats/codec/json.h"
#include "formats/codec/xml.h"

enum source { /* where the value of a row is found in an answer */
	BOX, /* holds the deeper rows below it */
	EXECUTED,
	DAY,
	INSTITUTION,
	FILE_IDENTIFIER,
	REFERENCE,
	SEGMENT,
	ERROR_CODE,
	ERROR_MESSAGE,
	CHARACTER_CODE,
	SEARCH,
	CARD,
	CHALLENGE,
	STATUS,
	VALIDITY,
	RESULT,
	INSURER_NUMBER,
	INSURER_NAME,
	CONSENT
};
enum card_arg { CARD_ID, CARD_DER, CARD_SIGNATURE };
enum challenge_arg { CH_ID, CH_CHALLENGE, CH_SIGNED, CH_UNTIL };
enum row_flag {
	READ = 1, /* taken from a question; otherwise ignored there */
	LIST = 2 /* in JSON an array of objects with one key each (11) */
};

struct element {
	int depth;
	const char *name, *ja;
	enum source source;
	int arg; /* search_field, qualification_field, ... */
	unsigned flags;
	unsigned chars; /* READ: longest value, in characters */
	int ff; /* field number of OE2FFK (10); 0: none */
};

/* clang-format off */
static const struct element rows[] = {
{ 0, "XmlMsg", "電文", BOX, 0, 0, 0, 0 },
{ 1, "MessageHeader", "ヘッダー", BOX, 0, 0, 0, 0 },
{ 2, "ProcessExecutionTime", "処理実行日時", EXECUTED, 0, 0, 0, 0 },
{ 2, "QualificationConfirmationDate", "資格確認日", DAY, 0, READ, 8, 11 },
{ 2, "MedicalInstitutionCode", "医療機関コード", INSTITUTION, 0, READ, 10, 12 },
{ 2, "ArbitraryFileIdentifier", "任意のファイル識別子", FILE_IDENTIFIER, 0, READ, 200, 13 },
{ 2, "ReferenceClassification", "照会区分", REFERENCE, 0, 0, 0, 0 },
{ 2, "SegmentOfResult", "処理結果区分", SEGMENT, 0, 0, 0, 0 },
{ 2, "ErrorCode", "エラーコード", ERROR_CODE, 0, 0, 0, 0 },
{ 2, "ErrorMessage", "エラーメッセージ", ERROR_MESSAGE, 0, 0, 0, 0 },
{ 2, "CharacterCodeIdentifier", "文字コード識別", CHARACTER_CODE, 0, 0, 0, 0 },
{ 1, "MessageBody", "ボディー", BOX, 0, 0, 0, 0 },
{ 2, "QualificationConfirmSearchInfo", "資格確認照会用情報", BOX, 0, 0, 0, 0 },
{ 3, "InsurerNumber", "保険者番号", SEARCH, SF_INSURER, READ, 8, 1 },
{ 3, "InsuredCardSymbol", "被保険者証記号", SEARCH, SF_SYMBOL, READ, 20, 2 },
{ 3, "InsuredIdentificationNumber", "被保険者証番号", SEARCH, SF_NUMBER, READ, 20, 3 },
{ 3, "InsuredBranchNumber", "被保険者証枝番", SEARCH, SF_BRANCH, READ, 2, 4 },
{ 3, "Birthdate", "生年月日", SEARCH, SF_BIRTHDATE, READ, 8, 5 },
{ 3, "LimitApplicationCertificateRelatedConsFlg", "限度額適用認定証提供同意フラグ", SEARCH, SF_LIMIT_FLAG, READ, 1, 6 },
{ 3, "ArbitraryIdentifier", "任意の識別子", SEARCH, SF_IDENTIFIER, READ, 100, 7 },
{ 2, "CardSearchInfo", "カード照会用情報", BOX, 0, 0, 0, 0 },
{ 3, "ChallengeId", "認証要求番号", CARD, CARD_ID, READ, 32, 0 },
{ 3, "Certificate", "利用者証明用電子証明書", CARD, CARD_DER, READ, (CERT_DER_MAX + 2) / 3 * 4, 0 },
{ 3, "Signature", "署名", CARD, CARD_SIGNATURE, READ, 1024, 0 },
{ 2, "CardChallengeInfo", "認証要求情報", BOX, 0, 0, 0, 0 },
{ 3, "ChallengeId", "認証要求番号", CHALLENGE, CH_ID, 0, 0, 0 },
{ 3, "Challenge", "認証要求", CHALLENGE, CH_CHALLENGE, 0, 0, 0 },
{ 3, "ToBeSigned", "署名対象", CHALLENGE, CH_SIGNED, 0, 0, 0 },
{ 3, "ExpiresAt", "有効期限", CHALLENGE, CH_UNTIL, 0, 0, 0 },
{ 2, "ProcessingResultStatus", "処理結果状況", STATUS, 0, 0, 0, 0 },
{ 2, "QualificationValidity", "資格有効性", VALIDITY, 0, 0, 0, 0 },
{ 2, "ResultList", "資格確認結果リスト", BOX, 0, LIST, 0, 0 },
{ 3, "ResultOfQualificationConfirmation", "資格確認結果", BOX, 0, 0, 0, 0 },
{ 4, "InsuredCardClassification", "被保険者証区分", RESULT, Q_CARD_CLASS, 0, 0, 0 },
{ 4, "InsurerNumber", "保険者番号", INSURER_NUMBER, 0, 0, 0, 0 },
{ 4, "InsuredCardSymbol", "被保険者証記号", RESULT, Q_SYMBOL, 0, 0, 0 },
{ 4, "InsuredIdentificationNumber", "被保険者証番号", RESULT, Q_INSURED_NUMBER, 0, 0, 0 },
{ 4, "InsuredBranchNumber", "被保険者証枝番", RESULT, Q_BRANCH, 0, 0, 0 },
{ 4, "PersonalFamilyClassification", "本人・家族の別", RESULT, Q_FAMILY, 0, 0, 0 },
{ 4, "InsuredName", "被保険者氏名（世帯主氏名）", RESULT, Q_INSURED_NAME, 0, 0, 0 },
{ 4, "Name", "氏名", RESULT, Q_NAME, 0, 0, 0 },
{ 4, "NameOfOther", "氏名（その他）", RESULT, Q_NAME_OTHER, 0, 0, 0 },
{ 4, "NameKana", "氏名カナ", RESULT, Q_KANA, 0, 0, 0 },
{ 4, "NameOfOtherKana", "氏名カナ（その他）", RESULT, Q_KANA_OTHER, 0, 0, 0 },
{ 4, "Sex1", "性別1", RESULT, Q_SEX1, 0, 0, 0 },
{ 4, "Sex2", "性別2", RESULT, Q_SEX2, 0, 0, 0 },
{ 4, "Birthdate", "生年月日", RESULT, Q_BIRTHDATE, 0, 0, 0 },
{ 4, "Address", "住所", RESULT, Q_ADDRESS, 0, 0, 0 },
{ 4, "PostNumber", "郵便番号", RESULT, Q_POST_NUMBER, 0, 0, 0 },
{ 4, "QualificationDate", "資格取得年月日", RESULT, Q_QUALIFIED_ON, 0, 0, 0 },
{ 4, "DisqualificationDate", "資格喪失年月日", RESULT, Q_LOST_ON, 0, 0, 0 },
{ 4, "InsuredCertificateIssuanceDate", "被保険者証交付年月日", RESULT, Q_CARD_ISSUED_ON, 0, 0, 0 },
{ 4, "InsuredCardValidDate", "被保険者証有効開始年月日", RESULT, Q_CARD_FROM, 0, 0, 0 },
{ 4, "InsuredCardExpirationDate", "被保険者証有効終了年月日", RESULT, Q_CARD_UNTIL, 0, 0, 0 },
{ 4, "InsuredPartialContributionRatio", "被保険者証一部負担金割合", RESULT, Q_RATIO, 0, 0, 0 },
{ 4, "PreschoolClassification", "未就学区分", RESULT, Q_PRESCHOOL, 0, 0, 0 },
{ 4, "ReasonOfLoss", "資格喪失事由", RESULT, Q_LOSS_REASON, 0, 0, 0 },
{ 4, "InsurerName", "保険者名称", INSURER_NAME, 0, 0, 0, 0 },
{ 4, "ElderlyRecipientCertificateInfo", "高齢受給者証情報", BOX, 0, 0, 0, 0 },
{ 5, "ElderlyRecipientCertificateDate", "高齢受給者証交付年月日", RESULT, Q_ELDERLY_ISSUED_ON, 0, 0, 0 },
{ 5, "ElderlyRecipientValidStartDate", "高齢受給者証有効開始年月日", RESULT, Q_ELDERLY_FROM, 0, 0, 0 },
{ 5, "ElderlyRecipientValidEndDate", "高齢受給者証有効終了年月日", RESULT, Q_ELDERLY_UNTIL, 0, 0, 0 },
{ 5, "ElderlyRecipientContributionRatio", "高齢受給者証一部負担金割合", RESULT, Q_ELDERLY_RATIO, 0, 0, 0 },
{ 4, "LimitApplicationCertificateRelatedConsFlg", "限度額適用認定証提供同意フラグ", CONSENT, 0, 0, 0, 0 },
};
#define NROWS (sizeof(rows) / sizeof(rows[0]))
#define NO_ROW (-1)

/* Every code we give, who must act by its first digit (messages.md 10). The
 * texts never repeat a value; receivers show them as they are. */
static const struct { const char *code, *ja; } errors[] = {
{ "OE1001", "文字コードが正しくありません。" },
{ "OE1002", "電文の形式が正しくありません。" },
{ "OE1003", "電文のサイズまたは入れ子が上限を超えています。" },
{ "OE1004", "照会の件数が上限を超えています。" },
{ "OE1005", "同じ要素が重複しています。" },
{ "OE1006", "DTDおよび実体参照は使用できません。" },
{ "OE2011", "保険者番号が設定されていません。" },
{ "OE2012", "保険者番号の桁数が正しくありません。" },
{ "OE2013", "保険者番号に使用できない文字があります。" },
{ "OE2014", "保険者番号の検証番号が一致しません。" },
{ "OE2022", "被保険者証記号の桁数が上限を超えています。" },
{ "OE2023", "被保険者証記号に使用できない文字があります。" },
{ "OE2031", "被保険者証番号が設定されていません。" },
{ "OE2032", "被保険者証番号の桁数が上限を超えています。" },
{ "OE2033", "被保険者証番号に使用できない文字があります。" },
{ "OE2042", "被保険者証枝番の桁数が正しくありません。" },
{ "OE2043", "被保険者証枝番に使用できない文字があります。" },
{ "OE2051", "生年月日が設定されていません。" },
{ "OE2052", "生年月日の桁数が正しくありません。" },
{ "OE2053", "生年月日に使用できない文字があります。" },
{ "OE2055", "生年月日が正しい日付ではありません。" },
{ "OE2062", "限度額適用認定証提供同意フラグの桁数が正しくありません。" },
{ "OE2063", "限度額適用認定証提供同意フラグに使用できない文字があります。" },
{ "OE2066", "限度額適用認定証提供同意フラグがコード表にない値です。" },
{ "OE2072", "任意の識別子の桁数が上限を超えています。" },
{ "OE2073", "任意の識別子に使用できない文字があります。" },
{ "OE2111", "資格確認日が設定されていません。" },
{ "OE2112", "資格確認日の桁数が正しくありません。" },
{ "OE2113", "資格確認日に使用できない文字があります。" },
{ "OE2115", "資格確認日が正しい日付ではありません。" },
{ "OE2121", "医療機関コードが設定されていません。" },
{ "OE2122", "医療機関コードの桁数が正しくありません。" },
{ "OE2123", "医療機関コードに使用できない文字があります。" },
{ "OE2124", "医療機関コードの検証番号が一致しません。" },
{ "OE2132", "任意のファイル識別子の桁数が上限を超えています。" },
{ "OE2133", "任意のファイル識別子に使用できない文字があります。" },
{ "OE3001", "登録されていない医療機関コードです。" },
{ "OE3002", "端末の証明書と医療機関コードが一致しません。" },
{ "OE3003", "端末の証明書が失効しているか、有効期間外です。" },
{ "OE3004", "利用者証明用電子証明書を確認できません。" },
{ "OE3005", "カード情報または資格情報が登録されていません。" },
{ "OE3006", "認証要求の期限が切れているか、使用済みです。" },
{ "OE4001", "サービス時間外です。" },
{ "OE4002", "現在の段階では利用できない照会区分です。" },
{ "OE4003", "照会が集中しています。しばらくしてから再度照会してください。" },
{ "OE9001", "内部エラーが発生しました。" },
{ "OE9002", "資格情報を更新中です。しばらくしてから再度照会してください。" },
{ "OE9003", "失効情報が更新されていないため、カードを確認できません。" },
};
/* clang-format on */
#define NERRORS (sizeof(errors) / sizeof(errors[0]))

static size_t
error_index(const char *code)
{
	size_t i = 0;

	while (i < NERRORS && strcmp(errors[i].code, code) != 0)
		i++;
	return i;
}

const char *
query_error_ja(const char *code)
{
	size_t i = code == NULL ? NERRORS : error_index(code);

	return i < NERRORS ? errors[i].ja : "エラーが発生しました。";
}

/* The constant of the table, so that it may be kept for ever. */
static const char *
error_of(const char *code)
{
	size_t i = error_index(code);

	return i < NERRORS ? errors[i].code : "OE1002";
}

static const char *
field_error(const struct element *e, char kind)
{
	char code[8];

	snprintf(code, sizeof(code), "OE2%02d%c", e->ff % 100, kind);
	return error_of(code);
}

/* ---- base64 (RFC 4648 4) ---- */

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
			  "wxyz0123456789+/";

void
query_base64(struct slice bytes, struct buf *out)
{
	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t left = bytes.n - i;
		uint32_t v = (uint32_t)(unsigned char)bytes.p[i] << 16;
		if (left > 1)
			v |= (uint32_t)(unsigned char)bytes.p[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)bytes.p[i + 2];
		buf_putc(out, b64[v >> 18]);
		buf_putc(out, b64[v >> 12 & 63]);
		buf_putc(out, left > 1 ? b64[v >> 6 & 63] : '=');
		buf_putc(out, left > 2 ? b64[v & 63] : '=');
	}
}

static int
b64_value(char c)
{
	const char *p = c == '\0' ? NULL : strchr(b64, c);

	return p == NULL ? -1 : (int)(p - b64);
}

/* Strict: no blanks, padded, no bits left over. In place: bytes are fewer. */
static int
b64_decode(char *p, size_t n, struct slice *out)
{
	size_t w = 0, pad = 0;

	if (n == 0 || n % 4 != 0)
		return -1;
	if (p[n - 1] == '=')
		pad = p[n - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t v = 0;
		size_t keep = i + 4 == n ? 3 - pad : 3;
		for (size_t j = 0; j < 4; j++) {
			int d = b64_value(p[i + j]);
			if (d < 0 && j > keep && p[i + j] == '=')
				d = 0;
			if (d < 0)
				return -1;
			v = v << 6 | (uint32_t)d;
		}
		for (size_t j = 0; j < keep; j++)
			p[w++] = (char)(v >> (16 - 8 * j) & 255);
		if ((keep < 3 && (v >> (16 - 8 * keep) & 255) != 0))
			return -1;
	}
	*out = (struct slice) { p, w };
	return 0;
}

/* ---- reading ---- */

#define STACK_MAX 8 /* deeper than any row */

struct reading {
	struct query *q;
	struct slice raw[NROWS];
	bool seen[NROWS], is_long[NROWS];
	int stack[STACK_MAX]; /* rows open; NO_ROW: not ours */
	int depth;
	const char *error;
};

static int
row_find(int parent, int depth, struct slice name)
{
	for (int i = parent + 1; i < (int)NROWS; i++) {
		if (rows[i].depth < depth)
			break;
		if (rows[i].depth == depth && slice_is(name, rows[i].name))
			return i;
	}
	return NO_ROW;
}

/* Depth is our own count: the walkers may differ about it. */
static int
on_open(void *arg, struct slice name, int depth, int64_t line)
{
	struct reading *r = arg;
	int parent = NO_ROW, row = NO_ROW;

	(void)depth;
	(void)line;
	if (r->depth == 0)
		row = row_find(-1, 0, name);
	else if (r->depth <= STACK_MAX)
		parent = r->stack[r->depth - 1];
	if (parent != NO_ROW)
		row = row_find(parent, r->depth, name);
	if (r->depth == 0 && row == NO_ROW)
		r->error = error_of("OE1002");
	if (row != NO_ROW && r->seen[row])
		r->error = error_of("OE1005");
	if (row != NO_ROW)
		r->seen[row] = true;
	else
		r->q->unknown++;
	if (r->depth < STACK_MAX)
		r->stack[r->depth] = row;
	r->depth++;
	return r->error != NULL;
}

static int
on_close(
    void *arg, struct slice name, struct slice text, int depth, int64_t line)
{
	struct reading *r = arg;
	struct query *q = r->q;
	int row = NO_ROW;

	(void)name;
	(void)depth;
	(void)line;
	r->depth--;
	if (r->depth < STACK_MAX && r->depth >= 0)
		row = r->stack[r->depth];
	if (row == NO_ROW || (rows[row].flags & READ) == 0 || text.n == 0)
		return 0;
	if (text.n > (size_t)rows[row].chars * 4 ||
	    text.n > sizeof(q->store) - q->used) {
		r->is_long[row] = true;
		return 0;
	}
	memcpy(q->store + q->used, text.p, text.n);
	r->raw[row] = (struct slice) { q->store + q->used, text.n };
	q->used += text.n;
	return 0;
}

/* Of a whole text that could not be walked: the first thing that counts. */
static const char *
walk_error(const struct diag_sink *sink)
{
	static const struct {
		enum diag_code diag;
		const char *code;
	} map[] = { { DIAG_XML_DOCTYPE, "OE1006" }, { DIAG_ENCODING, "OE1001" },
		{ DIAG_BAD_BYTES, "OE1001" }, { DIAG_XML_DEPTH, "OE1003" },
		{ DIAG_ITEM_TWICE, "OE1005" } };
	const char *code = "OE1002";

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (sink->counts[map[i].diag] > 0) {
			code = map[i].code;
			break;
		}
	return error_of(code);
}

static void
put_nothing(struct diag_sink *sink, const struct diag *d)
{
	(void)sink;
	(void)d;
}

static const char *
read_tree(enum query_wire wire, struct slice body, struct reading *r)
{
	struct diag_sink sink = { .put = put_nothing };
	struct xml_handler h = { on_open, on_close, r };
	int walked;

	if (body.n > HTTP_BODY_MAX)
		return error_of("OE1003");
	if (wire == QUERY_JSON)
		walked = json_walk(body, &h, "question", &sink);
	else
		walked = xml_walk(body, &h, "question", &sink);
	if (r->error != NULL)
		return r->error;
	if (walked == -1)
		return walk_error(&sink);
	return r->seen[0] ? NULL : error_of("OE1002");
}

static bool
has_control(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

/* Digits of a number or date typed half or full width, folded. */
static struct slice
folded(struct slice s, char *p, size_t n)
{
	struct buf b;

	buf_init(&b, p, n);
	text_fold(s, &b);
	return buf_slice(&b);
}

/* A 保険者コード (report form, messages.md 4.3) need not have the check digit of
 * a 保険者番号; with 記号 or 枝番 beside it, it is the latter. */
static const char *
take_insurer(const struct element *e, struct slice s, struct query *q)
{
	struct slice t = slice_trim(s);
	bool card = q->search[SF_SYMBOL].n > 0 || q->search[SF_BRANCH].n > 0;
	struct value v = { t, 0 };

	if (t.n != 6 && t.n != 8)
		return field_error(e, '2');
	if (!slice_digits(t))
		return field_error(e, '3');
	if (t.n == 8 && memcmp(t.p, "00", 2) == 0)
		v.s = (struct slice) { t.p + 2, 6 };
	if (card && check_insurer_number(&v) != DIAG__MAX)
		return field_error(e, '4');
	memcpy(q->insurer8, "00000000", 9);
	memcpy(q->insurer8 + 8 - t.n, t.p, t.n);
	return NULL;
}

static const char *
take_branch(const struct element *e, struct slice s)
{
	char p[16];
	struct slice f = folded(s, p, sizeof(p));

	if (f.n != 2)
		return field_error(e, '2');
	return slice_digits(f) ? NULL : field_error(e, '3');
}

static const char *
take_day(const struct element *e, struct slice s, int32_t *out)
{
	if (s.n != 8)
		return field_error(e, '2');
	if (!slice_digits(s))
		return field_error(e, '3');
	*out = day_parse(s);
	return *out != DAY_NONE ? NULL : field_error(e, '5');
}

static const char *
take_institution(const struct element *e, struct slice s, struct query *q)
{
	struct value v = { s, 0 };

	if (s.n != 10)
		return field_error(e, '2');
	if (!slice_digits(s))
		return field_error(e, '3');
	q->institution = s;
	return check_institution_code(&v) == DIAG__MAX ? NULL :
							 field_error(e, '4');
}

/* A value is bounded and holds no control characters; then by its row. */
static const char *
take_value(const struct element *e, struct slice s, struct query *q)
{
	const char *bad = NULL;

	if (text_chars(s) > e->chars)
		return field_error(e, '2');
	if (has_control(s))
		return field_error(e, '3');
	if (e->source == DAY)
		bad = take_day(e, s, &q->day);
	else if (e->source == INSTITUTION)
		bad = take_institution(e, s, q);
	else if (e->source == FILE_IDENTIFIER)
		q->file_identifier = s;
	else if (e->arg == SF_BRANCH)
		bad = take_branch(e, s);
	else if (e->arg == SF_BIRTHDATE)
		bad = take_day(e, s, &q->birth);
	else if (e->arg == SF_LIMIT_FLAG && !slice_is(s, "0") &&
	    !slice_is(s, "1"))
		bad = field_error(e, '6');
	if (e->source == SEARCH && bad == NULL)
		q->search[e->arg] = s;
	return bad;
}

static bool
is_required(const struct element *e, enum query_kind kind)
{
	if (e->source == DAY || e->source == INSTITUTION)
		return kind != QUERY_CHALLENGE;
	return e->source == SEARCH && kind == QUERY_NUMBER &&
	    (e->arg == SF_INSURER || e->arg == SF_NUMBER ||
		e->arg == SF_BIRTHDATE);
}

/* Header and search fields in the order of the table; the first fault is
 * told, the rest is read all the same (an answer echoes what it can). */
static const char *
read_fields(struct reading *r)
{
	struct query *q = r->q;
	const char *error = NULL;
	int insurer = NO_ROW;

	for (int i = 0; i < (int)NROWS; i++) {
		const struct element *e = &rows[i];
		const char *bad = NULL;
		if ((e->flags & READ) == 0 || e->source == CARD)
			continue;
		if (r->is_long[i])
			bad = field_error(e, '2');
		else if (r->raw[i].n == 0)
			bad = is_required(e, q->kind) ? field_error(e, '1') :
							NULL;
		else
			bad = take_value(e, r->raw[i], q);
		if (e->source == SEARCH && e->arg == SF_INSURER && bad == NULL)
			insurer = i;
		if (error == NULL)
			error = bad;
	}
	if (insurer != NO_ROW && r->raw[insurer].n > 0) {
		const char *bad =
		    take_insurer(&rows[insurer], r->raw[insurer], q);
		if (bad != NULL && (error == NULL || strcmp(bad, error) < 0))
			error = bad;
	}
	return error;
}

static bool
is_hex(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
			(s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

static const char *
read_card(struct reading *r)
{
	struct query *q = r->q;
	const char *error = NULL;

	for (int i = 0; i < (int)NROWS; i++) {
		struct slice s = r->raw[i];
		if (rows[i].source != CARD)
			continue;
		/* s lies in our own store, so it may be decoded in place */
		char *p = q->store + (s.n > 0 ? s.p - q->store : 0);
		if (rows[i].arg == CARD_ID) {
			q->challenge = s;
			if (s.n != 32 || !is_hex(s))
				error = error_of("OE3006");
		} else if (b64_decode(p, s.n,
			       rows[i].arg == CARD_DER ?
				   &q->card_der :
				   &q->card_signature) == -1) {
			error = error_of("OE3004");
		}
	}
	return error;
}

static void
query_clear(struct query *q)
{
	memset(q, 0, offsetof(struct query, store));
	q->day = q->birth = DAY_NONE;
}

static bool
seen(const struct reading *r, const char *name)
{
	for (size_t i = 0; i < NROWS; i++)
		if (rows[i].depth == 2 && strcmp(rows[i].name, name) == 0)
			return r->seen[i];
	return false;
}

int
query_read(enum query_wire wire, struct slice body, struct query *out,
    const char **error)
{
	struct reading r = { .q = out };
	const char *whole, *fields, *card = NULL;

	query_clear(out);
	whole = read_tree(wire, body, &r);
	if (seen(&r, "CardSearchInfo")) {
		out->kind = QUERY_CARD;
		card = read_card(&r);
		if (whole == NULL && seen(&r, "QualificationConfirmSearchInfo"))
			whole = error_of("OE1002"); /* one question at a time */
	}
	fields = read_fields(&r);
	*error = whole != NULL ? whole : fields != NULL ? fields : card;
	return *error == NULL ? 0 : -1;
}

int
query_read_challenge(enum query_wire wire, struct slice body, struct query *out,
    const char **error)
{
	struct reading r = { .q = out };
	const char *whole = NULL, *fields;

	query_clear(out);
	out->kind = QUERY_CHALLENGE;
	if (body.n > 0)
		whole = read_tree(wire, body, &r);
	fields = read_fields(&r);
	*error = whole != NULL ? whole : fields;
	return *error == NULL ? 0 : -1;
}

/* ---- writing ---- */

struct writing {
	const struct answer *a;
	enum query_wire wire;
	enum charset cs;
	struct slice v[NROWS];
	bool filled[NROWS];
	char store[512]; /* values made here */
	struct buf made;
	struct buf *out;
	unsigned substitutes;
};

static struct slice
make(struct writing *w, const char *s, size_t n)
{
	struct slice made = { w->made.p + w->made.n, n };

	buf_put(&w->made, (struct slice) { s, n });
	return made;
}

static struct slice
make_time(struct writing *w, int64_t ms)
{
	char t[15];

	day_format_time(ms, t);
	return make(w, t, 14);
}

static struct slice
make_digit(struct writing *w, int digit)
{
	char c = (char)('0' + digit);

	return make(w, &c, 1);
}

static struct slice
header_value(struct writing *w, enum source source)
{
	const struct answer *a = w->a;
	const struct query *q = a->query;
	char day[9];

	switch (source) {
	case EXECUTED:
		return make_time(w, a->executed);
	case DAY: /* always there (R5): the day of asking where none was read */
		day_format(q != NULL && q->day != DAY_NONE ?
			q->day :
			day_of_moment(a->executed),
		    day);
		return make(w, day, 8);
	case INSTITUTION:
		return q != NULL && q->institution.n == 10 ?
		    q->institution :
		    slice_of(a->institution);
	case FILE_IDENTIFIER:
		return q != NULL ? q->file_identifier : SLICE("");
	case REFERENCE:
		return q == NULL || q->kind == QUERY_NUMBER ? SLICE("2") :
							      SLICE("1");
	case SEGMENT:
		return make_digit(w, a->segment_of_result);
	case ERROR_CODE:
		return a->error_code == NULL ? SLICE("") :
					       slice_of(a->error_code);
	case ERROR_MESSAGE:
		return a->error_code == NULL ?
		    SLICE("") :
		    slice_of(a->error_ja != NULL ?
			    a->error_ja :
			    query_error_ja(a->error_code));
	default: /* CHARACTER_CODE */
		return w->wire == QUERY_XML && w->cs == CHARSET_CP932 ?
		    SLICE("1") :
		    SLICE("0");
	}
}

static struct slice
challenge_value(struct writing *w, int arg)
{
	const struct answer *a = w->a;

	if (a->challenge_id[0] == '\0')
		return SLICE("");
	switch (arg) {
	case CH_ID:
		return slice_of(a->challenge_id);
	case CH_CHALLENGE:
		return slice_of(a->challenge_hex);
	case CH_SIGNED:
		return slice_of(a->challenge_signed);
	default:
		return make_time(w, a->challenge_until);
	}
}

/* NHI numbers have 6 digits: two blanks before them in XML, zeros in JSON. */
static struct slice
insurer_value(struct writing *w)
{
	struct slice s = w->a->result.v[Q_INSURER_NUMBER].s;
	char n8[9];

	if (insurer_number_8(s, n8) == -1)
		return s;
	if (w->wire == QUERY_XML && memcmp(n8, "00", 2) == 0)
		memcpy(n8, "  ", 2);
	return make(w, n8, 8);
}

static struct slice
result_value(struct writing *w, const struct element *e)
{
	const struct answer *a = w->a;

	if (!a->has_result)
		return SLICE("");
	if (e->source == INSURER_NUMBER)
		return insurer_value(w);
	if (e->source == INSURER_NAME)
		return a->insurer_name;
	if (e->source == CONSENT) /* 5.4: there in the face form; never given */
		return a->query != NULL && a->query->kind == QUERY_CARD ?
		    SLICE("0") :
		    SLICE("");
	return a->result.v[e->arg].s;
}

static struct slice
value_of(struct writing *w, const struct element *e)
{
	const struct answer *a = w->a;
	bool normal = a->segment_of_result == 1;

	switch (e->source) {
	case BOX:
	case CARD:
		return SLICE("");
	case SEARCH: /* the echo: number questions with a normal end only */
		return normal && a->query != NULL &&
			a->query->kind == QUERY_NUMBER ?
		    a->query->search[e->arg] :
		    SLICE("");
	case CHALLENGE:
		return normal ? challenge_value(w, e->arg) : SLICE("");
	case STATUS:
		return normal ? SLICE("1") : SLICE("2");
	case VALIDITY:
		return normal && a->validity != VALIDITY_NONE_YET ?
		    make_digit(w, (int)a->validity) :
		    SLICE("");
	case RESULT:
	case INSURER_NUMBER:
	case INSURER_NAME:
	case CONSENT:
		return normal ? result_value(w, e) : SLICE("");
	default:
		return header_value(w, e->source);
	}
}

/* R4: neither an empty leaf nor an empty container is written. */
static void
fill(struct writing *w)
{
	int open[STACK_MAX] = { 0 };

	for (int i = 0; i < (int)NROWS; i++) {
		open[rows[i].depth] = i;
		w->v[i] = value_of(w, &rows[i]);
		if (w->v[i].n == 0)
			continue;
		for (int d = 0; d <= rows[i].depth; d++)
			w->filled[open[d]] = true;
	}
}

static void
put_xml_value(struct writing *w, struct slice s)
{
	char escaped[4096];
	struct buf b;
	unsigned n = 0;
	uint32_t instead = w->a->substitute != 0 ? w->a->substitute : 0x25cf;

	if (w->cs != CHARSET_CP932) {
		xml_escape(s, w->out);
		return;
	}
	/* R1, R3: convert and substitute ourselves; never &#...; */
	buf_init(&b, escaped, sizeof(escaped));
	xml_escape(s, &b);
	if (b.full || text_to_cp932(buf_slice(&b), instead, w->out, &n) == -1)
		w->out->full = true;
	w->substitutes += n;
}

static void
put_tag(struct writing *w, const char *before, int row, const char *after)
{
	for (int d = 0; d < rows[row].depth; d++)
		buf_puts(w->out, "  ");
	buf_puts(w->out, before);
	buf_puts(w->out, rows[row].name);
	buf_puts(w->out, after);
}

static void
close_xml(struct writing *w, const int *open, int from, int to)
{
	for (int d = from; d >= to; d--)
		if (rows[open[d]].source == BOX)
			put_tag(w, "</", open[d], ">\n");
}

static void
put_xml(struct writing *w)
{
	int open[STACK_MAX] = { 0 }, depth = -1;

	buf_puts(w->out, "<?xml version=\"1.0\" encoding=\"");
	buf_puts(w->out, w->cs == CHARSET_CP932 ? "Shift_JIS" : "UTF-8");
	buf_puts(w->out, "\" standalone=\"no\"?>\n");
	for (int i = 0; i < (int)NROWS; i++) {
		if (!w->filled[i])
			continue;
		close_xml(w, open, depth, rows[i].depth);
		depth = rows[i].depth;
		open[depth] = i;
		if (rows[i].source == BOX) {
			put_tag(w, "<", i, ">\n");
			continue;
		}
		put_tag(w, "<", i, ">");
		put_xml_value(w, w->v[i]);
		buf_puts(w->out, "</");
		buf_puts(w->out, rows[i].name);
		buf_puts(w->out, ">\n");
	}
	close_xml(w, open, depth, 0);
}

static void
close_json(struct writing *w, const int *open, int from, int to)
{
	for (int d = from; d >= to; d--) {
		if (rows[open[d]].source != BOX)
			continue;
		if ((rows[open[d]].flags & LIST) != 0)
			buf_putc(w->out, ']');
		else
			buf_putc(w->out, '}');
		if (d > 0 && (rows[open[d - 1]].flags & LIST) != 0)
			buf_putc(w->out, '}');
	}
}

static void
put_json(struct writing *w)
{
	int open[STACK_MAX] = { 0 }, depth = -1;

	for (int i = 0; i < (int)NROWS; i++) {
		if (!w->filled[i])
			continue;
		int d = rows[i].depth;
		bool in_list = d > 0 && (rows[open[d - 1]].flags & LIST) != 0;
		close_json(w, open, depth, d);
		if (depth >= d)
			buf_putc(w->out, ',');
		if (d == 0 || in_list)
			buf_putc(w->out, '{');
		json_quote(slice_of(rows[i].name), w->out);
		buf_putc(w->out, ':');
		depth = d;
		open[d] = i;
		if (rows[i].source != BOX)
			json_quote(w->v[i], w->out);
		else
			buf_putc(w->out, rows[i].flags & LIST ? '[' : '{');
	}
	close_json(w, open, depth, 0);
	buf_puts(w->out, "}\n");
}

int
query_write(enum query_wire wire, enum charset cs, const struct answer *a,
    struct buf *out)
{
	struct writing w = { .a = a, .wire = wire, .cs = cs, .out = out };

	buf_init(&w.made, w.store, sizeof(w.store));
	fill(&w);
	if (wire == QUERY_JSON)
		put_json(&w);
	else
		put_xml(&w);
	return out->full || w.made.full ? -1 : 0;
}

void
query_to_be_signed(const unsigned char challenge[32], const char *institution,
    const char *terminal, int64_t issued, struct buf *out)
{
	char time[15];

	day_format_time(issued, time);
	buf_put(out, SLICE("OQS-PINLESS-AUTH-V1\0"));
	buf_put(out, (struct slice) { (const char *)challenge, 32 });
	buf_puts(out, institution);
	buf_puts(out, terminal);
	buf_puts(out, time);
}
