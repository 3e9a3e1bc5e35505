/* The tables counts.csv and held.csv. */
#include "formats/held.h"

/* clang-format off */
enum { REQ = FIELD_REQUIRED };

static const struct field counts_fields[K__MAX] = {
	[K_FILE] = { "File", "ファイル", 1, 64, FIELD_ANK, REQ | FIELD_KEY, NULL, NULL },
	[K_READ] = { "Read", "件数", 2, 10, FIELD_NUM, REQ, NULL, NULL },
	[K_ADDED] = { "Added", "追加", 3, 10, FIELD_NUM, REQ, NULL, NULL },
	[K_AMENDED] = { "Amended", "変更", 4, 10, FIELD_NUM, REQ, NULL, NULL },
	[K_LOST] = { "Lost", "喪失", 5, 10, FIELD_NUM, REQ, NULL, NULL },
	[K_CANCELLED] = { "Cancelled", "取消", 6, 10, FIELD_NUM, REQ, NULL, NULL },
	[K_UNCHANGED] = { "Unchanged", "変更なし", 7, 10, FIELD_NUM, REQ, NULL, NULL },
	[K_REFUSED] = { "Refused", "反映不可", 8, 10, FIELD_NUM, REQ, NULL, NULL },
	[K_HELD] = { "Held", "保留", 9, 10, FIELD_NUM, REQ, NULL, NULL },
	[K_REMOVED] = { "Removed", "全件置換による削除", 10, 10, FIELD_NUM, REQ, NULL, NULL },
};
static const struct field held_fields[HD__MAX] = {
	[HD_FILE] = { "File", "ファイル", 1, 64, FIELD_ANK, REQ | FIELD_KEY, NULL, NULL },
	[HD_RECORD] = { "RecordNumber", "レコード番号", 2, 10, FIELD_NUM, REQ | FIELD_KEY, NULL, NULL },
	[HD_CODE] = { "Code", "コード", 3, 5, FIELD_ANK, REQ, NULL, NULL },
	[HD_REASON_JA] = { "ReasonJa", "理由", 4, 400, FIELD_TEXT, 0, NULL, NULL },
	[HD_REASON_EN] = { "Reason", "reason", 5, 400, FIELD_TEXT, 0, NULL, NULL },
	[HD_GENERATION] = { "Generation", "世代", 6, 10, FIELD_NUM, REQ, NULL, NULL },
	[HD_SEGMENT] = { "Segment", "セグメント", 7, 79, FIELD_ANK, REQ, NULL, NULL },
};
static const struct field cover_fields[CV__MAX] = {
	[CV_INSURER_CODE] = { "InsurerCode", "保険者コード", 1, 8, FIELD_ANK, REQ | FIELD_KEY, NULL, NULL },
	[CV_PERSON_ID] = { "PersonId", "被保険者枝番", 2, 23, FIELD_ANK, REQ | FIELD_KEY | FIELD_PRIVATE, NULL, NULL },
	[CV_QUALIFIED_ON] = { "QualificationDate", "資格取得年月日", 3, 8, FIELD_DAY, REQ | FIELD_KEY, NULL, NULL },
	[CV_CODE] = { "Code", "コード", 4, 5, FIELD_ANK, REQ, NULL, NULL },
	[CV_REASON_JA] = { "ReasonJa", "理由", 5, 400, FIELD_TEXT, 0, NULL, NULL },
	[CV_REASON_EN] = { "Reason", "reason", 6, 400, FIELD_TEXT, 0, NULL, NULL },
};
/* clang-format on */

static const struct format counts_format = { "Counts", "反映件数",
	counts_fields, K__MAX, NULL };
static const struct format held_format = { "Held", "保留一覧", held_fields,
	HD__MAX, NULL };

static const struct format cover_format = { "Cover", "他保険者との期間照合",
	cover_fields, CV__MAX, NULL };

const struct layout counts_layout = {
	.name = "counts",
	.ja = "反映件数",
	.data = &counts_format,
	.trailer_count = -1,
	.trailer_total = -1,
	.total_field = -1,
	.number_field = -1,
	.bare = true,
	.refuse_percent = 100,
};
const struct layout held_layout = {
	.name = "held",
	.ja = "保留一覧",
	.data = &held_format,
	.trailer_count = -1,
	.trailer_total = -1,
	.total_field = -1,
	.number_field = -1,
	.bare = true,
	.refuse_percent = 100,
};

const struct layout cover_layout = {
	.name = "cover",
	.ja = "他保険者との期間照合",
	.data = &cover_format,
	.trailer_count = -1,
	.trailer_total = -1,
	.total_field = -1,
	.number_field = -1,
	.bare = true,
	.refuse_percent = 100,
};
