/* The two tables of the notice list. */
#include "formats/notice.h"

#include "formats/codec/check.h"
#include "formats/codes.h"
#include "formats/qualification.h"

/* clang-format off */
enum { REQ = FIELD_REQUIRED, KEY = FIELD_KEY, PRV = FIELD_PRIVATE,
	EXA = FIELD_EXACT };

static const struct field notice_fields[NO__MAX] = {
	[NO_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[NO_NUMBER] = { "RecordNumber", "レコード識別番号", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[NO_CHANGE] = { "NoticeChange", "訂正区分", 3, 1, FIELD_CODE, REQ, NULL, codes_notice_change },
	[NO_INSURER_CODE] = { "InsurerCode", "保険者コード", 4, 8, FIELD_NUM, REQ | KEY | EXA, NULL, NULL },
	[NO_PERSON_ID] = { "PersonId", "被保険者枝番", 5, 20, FIELD_ANK, REQ | KEY | PRV, check_person_id, NULL },
	[NO_PROCESSING_NUMBER] = { "ProcessingNumber", "処理通番", 6, 64, FIELD_ANK, REQ | PRV, NULL, NULL },
	[NO_SCHEME] = { "Scheme", "制度", 7, 16, FIELD_CODE, REQ, NULL, codes_scheme },
	[NO_KIND] = { "NoticeKind", "通知種別", 8, 4, FIELD_ANK, REQ, NULL, NULL },
	[NO_TEXT] = { "TextVersion", "文面版", 9, 8, FIELD_ANK, REQ, NULL, NULL },
	[NO_JUDGED_ON] = { "JudgementDate", "対象判定日", 10, 8, FIELD_DAY, REQ, NULL, NULL },
	[NO_CORRECTS_FILE] = { "CorrectedFile", "訂正対象ファイル", 11, 40, FIELD_ANK, 0, NULL, NULL },
	[NO_CORRECTS_RECORD] = { "CorrectedRecord", "訂正対象レコード番号", 12, 9, FIELD_NUM, 0, NULL, NULL },
};
static const struct field notice_result_fields[NR__MAX] = {
	[NR_TYPE] = { "RecordType", "レコード区分", 1, 1, FIELD_CODE, REQ, NULL, codes_record_type },
	[NR_NUMBER] = { "RecordNumber", "レコード識別番号", 2, 9, FIELD_NUM, REQ, NULL, NULL },
	[NR_FILE] = { "NoticeFile", "お知らせ対象者一覧", 3, 40, FIELD_ANK, REQ | KEY, NULL, NULL },
	[NR_RECORD] = { "NoticeRecord", "お知らせ対象者一覧のレコード番号", 4, 9, FIELD_NUM, REQ | KEY, NULL, NULL },
	[NR_INSURER_CODE] = { "InsurerCode", "保険者コード", 5, 8, FIELD_NUM, REQ | EXA, NULL, NULL },
	[NR_PERSON_ID] = { "PersonId", "被保険者枝番", 6, 20, FIELD_ANK, REQ | PRV, check_person_id, NULL },
	[NR_PROCESSING_NUMBER] = { "ProcessingNumber", "処理通番", 7, 64, FIELD_ANK, REQ | PRV, NULL, NULL },
	[NR_RESULT] = { "NoticeResult", "送付結果", 8, 1, FIELD_CODE, REQ, NULL, codes_notice_result },
	[NR_RESULT_DATE] = { "ResultDate", "結果年月日", 9, 8, FIELD_DAY, REQ, NULL, NULL },
};
/* clang-format on */

static int
raise_at(const struct record *r, int field, enum diag_code code,
    const struct diag *at, struct diag_sink *sink)
{
	struct diag d = *at;

	d.code = code;
	d.field = r->format->fields[field].name;
	d.item = r->format->fields[field].item;
	diag_raise(sink, &d);
	return 1;
}

/* A correction names the record it corrects, a new notice has none to name.
 * One error per record: the first item that is amiss. */
static int
names_what_it_corrects(const struct record *r, int32_t today,
    const struct diag *at, struct diag_sink *sink)
{
	static const int named[] = { NO_CORRECTS_FILE, NO_CORRECTS_RECORD };
	bool is_new = slice_is(r->v[NO_CHANGE].s, "1");

	(void)today;
	if ((r->bad >> NO_CHANGE & 1) != 0)
		return 0;
	for (int i = 0; i < 2; i++) {
		bool there = r->v[named[i]].s.n > 0;

		if ((r->bad >> named[i] & 1) != 0)
			return 0;
		if (is_new && there)
			return raise_at(
			    r, named[i], DIAG_UNKNOWN_ITEM, at, sink);
		if (!is_new && !there)
			return raise_at(r, named[i], DIAG_MISSING, at, sink);
	}
	return 0;
}

static const struct rule notice_rules[] = {
	{ "O5 訂正区分", names_what_it_corrects },
	{ NULL, NULL },
};

const struct format notice_format = { "Notice", "お知らせ対象者", notice_fields,
	NO__MAX, notice_rules };
const struct format notice_result_format = { "NoticeResult", "お知らせ送付結果",
	notice_result_fields, NR__MAX, NULL };

const struct layout notice_layout = {
	.name = "notice",
	.ja = "お知らせ対象者一覧（マイナポータル）",
	.header = &file_header,
	.data = &notice_format,
	.trailer = &file_trailer,
	.trailer_count = FT_COUNT,
	.trailer_total = FT_TOTAL,
	.total_field = -1,
	.number_field = NO_NUMBER,
	.refuse_percent = 100,
};
const struct layout notice_result_layout = {
	.name = "notice_result",
	.ja = "お知らせ送付結果",
	.header = &file_header,
	.data = &notice_result_format,
	.trailer = &file_trailer,
	.trailer_count = FT_COUNT,
	.trailer_total = FT_TOTAL,
	.total_field = -1,
	.number_field = NR_NUMBER,
	.refuse_percent = 100,
};
