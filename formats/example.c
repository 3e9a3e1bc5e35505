#include "formats/example.h"

#include <string.h>

/* What a check asks for, and what fits the other rows' examples. */
static const struct {
	const char *name, *value;
	const char *alone; /* where no other row is beside it; NULL: value */
} by_name[] = {
	{ "AgencyCode", "K0123456789ABCDEF", NULL },
	{ "ApplicationEndDate", "20260701", NULL },
	{ "At", "2026-08-01T09:15:02.123+09:00", NULL },
	{ "Birthdate", "19500415", NULL },
	{ "By", "21:00", NULL },
	{ "CaKeyId", "0123456789abcdef0123456789abcdef01234567", NULL },
	{ "Calendar", "business days", NULL },
	{ "CallAfter", "2", NULL },
	{ "Change", "1", NULL },
	{ "CityPersonId", "C-0001", NULL },
	{ "Code", "", "E1203" },
	{ "CorrectedFile", "", "SHIKAKU0_notice_20260731_0001" },
	{ "CorrectedRecord", "", "17" },
	{ "CrlNumber", "1A2B", NULL },
	{ "CrlUpdate", "2026-08-01T06:00:00.000+09:00", NULL },
	{ "DesignatedUntil", "20300401", NULL },
	{ "DisqualificationDate", "20260701", NULL },
	{ "ElderlyRecipientCertificateDate", "20200501", NULL },
	{ "ElderlyRecipientContributionRatio", "020", NULL },
	{ "ElderlyRecipientValidEndDate", "20240731", NULL },
	{ "ElderlyRecipientValidStartDate", "20200501", NULL },
	{ "Feed", "shikaku", NULL },
	{ "Feeds", "shikaku", NULL },
	{ "File", "06139992_shikaku_20260801_0007", NULL },
	{ "InstitutionCode", "0119900017", NULL },
	{ "InsuredCardExpirationDate", "20270331", NULL },
	{ "InsuredCardSymbol", "１２－３ ｱ", NULL },
	{ "InsuredIdentificationNumber", "1234567", NULL },
	{ "InsuredPartialContributionRatio", "", "010" },
	{ "InsurerCode", "06139992", NULL },
	{ "InsurerNumber", "138057", NULL },
	{ "Month", "202608", NULL },
	{ "MunicipalityCode", "131016", NULL },
	{ "NoticeFile", "SHIKAKU0_notice_20260801_0001", NULL },
	{ "PersonId", "E_0001", NULL },
	{ "PostNumber", "100-0001", NULL },
	{ "Prefecture", "13", NULL },
	{ "ReasonOfLoss", "03", NULL },
	{ "RecordNumber", "1", NULL },
	{ "Sender", "06139992", NULL },
	{ "Sequence", "7", NULL },
	{ "SerialNumber", "01a2b3c4", NULL },
	{ "TextVersion", "2026-1", NULL },
	{ "ValidUntil", "20300401", NULL },
};

static const char *
plain(const struct field *f)
{
	for (size_t i = 0; i < sizeof(by_name) / sizeof(*by_name); i++)
		if (strcmp(f->name, by_name[i].name) == 0 &&
		    (by_name[i].value[0] != '\0' ||
			(f->flags & FIELD_REQUIRED) == 0))
			return by_name[i].value;
	switch (f->type) {
	case FIELD_NUM:
		return "7";
	case FIELD_ANK:
		return "A1b2";
	case FIELD_KANA:
		return "ｼｶｸ ﾊﾅｺ";
	case FIELD_KANJI:
		return "資格　十能表";
	case FIELD_TEXT:
		return f->width < 30 ? "資格" : "東京都千代田区１－２ ｱﾊﾟｰﾄ 3";
	case FIELD_DAY:
		return "20200401";
	case FIELD_TIME:
		return "20200401123456";
	case FIELD_CODE:
		return f->codes->code;
	case FIELD__MAX:
		break;
	}
	return "";
}

/* EXACT digits and letters are filled up to their width. */
struct slice
example_value(const struct field *f, struct buf *out)
{
	const char *v = plain(f);
	size_t n = strlen(v), start = out->n;

	if ((f->flags & FIELD_EXACT) != 0 && n > 0)
		for (size_t i = n; i < f->width; i++)
			buf_putc(out, f->type == FIELD_NUM ? '0' : 'a');
	buf_puts(out, v);
	return (struct slice) { out->p + start, out->n - start };
}

struct slice
example_alone(const struct field *f, struct buf *out)
{
	struct slice v = example_value(f, out);

	if (v.n > 0)
		return v;
	for (size_t i = 0; i < sizeof(by_name) / sizeof(*by_name); i++)
		if (strcmp(f->name, by_name[i].name) == 0 &&
		    by_name[i].alone != NULL) {
			buf_puts(out, by_name[i].alone);
			v.n = strlen(by_name[i].alone);
		}
	return v;
}
