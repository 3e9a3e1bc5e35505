/*
 * The notice list for マイナポータル (O5, domain/insurer-and-nhi-files.md 9):
 * whom to tell that the 機関別符号 of theirs is used for qualification checks,
 * and what became of it. Each person once per scheme and 文面版; no name and no
 * 機関別符号: the 中間サーバー finds the code by the 処理通番. A correction is
 * a file of the same layout that names what it corrects.
 */
#ifndef FORMATS_NOTICE_H
#define FORMATS_NOTICE_H

#include "formats/codec/record.h"

enum notice_field { /* CSV, to the お知らせ function of the 中間サーバー */
	NO_TYPE,
	NO_NUMBER,
	NO_CHANGE, /* 訂正区分: 1 new, 2 corrected, 9 withdrawn */
	NO_INSURER_CODE,
	NO_PERSON_ID,
	NO_PROCESSING_NUMBER,
	NO_SCHEME,
	NO_KIND, /* 通知種別: a setting */
	NO_TEXT, /* 文面版: a setting */
	NO_JUDGED_ON, /* 対象判定日 */
	NO_CORRECTS_FILE, /* stem of the file that is corrected */
	NO_CORRECTS_RECORD,
	NO__MAX
};
extern const struct format notice_format;
extern const struct layout notice_layout; /* "notice" */

enum notice_result_field { /* CSV, back: one record per notice */
	NR_TYPE,
	NR_NUMBER,
	NR_FILE, /* stem of the notice list */
	NR_RECORD,
	NR_INSURER_CODE,
	NR_PERSON_ID,
	NR_PROCESSING_NUMBER,
	NR_RESULT, /* 送付結果: 1 sent, 2 not reachable, 3 refused */
	NR_RESULT_DATE,
	NR__MAX
};
extern const struct format notice_result_format;
extern const struct layout notice_result_layout; /* "notice_result" */

#endif
