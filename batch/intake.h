/*
 * One upload on its way from a drop box to ready/. For batch/intake*.c only.
 *
 * What intake does happens in an order in which a run killed anywhere is
 * made up by the next one, and the sender sees one and the same receipt:
 *
 *  1. ready/STEM/ appears by one rename (accepted uploads only)
 *  2. the receipt is written as .STEM.receipt.yaml, which nobody sees
 *  3. the ledger gets its row: from here on the upload is accounted for
 *  4. the receipt is renamed into sight
 *  5. the upload is renamed into done/ or refused/; of accepted ones at the
 *     end of the side, so that two syncs serve all: one makes the receipts
 *     durable before the first upload leaves its box, one the moves
 *
 * Killed before 3, the whole ladder is climbed again; after it, 4 and 5 are
 * made up from the ledger's row.
 */
#ifndef BATCH_INTAKE_H
#define BATCH_INTAKE_H

#include <sys/types.h>

#include "batch/ledger.h"
#include "batch/lenient.h"
#include "batch/partners.h"
#include "batch/run.h"
#include "batch/spool.h"
#include "formats/codec/chain.h"
#include "formats/codec/seal.h"
#include "formats/manifest.h"

#define INTAKE_FAULTS_MAX 1000 /* listed in one receipt; all are counted */

/* An accepted upload that still lies in its box. */
struct intake_move {
	char box[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX], name[256];
	dev_t dev; /* what was taken: its sender may put another there */
	ino_t ino;
};
struct intake {
	struct run *run;
	const char *root;
	bool qualification;
	struct ledger *ledger;
	const struct partners *partners;
	const struct lenient *lenient;
	struct chain *insurers, *site; /* who may sign uploads, packages */
	struct seal_key *open_key; /* NULL: no envelopes */
	struct intake_move *move; /* of this side: step 5 of all at once */
	size_t moves;
	int64_t no_files; /* links, folders and the like in the boxes */
};

struct upload {
	struct intake *in;
	const struct sender *sender; /* whose box it lies in */
	const char *name; /* as uploaded: any bytes, never part of a path */
	int box; /* the folder box/SENDER/in */
	int fd;
	bool named; /* the name parses and is of this sender */
	struct filename id;
	char stem[64]; /* of our own making where !named */
	struct ledger_file row; /* what goes into the ledger */
	enum diag_code of_number; /* gap, or the end of one; DIAG__MAX: none */
	char missing_text[64];
	int missing[2]; /* first and last number that has not come; 0: none */
	struct filename waits; /* row.late: who waited for this number */
	struct diag_list why;
	char ready[SPOOL_PATH_MAX]; /* unpacked in work/; "" none */
};

/* To the run: the environment failed. To the sender: why it is refused, or what
 * is worth a word. Whether it is refused. */
int intake_failed(const struct upload *u, const char *what);
void intake_fault(struct upload *u, enum diag_code code, const char *detail);
bool intake_refused(const struct upload *u);

/* Opens seal and archive into work/ as ready/STEM will be. 1: good, 0: to be
 * refused (said in why), -1: the environment failed (said to the run). */
int intake_unpack(struct upload *u);

#endif
