/* What a row asks for, in words: for layouts, and for whoever has to mend a
 * value. */
#include <string.h>

#include "formats/codec/check.h"
#include "formats/codec/field.h"

static const struct {
	const char *en, *ja;
} forms[FIELD__MAX] = {
	[FIELD_NUM] = { "digits", "数字" },
	[FIELD_ANK] = { "half-width letters and digits", "半角英数字" },
	[FIELD_KANA] = { "half-width katakana", "半角カナ" },
	[FIELD_KANJI] = { "full width", "全角" },
	[FIELD_TEXT] = { "text", "文字列" },
	[FIELD_DAY] = { "YYYYMMDD", "西暦年月日" },
	[FIELD_TIME] = { "YYYYMMDDHHmmss", "日時（日本時間）" },
	[FIELD_CODE] = { "code", "コード" },
};

/* What a named check asks for beyond its type. */
static const struct {
	enum diag_code (*check)(const struct value *v);
	const char *en, *ja;
} checks[] = {
	{ check_insurer_number, "6 or 8, check digit",
	    "6桁または8桁、検証番号" },
	{ check_institution_code, "check digit", "検証番号" },
	{ check_person_id, "1-20 letters, digits, - and _",
	    "1～20字の英数字・-・_" },
	{ check_branch, "2 digits", "2桁" },
	{ check_post_number, "ddd-dddd", "ddd-dddd" },
	{ check_ratio, "010 020 030", "010 020 030" },
	{ check_prefecture, "01-47", "01～47" },
	{ check_serial, "hex, 1-20 octets", "16進、1～20オクテット" },
	{ check_sha256, "lower-case hex", "16進小文字" },
	{ check_municipality, "5 or 6 digits", "5桁または6桁" },
};

void
field_form(const struct field *f, bool ja, struct buf *out)
{
	buf_puts(out, ja ? forms[f->type].ja : forms[f->type].en);
	if ((f->flags & FIELD_EXACT) != 0)
		buf_puts(out, ja ? "、固定長" : ", exactly");
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		if (f->check == checks[i].check)
			buf_printf(out, "%s%s", ja ? "、" : ", ",
			    ja ? checks[i].ja : checks[i].en);
}

void
field_codes(const struct field *f, struct buf *out)
{
	const char *between = "";

	for (const struct code *c = f->codes; c != NULL && c->code != NULL;
	     c++) {
		if (c->out_of_scope)
			continue;
		buf_printf(out, "%s%s %s", between, c->code, c->ja);
		if (strcmp(c->ja, c->en) != 0)
			buf_printf(out, " %s", c->en);
		between = "; ";
	}
}

/* "全角、40字以内", "digits, exactly 8": a closed list has its codes, a day
 * its form; neither has a width of its own. */
static void
put_form(const struct field *f, bool ja, struct buf *out)
{
	size_t chars = field_chars(f);
	bool exact = (f->flags & FIELD_EXACT) != 0;

	buf_puts(out, ja ? forms[f->type].ja : forms[f->type].en);
	if (f->type == FIELD_DAY && ja)
		buf_puts(out, "YYYYMMDD");
	if (f->type == FIELD_TIME && ja)
		buf_puts(out, "YYYYMMDDHHmmss");
	if (f->type != FIELD_DAY && f->type != FIELD_TIME) {
		if (ja)
			buf_printf(
			    out, "、%zu字%s", chars, exact ? "" : "以内");
		else
			buf_printf(out, ", %s %zu characters",
			    exact ? "exactly" : "at most", chars);
	}
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		if (f->check == checks[i].check)
			buf_printf(out, "%s%s", ja ? "、" : ", ",
			    ja ? checks[i].ja : checks[i].en);
}

void
field_expects(const struct field *f, bool ja, struct buf *out)
{
	const char *between = "";

	if (f->type != FIELD_CODE) {
		put_form(f, ja, out);
		return;
	}
	for (const struct code *c = f->codes; c->code != NULL; c++) {
		if (c->out_of_scope)
			continue;
		buf_printf(
		    out, "%s%s %s", between, c->code, ja ? c->ja : c->en);
		between = ja ? "、" : ", ";
	}
}
