/* What a month's statistics consist of. */
#include "formats/statistics_table.h"

#include <stdio.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/codec/diag.h"
#include "formats/codes.h"
#include "formats/query.h"

/* clang-format off */
static const struct code weekdays[] = {
	{ "0", "Sun", "日", false }, { "1", "Mon", "月", false }, { "2", "Tue", "火", false },
	{ "3", "Wed", "水", false }, { "4", "Thu", "木", false }, { "5", "Fri", "金", false },
	{ "6", "Sat", "土", false }, { NULL, NULL, NULL, false }
};
static const struct code answers[] = {
	{ "1", "valid", "有効", false },
	{ "2", "not valid", "無効", false },
	{ "3", "not valid, newer cover", "無効（新資格あり）", false },
	{ "4", "nobody found", "該当なし", false },
	{ "5", "several found", "複数該当", false },
	{ "none", "no judgement asked", "判定なし", false },
	{ "refused", "refused", "拒否", false },
	{ NULL, NULL, NULL, false }
};
static const struct code outcomes[] = {
	{ "answered", "answered", "回答", false },
	{ "refused", "refused", "拒否", false },
	{ NULL, NULL, NULL, false }
};
static const struct code times[] = {
	{ "0", "under 0.1 ms", "0.1ミリ秒未満", false },
	{ "1", "0.1-0.5 ms", "0.1～0.5ミリ秒", false },
	{ "2", "0.5-1 ms", "0.5～1ミリ秒", false },
	{ "3", "1-5 ms", "1～5ミリ秒", false },
	{ "4", "5-50 ms", "5～50ミリ秒", false },
	{ "5", "50-500 ms", "50～500ミリ秒", false },
	{ "6", "0.5-3 s", "0.5～3秒", false },
	{ "7", "3 s and more", "3秒以上", false },
	{ NULL, NULL, NULL, false }
};
static const struct code states[] = {
	{ "arrived", "arrived", "到着", false },
	{ "ready", "accepted, waiting", "処理待ち", false },
	{ "held", "held", "保留", false },
	{ "refused", "refused", "受付拒否", false },
	{ "ingested", "checked", "検査済", false },
	{ "delivered", "delivered", "連携済", false },
	{ "reflected", "reflected", "反映済", false },
	{ NULL, NULL, NULL, false }
};
static const struct code lates[] = {
	{ "0", "on its day", "当日", false },
	{ "1", "next day", "翌日", false },
	{ "2", "2-7 days", "2～7日後", false },
	{ "3", "8 days and more", "8日以上後", false },
	{ "early", "before its day", "前日以前", false },
	{ NULL, NULL, NULL, false }
};
static const struct code changes[] = {
	{ "added", "added", "追加", false },
	{ "amended", "amended", "変更", false },
	{ "cancelled", "cancelled", "取消", false },
	{ "held", "held", "保留", false },
	{ "lost", "lost", "喪失", false },
	{ "refused", "refused", "エラー", false },
	{ "removed", "removed", "消滅", false },
	{ "unchanged", "unchanged", "変更なし", false },
	{ NULL, NULL, NULL, false }
};

static const struct code results[] = {
	{ "accepted", "accepted", "受付", false },
	{ "refused", "refused", "エラー", false },
	{ "unchanged", "unchanged", "変更なし", false },
	{ "held", "held", "保留", false },
	{ NULL, NULL, NULL, false }
};
static const struct code delays[] = {
	{ "0", "under 6 h", "6時間未満", false },
	{ "1", "6-12 h", "6～12時間", false },
	{ "2", "12-24 h", "12～24時間", false },
	{ "3", "1-2 days", "1～2日", false },
	{ "4", "2-7 days", "2～7日", false },
	{ "5", "7 days and more", "7日以上", false },
	{ NULL, NULL, NULL, false }
};
static const struct code unrefused[] = {
	{ "none", "no error", "エラーなし", false },
	{ NULL, NULL, NULL, false }
};
static const struct code unreasoned[] = {
	{ "none", "neither refused nor held", "なし（拒否・保留でない）", false },
	{ NULL, NULL, NULL, false }
};
static const struct code exits[] = { /* formats/exit.h */
	{ "0", "0 done", "0 正常", false },
	{ "1", "1 nothing to do", "1 対象なし", false },
	{ "4", "4 some records refused", "4 一部レコード拒否", false },
	{ "5", "5 some files refused or held", "5 一部ファイル拒否・保留", false },
	{ "8", "8 not ready", "8 準備未了", false },
	{ "9", "9 outside the window", "9 時間外", false },
	{ "10", "10 locked", "10 他で実行中", false },
	{ "11", "11 temporary fault", "11 一時障害", false },
	{ "12", "12 asked to stop", "12 停止指示", false },
	{ "13", "13 deadline", "13 時間切れ", false },
	{ "32", "32 wrong usage", "32 使い方の誤り", false },
	{ "33", "33 configuration", "33 設定の誤り", false },
	{ "34", "34 whole input refused", "34 入力全体を拒否", false },
	{ "35", "35 publication withheld", "35 公開保留", false },
	{ "36", "36 integrity", "36 整合性の異常", false },
	{ "64", "64 defect", "64 不具合", false },
	{ "none", "no end: running or killed", "終了記録なし（実行中・中断）", false },
	{ NULL, NULL, NULL, false }
};
static const struct code billing[] = {
	{ "billable", "billable", "課金対象", false },
	{ "retry", "sent again", "再送（対象外）", false },
	{ "unknown", "without result", "未確認（対象外）", false },
	{ "other", "tests, own operation", "試験・自己運用（対象外）", false },
	{ NULL, NULL, NULL, false }
};

const struct statistics_dim_row statistics_dims[DIM__MAX] = {
	[DIM_NONE] = { "", "", "", NULL },
	[DIM_DAY] = { "day", "日", "day", NULL },
	[DIM_WEEKDAY] = { "weekday", "曜日", "weekday", weekdays },
	[DIM_HOUR] = { "hour", "時間帯", "hour", NULL },
	[DIM_KIND] = { "kind", "照会種別", "kind", codes_question_kind },
	[DIM_ANSWER] = { "answer", "回答", "answer", answers },
	[DIM_OUTCOME] = { "outcome", "結果", "outcome", outcomes },
	[DIM_CODE] = { "code", "エラーコード", "code", unrefused },
	[DIM_CARD] = { "card_result", "カード確認結果", "result of the card's check", codes_card_result },
	[DIM_TIME] = { "time_class", "応答準備時間", "time until ready", times },
	[DIM_PREFECTURE] = { "prefecture", "都道府県", "prefecture", codes_prefecture },
	[DIM_SIZE] = { "size_class", "規模（病床数）", "size (beds)", codes_size_class },
	[DIM_INSTITUTION] = { "institution", "医療機関コード", "institution", NULL },
	[DIM_INSURER] = { "insurer", "保険者コード", "insurer", NULL },
	[DIM_SCHEME] = { "scheme", "制度", "scheme", codes_scheme },
	[DIM_AGE] = { "age", "年齢階級", "age class", NULL },
	[DIM_SEX] = { "sex", "性別", "sex", codes_sex },
	[DIM_CLASS] = { "certificate", "被保険者証区分", "certificate", codes_card_class },
	[DIM_FEED] = { "feed", "ファイル種別", "feed", codes_feed },
	[DIM_STATE] = { "state", "状態", "state", states },
	[DIM_REASON] = { "reason", "理由", "reason", unreasoned },
	[DIM_LATE] = { "lateness", "到着の遅れ", "lateness", lates },
	[DIM_CHANGE] = { "change", "異動", "change", changes },
	[DIM_RESULT] = { "result", "結果", "result", results },
	[DIM_DELAY] = { "delay", "到着から反映まで", "from arrival to visibility", delays },
	[DIM_PROGRAM] = { "program", "プログラム", "program", NULL },
	[DIM_EXIT] = { "exit", "終了コード", "exit status", exits },
	[DIM_USE] = { "use", "利用種別", "use", codes_use },
	[DIM_BILLING] = { "billing", "課金対象区分", "billing", billing },
	[DIM_PRICES] = { "prices", "料金表版", "table of prices", NULL },
	[DIM_SNAPSHOT] = { "snapshot", "スナップショット", "snapshot", codes_snapshot },
};
const enum statistics_dim statistics_follows[DIM__MAX][3] = {
	[DIM_DAY] = { DIM_WEEKDAY },
	[DIM_ANSWER] = { DIM_OUTCOME },
	[DIM_CODE] = { DIM_OUTCOME },
	[DIM_INSTITUTION] = { DIM_PREFECTURE, DIM_SIZE },
};

#define JOURNAL "利用記録（利用日時は日本時間）", "usage journals (moments in Japanese time)"
#define MASTER "利用記録と医療機関マスタ", "usage journals, institution master in force"
#define SET "公開中の世代で、月の末日（または集計日）に有効な資格", "periods in force on the last day, in the generation in force"
#define LEDGER "両側の台帳", "ledgers of both sides"
#define VISIBLE "両側の台帳。反映は業務日の翌日の開局。公開がそれより遅れたときは公開時刻", "ledgers of both sides; visible from the opening after the business day, or when published where that was later"
#define BILL "課金管理の月次集計（shikaku-bill）", "the bill's summary of the month (shikaku-bill)"
#define RUNS "両側の台帳の実行記録（集計、および処理対象なしで終わった実行を除く）", "runs in the ledgers of both sides, but for the report's own and those that found nothing to do"
const struct statistics_table_row statistics_tables[TABLE__MAX] = {
	[TABLE_QUESTIONS] = { "questions", "照会件数", "Questions", FAMILY_QUESTIONS, "questions", "件", { DIM_NONE, DIM_NONE }, CHART_NUMBER, false, JOURNAL },
	[TABLE_DAY] = { "questions_by_day", "日別の照会件数", "Questions by day", FAMILY_QUESTIONS, "questions", "件", { DIM_DAY, DIM_NONE }, CHART_LINE, true, JOURNAL },
	[TABLE_WEEKDAY_HOUR] = { "questions_by_weekday_and_hour", "曜日・時間帯別の照会件数", "Questions by weekday and hour", FAMILY_QUESTIONS, "questions", "件", { DIM_WEEKDAY, DIM_HOUR }, CHART_HEAT, true, JOURNAL },
	[TABLE_HOUR_KIND] = { "questions_by_hour_and_kind", "時間帯・照会種別の照会件数", "Questions by hour and kind", FAMILY_QUESTIONS, "questions", "件", { DIM_HOUR, DIM_KIND }, CHART_STACK, true, JOURNAL },
	[TABLE_ANSWER_KIND] = { "questions_by_answer_and_kind", "回答・照会種別の照会件数", "Questions by answer and kind", FAMILY_QUESTIONS, "questions", "件", { DIM_ANSWER, DIM_KIND }, CHART_STACK, true, JOURNAL },
	[TABLE_CODE] = { "questions_by_code", "エラーコード別の照会件数", "Questions by refusal code", FAMILY_QUESTIONS, "questions", "件", { DIM_CODE, DIM_NONE }, CHART_BARS, true, JOURNAL },
	[TABLE_CARD] = { "questions_by_card_result", "カード確認結果別の照会件数", "Questions by result of the card's check", FAMILY_QUESTIONS, "questions", "件", { DIM_CARD, DIM_NONE }, CHART_BARS, true, JOURNAL },
	[TABLE_TIME_KIND] = { "questions_by_time_and_kind", "応答準備時間・照会種別の照会件数", "Questions by time until the answer was ready, and kind", FAMILY_QUESTIONS, "questions", "件", { DIM_TIME, DIM_KIND }, CHART_STACK, true, JOURNAL },
	[TABLE_PREFECTURE_KIND] = { "questions_by_prefecture_and_kind", "都道府県・照会種別の照会件数", "Questions by prefecture and kind", FAMILY_QUESTIONS, "questions", "件", { DIM_PREFECTURE, DIM_KIND }, CHART_TILES, true, MASTER },
	[TABLE_SIZE_KIND] = { "questions_by_size_and_kind", "規模（病床数）・照会種別の照会件数", "Questions by size class (beds) and kind", FAMILY_QUESTIONS, "questions", "件", { DIM_SIZE, DIM_KIND }, CHART_STACK, true, MASTER },
	[TABLE_INSTITUTION] = { "questions_by_institution", "医療機関別の照会件数", "Questions by institution", FAMILY_QUESTIONS, "questions", "件", { DIM_INSTITUTION, DIM_NONE }, CHART_TABLE, true, MASTER },
	[TABLE_INSURER] = { "questions_by_insurer", "回答した資格の保険者別の照会件数", "Questions by insurer of the answer", FAMILY_QUESTIONS, "questions", "件", { DIM_INSURER, DIM_NONE }, CHART_TABLE, true, JOURNAL },
	[TABLE_INSURED] = { "insured", "資格件数", "Periods of cover in force", FAMILY_PERSONS, "periods", "件", { DIM_NONE, DIM_NONE }, CHART_NUMBER, false, SET },
	[TABLE_SCHEME_SEX] = { "insured_by_scheme_and_sex", "制度・性別の資格件数", "Periods in force by scheme and sex", FAMILY_PERSONS, "periods", "件", { DIM_SCHEME, DIM_SEX }, CHART_STACK, true, SET },
	[TABLE_AGE_SEX] = { "insured_by_age_and_sex", "年齢階級・性別の資格件数", "Periods in force by age and sex", FAMILY_PERSONS, "periods", "件", { DIM_AGE, DIM_SEX }, CHART_STACK, true, SET },
	[TABLE_INSURED_PREFECTURE] = { "insured_by_prefecture", "保険者の都道府県別の資格件数", "Periods in force by prefecture of the insurer", FAMILY_PERSONS, "periods", "件", { DIM_PREFECTURE, DIM_NONE }, CHART_TILES, true, SET },
	[TABLE_CLASS] = { "insured_by_certificate", "被保険者証区分別の資格件数", "Periods in force by kind of certificate", FAMILY_PERSONS, "periods", "件", { DIM_CLASS, DIM_NONE }, CHART_BARS, true, SET },
	[TABLE_FEED_STATE] = { "files_by_feed_and_state", "ファイル種別・状態別のファイル数", "Files by feed and state", FAMILY_FILES, "files", "ファイル", { DIM_FEED, DIM_STATE }, CHART_STACK, false, LEDGER },
	[TABLE_REASON] = { "files_by_reason", "拒否・保留理由別のファイル数", "Files by why they were refused or held", FAMILY_FILES, "files", "ファイル", { DIM_REASON, DIM_NONE }, CHART_BARS, false, LEDGER },
	[TABLE_LATE] = { "files_by_lateness", "到着の遅れ別のファイル数", "Files by lateness", FAMILY_FILES, "files", "ファイル", { DIM_LATE, DIM_NONE }, CHART_BARS, false, LEDGER },
	[TABLE_DELAY] = { "files_by_delay", "到着から反映までの時間別のファイル数", "Files by time from arrival to visibility", FAMILY_DELAYS, "files", "ファイル", { DIM_DELAY, DIM_NONE }, CHART_BARS, false, VISIBLE },
	[TABLE_RECORDS] = { "records_by_feed_and_result", "ファイル種別・結果別のレコード件数", "Records by feed and result", FAMILY_RECORDS, "records", "件", { DIM_FEED, DIM_RESULT }, CHART_STACK, true, LEDGER },
	[TABLE_PROBLEM] = { "problems_by_code_and_feed", "エラー・警告コード別の件数", "Problems by code and feed", FAMILY_PROBLEMS, "problems", "件", { DIM_REASON, DIM_FEED }, CHART_STACK, true, LEDGER },
	[TABLE_CHANGE] = { "changes_by_day", "日別・異動別のレコード件数", "Changes by day and kind", FAMILY_CHANGES, "records", "件", { DIM_DAY, DIM_CHANGE }, CHART_STACK, true, LEDGER },
	[TABLE_UNITS] = { "usage_by_use_and_billing", "公的個人認証の利用件数", "Use of the JPKI by billing", FAMILY_USAGE, "units", "件", { DIM_USE, DIM_BILLING }, CHART_STACK, true, BILL },
	[TABLE_COST] = { "cost_by_use_and_prices", "課金対象件数×単価（区分ごとに円未満四捨五入）", "Billable units at their prices, each rounded to the yen", FAMILY_COST, "yen", "円", { DIM_USE, DIM_PRICES }, CHART_STACK, true, BILL },
	[TABLE_RUNS] = { "runs_by_program_and_exit", "プログラム・終了コード別の実行回数", "Runs by program and exit status", FAMILY_RUNS, "runs", "回", { DIM_PROGRAM, DIM_EXIT }, CHART_STACK, false, RUNS },
	[TABLE_RUN_TIME] = { "run_time_by_program", "プログラム別の処理時間の合計", "Time the programs took, summed", FAMILY_TIMES, "ms", "ミリ秒", { DIM_PROGRAM, DIM_NONE }, CHART_BARS, false, RUNS },
	[TABLE_BYTES] = { "snapshot_bytes", "公開中の世代の大きさ", "Size of the snapshots in force", FAMILY_BYTES, "bytes", "バイト", { DIM_SNAPSHOT, DIM_NONE }, CHART_BARS, false, "公開中の世代", "the set in force" },
	[TABLE_ROWS] = { "snapshot_rows", "公開中の世代の行数", "Rows of the snapshots in force", FAMILY_SNAPSHOTS, "rows", "行", { DIM_SNAPSHOT, DIM_NONE }, CHART_BARS, false, "公開中の世代", "the set in force" },
};

/* Every view also has n_ja, the Japanese names: see statistics.sql. */
const struct statistics_query statistics_queries[] = {
	{ "tables", "表の一覧", "what tables there are", "SELECT name, ja, en, unit, key1, key2, view FROM theme ORDER BY id" },
	{ "busiest-hours", "照会の多い時間帯", "hours with the most questions", "SELECT hour, sum(value) AS questions, sum(hidden) AS hidden_cells FROM questions_by_hour_and_kind GROUP BY hour ORDER BY questions DESC, hour LIMIT 5" },
	{ "busiest-days", "照会の多い日", "days with the most questions", "SELECT day, value AS questions FROM questions_by_day ORDER BY questions DESC, day LIMIT 10" },
	{ "refusals", "拒否の多いエラーコード", "refusal codes by number", "SELECT code, code_ja AS ja, value AS questions FROM questions_by_code WHERE code <> 'none' ORDER BY value DESC, code" },
	{ "prefectures", "都道府県別の照会件数", "questions by prefecture", "SELECT prefecture, prefecture_ja AS ja, sum(value) AS questions, sum(hidden) AS hidden_cells FROM questions_by_prefecture_and_kind GROUP BY prefecture ORDER BY prefecture" },
	{ "institutions", "照会の多い医療機関", "institutions with the most questions", "SELECT institution, value AS questions FROM questions_by_institution WHERE hidden = 0 ORDER BY value DESC, institution LIMIT 20" },
	{ "card-share", "カードによる照会の割合（％、秘匿分を除く）", "share of questions by card, per cent of the figures shown", "SELECT round(100.0 * sum(CASE WHEN kind = 'card' THEN value END) / sum(value), 2) AS percent, sum(hidden) AS hidden_cells FROM questions_by_answer_and_kind WHERE kind NOT IN ('challenge', 'other')" },
	{ "insured-by-scheme", "制度別の資格件数", "periods in force by scheme", "SELECT scheme, scheme_ja AS ja, sum(value) AS periods, sum(hidden) AS hidden_cells FROM insured_by_scheme_and_sex GROUP BY scheme ORDER BY scheme" },
	{ "hidden", "秘匿した値の数", "how many figures are hidden", "SELECT theme.name, count(*) AS figures, sum(hidden) AS hidden FROM figure JOIN theme ON theme.id = figure.theme GROUP BY theme.id ORDER BY theme.id" },
	{ "errors", "エラーコード別の件数", "problems by number, with how to read them", "SELECT reason, reason_ja AS ja, sum(value) AS problems, sum(hidden) AS hidden_cells FROM problems_by_code_and_feed GROUP BY reason ORDER BY problems DESC, reason" },
	{ "batch-time", "処理時間の長いプログラム", "programs by the time they took", "SELECT program, value AS ms FROM run_time_by_program ORDER BY value DESC, program" },
	{ "findings", "留意事項", "what was wrong with the inputs", "SELECT code, subject, ja, en FROM finding ORDER BY code, subject" },
	{ NULL, NULL, NULL, NULL }
};
/* clang-format on */

const char *
statistics_label(
    enum statistics_dim dim, const char *value, bool ja, char room[64])
{
	const struct code *c = statistics_dims[dim].codes;
	const char *name;
	int age, code;

	for (; c != NULL && c->code != NULL; c++)
		if (strcmp(c->code, value) == 0)
			return ja ? c->ja : c->en;
	if (strcmp(value, "none") == 0)
		return ja ? "なし・不明" : "none, unknown";
	if (dim == DIM_CODE && ja && (name = query_error_ja(value)) != NULL)
		return name;
	if (dim == DIM_REASON && (code = diag_find(slice_of(value))) != -1)
		return ja ? diag_table[code].ja : diag_table[code].en;
	if (dim == DIM_DAY && strlen(value) == 8) {
		snprintf(room, 64, ja ? "%d月%d日" : "%02d-%02d",
		    (value[4] - '0') * 10 + value[5] - '0',
		    (value[6] - '0') * 10 + value[7] - '0');
		return room;
	}
	if (dim == DIM_HOUR) {
		snprintf(room, 64, ja ? "%.2s時" : "%.2s h", value);
		return room;
	}
	if (dim == DIM_AGE) {
		age = (int)slice_number(slice_of(value));
		if (age >= 100)
			return ja ? "100歳以上" : "100 and over";
		snprintf(room, 64, ja ? "%d～%d歳" : "%d-%d", age, age + 4);
		return room;
	}
	return value;
}
