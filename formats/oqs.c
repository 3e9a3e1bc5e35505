/* The tables of domain/messages.md 4, 5 and 6. What the report excludes
 * (限度額, 特定疾病, 健診 and so on) has no row: absent, not empty. */
#include "formats/oqs.h"

#include "formats/codec/check.h"
#include "formats/codec/record.h"
#include "formats/codes.h"

enum { REQ = FIELD_REQUIRED, PRV = FIELD_PRIVATE, EXA = FIELD_EXACT };

static const struct code consents[] = { /* OQSCD001 */
	{ "0", "no consent", "未同意", false },
	{ "1", "consent", "同意", false }, { NULL, NULL, NULL, false }
};
static const struct code references[] = { /* OQSCD002 */
	{ "1", "by My Number card", "マイナンバーカード", false },
	{ "2", "by what the certificate says", "被保険者証情報", false },
	{ NULL, NULL, NULL, false }
};
static const struct code segments[] = { /* OQSCD003 */
	{ "1", "normal end", "正常終了", false },
	{ "2", "still in work", "処理中", false },
	{ "9", "abnormal end", "異常終了", false }, { NULL, NULL, NULL, false }
};
static const struct code statuses[] = { /* OQSCD004 */
	{ "1", "normal end", "正常終了", false },
	{ "2", "error", "エラー", false }, { NULL, NULL, NULL, false }
};
static const struct code charsets[] = { /* OQSCD005 */
	{ "0", "UTF-8", "UTF-8", false },
	{ "1", "Shift_JIS (CP932)", "Shift_JIS", false },
	{ NULL, NULL, NULL, false }
};
static const struct code changes[] = { /* OQSCD014 */
	{ "0", "unchanged", "なし", false },
	{ "1", "changed, or cannot be told", "あり又は判定不能", false },
	{ NULL, NULL, NULL, false }
};

/* clang-format off */
#define BOX(depth, name, ja, flags) \
	{ depth, DOC_BOX, { name, ja, 0, 0, FIELD_TEXT, flags, NULL, NULL } }
#define BOXES(depth, name, ja, flags) \
	{ depth, DOC_BOX | DOC_MANY, { name, ja, 0, 0, FIELD_TEXT, flags, NULL, NULL } }
#define ROW(depth, name, ja, width, type, flags, check, codes) \
	{ depth, 0, { name, ja, 0, width, type, flags, check, codes } }

#define EXECUTED ROW(2, "ProcessExecutionTime", "処理実行日時", 14, FIELD_TIME, REQ, NULL, NULL)
#define DAY ROW(2, "QualificationConfirmationDate", "資格確認日", 8, FIELD_DAY, REQ, NULL, NULL)
#define INSTITUTION ROW(2, "MedicalInstitutionCode", "医療機関コード", 10, FIELD_NUM, REQ | EXA, check_institution_code, NULL)
#define FILE_ID(need) ROW(2, "ArbitraryFileIdentifier", "任意のファイル識別子", 400, FIELD_TEXT, need, NULL, NULL)
#define RECEPTION(need) ROW(2, "ReceptionNumber", "受付番号", 100, FIELD_ANK, need, NULL, NULL)
#define REFERENCE ROW(2, "ReferenceClassification", "照会区分", 1, FIELD_CODE, REQ, NULL, references)
#define SEGMENT(need) ROW(2, "SegmentOfResult", "処理結果区分", 1, FIELD_CODE, need, NULL, segments)
#define ERRORS \
	ROW(2, "ErrorCode", "エラーコード", 8, FIELD_ANK, 0, NULL, NULL), \
	ROW(2, "ErrorMessage", "エラーメッセージ", 400, FIELD_TEXT, 0, NULL, NULL)
#define CHARSET ROW(2, "CharacterCodeIdentifier", "文字コード識別", 1, FIELD_CODE, REQ, NULL, charsets)
#define STATUS(depth, need) ROW(depth, "ProcessingResultStatus", "処理結果状況", 1, FIELD_CODE, need, NULL, statuses)
#define RESULT_CODE(depth) \
	ROW(depth, "ProcessingResultCode", "処理結果コード", 8, FIELD_ANK, 0, NULL, NULL), \
	ROW(depth, "ProcessingResultMessage", "処理結果メッセージ", 400, FIELD_TEXT, 0, NULL, NULL)
#define VALIDITY(depth) ROW(depth, "QualificationValidity", "資格有効性", 1, FIELD_CODE, 0, NULL, codes_validity)

/* of a question: checked */
#define SEARCH(depth) \
	ROW(depth, "InsurerNumber", "保険者番号", 8, FIELD_NUM, REQ, check_insurer_number, NULL), \
	ROW(depth, "InsuredCardSymbol", "被保険者証記号", 40, FIELD_TEXT, PRV, NULL, NULL), \
	ROW(depth, "InsuredIdentificationNumber", "被保険者証番号", 40, FIELD_TEXT, REQ | PRV, NULL, NULL), \
	ROW(depth, "InsuredBranchNumber", "被保険者証枝番", 2, FIELD_NUM, EXA, NULL, NULL), \
	ROW(depth, "Birthdate", "生年月日", 8, FIELD_DAY, REQ | PRV, NULL, NULL), \
	ROW(depth, "LimitApplicationCertificateRelatedConsFlg", "限度額適用認定証提供同意フラグ", 1, FIELD_CODE, 0, NULL, consents), \
	ROW(depth, "ArbitraryIdentifier", "任意の識別子", 200, FIELD_TEXT, PRV, NULL, NULL)
/* of an answer: an echo of what was asked, right or wrong */
#define ECHO(depth) \
	ROW(depth, "InsurerNumber", "保険者番号", 400, FIELD_TEXT, 0, NULL, NULL), \
	ROW(depth, "InsuredCardSymbol", "被保険者証記号", 400, FIELD_TEXT, PRV, NULL, NULL), \
	ROW(depth, "InsuredIdentificationNumber", "被保険者証番号", 400, FIELD_TEXT, PRV, NULL, NULL), \
	ROW(depth, "InsuredBranchNumber", "被保険者証枝番", 400, FIELD_TEXT, 0, NULL, NULL), \
	ROW(depth, "Birthdate", "生年月日", 400, FIELD_TEXT, PRV, NULL, NULL), \
	ROW(depth, "LimitApplicationCertificateRelatedConsFlg", "限度額適用認定証提供同意フラグ", 400, FIELD_TEXT, 0, NULL, NULL), \
	ROW(depth, "ArbitraryIdentifier", "任意の識別子", 400, FIELD_TEXT, PRV, NULL, NULL)

#define RESULT \
	ROW(4, "InsuredCardClassification", "被保険者証区分", 2, FIELD_CODE, REQ, NULL, codes_card_class), \
	ROW(4, "InsurerNumber", "保険者番号", 8, FIELD_NUM, 0, check_insurer_number, NULL), \
	ROW(4, "InsuredCardSymbol", "被保険者証記号", 40, FIELD_TEXT, PRV, NULL, NULL), \
	ROW(4, "InsuredIdentificationNumber", "被保険者証番号", 40, FIELD_TEXT, PRV, NULL, NULL), \
	ROW(4, "InsuredBranchNumber", "被保険者証枝番", 2, FIELD_NUM, EXA, NULL, NULL), \
	ROW(4, "PersonalFamilyClassification", "本人・家族の別", 1, FIELD_CODE, 0, NULL, codes_family), \
	ROW(4, "InsuredName", "被保険者氏名（世帯主氏名）", 120, FIELD_KANJI, PRV, NULL, NULL), \
	ROW(4, "Name", "氏名", 120, FIELD_KANJI, REQ | PRV, NULL, NULL), \
	ROW(4, "NameOfOther", "氏名（その他）", 120, FIELD_KANJI, PRV, NULL, NULL), \
	ROW(4, "NameKana", "氏名カナ", 120, FIELD_KANA, PRV, NULL, NULL), \
	ROW(4, "NameOfOtherKana", "氏名カナ（その他）", 120, FIELD_KANA, PRV, NULL, NULL), \
	ROW(4, "Sex1", "性別1", 1, FIELD_CODE, REQ | PRV, NULL, codes_sex), \
	ROW(4, "Sex2", "性別2", 1, FIELD_CODE, PRV, NULL, codes_sex), \
	ROW(4, "Birthdate", "生年月日", 8, FIELD_DAY, REQ | PRV, NULL, NULL), \
	ROW(4, "Address", "住所", 300, FIELD_TEXT, PRV, NULL, NULL), \
	ROW(4, "PostNumber", "郵便番号", 8, FIELD_ANK, PRV, check_post_number, NULL), \
	ROW(4, "QualificationDate", "資格取得年月日", 8, FIELD_DAY, 0, NULL, NULL), \
	ROW(4, "DisqualificationDate", "資格喪失年月日", 8, FIELD_DAY, 0, NULL, NULL), \
	ROW(4, "InsuredCertificateIssuanceDate", "被保険者証交付年月日", 8, FIELD_DAY, 0, NULL, NULL), \
	ROW(4, "InsuredCardValidDate", "被保険者証有効開始年月日", 8, FIELD_DAY, 0, NULL, NULL), \
	ROW(4, "InsuredCardExpirationDate", "被保険者証有効終了年月日", 8, FIELD_DAY, 0, NULL, NULL), \
	ROW(4, "InsuredPartialContributionRatio", "被保険者証一部負担金割合", 3, FIELD_NUM, EXA, check_ratio, NULL), \
	ROW(4, "PreschoolClassification", "未就学区分", 1, FIELD_CODE, 0, NULL, codes_preschool), \
	ROW(4, "ReasonOfLoss", "資格喪失事由", 2, FIELD_CODE, 0, NULL, codes_loss_reason), \
	ROW(4, "InsurerName", "保険者名称", 200, FIELD_TEXT, REQ, NULL, NULL), \
	BOX(4, "ElderlyRecipientCertificateInfo", "高齢受給者証情報", 0), \
	ROW(5, "ElderlyRecipientCertificateDate", "高齢受給者証交付年月日", 8, FIELD_DAY, 0, NULL, NULL), \
	ROW(5, "ElderlyRecipientValidStartDate", "高齢受給者証有効開始年月日", 8, FIELD_DAY, 0, NULL, NULL), \
	ROW(5, "ElderlyRecipientValidEndDate", "高齢受給者証有効終了年月日", 8, FIELD_DAY, 0, NULL, NULL), \
	ROW(5, "ElderlyRecipientContributionRatio", "高齢受給者証一部負担金割合", 3, FIELD_NUM, EXA, check_ratio, NULL)

#define TOP BOX(0, "XmlMsg", "電文", REQ)
#define HEADER BOX(1, "MessageHeader", "ヘッダー", REQ)
#define BODY BOX(1, "MessageBody", "ボディー", REQ)

static const struct document_row single_request[] = {
	TOP,
	HEADER, DAY, INSTITUTION, FILE_ID(0),
	BODY,
	BOX(2, "QualificationConfirmSearchInfo", "資格確認照会用情報", 0), SEARCH(3),
	BOX(2, "CardSearchInfo", "カード照会用情報", 0),
	ROW(3, "ChallengeId", "認証要求番号", 32, FIELD_ANK, REQ | EXA, NULL, NULL),
	ROW(3, "Certificate", "利用者証明用電子証明書", 5464, FIELD_ANK, REQ | PRV, NULL, NULL),
	ROW(3, "Signature", "署名", 1024, FIELD_ANK, REQ | PRV, NULL, NULL),
};
static const struct document_row single_answer[] = {
	TOP,
	HEADER, EXECUTED, DAY, INSTITUTION, FILE_ID(0), REFERENCE, SEGMENT(REQ), ERRORS, CHARSET,
	BODY,
	BOX(2, "QualificationConfirmSearchInfo", "資格確認照会用情報", 0), ECHO(3),
	BOX(2, "CardChallengeInfo", "認証要求情報", 0),
	ROW(3, "ChallengeId", "認証要求番号", 32, FIELD_ANK, REQ | EXA, NULL, NULL),
	ROW(3, "Challenge", "認証要求", 64, FIELD_ANK, REQ | EXA, NULL, NULL),
	ROW(3, "ToBeSigned", "署名対象", 255, FIELD_ANK, REQ, NULL, NULL),
	ROW(3, "ExpiresAt", "有効期限", 14, FIELD_TIME, REQ, NULL, NULL),
	STATUS(2, REQ), VALIDITY(2),
	BOX(2, "ResultList", "資格確認結果リスト", 0),
	BOXES(3, "ResultOfQualificationConfirmation", "資格確認結果", REQ), RESULT,
	ROW(4, "LimitApplicationCertificateRelatedConsFlg", "限度額適用認定証提供同意フラグ", 1, FIELD_CODE, 0, NULL, consents),
};
static const struct document_row bulk_request[] = {
	TOP,
	HEADER, DAY, INSTITUTION, FILE_ID(REQ),
	BODY,
	BOXES(2, "QualificationConfirmSearchInfo", "資格確認照会用情報", REQ), SEARCH(3),
};
static const struct document_row bulk_slip[] = {
	TOP,
	HEADER, EXECUTED, INSTITUTION, FILE_ID(0), SEGMENT(0), ERRORS, CHARSET,
	BODY,
	STATUS(2, 0), RESULT_CODE(2),
	RECEPTION(0),
	ROW(2, "ReceptionDateTime", "受付日時", 14, FIELD_TIME, 0, NULL, NULL),
};
static const struct document_row bulk_ask[] = {
	TOP,
	HEADER, INSTITUTION,
	BODY, RECEPTION(REQ),
};
static const struct document_row bulk_answer[] = {
	TOP,
	HEADER, EXECUTED, DAY, INSTITUTION, FILE_ID(0), RECEPTION(REQ), SEGMENT(REQ), ERRORS,
	ROW(2, "NumberOfProcessingResult", "処理件数", 6, FIELD_NUM, 0, NULL, NULL),
	ROW(2, "NumberOfNormalProcessing", "正常件数", 6, FIELD_NUM, 0, NULL, NULL),
	ROW(2, "NumberOfError", "エラー件数", 6, FIELD_NUM, 0, NULL, NULL),
	CHARSET,
	BODY,
	BOXES(2, "BulkConfirmUnit", "一括照会結果", 0),
	BOX(3, "QualificationConfirmSearchInfo", "資格確認照会用情報", REQ), ECHO(4),
	STATUS(3, REQ), RESULT_CODE(3), VALIDITY(3),
	BOX(3, "ResultOfQualificationConfirmation", "資格確認結果", 0), RESULT,
	ROW(4, "LimitApplicationCertificateChanged", "限度額適用認定証情報変更有無", 1, FIELD_CODE, 0, NULL, changes),
	ROW(3, "ReferenceNumber", "照会番号", 100, FIELD_TEXT, PRV, NULL, NULL),
};
/* clang-format on */

/* 処理件数 = 正常件数 + エラー件数 = number of units (messages.md 6); a message
 * that is still in work, or ended abnormally, has none of them. */
static int
counts_agree(const struct document_tree *t, const struct diag *at,
    struct diag_sink *sink)
{
	int64_t all = slice_number(
	    document_value(t, "XmlMsg/MessageHeader/NumberOfProcessingResult"));
	int64_t good = slice_number(
	    document_value(t, "XmlMsg/MessageHeader/NumberOfNormalProcessing"));
	int64_t bad = slice_number(
	    document_value(t, "XmlMsg/MessageHeader/NumberOfError"));
	int body =
	    document_child(t, document_child(t, 0, "XmlMsg"), "MessageBody");
	int unit = document_child(t, body, "BulkConfirmUnit");
	int64_t units = 0, errors = 0;
	struct diag d = *at;

	for (; unit >= 0; unit = document_next(t, unit)) {
		int s = document_child(t, unit, "ProcessingResultStatus");

		units++;
		errors += slice_is(t->v[s].value, "2");
	}
	if (units == 0 && all <= 0 && good <= 0 && bad <= 0)
		return 0;
	if (all == units && good == units - errors && bad == errors)
		return 0;
	d.code = DIAG_COUNT_DIFFERS;
	diag_raise(sink, &d);
	return 1;
}

#define ROWS(table) table, sizeof(table) / sizeof(*(table))

const struct document oqs_single_request = { "OQSsiquc01req", "資格確認要求",
	DOCUMENT_XML, NULL, ROWS(single_request), NULL };
const struct document oqs_single_answer = { "OQSsiquc01res", "資格確認結果",
	DOCUMENT_XML, NULL, ROWS(single_answer), NULL };
const struct document oqs_bulk_request = { "OQSmuquc01req",
	"資格確認一括照会要求", DOCUMENT_XML, NULL, ROWS(bulk_request), NULL };
const struct document oqs_bulk_slip = { "OQSmuquc01res",
	"資格確認一括照会アップロード結果", DOCUMENT_XML, NULL, ROWS(bulk_slip),
	NULL };
const struct document oqs_bulk_ask = { "OQSmuquc02req",
	"資格確認一括照会ダウンロード要求", DOCUMENT_XML, NULL, ROWS(bulk_ask),
	NULL };
const struct document oqs_bulk_answer = { "OQSmuquc02res",
	"資格確認一括照会結果", DOCUMENT_XML, NULL, ROWS(bulk_answer),
	counts_agree };
