/* The named leniencies, and the table that grants them. */
#include "formats/leniency.h"

/* clang-format off */
const struct leniency_row leniency_table[LENIENT__MAX] = {
	[LENIENT_GAP] = { "sequence_gap", "a gap in the running numbers does not hold the file", "連番の欠番でファイルを保留しない",
	    DIAG_SEQUENCE_HELD, DIAG_SEQUENCE_GAP, 0 },
	[LENIENT_TOTAL] = { "no_total", "a control total of 0 in trailer and manifest is none", "トレーラ・manifestの合計値0を未集計とみなす",
	    DIAG_TOTAL_DIFFERS, DIAG_LENIENT_TOTAL, RECORD_LENIENT_TOTAL },
	[LENIENT_NUMBER] = { "running_number", "running numbers of the records may jump", "レコード識別番号の不連続を許容する",
	    DIAG_NUMBER_ORDER, DIAG_LENIENT_NUMBER, RECORD_LENIENT_NUMBER },
	[LENIENT_WIDTH] = { "half_width", "names may hold half-width characters", "氏名の半角文字を許容する",
	    DIAG_NOT_FULL_WIDTH, DIAG_LENIENT_WIDTH, RECORD_LENIENT_WIDTH },
	[LENIENT_LINES] = { "lf", "lines may end in LF alone", "改行がLFのみでもよい",
	    DIAG_LINE_ENDS, DIAG_LENIENT_LINES, RECORD_LENIENT_LINES },
	[LENIENT_BLANKS] = { "blanks", "values may have blanks around them", "値の前後に空白があってもよい",
	    DIAG_BLANKS, DIAG_LENIENT_BLANKS, RECORD_LENIENT_BLANKS },
};

static const struct code names[] = {
	{ "sequence_gap", "gap does not hold", "欠番で保留しない", false },
	{ "no_total", "no control total", "合計値なし", false },
	{ "running_number", "running numbers may jump", "レコード識別番号の不連続", false },
	{ "half_width", "half-width characters in names", "氏名の半角文字", false },
	{ "lf", "lines end in LF", "改行がLFのみ", false },
	{ "blanks", "blanks around values", "値の前後の空白", false },
	{ NULL, NULL, NULL, false }
};
static const struct field fields[LN__MAX] = {
	[LN_SENDER] = { "Sender", "送信元", 1, 8, FIELD_ANK, FIELD_REQUIRED | FIELD_KEY, NULL, NULL },
	[LN_NAME] = { "Leniency", "緩和措置", 2, 16, FIELD_CODE, FIELD_REQUIRED | FIELD_KEY, NULL, names },
	[LN_UNTIL] = { "Until", "期限", 3, 8, FIELD_DAY, 0, NULL, NULL },
	[LN_AGREED] = { "Agreed", "合意", 4, 200, FIELD_TEXT, 0, NULL, NULL },
};
static const struct format format
    = { "Leniency", "緩和措置", fields, LN__MAX, NULL };
/* clang-format on */

const struct layout leniency_layout = {
	.name = "leniencies",
	.ja = "緩和措置一覧",
	.data = &format,
	.trailer_count = -1,
	.trailer_total = -1,
	.total_field = -1,
	.number_field = -1,
	.bare = true,
};
