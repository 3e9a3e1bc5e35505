/*
 * One table of elements (domain/messages.md 4, 5), walked by reader and
 * writer, and the codes (10). What the report excludes (限度額, 特定疾病,
 * 医療扶助, 健診 and so on) has no row: read, it is an unknown element;
 * written, it is absent (messages.md 1).
 */
#include "formats/query_table.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
const struct element query_rows[] = {
{ 0, "XmlMsg", "電文", BOX, 0, 0, 0, 0, NULL, NULL },
{ 1, "MessageHeader", "ヘッダー", BOX, 0, 0, 0, 0, NULL, NULL },
{ 2, "ProcessExecutionTime", "処理実行日時", EXECUTED, 0, 0, 0, 0, NULL, "t created" },
{ 2, "QualificationConfirmationDate", "資格確認日", DAY, 0, READ, 8, 11, "d servicedDate", "d servicedDate" },
{ 2, "MedicalInstitutionCode", "医療機関コード", INSTITUTION, 0, READ, 10, 12, "s provider identifier value", "s requestor identifier value" },
{ 2, "ArbitraryFileIdentifier", "任意のファイル識別子", FILE_IDENTIFIER, 0, READ, 200, 13, "s identifier[] value", "s request identifier value" },
{ 2, "ReferenceClassification", "照会区分", REFERENCE, 0, 0, 0, 0, NULL, NULL },
{ 2, "SegmentOfResult", "処理結果区分", SEGMENT, 0, 0, 0, 0, NULL, NULL },
{ 2, "ErrorCode", "エラーコード", ERROR_CODE, 0, 0, 0, 0, NULL, "s issue[] details coding[] code" },
{ 2, "ErrorMessage", "エラーメッセージ", ERROR_MESSAGE, 0, 0, 0, 0, NULL, "s issue[] details text" },
{ 2, "CharacterCodeIdentifier", "文字コード識別", CHARACTER_CODE, 0, 0, 0, 0, NULL, NULL },
{ 1, "MessageBody", "ボディー", BOX, 0, 0, 0, 0, NULL, NULL },
{ 2, "QualificationConfirmSearchInfo", "資格確認照会用情報", BOX, 0, 0, 0, 0, NULL, NULL },
{ 3, "InsurerNumber", "保険者番号", SEARCH, SF_INSURER, READ, 8, 1, "s insurer identifier value", NULL },
{ 3, "InsuredCardSymbol", "被保険者証記号", SEARCH, SF_SYMBOL, READ, 20, 2, "s contained:Coverage extension=jp:JP_Coverage_InsuredPersonSymbol valueString", NULL },
{ 3, "InsuredIdentificationNumber", "被保険者証番号", SEARCH, SF_NUMBER, READ, 20, 3, "s contained:Coverage extension=jp:JP_Coverage_InsuredPersonNumber valueString", NULL },
{ 3, "InsuredBranchNumber", "被保険者証枝番", SEARCH, SF_BRANCH, READ, 2, 4, "s contained:Coverage extension=jp:JP_Coverage_InsuredPersonSubNumber valueString", NULL },
{ 3, "Birthdate", "生年月日", SEARCH, SF_BIRTHDATE, READ, 8, 5, "d contained:Patient birthDate", NULL },
{ 3, "LimitApplicationCertificateRelatedConsFlg", "限度額適用認定証提供同意フラグ", SEARCH, SF_LIMIT_FLAG, READ, 1, 6, NULL, NULL },
{ 3, "ArbitraryIdentifier", "任意の識別子", SEARCH, SF_IDENTIFIER, READ, 100, 7, NULL, NULL },
{ 2, "CardSearchInfo", "カード照会用情報", BOX, 0, 0, 0, 0, NULL, NULL },
{ 3, "ChallengeId", "認証要求番号", CARD, CARD_ID, READ, 32, 0, "s extension=our:CardSearchInfo extension=ChallengeId valueString", NULL },
{ 3, "Certificate", "利用者証明用電子証明書", CARD, CARD_DER, READ, (CERT_DER_MAX + 2) / 3 * 4, 0, "s extension=our:CardSearchInfo extension=Certificate valueBase64Binary", NULL },
{ 3, "Signature", "署名", CARD, CARD_SIGNATURE, READ, 1024, 0, "s extension=our:CardSearchInfo extension=Signature valueBase64Binary", NULL },
{ 2, "CardChallengeInfo", "認証要求情報", BOX, 0, 0, 0, 0, NULL, NULL },
{ 3, "ChallengeId", "認証要求番号", CHALLENGE, CH_ID, 0, 0, 0, NULL, NULL },
{ 3, "Challenge", "認証要求", CHALLENGE, CH_CHALLENGE, 0, 0, 0, NULL, NULL },
{ 3, "ToBeSigned", "署名対象", CHALLENGE, CH_SIGNED, 0, 0, 0, NULL, NULL },
{ 3, "ExpiresAt", "有効期限", CHALLENGE, CH_UNTIL, 0, 0, 0, NULL, NULL },
{ 2, "ProcessingResultStatus", "処理結果状況", STATUS, 0, 0, 0, 0, NULL, NULL },
{ 2, "QualificationValidity", "資格有効性", VALIDITY, 0, 0, 0, 0, NULL, "s extension=our:QualificationValidity valueCode" },
{ 2, "ResultList", "資格確認結果リスト", BOX, 0, LIST, 0, 0, NULL, NULL },
{ 3, "ResultOfQualificationConfirmation", "資格確認結果", BOX, 0, 0, 0, 0, NULL, NULL },
{ 4, "InsuredCardClassification", "被保険者証区分", RESULT, Q_CARD_CLASS, 0, 0, 0, NULL, NULL },
{ 4, "InsurerNumber", "保険者番号", INSURER_NUMBER, 0, 0, 0, 0, NULL, "s contained:Organization identifier[] value" },
{ 4, "InsuredCardSymbol", "被保険者証記号", RESULT, Q_SYMBOL, 0, 0, 0, NULL, "s contained:Coverage extension=jp:JP_Coverage_InsuredPersonSymbol valueString" },
{ 4, "InsuredIdentificationNumber", "被保険者証番号", RESULT, Q_INSURED_NUMBER, 0, 0, 0, NULL, "s contained:Coverage extension=jp:JP_Coverage_InsuredPersonNumber valueString" },
{ 4, "InsuredBranchNumber", "被保険者証枝番", RESULT, Q_BRANCH, 0, 0, 0, NULL, "s contained:Coverage extension=jp:JP_Coverage_InsuredPersonSubNumber valueString" },
{ 4, "PersonalFamilyClassification", "本人・家族の別", RESULT, Q_FAMILY, 0, 0, 0, NULL, "s contained:Coverage relationship coding[] code" },
{ 4, "InsuredName", "被保険者氏名（世帯主氏名）", RESULT, Q_INSURED_NAME, 0, 0, 0, NULL, "s contained:Coverage subscriber display" },
{ 4, "Name", "氏名", RESULT, Q_NAME, 0, 0, 0, NULL, "s contained:Patient name[] text" },
{ 4, "NameOfOther", "氏名（その他）", RESULT, Q_NAME_OTHER, 0, 0, 0, NULL, "s contained:Patient extension=our:NameOfOther valueString" },
{ 4, "NameKana", "氏名カナ", RESULT, Q_KANA, 0, 0, 0, NULL, "s contained:Patient extension=our:NameKana valueString" },
{ 4, "NameOfOtherKana", "氏名カナ（その他）", RESULT, Q_KANA_OTHER, 0, 0, 0, NULL, "s contained:Patient extension=our:NameOfOtherKana valueString" },
{ 4, "Sex1", "性別1", RESULT, Q_SEX1, 0, 0, 0, NULL, "g contained:Patient gender" },
{ 4, "Sex2", "性別2", RESULT, Q_SEX2, 0, 0, 0, NULL, "s contained:Patient extension=our:Sex2 valueString" },
{ 4, "Birthdate", "生年月日", RESULT, Q_BIRTHDATE, 0, 0, 0, NULL, "d contained:Patient birthDate" },
{ 4, "Address", "住所", RESULT, Q_ADDRESS, 0, 0, 0, NULL, "s contained:Patient address[] text" },
{ 4, "PostNumber", "郵便番号", RESULT, Q_POST_NUMBER, 0, 0, 0, NULL, "s contained:Patient address[] postalCode" },
{ 4, "QualificationDate", "資格取得年月日", RESULT, Q_QUALIFIED_ON, 0, 0, 0, NULL, "d contained:Coverage period start" },
{ 4, "DisqualificationDate", "資格喪失年月日", RESULT, Q_LOST_ON, 0, 0, 0, NULL, NULL },
{ 4, "InsuredCertificateIssuanceDate", "被保険者証交付年月日", RESULT, Q_CARD_ISSUED_ON, 0, 0, 0, NULL, NULL },
{ 4, "InsuredCardValidDate", "被保険者証有効開始年月日", RESULT, Q_CARD_FROM, 0, 0, 0, NULL, NULL },
{ 4, "InsuredCardExpirationDate", "被保険者証有効終了年月日", RESULT, Q_CARD_UNTIL, 0, 0, 0, NULL, NULL },
{ 4, "InsuredPartialContributionRatio", "被保険者証一部負担金割合", RESULT, Q_RATIO, 0, 0, 0, NULL, NULL },
{ 4, "PreschoolClassification", "未就学区分", RESULT, Q_PRESCHOOL, 0, 0, 0, NULL, NULL },
{ 4, "ReasonOfLoss", "資格喪失事由", RESULT, Q_LOSS_REASON, 0, 0, 0, NULL, NULL },
{ 4, "InsurerName", "保険者名称", INSURER_NAME, 0, 0, 0, 0, NULL, "s contained:Organization name" },
{ 4, "ElderlyRecipientCertificateInfo", "高齢受給者証情報", BOX, 0, 0, 0, 0, NULL, NULL },
{ 5, "ElderlyRecipientCertificateDate", "高齢受給者証交付年月日", RESULT, Q_ELDERLY_ISSUED_ON, 0, 0, 0, NULL, NULL },
{ 5, "ElderlyRecipientValidStartDate", "高齢受給者証有効開始年月日", RESULT, Q_ELDERLY_FROM, 0, 0, 0, NULL, NULL },
{ 5, "ElderlyRecipientValidEndDate", "高齢受給者証有効終了年月日", RESULT, Q_ELDERLY_UNTIL, 0, 0, 0, NULL, NULL },
{ 5, "ElderlyRecipientContributionRatio", "高齢受給者証一部負担金割合", RESULT, Q_ELDERLY_RATIO, 0, 0, 0, NULL, NULL },
{ 4, "LimitApplicationCertificateRelatedConsFlg", "限度額適用認定証提供同意フラグ", CONSENT, 0, 0, 0, 0, NULL, NULL },
};
_Static_assert(
    sizeof(query_rows) / sizeof(query_rows[0]) == QUERY_ROWS, "rows");

/* Every code we give, who must act by its first digit (messages.md 10). The
 * texts never repeat a value; receivers show them as they are. */
static const struct { const char *code, *ja; } errors[] = {
{ "OE1001", "文字コードが正しくありません。" },
{ "OE1002", "電文の形式が正しくありません。" },
{ "OE1003", "電文のサイズまたは入れ子が上限を超えています。" },
{ "OE1004", "照会の件数が上限を超えています。" },
{ "OE1005", "同じ要素が重複しています。" },
{ "OE1006", "DTDおよび実体参照は使用できません。" },
{ "OE1011", "指定されたURLはありません。" },
{ "OE1012", "このURLでは使用できないHTTPメソッドです。" },
{ "OE1013", "Content-Typeが正しくありません。" },
{ "OE1014", "HTTPリクエストの形式が正しくありません。" },
{ "OE1015", "Content-Lengthが設定されていません。" },
{ "OE1016", "HTTPヘッダーのサイズまたは数が上限を超えています。" },
{ "OE1017", "Expectヘッダーの値に対応していません。" },
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
{ "OE3007", "端末のアカウントに、この照会の権限がありません。" },
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

const char *
query_error(const char *code)
{
	size_t i = error_index(code);

	return i < NERRORS ? errors[i].code : "OE1002";
}

const char *
query_field_error(const struct element *e, char kind)
{
	char code[8];

	snprintf(code, sizeof(code), "OE2%02d%c", e->ff % 100, kind);
	return query_error(code);
}
