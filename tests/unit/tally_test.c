#include "batch/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"
#include "tests/unit/suite.h"

static void
ask(struct tally *t, const char *at, const char *kind, const char *institution,
    const char *code, const char *validity, const char *card)
{
	struct record rec;

	record_init(&rec, &usage_format);
	record_set(&rec, U_AT, slice_of(at));
	record_set(&rec, U_KIND, slice_of(kind));
	record_set(&rec, U_INSTITUTION, slice_of(institution));
	record_set(&rec, U_CODE, slice_of(code));
	record_set(&rec, U_VALIDITY, slice_of(validity));
	record_set(&rec, U_CARD_RESULT, slice_of(card));
	record_set(&rec, U_MICROS, SLICE("250"));
	tally_add(t, &rec);
}

static void
where(void *arg, const char *code, char prefecture[8], char size_class[8])
{
	(void)arg;
	if (strncmp(code, "13", 2) != 0)
		return;
	snprintf(prefecture, 8, "13");
	snprintf(size_class, 8, "2");
}

/* The file as text, without its byte-order mark; yours to free. */
static char *
figures(struct tally *t)
{
	char *text = text_alloc(1 << 16);
	struct diag_list list;
	struct record_writer *w;
	FILE *f = tmpfile();
	size_t n;

	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	w = record_create("statistics", fileno(f), &statistics_layout,
	    SYNTAX_CSV, CHARSET_UTF8_BOM, &list.sink);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	CU_ASSERT_EQUAL(tally_write(t, w, day_of(2026, 8, 1), where, NULL), 0);
	CU_ASSERT_EQUAL(record_finish(w), 0);
	CU_ASSERT_EQUAL(list.n, 0);
	rewind(f);
	n = fread(text, 1, (1 << 16) - 1, f);
	text[n] = '\0';
	fclose(f);
	diag_list_free(&list);
	return text;
}

/* Sum of the values of a theme. */
static int64_t
sum(const char *text, const char *theme)
{
	char head[64];
	int64_t total = 0;

	snprintf(head, sizeof(head), "20260801,%s,", theme);
	for (const char *p = text; (p = strstr(p, head)) != NULL; p++) {
		const char *v = p + strlen(head);

		v = strchr(v, ',') + 1;
		v = strchr(v, ',') + 1;
		total += strtoll(v, NULL, 10);
	}
	return total;
}

static void
every_theme_sums_to_the_days_lines(void)
{
	static const char *const themes[] = { "questions", "questions_by_kind",
		"questions_by_hour", "questions_by_validity",
		"questions_by_refusal", "questions_by_card_result",
		"questions_by_prefecture", "questions_by_size_class" };
	struct tally *t = tally_new();
	char *text;

	ask(t, "2026-08-01T08:59:59.999+09:00", "number", "1310000011", "", "1",
	    "");
	ask(t, "2026-08-01T09:00:00.000+09:00", "card", "1310000011", "", "1",
	    "valid");
	ask(t, "2026-08-01T09:10:00.000+09:00", "card", "2710000011", "OE3004",
	    "", "revoked");
	ask(t, "2026-08-01T21:00:00.000+09:00", "other", "", "OE4001", "", "");
	CU_ASSERT_EQUAL(tally_total(t), 4);
	CU_ASSERT_EQUAL(tally_kind(t, "card"), 2);
	text = figures(t);
	for (size_t i = 0; i < sizeof(themes) / sizeof(themes[0]); i++)
		CU_ASSERT_EQUAL(sum(text, themes[i]), 4);
	free(text);
	tally_free(t);
}

static void
a_figure_stands_under_its_keys_with_names_in_both_languages(void)
{
	struct tally *t = tally_new();
	char *text;

	ask(t, "2026-08-01T09:00:00.000+09:00", "card", "1310000011", "", "2",
	    "valid");
	text = figures(t);
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(text, "20260801,questions_by_hour,09,card,1,questions,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, ",09時,カード,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, ",東京都,カード,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, ",Tokyo,by card"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, ",無効,カード,"));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(text, "20260801,time_taken,mean,,250,us,"));
	free(text);
	tally_free(t);
}

static void
a_thousand_institutions_are_all_counted(void)
{
	struct tally *t = tally_new();
	char code[11], *text;

	for (int i = 0; i < 3000; i++) {
		snprintf(code, sizeof(code), "%s%08d", i % 3 == 0 ? "13" : "27",
		    i % 1500);
		ask(t, "2026-08-01T09:00:00.000+09:00", "number", code, "", "1",
		    "");
	}
	text = figures(t);
	CU_ASSERT_PTR_NOT_NULL(strstr(text,
	    "questions_by_prefecture,13,"
	    "number,1000,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text,
	    "questions_by_prefecture,none,"
	    "number,2000,"));
	free(text);
	tally_free(t);
}

static CU_TestInfo tests[] = {
	{ "every theme sums to the day's lines",
	    every_theme_sums_to_the_days_lines },
	{ "a figure stands under its keys with names in both languages",
	    a_figure_stands_under_its_keys_with_names_in_both_languages },
	{ "a thousand institutions are all counted",
	    a_thousand_institutions_are_all_counted },
	CU_TEST_INFO_NULL,
};
SUITE(tally, tests);
