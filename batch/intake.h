/*
 * Inside shikaku-intake: one upload on its way from the box to ready/ or
 * refused/. intake.c walks the boxes and decides; intake_unpack.c opens seal
 * and archive and holds the members to the manifest.
 */
#ifndef BATCH_INTAKE_H
#define BATCH_INTAKE_H

#include "batch/ledger.h"
#include "batch/partners.h"
#include "batch/run.h"
#include "batch/spool.h"
#include "formats/codec/chain.h"
#include "formats/codec/seal.h"

struct intake {
	struct run run;
	struct partners *partners;
	struct chain *insurers, *site; /* whose signatures count */
	struct seal_key *key; /* opens enveloped uploads; may be NULL */
	/* the side being worked on */
	const char *root;
	struct ledger *ledger;
};

struct upload {
	struct intake *intake;
	const struct sender *sender; /* owner of the box */
	const char *name; /* as it lies there; never made into a path */
	bool named; /* the name parsed and is this sender's: id is filled */
	struct filename id;
	char stem[64];
	int fd;
	int64_t bytes;
	char sha256[65];
	struct diag_list why;
	char work[SPOOL_PATH_MAX]; /* folder of unpacked members; "" none */
};

/*
 * Opens the seal, walks the archive, holds every member to the manifest and
 * leaves manifest.yaml + NNNN.EXT, synced, in u->work. 0; 1: refused, u->why
 * says it; -1: the environment failed, said to the run.
 */
int intake_unpack(struct upload *u);

#endif
