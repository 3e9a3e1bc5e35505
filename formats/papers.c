#include "formats/papers.h"

#include "formats/codec/check.h"
#include "formats/codec/day.h"
#include "formats/codec/record.h"
#include "formats/codes.h"

static enum diag_code check_iso_day(const struct value *v);
static enum diag_code check_stamp(const struct value *v);
static enum diag_code check_diag(const struct value *v);
static enum diag_code check_sequence(const struct value *v);

enum { REQ = FIELD_REQUIRED, EXA = FIELD_EXACT };

/* clang-format off */
#define CODES(name) static const struct code name[]
#define LAST { NULL, NULL, NULL, false }
CODES(record_layouts) = {
	{ "shikaku", "insurers' records", "加入者情報", false },
	{ "nhi_household", "municipal NHI, households", "資格情報（世帯）", false },
	{ "nhi_person", "municipal NHI, persons", "資格情報（個人）", false },
	{ "codes", "code results", "機関別符号結果", false },
	{ "link", "card links", "紐付情報", false },
	{ "iryokikan", "institution master", "医療機関マスタ", false },
	{ "rekey", "new keys of persons", "被保険者キー対応", false }, LAST };
CODES(record_syntaxes) = {
	{ "csv", "CSV", "CSV", false },
	{ "fixed", "fixed length", "固定長", false },
	{ "xml", "XML", "XML", false }, LAST };
CODES(record_charsets) = {
	{ "utf8", "UTF-8", "UTF-8", false },
	{ "utf8-bom", "UTF-8 with byte order mark", "UTF-8（BOM付き）", false },
	{ "cp932", "CP932", "Shift_JIS（CP932）", false }, LAST };
CODES(record_feeds) = {
	{ "shikaku", "insurers' qualification records", "加入者情報", false },
	{ "nhi", "municipal NHI qualification records", "市町村国保資格情報", false },
	{ "codes", "code results (J-LIS)", "機関別符号結果", false },
	{ "link", "card links (J-LIS)", "紐付情報", false },
	{ "iryokikan", "institution master", "医療機関マスタ", false },
	{ "rekey", "new keys of persons (municipal NHI)", "被保険者キー対応", false }, LAST };
CODES(crl_feed) = { { "crl", "revocation lists (J-LIS)", "失効リスト", false }, LAST };
CODES(crl_layout) = { { "crl", "one CRL: a partition", "失効リスト（区画）", false }, LAST };
CODES(crl_syntax) = { { "der", "DER", "DER", false }, LAST };
CODES(package_feed) = { { "package", "link package between the sides", "連携パッケージ", false }, LAST };
CODES(package_layout) = { { "segment", "accepted changes of one upload", "セグメント", false }, LAST };
CODES(package_syntax) = { { "seg", "segment", "セグメント", false }, LAST };
CODES(kind_arrival) = { { "arrival", "arrival receipt", "到達通知", false }, LAST };
CODES(kind_check) = { { "check", "check result", "受付結果", false }, LAST };
CODES(results) = {
	{ "accepted", "accepted", "受付", false },
	{ "accepted_in_part", "accepted but for the records listed", "一部受付", false },
	{ "held", "held until somebody decides", "保留", false },
	{ "refused", "refused", "受付不可", false }, LAST };

#define ROW(depth, flags, name, ja, width, type, need, check, codes) \
	{ depth, flags, { name, ja, 0, width, type, need, check, codes } }
#define TEXT(depth, name, ja, width, need) \
	ROW(depth, DOC_QUOTED, name, ja, width, FIELD_TEXT, need, NULL, NULL)
#define NUMBER(depth, name, ja, width, need) \
	ROW(depth, 0, name, ja, width, FIELD_NUM, need, NULL, NULL)
#define LIST(depth, name, ja) \
	ROW(depth, DOC_BOX | DOC_MANY, name, ja, 0, FIELD_TEXT, REQ, NULL, NULL)

#define HEAD(feeds) \
	ROW(0, DOC_QUOTED, "sender", "送信元", 8, FIELD_ANK, REQ, NULL, NULL), \
	ROW(0, 0, "feed", "種別", 16, FIELD_CODE, REQ, NULL, feeds), \
	ROW(0, 0, "day", "年月日", 10, FIELD_ANK, REQ | EXA, check_iso_day, NULL), \
	ROW(0, 0, "sequence", "連番", 4, FIELD_NUM, REQ, check_sequence, NULL), \
	LIST(0, "members", "構成ファイル")
#define MEMBER(layouts, syntaxes) \
	ROW(1, DOC_QUOTED, "name", "名前", 128, FIELD_ANK, REQ, NULL, NULL), \
	ROW(1, 0, "layout", "レイアウト", 16, FIELD_CODE, REQ, NULL, layouts), \
	ROW(1, 0, "syntax", "形式", 8, FIELD_CODE, REQ, NULL, syntaxes)
#define SIZES \
	NUMBER(1, "bytes", "バイト数", 16, REQ), \
	ROW(1, DOC_QUOTED, "sha256", "ダイジェスト（SHA-256）", 64, FIELD_ANK, REQ | EXA, check_sha256, NULL), \
	NUMBER(1, "records", "データ件数", 16, REQ), \
	NUMBER(1, "total", "合計値", 16, 0)

static const struct document_row manifest_rows[] = {
	HEAD(record_feeds),
	MEMBER(record_layouts, record_syntaxes),
	ROW(1, 0, "charset", "文字コード", 12, FIELD_CODE, REQ, NULL, record_charsets),
	SIZES,
};
static const struct document_row crl_rows[] = {
	HEAD(crl_feed),
	MEMBER(crl_layout, crl_syntax),
	SIZES,
};
static const struct document_row package_rows[] = {
	HEAD(package_feed),
	MEMBER(package_layout, package_syntax),
	SIZES,
};

#define PROBLEM(depth) \
	ROW(depth, 0, "code", "コード", 5, FIELD_ANK, REQ | EXA, check_diag, NULL), \
	TEXT(depth, "level", "重要度", 40, REQ), \
	TEXT(depth, "reason_ja", "理由", 400, REQ), \
	TEXT(depth, "reason", "理由（英）", 400, REQ), \
	TEXT(depth, "mend_ja", "直し方", 400, REQ), \
	TEXT(depth, "mend", "直し方（英）", 400, REQ)

#define DETAIL(depth) \
	TEXT(depth, "detail_ja", "詳細", 400, 0), \
	TEXT(depth, "detail", "詳細（英）", 400, 0)

static const struct document_row receipt_rows[] = {
	ROW(0, 0, "kind", "種類", 16, FIELD_CODE, REQ, NULL, kind_arrival),
	TEXT(0, "receipt", "受付番号", 64, REQ),
	TEXT(0, "file", "ファイル", 400, REQ),
	TEXT(0, "sender", "送信元", 8, REQ),
	ROW(0, DOC_QUOTED, "sha256", "ダイジェスト（SHA-256）", 64, FIELD_ANK, REQ | EXA, check_sha256, NULL),
	NUMBER(0, "bytes", "バイト数", 16, REQ),
	ROW(0, DOC_QUOTED, "arrived", "到達日時", 29, FIELD_ANK, REQ | EXA, check_stamp, NULL),
	ROW(0, DOC_QUOTED, "business_day", "業務日", 10, FIELD_ANK, REQ | EXA, check_iso_day, NULL),
	ROW(0, DOC_QUOTED, "result", "結果", 16, FIELD_CODE, REQ, NULL, results),
	TEXT(0, "result_ja", "結果（和）", 60, REQ),
	ROW(0, DOC_QUOTED, "next_cut_off", "次の締切", 29, FIELD_ANK, REQ | EXA, check_stamp, NULL),
	ROW(0, DOC_QUOTED, "expected_visible", "照会可能予定", 29, FIELD_ANK, EXA, check_stamp, NULL),
	LIST(0, "problems", "問題"),
	PROBLEM(1),
	DETAIL(1),
};
static const struct document_row check_rows[] = {
	ROW(0, 0, "kind", "種類", 16, FIELD_CODE, REQ, NULL, kind_check),
	TEXT(0, "receipt", "受付番号", 64, REQ),
	TEXT(0, "file", "ファイル", 400, REQ),
	TEXT(0, "sender", "送信元", 8, REQ),
	ROW(0, DOC_QUOTED, "business_day", "業務日", 10, FIELD_ANK, REQ | EXA, check_iso_day, NULL),
	ROW(0, DOC_QUOTED, "result", "結果", 16, FIELD_CODE, REQ, NULL, results),
	TEXT(0, "result_ja", "結果（和）", 60, REQ),
	{ 0, DOC_BOX | DOC_MANY, { "held_for", "保留の理由", 0, 0, FIELD_TEXT, 0, NULL, NULL } },
	PROBLEM(1),
	DETAIL(1),
	LIST(0, "members", "構成ファイル"),
	TEXT(1, "name", "名前", 128, REQ),
	TEXT(1, "record_kind", "レコード種別", 60, 0),
	NUMBER(1, "read", "読込件数", 16, REQ),
	NUMBER(1, "accepted", "受付件数", 16, REQ),
	NUMBER(1, "refused", "エラー件数", 16, REQ),
	NUMBER(1, "unchanged", "変更なし件数", 16, REQ),
	NUMBER(1, "held", "保留件数", 16, REQ),
	NUMBER(1, "with_substitutes", "代替文字使用件数", 16, REQ),
	NUMBER(1, "substitutes", "代替文字数", 16, REQ),
	NUMBER(1, "control_total", "合計値", 16, REQ),
	LIST(1, "problems", "問題"),
	PROBLEM(2),
	NUMBER(2, "count", "件数", 16, REQ),
};
/* clang-format on */

static enum diag_code
check_iso_day(const struct value *v)
{
	return day_parse_iso(v->s) == DAY_NONE ? DIAG_BAD_DATE : DIAG__MAX;
}

static enum diag_code
check_stamp(const struct value *v)
{
	static const char form[] = "....-..-..T00:00:00.000+09:00";

	if (day_parse_iso((struct slice) { v->s.p, 10 }) == DAY_NONE)
		return DIAG_BAD_DATE;
	for (size_t i = 10; i < sizeof(form) - 1; i++)
		if (i < 23 && form[i] == '0' ?
			v->s.p[i] < '0' || v->s.p[i] > '9' :
			v->s.p[i] != form[i])
			return DIAG_BAD_TIME;
	return DIAG__MAX;
}

static enum diag_code
check_diag(const struct value *v)
{
	return diag_find(v->s) < 0 ? DIAG_NOT_IN_CODES : DIAG__MAX;
}

static enum diag_code
check_sequence(const struct value *v)
{
	return v->n < 1 ? DIAG_BAD_PATTERN : DIAG__MAX;
}

/* read = accepted + refused + unchanged + held, per member. */
static int
books_balance(const struct document_tree *t, const struct diag *at,
    struct diag_sink *sink)
{
	static const char *const parts[] = { "accepted", "refused", "unchanged",
		"held" };
	int m = document_child(t, 0, "members"), errors = 0;

	for (; m >= 0; m = document_next(t, m)) {
		struct diag d = *at;
		int64_t left =
		    slice_number(t->v[document_child(t, m, "read")].value);

		for (int i = 0; i < 4; i++)
			left -= slice_number(
			    t->v[document_child(t, m, parts[i])].value);
		if (left == 0)
			continue;
		d.code = DIAG_UNBALANCED;
		d.line = t->v[m].line;
		diag_raise(sink, &d);
		errors++;
	}
	return errors;
}

#define ROWS(table) table, sizeof(table) / sizeof(*(table))

const struct document manifest_document = { "manifest", "構成一覧",
	DOCUMENT_YAML, NULL, ROWS(manifest_rows), NULL };
const struct document crl_document = { "crl", "失効リスト配信一覧",
	DOCUMENT_YAML, NULL, ROWS(crl_rows), NULL };
const struct document package_document = { "package", "連携パッケージ",
	DOCUMENT_YAML, NULL, ROWS(package_rows), NULL };
const struct document receipt_document = { "receipt", "到達通知", DOCUMENT_YAML,
	"到達通知 arrival receipt", ROWS(receipt_rows), NULL };
const struct document check_document = { "check", "受付結果", DOCUMENT_YAML,
	"受付結果 check result", ROWS(check_rows), books_balance };
