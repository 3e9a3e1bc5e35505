/* Requests out, answers in. */
#include "batch/stamps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/publish.h"
#include "batch/spool.h"
#include "formats/codec/seal.h"

#define HEAD_MAX (1 << 24)
#define ANSWER_MAX (1 << 16)

struct exchange {
	const char *root, *usage, *ca;
	char dir[SPOOL_PATH_MAX]; /* ROOT/tsa */
	struct diag_sink *sink;
	struct stamps *n;
	bool raised; /* what went wrong, by who noticed it */
};

static bool
is_head(const char *name)
{
	size_t n = strlen(name);

	return (n == 18 && strncmp(name, "riyo-", 5) == 0 &&
		   strcmp(name + 13, ".yaml") == 0) ||
	    (n == 16 && strncmp(name, "bill-", 5) == 0 &&
		strcmp(name + 11, ".yaml") == 0);
}

static int
put(const struct exchange *x, const char *dir, const char *name,
    struct slice bytes)
{
	struct publish p;

	if (publish_open(&p, x->root) == -1)
		return -1;
	fwrite(bytes.p, 1, bytes.n, p.f);
	return publish_commit(&p, dir, name);
}

static int
ask(struct exchange *x, const char *tsq, struct slice head)
{
	char path[SPOOL_PATH_MAX], store[512];
	struct buf b;

	x->n->wait++;
	spool_path(path, x->dir, "%s", tsq);
	if (access(path, F_OK) == 0)
		return 0;
	buf_init(&b, store, sizeof(store));
	if (seal_stamp_request(head, &b) == -1) {
		errno = EINVAL;
		return -1;
	}
	x->n->asked++;
	return put(x, x->dir, tsq, buf_slice(&b));
}

/* 1 kept, 0 there is none or a wrong one, -1 errno or raised: it stays. */
static int
take(struct exchange *x, const char *tsr, struct slice head)
{
	char path[SPOOL_PATH_MAX];
	size_t n;
	char *answer;
	int r = 0;

	spool_path(path, x->dir, "%s", tsr);
	answer = spool_slurp(path, ANSWER_MAX, &n);
	if (answer == NULL)
		return errno == ENOENT ? 0 : -1;
	switch (seal_stamp_check(
	    tsr, head, (struct slice) { answer, n }, x->ca, x->sink)) {
	case 0:
		r = put(x, x->usage, tsr, (struct slice) { answer, n }) == 0 ?
		    1 :
		    -1;
		break;
	case -1:
		x->raised = true;
		r = -1;
		break;
	default:
		break;
	}
	free(answer);
	x->n->kept += r == 1;
	if (r != -1 && unlink(path) == -1)
		return -1;
	return r;
}

static int
stamp(struct exchange *x, const char *name)
{
	char path[SPOOL_PATH_MAX], stem[16], tsq[24], tsr[24], *head;
	size_t n;
	int r;

	snprintf(
	    stem, sizeof(stem), "%.*s", (int)(strchr(name, '.') - name), name);
	snprintf(tsq, sizeof(tsq), "%s.tsq", stem);
	snprintf(tsr, sizeof(tsr), "%s.tsr", stem);
	spool_path(path, x->usage, "%s", tsr);
	if (access(path, F_OK) == 0)
		return 0;
	spool_path(path, x->usage, "%s", name);
	head = spool_slurp(path, HEAD_MAX, &n);
	if (head == NULL)
		return -1;
	r = take(x, tsr, (struct slice) { head, n });
	if (r == 0)
		r = ask(x, tsq, (struct slice) { head, n });
	else if (r == 1) {
		spool_path(path, x->dir, "%s", tsq);
		r = unlink(path) == -1 && errno != ENOENT ? -1 : 0;
	}
	free(head);
	return r;
}

int
stamps_run(const char *root, const char *usage, const char *tsa_ca,
    struct stamps *out, struct diag_sink *sink)
{
	struct exchange x = { .root = root,
		.usage = usage,
		.ca = tsa_ca,
		.sink = sink,
		.n = out };
	struct spool_names names = { 0 };
	int ok = 0;

	*out = (struct stamps) { 0 };
	if (*tsa_ca == '\0')
		return 0;
	spool_path(x.dir, root, "tsa");
	if (publish_make_dir(x.dir) == -1 || spool_list(usage, &names) == -1)
		ok = -1;
	for (size_t i = 0; ok == 0 && i < names.n; i++)
		if (is_head(names.v[i]))
			ok = stamp(&x, names.v[i]);
	if (ok == -1 && !x.raised)
		diag_file(sink, DIAG_IO, "tsa", "%s", strerror(errno));
	spool_free(&names);
	return ok;
}
