/* Rows of the statistics file. */
#include "formats/statistics.h"

/* clang-format off */
enum { REQ = FIELD_REQUIRED };

static const struct code hidden[] = {
	{ "0", "shown", "表示", false },
	{ "1", "hidden", "秘匿", false },
	{ NULL, NULL, NULL, false }
};
static const struct field fields[ST__MAX] = {
	[ST_TABLE] = { "Table", "表", 1, 32, FIELD_ANK, REQ, NULL, NULL },
	[ST_TABLE_JA] = { "TableJa", "表の名称", 2, 200, FIELD_TEXT, REQ, NULL, NULL },
	[ST_TABLE_EN] = { "TableEn", "表の名称（英）", 3, 200, FIELD_TEXT, REQ, NULL, NULL },
	[ST_KEY1] = { "Key1", "区分1", 4, 32, FIELD_ANK, 0, NULL, NULL },
	[ST_KEY1_JA] = { "Key1Ja", "区分1の名称", 5, 300, FIELD_TEXT, 0, NULL, NULL },
	[ST_KEY1_EN] = { "Key1En", "区分1の名称（英）", 6, 300, FIELD_TEXT, 0, NULL, NULL },
	[ST_KEY2] = { "Key2", "区分2", 7, 32, FIELD_ANK, 0, NULL, NULL },
	[ST_KEY2_JA] = { "Key2Ja", "区分2の名称", 8, 300, FIELD_TEXT, 0, NULL, NULL },
	[ST_KEY2_EN] = { "Key2En", "区分2の名称（英）", 9, 300, FIELD_TEXT, 0, NULL, NULL },
	[ST_VALUE] = { "Value", "値", 10, 18, FIELD_NUM, 0, NULL, NULL },
	[ST_UNIT] = { "Unit", "単位", 11, 16, FIELD_ANK, REQ, NULL, NULL },
	[ST_HIDDEN] = { "Hidden", "秘匿", 12, 1, FIELD_CODE, REQ, NULL, hidden },
};
const struct format statistics_format
    = { "Figure", "統計値", fields, ST__MAX, NULL };

const char *const statistics_columns[ST__MAX] = {
	[ST_TABLE] = "name of the table",
	[ST_TABLE_JA] = "its name in Japanese",
	[ST_TABLE_EN] = "its name in English",
	[ST_KEY1] = "value of the first key; empty where it has none",
	[ST_KEY1_JA] = "its name in Japanese",
	[ST_KEY1_EN] = "its name in English",
	[ST_KEY2] = "value of the second key; empty where it has none",
	[ST_KEY2_JA] = "its name in Japanese",
	[ST_KEY2_EN] = "its name in English",
	[ST_VALUE] = "the figure; empty where hidden",
	[ST_UNIT] = "what is counted",
	[ST_HIDDEN] = "1: hidden, else 0",
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
