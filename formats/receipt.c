/* What a sender gets back: two YAML receipts, and the reflection's table. */
#include <string.h>

#include "formats/codec/day.h"
#include "formats/codec/detail.h"
#include "formats/codes.h"
#include "formats/receipt.h"

static const char *const levels_ja[] = { [DIAG_NOTE] = "参考",
	[DIAG_WARNING] = "警告",
	[DIAG_ERROR] = "エラー",
	[DIAG_FATAL] = "ファイルエラー" };

/* Double-quoted YAML: a file's name may be any bytes. */
static void
put_text(FILE *out, const char *s)
{
	const char *end = s + strlen(s);

	putc('"', out);
	while (s < end) {
		const char *p = s;
		uint32_t u = text_next(&s, end);

		if (u == '"' || u == '\\')
			fprintf(out, "\\%c", (char)u);
		else if (u == TEXT_BAD)
			fprintf(out, "\\x%02X", (unsigned char)*p);
		else if (u < 0x20 || (u >= 0x7f && u < 0xa0))
			fprintf(out, "\\x%02X", (unsigned)u);
		else
			fwrite(p, 1, (size_t)(s - p), out);
	}
	putc('"', out);
}

static void
put_key(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s: ", key);
	put_text(out, value);
	putc('\n', out);
}

static void
put_number(FILE *out, const char *key, int64_t n)
{
	fprintf(out, "%s: %lld\n", key, (long long)n);
}

static void
put_day(FILE *out, const char *key, int32_t day)
{
	char s[11];

	day_format_iso(day, s);
	put_key(out, key, s);
}

static void
put_moment(FILE *out, const char *key, int64_t moment)
{
	char stamp[30];

	day_format_stamp(moment, stamp);
	put_key(out, key, stamp);
}

const char *
receipt_level_ja(enum diag_level level)
{
	return levels_ja[level];
}

void
receipt_number(const struct filename *id, const char *sha256, char out[64])
{
	char day[9];

	day_format(id->day, day);
	snprintf(out, 64, "R-%s-%s-%s-%04d-%.8s", day, id->sender,
	    feed_names[id->feed], id->sequence, sha256);
}

void
receipt_number_unnamed(const char *sender, const char *sha256, char out[64])
{
	snprintf(out, 64, "R-%.8s-unnamed-%.12s", sender, sha256);
}

int
receipt_number_parse(
    struct slice number, struct filename *id, struct slice *digest)
{
	struct slice part[6];
	char stem[64];
	int n = 0;

	for (const char *p = number.p, *end = p + number.n; n < 6; n++) {
		const char *dash = memchr(p, '-', (size_t)(end - p));

		part[n] = (struct slice) { p,
			(size_t)((dash == NULL ? end : dash) - p) };
		if (dash == NULL) {
			n++;
			break;
		}
		p = dash + 1;
	}
	if (n != 6 || !slice_is(part[0], "R") || part[5].n != 8 ||
	    number.n > 60)
		return -1;
	*digest = part[5];
	snprintf(stem, sizeof(stem), "%.*s_%.*s_%.*s_%.*s", (int)part[2].n,
	    part[2].p, (int)part[3].n, part[3].p, (int)part[1].n, part[1].p,
	    (int)part[4].n, part[4].p);
	return filename_parse_stem(slice_of(stem), id);
}

int64_t
receipt_next(int64_t moment, int64_t clock_ms)
{
	int64_t at = day_moment(day_of_moment(moment), clock_ms);

	return at > moment ? at : at + DAY_MS;
}

static void
put_entry(FILE *out, const char *indent, enum diag_code code)
{
	const struct diag_entry *e = &diag_table[code];

	fprintf(out, "%s- code: %s\n", indent, e->code);
	fprintf(out, "%s  level: ", indent);
	put_text(out, levels_ja[e->level]);
	fprintf(out, "\n%s  reason_ja: ", indent);
	put_text(out, e->ja);
	fprintf(out, "\n%s  reason: ", indent);
	put_text(out, e->en);
	fprintf(out, "\n%s  mend_ja: ", indent);
	put_text(out, e->mend_ja);
	fprintf(out, "\n%s  mend: ", indent);
	put_text(out, e->mend_en);
	putc('\n', out);
}

static void
put_detail(FILE *out, enum diag_code code, const char *detail)
{
	char ja[4 * 200];
	struct buf b;

	buf_init(&b, ja, sizeof(ja) - 1);
	if (detail_ja(code, slice_of(detail), &b)) {
		ja[b.n] = '\0';
		fputs("    ", out);
		put_key(out, "detail_ja", ja);
	}
	fputs("    ", out);
	put_key(out, "detail", detail);
}

/* Each diagnostic of a short list, with what it says more. */
static void
put_why(FILE *out, const struct diag_list *why)
{
	if (why == NULL || why->n == 0) {
		fputs("problems: []\n", out);
		return;
	}
	fputs("problems:\n", out);
	for (size_t i = 0; i < why->n; i++) {
		put_entry(out, "  ", why->v[i].code);
		if (why->v[i].detail != NULL)
			put_detail(out, why->v[i].code, why->v[i].detail);
	}
}

void
receipt_arrival_write(const struct receipt_arrival *r, FILE *out)
{
	char s[64];

	if (r->id.sender[0] != '\0')
		receipt_number(&r->id, r->sha256, s);
	else
		receipt_number_unnamed(r->sender, r->sha256, s);
	fputs("# 到達通知 arrival receipt\nkind: arrival\n", out);
	put_key(out, "receipt", s);
	put_key(out, "file", r->file);
	put_key(out, "sender", r->sender);
	put_key(out, "sha256", r->sha256);
	put_number(out, "bytes", r->bytes);
	put_moment(out, "arrived", r->arrived);
	put_day(out, "business_day", r->day);
	put_key(out, "result", r->accepted ? "accepted" : "refused");
	put_key(out, "result_ja", r->accepted ? "受付" : "受付不可");
	/* refused: by when a mended file makes the same night */
	put_moment(out, "next_cut_off", r->cut_off);
	if (r->accepted)
		put_moment(out, "expected_visible", r->opening);
	put_why(out, r->why);
}

/* The codes raised for a member, each once, with how often. */
static void
put_counts(FILE *out, const struct diag_sink *why)
{
	int codes = 0;

	if (why != NULL)
		for (int i = 0; i < DIAG__MAX; i++)
			codes += why->counts[i] > 0;
	fprintf(out, "    problems:%s\n", codes == 0 ? " []" : "");
	for (int i = 0; codes > 0 && i < DIAG__MAX; i++) {
		if (why->counts[i] == 0)
			continue;
		put_entry(out, "      ", (enum diag_code)i);
		fputs("        ", out);
		put_number(out, "count", why->counts[i]);
	}
}

static void
put_member(FILE *out, const struct receipt_check *r)
{
	const struct record_counts *c = &r->counts;

	fputs("  - ", out);
	put_key(out, "name", r->member);
	if (r->kind != NULL) {
		fputs("    ", out);
		put_key(out, "record_kind", r->kind->ja);
	}
	fprintf(out, "    read: %lld\n    accepted: %lld\n    refused: %lld\n",
	    (long long)c->read, (long long)c->accepted, (long long)c->refused);
	fprintf(out, "    unchanged: %lld\n    held: %lld\n",
	    (long long)r->unchanged, (long long)r->held);
	fprintf(out,
	    "    with_substitutes: %lld\n    substitutes: %lld\n"
	    "    control_total: %lld\n",
	    (long long)c->replaced, (long long)c->substitutes,
	    (long long)r->total);
	put_counts(out, r->why);
}

static void
put_holds(FILE *out, const struct receipt_check *r)
{
	if (r->holds > 0)
		fputs("held_for:\n", out);
	for (int i = 0; i < r->holds; i++) {
		put_entry(out, "  ", r->hold[i].code);
		put_detail(out, r->hold[i].code, r->hold[i].detail);
	}
}

/* As a whole: any member that is refused refuses the file. */
static void
check_result(const struct receipt_check *r, int n, const char *said[2])
{
	bool some = false;

	if (r->holds > 0) {
		said[0] = "held";
		said[1] = "保留";
		return;
	}
	said[0] = "accepted";
	said[1] = "受付";
	for (int i = 0; i < n; i++) {
		if (!r[i].accepted) {
			said[0] = "refused";
			said[1] = "受付不可";
			return;
		}
		some = some || r[i].counts.refused > 0;
	}
	if (some) {
		said[0] = "accepted_in_part";
		said[1] = "一部受付（エラーリストを参照）";
	}
}

void
receipt_check_write(const struct receipt_check *r, int n, FILE *out)
{
	char s[64];
	const char *said[2];

	if (n == 0)
		return;
	check_result(r, n, said);
	receipt_number(&r->id, r->sha256, s);
	fputs("# 受付結果 check result\nkind: check\n", out);
	put_key(out, "receipt", s);
	filename_format(&r->id, ".zip.p7m", s);
	put_key(out, "file", s);
	put_key(out, "sender", r->id.sender);
	put_day(out, "business_day", r->day);
	put_key(out, "result", said[0]);
	put_key(out, "result_ja", said[1]);
	put_holds(out, r);
	fputs("members:\n", out);
	for (int i = 0; i < n; i++)
		put_member(out, &r[i]);
}

/* clang-format off */
static const struct field reflection_fields[R__MAX] = {
	[R_FILE] = { "File", "ファイル", 1, 64, FIELD_ANK, FIELD_REQUIRED, NULL, NULL },
	[R_RECORD] = { "RecordNumber", "レコード番号", 2, 10, FIELD_NUM, FIELD_REQUIRED, NULL, NULL },
	[R_STATE] = { "State", "反映状況", 3, 10, FIELD_CODE, FIELD_REQUIRED, NULL, codes_reflection },
	[R_CODE] = { "Code", "コード", 4, 5, FIELD_ANK, 0, NULL, NULL },
	[R_REASON_JA] = { "ReasonJa", "理由", 5, 400, FIELD_TEXT, 0, NULL, NULL },
	[R_REASON_EN] = { "Reason", "reason", 6, 400, FIELD_TEXT, 0, NULL, NULL },
	[R_GENERATION] = { "Generation", "世代", 7, 10, FIELD_NUM, 0, NULL, NULL },
	[R_VISIBLE_AT] = { "VisibleAt", "照会可能日時", 8, 14, FIELD_TIME, 0, NULL, NULL },
};
/* clang-format on */
static const struct format reflection_format = { "Reflection", "反映状況",
	reflection_fields, R__MAX, NULL };
const struct layout reflection_layout = {
	.name = "reflection",
	.ja = "反映状況",
	.data = &reflection_format,
	.trailer_count = -1,
	.trailer_total = -1,
	.total_field = -1,
	.number_field = -1,
	.bare = true,
	.refuse_percent = 100,
};
