#include "formats/registry.h"

#include "formats/burden.h"
#include "formats/error_table.h"
#include "formats/feeds.h"
#include "formats/held.h"
#include "formats/leniency.h"
#include "formats/nhi.h"
#include "formats/notice.h"
#include "formats/oqs.h"
#include "formats/papers.h"
#include "formats/qualification.h"
#include "formats/receipt.h"
#include "formats/statistics.h"
#include "formats/usage.h"

const struct layout *const registry[] = {
	&qualification_layout,
	&household_layout,
	&person_layout,
	&rekey_layout,
	&link_layout,
	&code_request_layout,
	&codes_layout,
	&institution_layout,
	&sender_layout,
	&leniency_layout,
	&insurer_layout,
	&arrival_layout,
	&usage_layout,
	&usage_file_layout,
	&month_layout,
	&burden_layout,
	&price_layout,
	&notice_layout,
	&notice_result_layout,
	&reflection_layout,
	&counts_layout,
	&held_layout,
	&cover_layout,
	&statistics_layout,
	NULL,
};

const struct layout *
registry_find(struct slice name)
{
	for (int i = 0; registry[i] != NULL; i++)
		if (slice_is(name, registry[i]->name))
			return registry[i];
	return NULL;
}

/* clang-format off */
#define RECORDS(name, en, from, to, file, table) \
	{ name, en, from, to, file, "layouts/" name ".yaml", table, NULL }
#define MESSAGE(name, en, from, to, table) \
	{ name, en, from, to, name "_TAIL.xml", name ".xsd", NULL, table }
#define PAPER(name, en, from, to, file, table) \
	{ name, en, from, to, file, "layouts/" name ".yaml", NULL, table }

const struct exchange exchanges[] = {
	{ "shikaku", "qualification records of an insurer", "insurer", "intermediate side",
	    "shikaku.csv, shikaku.xml", "shikaku.xsd", &qualification_layout, NULL },
	RECORDS("nhi_household", "municipal NHI records, households", "国保連 (federation)", "intermediate side", "nhi_household.txt", &household_layout),
	RECORDS("nhi_person", "municipal NHI records, persons", "国保連 (federation)", "intermediate side", "nhi_person.txt", &person_layout),
	RECORDS("rekey", "from 市町村被保険者ID to 被保険者枝番, person by person", "国保連 (federation)", "intermediate side", "rekey.csv", &rekey_layout),
	PAPER("manifest", "what is inside a package of record files", "every sender", "both sides", "manifest.yaml", &manifest_document),
	PAPER("receipt", "arrival receipt", "intake", "sender", "STEM.receipt.yaml", &receipt_document),
	PAPER("check", "check result", "ingest, rebuild", "sender", "STEM.check.yaml", &check_document),
	RECORDS("errors", "error list", "ingest, shikaku-check", "sender", "STEM.errors.csv", &error_layout),
	RECORDS("reflection", "reflection result, record by record", "rebuild, by way of deliver", "sender", "STEM.reflection.csv", &reflection_layout),
	RECORDS("counts", "reflection result, upload by upload", "rebuild", "operators", "counts.csv", &counts_layout),
	RECORDS("held", "records on hold", "rebuild", "operators", "held.csv", &held_layout),
	RECORDS("cover", "periods that overlap or leave gaps, of the reader's own persons", "rebuild, by way of deliver", "insurer", "cover.csv", &cover_layout),
	RECORDS("link", "card links", "J-LIS", "qualification side", "link.csv", &link_layout),
	RECORDS("code_request", "requests for codes of persons who have none", "intermediate side", "J-LIS", "code_request.csv", &code_request_layout),
	RECORDS("codes", "results of code requests", "J-LIS", "intermediate side", "codes.csv", &codes_layout),
	PAPER("crl", "delivery set of revocation lists", "J-LIS", "qualification side", "manifest.yaml, PARTITION.crl", &crl_document),
	RECORDS("iryokikan", "institution master", "地方厚生局", "qualification side", "iryokikan.csv", &institution_layout),
	PAPER("package", "link package between the sides", "deliver", "qualification side", "manifest.yaml, STEM.KIND.seg", &package_document),
	RECORDS("notice", "whom to tell by マイナポータル", "qualification side", "お知らせ function of the 中間サーバー", "notice.csv", &notice_layout),
	RECORDS("notice_result", "what became of the notices", "お知らせ function of the 中間サーバー", "qualification side", "notice_result.csv", &notice_result_layout),
	RECORDS("usage", "journal of the responder", "responder", "collect, report", "usage-YYYYMMDD.WORKER.log", &usage_layout),
	RECORDS("riyo", "use, day by day", "collect", "取りまとめ機関", "riyo-YYYYMMDD.csv", &usage_file_layout),
	RECORDS("riyo_month", "use, month by month", "bill", "取りまとめ機関", "riyo_month-YYYYMM.csv", &month_layout),
	RECORDS("futan", "burden per insurer and month", "bill", "取りまとめ機関, insurers", "futan-YYYYMM.csv", &burden_layout),
	RECORDS("ryokin", "table of prices", "取りまとめ機関", "collect, bill", "ryokin.csv", &price_layout),
	RECORDS("statistics", "statistics of a day, of a month", "report", "analysts", "statistics-YYYYMMDD.csv, statistics-YYYYMM.csv", &statistics_layout),
	RECORDS("senders", "who may send what", "the site", "intake", "senders.csv", &sender_layout),
	RECORDS("leniencies", "what is overlooked in whose files", "the site", "intake, ingest, codes", "leniencies.csv", &leniency_layout),
	RECORDS("insurers", "insurer numbers, codes and names", "the site", "intake, ingest, rebuild", "insurers.csv", &insurer_layout),
	RECORDS("arrivals", "what is expected of whom, and by when", "the site", "arrivals, status", "arrivals.csv", &arrival_layout),
	MESSAGE("OQSsiquc01req", "single question", "institution", "responder", &oqs_single_request),
	MESSAGE("OQSsiquc01res", "single answer", "responder", "institution", &oqs_single_answer),
	MESSAGE("OQSmuquc01req", "bulk inquiry: upload", "institution", "qualification side", &oqs_bulk_request),
	MESSAGE("OQSmuquc01res", "bulk inquiry: slip with the 受付番号", "qualification side", "institution", &oqs_bulk_slip),
	MESSAGE("OQSmuquc02req", "bulk inquiry: asks for the answer", "institution", "qualification side", &oqs_bulk_ask),
	MESSAGE("OQSmuquc02res", "bulk inquiry: answer", "qualification side", "institution", &oqs_bulk_answer),
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};
/* clang-format on */

const struct exchange *
exchange_find(struct slice name)
{
	for (int i = 0; exchanges[i].name != NULL; i++)
		if (slice_is(name, exchanges[i].name))
			return &exchanges[i];
	return NULL;
}

const char *
exchange_ja(const struct exchange *e)
{
	return e->layout != NULL ? e->layout->ja : e->document->ja;
}

static bool
next_of_document(const struct document *d, struct exchange_row *row)
{
	if ((unsigned)row->item == d->nrows)
		return false;
	row->depth = d->rows[row->item].depth;
	row->flags = d->rows[row->item].flags;
	row->field = &d->rows[row->item].field;
	row->kind = "";
	row->item++;
	return true;
}

bool
exchange_next(const struct exchange *e, struct exchange_row *row)
{
	static const char *const kinds[] = { "header", "data", "trailer" };
	const struct layout *l = e->layout;
	int part = -1;

	if (e->document != NULL)
		return next_of_document(e->document, row);
	if (row->part != NULL &&
	    row->field + 1 < row->part->fields + row->part->nfields) {
		row->field++;
		row->item++;
		return true;
	}
	if (row->part == NULL)
		part = l->header != NULL ? 0 : 1;
	else if (row->part == l->data)
		part = l->trailer != NULL ? 2 : -1;
	else if (row->part == l->header)
		part = 1;
	if (part < 0)
		return false;
	row->part = part == 0 ? l->header : part == 1 ? l->data : l->trailer;
	row->kind = kinds[part];
	row->field = row->part->fields;
	row->item = 1;
	return true;
}
