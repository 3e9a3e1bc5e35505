/* A link package: segments made on the intermediate side, checked whole and
 * taken over as they are. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "batch/ingest.h"

/* The segment under its own name, and nothing but what deliver sends. */
static bool
head_fits(const struct manifest_member *said, const struct segment_head *h)
{
	char name[80];

	ingest_segment_name(h, name);
	return (h->kind == SEGMENT_PERIOD || h->kind == SEGMENT_PAIR ||
		   h->kind == SEGMENT_REKEY) &&
	    strcmp(said->name, name) == 0 && said->records == h->rows;
}

/* A segment the books have already keeps its row, and with it the generation
 * that merged it: a second package must not make it wait again (I3). 1 it is
 * there, 0 not, -1 raised. */
static int
known_as(struct ingest_upload *u, struct ingest_member *m,
    const struct segment_head *h)
{
	struct ledger_segment there;
	char name[80];
	int r;

	ingest_segment_name(h, name);
	r = ledger_segment_get(u->ledger, name, &there);
	if (r != 1 || strcmp(there.digest, h->digest) == 0)
		return r;
	diag_file(&m->faults.sink, DIAG_MANIFEST_DIFFERS, name,
	    "another segment of this name came before");
	m->broken = true;
	return 1;
}

static int
take(struct ingest_upload *u, struct ingest_member *m, int place)
{
	const struct manifest_member *said = &u->manifest->member[place];
	char path[SPOOL_PATH_MAX], work[SPOOL_PATH_MAX];
	struct segment *s;

	spool_member(path, u->root, u->stem, place, said->syntax);
	s = segment_open(path, said->name, true, &m->faults.sink);
	if (s == NULL) {
		m->broken = true;
		return 0;
	}
	if (!head_fits(said, segment_head(s))) {
		diag_file(&m->faults.sink, DIAG_MANIFEST_DIFFERS, said->name,
		    "name, kind or rows of the segment");
		m->broken = true;
	}
	m->counts.read += segment_head(s)->rows;
	switch (known_as(u, m, segment_head(s))) {
	case -1:
		segment_close(s);
		return -1;
	case 1:
		u->unchanged += segment_head(s)->rows;
		segment_close(s);
		return 0;
	}
	/* A second name beside the first: ready/ stays whole until the end. */
	spool_temp(work, u->root);
	if (link(path, work) == -1) {
		diag_file(&u->run->log.sink, DIAG_IO, said->name, "%s",
		    strerror(errno));
		segment_close(s);
		return -1;
	}
	ingest_segment(u, work, segment_head(s));
	segment_close(s);
	return 0;
}

int
ingest_package_read(struct ingest_upload *u)
{
	struct ingest_member *m = &u->member[0];

	u->members = 1;
	snprintf(m->name, sizeof(m->name), "%s", u->stem);
	for (int i = 0; u->manifest != NULL && i < u->manifest->members; i++)
		if (take(u, m, i) == -1)
			return -1;
	m->counts.accepted = m->counts.read - u->unchanged;
	return 0;
}
