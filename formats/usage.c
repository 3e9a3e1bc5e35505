/* The usage line and the daily file for the 取りまとめ機関 (O3). */
#include "formats/usage.h"

#include "formats/codes.h"
#include "formats/qualification.h"

/* clang-format off */
enum { REQ = FIELD_REQUIRED, EXA = FIELD_EXACT };

/* No name, no number of a person, no serial: a keyed hash instead. */
static const struct field fields[U__MAX] = {
	[U_AT] = { "At", "利用日時", 1, 29, FIELD_ANK, REQ | EXA, NULL, NULL },
	[U_WORKER] = { "Worker", "ワーカ番号", 2, 4, FIELD_NUM, REQ, NULL, NULL },
	[U_SEQUENCE] = { "Sequence", "行番号", 3, 12, FIELD_NUM, REQ, NULL, NULL },
	[U_REQUEST] = { "Request", "取引ID", 4, 16, FIELD_ANK, REQ | EXA, NULL, NULL },
	[U_INSTITUTION] = { "InstitutionCode", "医療機関コード", 5, 10, FIELD_NUM, EXA, NULL, NULL },
	[U_TERMINAL] = { "Terminal", "端末証明書シリアル", 6, 40, FIELD_ANK, 0, NULL, NULL },
	[U_KIND] = { "Kind", "照会種別", 7, 16, FIELD_CODE, REQ, NULL, codes_question_kind },
	[U_DAY] = { "ConfirmationDate", "資格確認日", 8, 8, FIELD_DAY, 0, NULL, NULL },
	[U_STATUS] = { "Status", "HTTP状態", 9, 3, FIELD_NUM, REQ | EXA, NULL, NULL },
	[U_CODE] = { "Code", "エラーコード", 10, 8, FIELD_ANK, 0, NULL, NULL },
	[U_VALIDITY] = { "Validity", "資格有効性", 11, 1, FIELD_NUM, 0, NULL, NULL },
	[U_INSURER] = { "InsurerCode", "保険者コード", 12, 8, FIELD_NUM, EXA, NULL, NULL },
	[U_GENERATION] = { "Generation", "世代", 13, 12, FIELD_NUM, 0, NULL, NULL },
	[U_CRL_NUMBER] = { "CrlNumber", "CRL番号", 14, 40, FIELD_ANK, 0, NULL, NULL },
	[U_CRL_UPDATE] = { "CrlUpdate", "CRL発行日時", 15, 29, FIELD_ANK, 0, NULL, NULL },
	[U_CARD_RESULT] = { "CardResult", "カード確認結果", 16, 16, FIELD_CODE, 0, NULL, codes_card_result },
	[U_CA] = { "CaKeyId", "発行者識別", 17, 40, FIELD_ANK, 0, NULL, NULL },
	[U_SERIAL_HASH] = { "SerialHash", "シリアル番号（ハッシュ）", 18, 16, FIELD_ANK, EXA, NULL, NULL },
	[U_MICROS] = { "Micros", "処理時間（マイクロ秒）", 19, 12, FIELD_NUM, REQ, NULL, NULL },
	[U_CHAIN] = { "Chain", "連鎖ハッシュ", 20, 16, FIELD_ANK, REQ | EXA, NULL, NULL },
};

static const struct field riyo_fields[Y__MAX] = {
	[Y_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[Y_NUMBER] = { "RecordNumber", "レコード識別番号", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[Y_AT] = { "At", "利用日時", 3, 29, FIELD_ANK, REQ | EXA, NULL, NULL },
	[Y_USE] = { "Use", "利用種別", 4, 1, FIELD_CODE, REQ, NULL, codes_use },
	[Y_UNITS] = { "Units", "提供単位", 5, 1, FIELD_NUM, REQ, NULL, NULL },
	[Y_CA] = { "CaKeyId", "発行者識別", 6, 40, FIELD_ANK, 0, NULL, NULL },
	[Y_SERIAL_HASH] = { "SerialHash", "シリアル番号（ハッシュ）", 7, 16, FIELD_ANK, EXA, NULL, NULL },
	[Y_CARD_RESULT] = { "CardResult", "結果", 8, 16, FIELD_CODE, REQ, NULL, codes_card_result },
	[Y_CRL_NUMBER] = { "CrlNumber", "CRL番号", 9, 40, FIELD_ANK, 0, NULL, NULL },
	[Y_CRL_UPDATE] = { "CrlUpdate", "CRL発行日時", 10, 29, FIELD_ANK, 0, NULL, NULL },
	[Y_INSTITUTION] = { "InstitutionCode", "医療機関コード", 11, 10, FIELD_NUM, REQ | EXA, NULL, NULL },
	[Y_INSURER] = { "InsurerCode", "保険者コード", 12, 8, FIELD_NUM, EXA, NULL, NULL },
	[Y_REQUEST] = { "Request", "取引ID", 13, 16, FIELD_ANK, REQ | EXA, NULL, NULL },
	[Y_BILLING] = { "Billing", "課金対象区分", 14, 1, FIELD_CODE, REQ, NULL, codes_billing },
	[Y_PRICES] = { "PriceTable", "料金表版", 15, 16, FIELD_ANK, 0, NULL, NULL },
};

const struct format usage_format
    = { "Usage", "利用記録", fields, U__MAX, NULL };
const struct format riyo_format
    = { "Use", "利用実績", riyo_fields, Y__MAX, NULL };
/* clang-format on */

const struct layout usage_layout = {
	.name = "usage",
	.ja = "利用記録",
	.data = &usage_format,
	.trailer_count = -1,
	.trailer_total = -1,
	.total_field = -1,
	.number_field = -1,
	.bare = true,
	.refuse_percent = 100,
};
const struct layout usage_file_layout = {
	.name = "riyo",
	.ja = "利用実績ファイル",
	.header = &file_header,
	.data = &riyo_format,
	.trailer = &file_trailer,
	.trailer_count = FT_COUNT,
	.trailer_total = FT_TOTAL,
	.total_field = Y_UNITS,
	.number_field = Y_NUMBER,
};
