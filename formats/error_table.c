#include "formats/error_table.h"

#include "formats/error_list.h"

static const struct code levels[] = { { "参考", "note: accepted",
					  "参考：受け付けました", false },
	{ "警告", "warning: accepted", "警告：受け付けました", false },
	{ "エラー", "error: record refused", "エラー：レコードを受け付けません",
	    false },
	{ "ファイルエラー", "fatal: file refused",
	    "ファイルエラー：ファイルを受け付けません", false },
	{ NULL, NULL, NULL, false } };

/* clang-format off */
enum { REQ = FIELD_REQUIRED };

static const struct field fields[E_ROW] = {
	[E_FILE] = { "ファイル", "member or file of the problem", 1, 400, FIELD_TEXT, 0, NULL, NULL },
	[E_LINE] = { "行番号", "line; fixed length: record of the file; from 1", 2, 12, FIELD_NUM, 0, NULL, NULL },
	[E_BYTE] = { "バイト位置", "where the record begins; from 1", 3, 15, FIELD_NUM, 0, NULL, NULL },
	[E_RECORD] = { "レコード番号", "data record, from 1", 4, 10, FIELD_NUM, 0, NULL, NULL },
	[E_ITEM] = { "項目番号", "item number of the layout", 5, 3, FIELD_NUM, 0, NULL, NULL },
	[E_NAME] = { "item", "name of the item in the layout", 6, 64, FIELD_TEXT, 0, NULL, NULL },
	[E_CODE] = { "コード", "code, shikaku-diag(7)", 7, 5, FIELD_ANK, REQ | FIELD_EXACT, NULL, NULL },
	[E_LEVEL] = { "重要度", "level", 8, 16, FIELD_CODE, REQ, NULL, levels },
	[E_KIND] = { "レコード種別", "kind of record", 9, 120, FIELD_TEXT, 0, NULL, NULL },
	[E_KEY] = { "キー", "key of the record; private parts are ***", 10, 400, FIELD_TEXT, 0, NULL, NULL },
	[E_NAME_JA] = { "項目名", "Japanese name of the item", 11, 120, FIELD_TEXT, 0, NULL, NULL },
	[E_REASON_JA] = { "理由", "reason in Japanese", 12, 400, FIELD_TEXT, REQ, NULL, NULL },
	[E_MEND_JA] = { "直し方", "how to mend it, in Japanese", 13, 800, FIELD_TEXT, REQ, NULL, NULL },
	[E_REASON] = { "reason", "reason in English", 14, 800, FIELD_TEXT, REQ, NULL, NULL },
	[E_MEND] = { "how to mend", "how to mend it, in English", 15, 800, FIELD_TEXT, REQ, NULL, NULL },
	[E_RECEIPT] = { "受付番号", "receipt number of the upload", 16, 64, FIELD_TEXT, 0, NULL, NULL },
	[E_NOTE] = { "備考", "remarks on the row itself", 17, 400, FIELD_TEXT, 0, NULL, NULL },
};
/* clang-format on */

static const struct format format = { "Problem", "エラー", fields, E_ROW,
	NULL };

const struct layout error_layout = {
	.name = "errors",
	.ja = "エラーリスト",
	.data = &format,
	.trailer_count = -1,
	.trailer_total = -1,
	.total_field = -1,
	.number_field = -1,
	.bare = true,
	.refuse_percent = 100,
};
