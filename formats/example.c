#include "formats/example.h"

#include <string.h>

/* What a check asks for, and what fits the other rows' examples. */
static const struct {
	const char *name, *value;
} by_name[] = {
	{ "AgencyCode", "K0123456789ABCDEF" },
	{ "ApplicationEndDate", "20260701" },
	{ "At", "2026-08-01T09:15:02.123+09:00" },
	{ "Birthdate", "19500415" },
	{ "By", "21:00" },
	{ "CaKeyId", "0123456789abcdef0123456789abcdef01234567" },
	{ "Calendar", "business days" },
	{ "CallAfter", "2" },
	{ "Change", "1" },
	{ "CityPersonId", "C-0001" },
	{ "Code", "" },
	{ "CorrectedFile", "" },
	{ "CorrectedRecord", "" },
	{ "CrlNumber", "1A2B" },
	{ "CrlUpdate", "2026-08-01T06:00:00.000+09:00" },
	{ "DesignatedUntil", "20300401" },
	{ "DisqualificationDate", "20260701" },
	{ "ElderlyRecipientCertificateDate", "20200501" },
	{ "ElderlyRecipientContributionRatio", "020" },
	{ "ElderlyRecipientValidEndDate", "20240731" },
	{ "ElderlyRecipientValidStartDate", "20200501" },
	{ "Feed", "shikaku" },
	{ "Feeds", "shikaku" },
	{ "File", "06139992_shikaku_20260801_0007" },
	{ "InstitutionCode", "0119900017" },
	{ "InsuredCardExpirationDate", "20270331" },
	{ "InsuredPartialContributionRatio", "" },
	{ "InsurerCode", "06139992" },
	{ "InsurerNumber", "138057" },
	{ "Month", "202608" },
	{ "MunicipalityCode", "131016" },
	{ "NoticeFile", "SHIKAKU0_notice_20260801_0001" },
	{ "PersonId", "E_0001" },
	{ "PostNumber", "100-0001" },
	{ "Prefecture", "13" },
	{ "ReasonOfLoss", "03" },
	{ "RecordNumber", "1" },
	{ "Sender", "06139992" },
	{ "Sequence", "7" },
	{ "SerialNumber", "01a2b3c4" },
	{ "TextVersion", "2026-1" },
	{ "ValidUntil", "20300401" },
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
