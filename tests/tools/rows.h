/*
 * Good records of any layout of the registry, made from its rows alone: the
 * round trip, the mutation test and tool-parse use them.
 */
#ifndef TESTS_TOOLS_ROWS_H
#define TESTS_TOOLS_ROWS_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/check.h"
#include "formats/codec/record.h"

struct rows {
	char text[RECORD_FIELDS_MAX][400];
};

/* A value that every row of this type and check takes. */
static inline const char *
rows_value(const struct field *f)
{
	static const struct {
		const char *name, *value;
	} by_name[] = {
		{ "InsurerNumber", "138057" },
		{ "InstitutionCode", "0119900017" },
		{ "InsurerCode", "06139992" },
		{ "Birthdate", "19500415" },
		{ "ElderlyRecipientCertificateDate", "20200501" },
		{ "ElderlyRecipientValidStartDate", "20200501" },
		{ "ElderlyRecipientValidEndDate", "20240731" },
		{ "DisqualificationDate", "20260701" },
		{ "InsuredCardExpirationDate", "20270331" },
		{ "ApplicationEndDate", "20260701" },
		{ "ValidUntil", "20300401" },
		{ "DesignatedUntil", "20300401" },
		{ "CaKeyId", "0123456789abcdef0123456789abcdef01234567" },
		{ "SerialNumber", "01a2b3c4" },
		{ "MunicipalityCode", "131016" },
		{ "PostNumber", "100-0001" },
		{ "Prefecture", "13" },
		{ "Sender", "06139992" },
		{ "InsuredPartialContributionRatio", "" },
		{ "ElderlyRecipientContributionRatio", "020" },
		{ "CityPersonId", "C-0001" },
		{ "PersonId", "E_0001" },
		{ "Change", "1" },
		{ "ReasonOfLoss", "03" },
	};

	for (size_t i = 0; i < sizeof(by_name) / sizeof(*by_name); i++)
		if (strcmp(f->name, by_name[i].name) == 0)
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
		return "東京都千代田区１－２ ｱﾊﾟｰﾄ 3";
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
static inline struct slice
rows_text(struct rows *r, unsigned i, const struct field *f)
{
	const char *v = rows_value(f);
	size_t n = strlen(v);
	char *to = r->text[i];

	if ((f->flags & FIELD_EXACT) != 0 && n > 0 && n < f->width) {
		memset(to, f->type == FIELD_NUM ? '0' : 'a', f->width);
		memcpy(to + f->width - n, v, n + 1);
	} else {
		memcpy(to, v, n + 1);
	}
	return slice_of(to);
}

static inline void
rows_record(struct rows *r, const struct layout *l, const struct format *f,
    struct record *rec, long number)
{
	record_init(rec, f);
	for (unsigned i = 0; i < f->nfields; i++)
		record_set(rec, (int)i, rows_text(r, i, &f->fields[i]));
	if (l->header != NULL) {
		snprintf(r->text[0], 2, "%d",
		    f == l->header   ? 1 :
			f == l->data ? 2 :
				       3);
		record_set(rec, 0, slice_of(r->text[0]));
	}
	if (f == l->data && l->number_field >= 0) {
		snprintf(r->text[l->number_field], 20, "%ld", number);
		record_set(
		    rec, l->number_field, slice_of(r->text[l->number_field]));
	}
}

static inline int
rows_write(int fd, const char *name, const struct layout *l, enum syntax s,
    enum charset cs, long n, struct diag_sink *sink)
{
	struct record_writer *w = record_create(name, fd, l, s, cs, sink);
	struct rows rows;
	struct record rec;
	int bad = 0;

	if (w == NULL)
		return -1;
	if (l->header != NULL) {
		rows_record(&rows, l, l->header, &rec, 0);
		bad |= record_write_header(w, &rec);
	}
	for (long i = 1; i <= n; i++) {
		rows_record(&rows, l, l->data, &rec, i);
		bad |= record_write(w, &rec);
	}
	if (l->trailer != NULL) {
		rows_record(&rows, l, l->trailer, &rec, 0);
		bad |= record_write_trailer(w, &rec);
	}
	return record_finish(w) | bad;
}

static inline int
rows_file(const char *path, const struct layout *l, enum syntax s,
    enum charset cs, long n, struct diag_sink *sink)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r;

	if (fd == -1)
		return -1;
	r = rows_write(fd, path, l, s, cs, n, sink);
	close(fd);
	return r;
}

#endif
