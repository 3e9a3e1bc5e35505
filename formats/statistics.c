/* Rows of the statistics file, and what each key is called. */
#include "formats/statistics.h"

#include <stdio.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/codes.h"
#include "formats/query.h"

/* clang-format off */
enum { REQ = FIELD_REQUIRED };

static const struct field fields[ST__MAX] = {
	[ST_DAY] = { "Day", "年月日", 1, 8, FIELD_DAY, REQ, NULL, NULL },
	[ST_THEME] = { "Theme", "統計区分", 2, 32, FIELD_ANK, REQ, NULL, NULL },
	[ST_KEY1] = { "Key1", "区分1", 3, 32, FIELD_ANK, 0, NULL, NULL },
	[ST_KEY2] = { "Key2", "区分2", 4, 32, FIELD_ANK, 0, NULL, NULL },
	[ST_VALUE] = { "Value", "値", 5, 18, FIELD_NUM, REQ, NULL, NULL },
	[ST_UNIT] = { "Unit", "単位", 6, 16, FIELD_ANK, REQ, NULL, NULL },
	[ST_THEME_JA] = { "ThemeJa", "統計区分名", 7, 120, FIELD_TEXT, REQ, NULL, NULL },
	[ST_KEY1_JA] = { "Key1Ja", "区分1名", 8, 200, FIELD_TEXT, 0, NULL, NULL },
	[ST_KEY2_JA] = { "Key2Ja", "区分2名", 9, 200, FIELD_TEXT, 0, NULL, NULL },
	[ST_THEME_EN] = { "ThemeEn", "統計区分名（英）", 10, 120, FIELD_TEXT, REQ, NULL, NULL },
	[ST_KEY1_EN] = { "Key1En", "区分1名（英）", 11, 200, FIELD_TEXT, 0, NULL, NULL },
	[ST_KEY2_EN] = { "Key2En", "区分2名（英）", 12, 200, FIELD_TEXT, 0, NULL, NULL },
};
const struct format statistics_format
    = { "Figure", "統計値", fields, ST__MAX, NULL };

/* Keys that are no code list of their own. */
static const struct code outcomes[] = {
	{ "answered", "answered", "回答", false },
	{ "refused", "refused", "拒否", false },
	{ NULL, NULL, NULL, false }
};
static const struct code times[] = {
	{ "mean", "mean", "平均", false },
	{ "max", "longest", "最大", false },
	{ NULL, NULL, NULL, false }
};
static const struct code states[] = {
	{ "arrived", "arrived", "到着", false },
	{ "ready", "accepted, waiting", "受付済・処理待ち", false },
	{ "refused", "refused", "受付拒否", false },
	{ "ingested", "checked", "検査済", false },
	{ "delivered", "delivered", "連携済", false },
	{ "reflected", "reflected", "反映済", false },
	{ NULL, NULL, NULL, false }
};
static const struct code books[] = {
	{ "read", "read", "読込", false },
	{ "accepted", "accepted", "受付", false },
	{ "refused", "refused", "エラー", false },
	{ "unchanged", "unchanged", "変更なし", false },
	{ NULL, NULL, NULL, false }
};

static const struct theme {
	const char *en, *ja, *unit;
	const struct code *key1, *key2;
} themes[THEME__MAX] = {
	[THEME_TOTAL] = { "all questions", "照会件数（合計）", "questions", NULL, NULL },
	[THEME_KIND] = { "questions by kind and outcome", "照会種別・結果別件数", "questions", codes_question_kind, outcomes },
	[THEME_HOUR] = { "questions by hour and kind", "時間帯・照会種別別件数", "questions", NULL, codes_question_kind },
	[THEME_VALIDITY] = { "questions by validity and kind", "資格有効性・照会種別別件数", "questions", codes_validity, codes_question_kind },
	[THEME_REFUSAL] = { "questions by refusal code and kind", "エラーコード・照会種別別件数", "questions", NULL, codes_question_kind },
	[THEME_CARD] = { "questions by result of the card's check", "カード確認結果別件数", "questions", codes_card_result, NULL },
	[THEME_PREFECTURE] = { "questions by prefecture and kind", "都道府県・照会種別別件数", "questions", codes_prefecture, codes_question_kind },
	[THEME_SIZE] = { "questions by size class and kind", "規模区分・照会種別別件数", "questions", codes_size_class, codes_question_kind },
	[THEME_TIME] = { "time until the answer was ready", "応答準備時間", "us", times, NULL },
	[THEME_FILES] = { "files of the day by feed and state", "当日ファイル数（種別・状態別）", "files", codes_feed, states },
	[THEME_RECORDS] = { "records of the day by feed and result", "当日レコード件数（種別・結果別）", "records", codes_feed, books },
	[THEME_GENERATION] = { "generation in force", "公開中の世代", "generation", codes_snapshot, NULL },
	[THEME_ROWS] = { "rows of the generation in force", "公開中の世代の行数", "rows", codes_snapshot, NULL },
};
const char *const statistics_theme_names[THEME__MAX] = {
	[THEME_TOTAL] = "questions",
	[THEME_KIND] = "questions_by_kind",
	[THEME_HOUR] = "questions_by_hour",
	[THEME_VALIDITY] = "questions_by_validity",
	[THEME_REFUSAL] = "questions_by_refusal",
	[THEME_CARD] = "questions_by_card_result",
	[THEME_PREFECTURE] = "questions_by_prefecture",
	[THEME_SIZE] = "questions_by_size_class",
	[THEME_TIME] = "time_taken",
	[THEME_FILES] = "files",
	[THEME_RECORDS] = "records",
	[THEME_GENERATION] = "snapshot_generation",
	[THEME_ROWS] = "snapshot_rows",
};
/* clang-format on */

const struct layout statistics_layout = {
	.name = "statistics",
	.ja = "統計ファイル",
	.data = &statistics_format,
	.trailer_count = -1,
	.trailer_total = -1,
	.total_field = -1,
	.number_field = -1,
	.bare = true,
	.refuse_percent = 100,
};

struct label {
	char ja[256], en[256];
};

static void
label_of(struct label *l, enum statistics_theme theme, const struct code *codes,
    const char *key)
{
	const char *ja = key, *en = key;

	if (strcmp(key, "none") == 0) {
		ja = "なし";
		en = "none";
	} else if (theme == THEME_REFUSAL && codes == NULL &&
	    query_error_ja(key) != NULL) {
		ja = query_error_ja(key);
	}
	for (; codes != NULL && codes->code != NULL; codes++) {
		if (strcmp(codes->code, key) != 0)
			continue;
		ja = codes->ja;
		en = codes->en;
	}
	snprintf(l->ja, sizeof(l->ja), "%s%s", ja,
	    theme == THEME_HOUR && codes == NULL && *key != '\0' ? "時" : "");
	snprintf(l->en, sizeof(l->en), "%s", en);
}

int
statistics_write(struct record_writer *w, int32_t day,
    enum statistics_theme theme, const char *key1, const char *key2,
    int64_t value)
{
	const struct theme *t = &themes[theme];
	struct label one, two;
	struct record rec;
	char d[9], number[24];

	day_format(day, d);
	snprintf(number, sizeof(number), "%lld", (long long)value);
	label_of(&one, theme, t->key1, key1);
	label_of(&two, THEME__MAX, t->key2, key2);
	record_init(&rec, &statistics_format);
	record_set(&rec, ST_DAY, slice_of(d));
	record_set(&rec, ST_THEME, slice_of(statistics_theme_names[theme]));
	record_set(&rec, ST_KEY1, slice_of(key1));
	record_set(&rec, ST_KEY2, slice_of(key2));
	record_set(&rec, ST_VALUE, slice_of(number));
	record_set(&rec, ST_UNIT, slice_of(t->unit));
	record_set(&rec, ST_THEME_JA, slice_of(t->ja));
	record_set(&rec, ST_KEY1_JA, slice_of(one.ja));
	record_set(&rec, ST_KEY2_JA, slice_of(two.ja));
	record_set(&rec, ST_THEME_EN, slice_of(t->en));
	record_set(&rec, ST_KEY1_EN, slice_of(one.en));
	record_set(&rec, ST_KEY2_EN, slice_of(two.en));
	return record_write(w, &rec);
}
