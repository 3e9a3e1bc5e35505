/*
 * tool-segment ROOT <TEXT: makes segments and enters them in the ledger of
 * ROOT, from lines of tab-separated items:
 *
 *	upload SENDER FEED YYYYMMDD SEQUENCE KIND [SCOPE ...]
 *	RECORD Field=value Field=value ...
 *
 * KIND: period, pair, card, institution. Pairs have Key (typed key),
 * ProcessingNumber and Pseudonym. For tests of rebuild.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/ledger.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/feeds.h"
#include "formats/qualification.h"
#include "formats/segment_make.h"

static const char *const kinds[SEGMENT__MAX] = { "period", "pair", "card",
	"institution", "rekey" };

struct job {
	const char *root;
	struct ledger *ledger;
	struct segment_make *m;
	struct segment_head head;
	char path[SPOOL_PATH_MAX];
	struct ledger_segment l;
};

static void
die(const char *what)
{
	fprintf(stderr, "tool-segment: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
end_upload(struct job *j)
{
	struct ledger_file f = { .id = j->head.id, .state = FILE_INGESTED };

	if (j->m == NULL)
		return;
	if (segment_finish(j->m, j->path, &j->head) == -1)
		die(j->path);
	j->m = NULL;
	j->l.id = j->head.id;
	j->l.kind = (int)j->head.kind;
	j->l.rows = j->head.rows;
	memcpy(j->l.digest, j->head.digest, sizeof(j->l.digest));
	f.read = f.accepted = j->head.rows;
	snprintf(f.sha256, sizeof(f.sha256), "%s", j->head.digest);
	if (ledger_segment_put(j->ledger, &j->l) == -1)
		die("ledger");
	if ((j->head.kind == SEGMENT_CARD ||
		j->head.kind == SEGMENT_INSTITUTION) &&
	    ledger_file_put(j->ledger, &f) == -1)
		die("ledger");
}

static void
begin_upload(struct job *j, char *line)
{
	char *item[5], stem[64], *rest = line;

	end_upload(j);
	strsep(&rest, "\t");
	for (int i = 0; i < 5; i++)
		if ((item[i] = strsep(&rest, "\t")) == NULL)
			die("upload");
	memset(&j->head, 0, sizeof(j->head));
	snprintf(j->head.id.sender, sizeof(j->head.id.sender), "%s", item[0]);
	j->head.id.feed = (enum feed)feed_find(slice_of(item[1]));
	j->head.id.day = day_parse(slice_of(item[2]));
	j->head.id.sequence = (int)strtol(item[3], NULL, 10);
	for (int k = 0; k < SEGMENT__MAX; k++)
		if (strcmp(item[4], kinds[k]) == 0)
			j->head.kind = (enum segment_kind)k;
	j->head.scheme = j->head.kind <= SEGMENT_PAIR ? 'E' : 0;
	filename_format(&j->head.id, "", stem);
	memset(&j->l, 0, sizeof(j->l));
	snprintf(j->l.name, sizeof(j->l.name), "%s.%s.seg", stem,
	    kinds[j->head.kind]);
	spool_path(j->path, j->root, "segments/%s", j->l.name);
	unlink(j->path);
	char work[SPOOL_PATH_MAX];
	spool_path(work, j->root, "work");
	j->m = segment_create(&j->head, work);
	while (rest != NULL && *rest != '\0')
		if (segment_add_scope(j->m, strsep(&rest, "\t")) == -1)
			die("scope");
}

static int
hex(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static void
card_key(const struct record *r, char key[SEGMENT_KEY_SIZE])
{
	struct slice ca = r->v[L_CA].s, serial = r->v[L_SERIAL].s;

	memset(key, 0, SEGMENT_KEY_SIZE);
	for (size_t i = 0; i < 20; i++)
		key[i] = (char)(hex(ca.p[2 * i]) << 4 | hex(ca.p[2 * i + 1]));
	for (size_t i = 0; i < serial.n; i++) {
		int d = hex(serial.p[serial.n - 1 - i]);
		key[31 - i / 2] |= (char)(i & 1 ? d << 4 : d);
	}
}

static void
add_record(struct job *j, char *line)
{
	static const struct format *const formats[SEGMENT__MAX] = {
		&qualification_format, NULL, &link_format, &institution_format,
		NULL
	};
	const struct format *f = formats[j->head.kind];
	char key[SEGMENT_KEY_SIZE] = { 0 }, packed[8192], *rest = line, *item;
	int64_t number = strtoll(strsep(&rest, "\t"), NULL, 10);
	const char *pair[2] = { "", "" };
	struct record r;
	struct buf b;

	if (f != NULL)
		record_init(&r, f);
	while ((item = strsep(&rest, "\t")) != NULL) {
		char *value = strchr(item, '=');
		if (value == NULL)
			die(item);
		*value++ = '\0';
		if (f == NULL && strcmp(item, "Key") == 0)
			memcpy(key, value, strlen(value));
		else if (f == NULL)
			pair[strcmp(item, "Pseudonym") == 0] =
			    value; /* or To */
		for (unsigned i = 0; f != NULL && i < f->nfields; i++)
			if (strcmp(f->fields[i].name, item) == 0)
				record_set(&r, (int)i, slice_of(value));
	}
	buf_init(&b, packed, sizeof(packed));
	if (j->head.kind == SEGMENT_REKEY)
		buf_printf(&b, "%s", pair[0]);
	else if (f == NULL)
		buf_printf(&b, "%s\n%s", pair[0], pair[1]);
	else if (record_pack(&r, &b) == -1)
		die("pack");
	/* municipalities by their own id, as their codes begin with 00 */
	if (j->head.kind == SEGMENT_PERIOD)
		typed_key_make((struct typed_key *)(void *)key,
		    r.v[Q_PERSON_ID].s.p[0] == 'C' ? 'C' : 'E',
		    r.v[Q_INSURER_CODE].s, r.v[Q_PERSON_ID].s);
	else if (j->head.kind == SEGMENT_CARD)
		card_key(&r, key);
	else if (j->head.kind == SEGMENT_INSTITUTION)
		memcpy(key, r.v[I_CODE].s.p, r.v[I_CODE].s.n);
	if (segment_add(j->m, key, number, (struct slice) { b.p, b.n }) == -1)
		die("add");
}

int
main(int argc, char **argv)
{
	struct diag_log log;
	struct job j = { .root = argv[1] };
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (argc != 2)
		return 32;
	diag_log_init(&log, "tool-segment", stderr);
	if (spool_init(j.root) == -1 ||
	    (j.ledger = ledger_open(j.root, &log.sink)) == NULL)
		die(j.root);
	if (ledger_begin(j.ledger) == -1)
		die("ledger");
	while ((n = getline(&line, &room, stdin)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "upload\t", 7) == 0)
			begin_upload(&j, line);
		else if (line[0] != '\0' && line[0] != '#')
			add_record(&j, line);
	}
	end_upload(&j);
	free(line);
	if (ledger_commit(j.ledger) == -1)
		die("ledger");
	ledger_close(j.ledger);
	return 0;
}
