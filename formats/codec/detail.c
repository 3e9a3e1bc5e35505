#include "formats/codec/detail.h"

#include <string.h>

#define SLOTS 6

/* {1} stands for what the first % of the form became. */
/* clang-format off */
static const struct {
	enum diag_code code;
	const char *form, *ja;
} forms[] = {
	{ DIAG_FIELD_COUNT, DETAIL_FIELDS, "この行の項目数は{2}、レイアウトでは{1}です" },
	{ DIAG_RECORD_LENGTH, DETAIL_BYTES_MORE, "このレコードは{2}バイトより長く、レイアウトでは{1}バイトです" },
	{ DIAG_RECORD_LENGTH, DETAIL_BYTES, "このレコードは{2}バイト、レイアウトでは{1}バイトです" },
	{ DIAG_DUPLICATE, DETAIL_DUPLICATE, "レコード番号{1}と同じです。先のレコードを有効としました" },
	{ DIAG_COUNT_DIFFERS, DETAIL_TRAILER_COUNT, "トレーラの件数は{1}、実際のデータレコードは{2}件です" },
	{ DIAG_COUNT_DIFFERS, DETAIL_MANIFEST_COUNT, "データレコードは{1}件、manifestの記載は{2}件です" },
	{ DIAG_TOTAL_DIFFERS, DETAIL_MANIFEST_TOTAL, "トレーラとmanifestの合計値が異なります" },
	{ DIAG_HEADER, DETAIL_NO_HEADER, "ヘッダレコードがありません" },
	{ DIAG_HEADER, DETAIL_HEADER, "ヘッダの{1}がファイル名と一致しません" },
	{ DIAG_TOO_MANY_REFUSED, DETAIL_SHARE, "{2}件中{1}件がエラーです（上限{3}%）" },
	{ DIAG_SEQUENCE_OLD, DETAIL_LAST, "受付済みの最新の連番は{1}です" },
	{ DIAG_SEQUENCE_HELD, DETAIL_MISSING_MANY, "未着の連番: {1}から{2}まで" },
	{ DIAG_SEQUENCE_HELD, DETAIL_MISSING, "未着の連番: {1}" },
	{ DIAG_SEQUENCE_GAP, DETAIL_MISSING_MANY, "未着の連番: {1}から{2}まで" },
	{ DIAG_SEQUENCE_GAP, DETAIL_MISSING, "未着の連番: {1}" },
	{ DIAG_HELD_BEHIND, "%s", "先に解決するファイル: {1}" },
	{ DIAG_MASS_LOSS, DETAIL_LOST, "保険者{1}: 一日に{3}件中{2}件が喪失となります（上限{4}%）" },
	{ DIAG_ITEM_BLANKED, DETAIL_BLANKED, "保険者{1}: {2}は前回{4}件中{3}件に設定、今回は{6}件中{5}件です" },
};
/* clang-format on */

/* Past a conversion such as %04d or %lld; form is at its %. */
static const char *
conversion_end(const char *form)
{
	return form + 1 + strcspn(form + 1, "dus") + 1;
}

/* How long the conversion's text is: as far as what stands behind it in the
 * form, or the end. */
static size_t
slot_length(const char *next, struct slice rest)
{
	size_t n = strcspn(next, "%");

	if (next[0] == '\0')
		return rest.n;
	for (size_t i = 0; i + n <= rest.n; i++)
		if (memcmp(rest.p + i, next, n) == 0)
			return i;
	return 0;
}

/* Every slot filled and nothing left over? */
static bool
match(const char *form, struct slice rest, struct slice slot[SLOTS])
{
	int n = 0;

	while (*form != '\0') {
		size_t taken;

		if (*form == '%') {
			form = conversion_end(form);
			taken = slot_length(form, rest);
			if (taken == 0)
				return false;
			slot[n++] = (struct slice) { rest.p, taken };
		} else {
			if (rest.n == 0 || *rest.p != *form++)
				return false;
			taken = 1;
		}
		rest.p += taken;
		rest.n -= taken;
	}
	return rest.n == 0;
}

bool
detail_ja(enum diag_code code, struct slice detail, struct buf *out)
{
	struct slice slot[SLOTS];

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (forms[i].code != code ||
		    !match(forms[i].form, detail, slot))
			continue;
		for (const char *p = forms[i].ja; *p != '\0'; p++)
			if (*p == '{') {
				buf_put(out, slot[p[1] - '1']);
				p += 2;
			} else {
				buf_putc(out, *p);
			}
		return true;
	}
	return false;
}
