/* One upload on its way: both ledgers, the out box, the reflection result. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/ledger.h"
#include "batch/spool.h"
#include "batch/status.h"
#include "formats/codec/day.h"
#include "formats/codes.h"
#include "formats/manifest.h"
#include "formats/receipt.h"

#define STATES 16 /* of codes_reflection */

enum stage { /* how far an upload got */
	UNKNOWN,
	IN_BOX,
	ARRIVED,
	READY,
	HELD,
	REFUSED,
	CHECKED,
	DELIVERED,
	REFLECTED,
	STAGES
};
/* clang-format off */
static const struct {
	const char *name, *ja, *next, *next_ja;
	enum exit_code exit;
} stages[STAGES] = {
	[UNKNOWN] = { "unknown", "該当なし",
	    "no such upload was seen: check the number; was the file renamed from .part in the in box?",
	    "該当するファイルはありません。番号と、受付箱で .part からの改名が済んでいるかを確認してください", EXIT_INPUT },
	[IN_BOX] = { "in_box", "受付待ち",
	    "nothing: intake takes it at its next run",
	    "対応不要です。次回の受付処理で受け付けます", EXIT_NOT_READY },
	[ARRIVED] = { "arrived", "到達",
	    "nothing: it is checked in the night after the cut-off",
	    "対応不要です。締切後の夜間処理で検査します", EXIT_NOT_READY },
	[READY] = { "arrived", "到達（検査待ち）",
	    "nothing: it is checked in the night after the cut-off",
	    "対応不要です。締切後の夜間処理で検査します", EXIT_NOT_READY },
	[HELD] = { "held", "保留",
	    "see the reason; ask the operator",
	    "理由を確認し、運用担当に連絡してください", EXIT_NOT_READY },
	[REFUSED] = { "refused", "受付不可",
	    "mend the file and send it under a new running number",
	    "ファイルを直し、新しい連番で再送してください", EXIT_FILES },
	[CHECKED] = { "checked", "検査済",
	    "nothing: it goes to the qualification side in the night",
	    "対応不要です。夜間処理で資格確認側へ連携します", EXIT_NOT_READY },
	[DELIVERED] = { "delivered", "連携済",
	    "nothing: it is reflected in the night",
	    "対応不要です。夜間処理で反映します", EXIT_NOT_READY },
	[REFLECTED] = { "reflected", "反映済",
	    "nothing", "対応不要です", EXIT_OK },
};
/* clang-format on */

struct trail {
	struct run *run;
	struct filename id;
	char stem[64], number[64], digest[13];
	const char *root; /* the side it came to; NULL: none knows it */
	struct ledger_file file;
	enum stage stage;
	int64_t package, generation;
	int64_t states[STATES];
	char visible[15]; /* YYYYMMDDHHmmss */
	bool reflection; /* its result was read */
	bool superseded; /* by another file of the same name */
};

/* ---- YAML ---- */

static void
say(const char *key, const char *value)
{
	printf("%s: \"", key);
	for (const char *p = value; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			putchar('\\');
		putchar((unsigned char)*p < 0x20 ? '?' : *p);
	}
	puts("\"");
}

static void
say_both(const char *key, const char *en, const char *ja)
{
	char k[32];

	say(key, en);
	snprintf(k, sizeof(k), "%s_ja", key);
	say(k, ja);
}

static void
say_number(const char *key, int64_t n)
{
	printf("%s: %lld\n", key, (long long)n);
}

static void
say_moment(const char *key, int64_t moment)
{
	char stamp[30];

	day_format_stamp(moment, stamp);
	say(key, stamp);
}

/* ---- which upload ---- */

/* "R-...", "STEM", "STEM.zip.p7m", "/path/STEM.receipt.yaml"; -1: none. */
static int
parse(struct trail *t, const char *what)
{
	const char *slash = strrchr(what, '/');
	struct slice s = slice_of(slash == NULL ? what : slash + 1), digest;
	const char *dot = memchr(s.p, '.', s.n);

	if (receipt_number_parse(s, &t->id, &digest) == 0) {
		snprintf(t->digest, sizeof(t->digest), "%.*s", (int)digest.n,
		    digest.p);
	} else {
		if (dot != NULL)
			s.n = (size_t)(dot - s.p);
		if (filename_parse_stem(s, &t->id) == -1)
			return -1;
	}
	filename_format(&t->id, "", t->stem);
	return 0;
}

static bool
there(const char *root, const char *folder, const char *name)
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, root, "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

/* A receipt of this digest that was put apart: the file was refused. */
static bool
refused_apart(const char *root, const char *sender, const char *begins)
{
	char dir[SPOOL_PATH_MAX];
	struct spool_names names;
	bool found = false;

	spool_path(dir, root, "box/%s/out", sender);
	if (spool_list(dir, &names) == -1)
		return false;
	for (size_t i = 0; i < names.n && !found; i++)
		found = strncmp(names.v[i], begins, strlen(begins)) == 0 &&
		    strstr(names.v[i], ".receipt.yaml") != NULL;
	spool_free(&names);
	return found;
}

/* ---- one side ---- */

static enum stage
stage_of(const struct ledger_file *f)
{
	static const enum stage by_state[] = {
		[FILE_ARRIVED] = ARRIVED,
		[FILE_READY] = READY,
		[FILE_HELD] = HELD,
		[FILE_REFUSED] = REFUSED,
		[FILE_INGESTED] = CHECKED,
		[FILE_DELIVERED] = DELIVERED,
		[FILE_REFLECTED] = REFLECTED,
	};

	return (size_t)f->state < sizeof(by_state) / sizeof(by_state[0]) ?
	    by_state[f->state] :
	    READY;
}

static struct ledger *
look(struct run *run, const char *root)
{
	if (root[0] == '\0' || !there(root, ".", "ledger.sqlite"))
		return NULL;
	return ledger_look(root, &run->log.sink);
}

/* The ledger's row, or the box, or a refusal put apart. */
static void
look_side(struct trail *t, const char *root)
{
	struct ledger *l = look(t->run, root);
	char folder[80], name[80], begins[80];
	struct ledger_file f;

	if (l != NULL && ledger_file_get(l, &t->id, &f) == 1) {
		if (t->digest[0] == '\0' ||
		    strncmp(f.sha256, t->digest, strlen(t->digest)) == 0) {
			t->root = root;
			t->file = f;
			t->stage = stage_of(&f);
		} else
			t->superseded = true;
	}
	ledger_close(l);
	if (t->root != NULL || root[0] == '\0')
		return;
	snprintf(folder, sizeof(folder), "box/%s/in", t->id.sender);
	snprintf(name, sizeof(name), "%s.zip.p7m", t->stem);
	snprintf(begins, sizeof(begins), "%s-%s", t->stem, t->digest);
	if (t->digest[0] != '\0' && refused_apart(root, t->id.sender, begins)) {
		t->root = root;
		t->stage = REFUSED;
	} else if (t->digest[0] == '\0' && there(root, folder, name)) {
		t->root = root;
		t->stage = IN_BOX;
	}
}

/* What the segments of the upload say: package, generation. */
static void
look_segments(struct trail *t, const char *root, int64_t *out)
{
	static const char *const kinds[] = { "period", "pair", "card",
		"institution", "rekey" };
	struct ledger *l = look(t->run, root);
	struct ledger_segment s;
	char name[80];

	for (size_t i = 0; l != NULL && i < sizeof(kinds) / sizeof(kinds[0]);
	     i++) {
		snprintf(name, sizeof(name), "%s.%s.seg", t->stem, kinds[i]);
		if (ledger_segment_get(l, name, &s) == 1 && s.generation > *out)
			*out = s.generation;
	}
	ledger_close(l);
}

/* ---- reflection ---- */

static int
count_state(void *arg, const struct record *rec)
{
	struct trail *t = arg;
	for (int i = 0; i < STATES && codes_reflection[i].code != NULL; i++)
		if (slice_is(rec->v[R_STATE].s, codes_reflection[i].code))
			t->states[i]++;
	if (rec->v[R_VISIBLE_AT].s.n == sizeof(t->visible) - 1)
		memcpy(t->visible, rec->v[R_VISIBLE_AT].s.p,
		    sizeof(t->visible) - 1);
	return 0;
}

static bool
read_reflection(struct trail *t, const char *path)
{
	struct diag_sink quiet = { .put = NULL };

	return record_table(path, &reflection_layout, &quiet, count_state, t) !=
	    -1;
}

static void
look_reflection(struct trail *t)
{
	const struct config *c = t->run->config;
	const char *q = c->qualification_root;
	char path[SPOOL_PATH_MAX];

	spool_path(path, t->root, "box/%s/out/%s.reflection.csv", t->id.sender,
	    t->stem);
	t->reflection = read_reflection(t, path);
	if (t->reflection || q[0] == '\0' || t->generation == 0)
		return;
	spool_path(path, q, "reflection/g%06lld/%s.csv",
	    (long long)t->generation, t->stem);
	t->reflection = read_reflection(t, path);
}

/* Where the qualification side knows more than the sender's side yet. */
static void
look_further(struct trail *t)
{
	const struct config *c = t->run->config;
	bool here = t->root == c->intermediate_root;

	if (t->stage != CHECKED && t->stage != DELIVERED &&
	    t->stage != REFLECTED)
		return;
	t->generation = t->file.generation;
	if (here) {
		t->generation = t->stage == REFLECTED ? t->generation : 0;
		look_segments(t, c->intermediate_root, &t->package);
	}
	if (c->qualification_root[0] != '\0')
		look_segments(t, c->qualification_root, &t->generation);
	if (t->generation > 0)
		t->stage = REFLECTED;
	if (t->stage == REFLECTED)
		look_reflection(t);
}

/* ---- said ---- */

static int64_t
state_count(const struct trail *t, const char *state)
{
	for (int i = 0; i < STATES && codes_reflection[i].code != NULL; i++)
		if (strcmp(codes_reflection[i].code, state) == 0)
			return t->states[i];
	return 0;
}

static void
say_reason(const struct trail *t)
{
	int code = diag_find(slice_of(t->file.reason));

	if (code == -1)
		return;
	say("code", diag_table[code].code);
	say_both("reason", diag_table[code].en, diag_table[code].ja);
	say_both("mend", diag_table[code].mend_en, diag_table[code].mend_ja);
}

/* When the generation was made, as long as its files are kept; 0. */
static int64_t
published(const struct trail *t)
{
	const char *q = t->run->config->qualification_root;
	char path[SPOOL_PATH_MAX];
	struct stat st;

	for (int k = 0; q[0] != '\0' && k < SNAPSHOT__MAX; k++) {
		spool_path(path, q, "snapshots/%s-%06lld.sqlite",
		    snapshot_names[k], (long long)t->generation);
		if (stat(path, &st) == 0)
			return (int64_t)st.st_mtime * 1000;
	}
	return 0;
}

/* The opening after the night; of a generation published later than that,
 * that moment, or the opening after it. */
static void
say_visible(const struct trail *t)
{
	const struct config *c = t->run->config;
	int32_t day = day_parse((struct slice) { t->visible, 8 });
	int64_t clock = slice_number((struct slice) { t->visible + 8, 6 });
	int64_t made = published(t), at;

	if (made > 0)
		say_moment("published", made);
	if (t->visible[0] == '\0' || day == DAY_NONE)
		return;
	at = day_moment(day,
	    (clock / 10000 * 3600 + clock / 100 % 100 * 60 + clock % 100) *
		1000);
	if (made > at)
		at = day_clock(made) >= c->service_open &&
			day_clock(made) < c->service_close ?
		    made :
		    receipt_next(made, c->service_open);
	say_moment(at > t->run->now ? "visible_from" : "visible_since", at);
}

static void
say_reflection(const struct trail *t)
{
	const char *between = "";

	if (t->stage != REFLECTED)
		return;
	say_number("generation", t->generation);
	say_visible(t);
	if (!t->reflection)
		return;
	printf("reflection: {");
	for (int i = 0; i < STATES && codes_reflection[i].code != NULL; i++) {
		if (t->states[i] == 0)
			continue;
		printf("%s %s: %lld", between, codes_reflection[i].code,
		    (long long)t->states[i]);
		between = ",";
	}
	puts(" }");
}

static void
say_next(const struct trail *t)
{
	int64_t held = state_count(t, "held");
	int64_t not_reflected = state_count(t, "refused");
	int code = diag_find(slice_of(t->file.reason));

	if (t->superseded && t->root == NULL)
		say_both("next",
		    "this file was refused; another of the same name came "
		    "after it: ask for that one by its name",
		    "このファイルは受け付けられず、後から同名の別ファイルが届い"
		    "ています。ファイル名で照会してください");
	else if (held > 0)
		say_both("next",
		    "records are held: see their codes in the reflection "
		    "result; confirm or mend them with the operator",
		    "保留のレコードがあります。反映結果のコードを確認し、運用担当"
		    "に連絡してください");
	else if (not_reflected > 0 ||
	    (t->file.refused > 0 && t->stage != REFUSED))
		say_both("next",
		    "send the records of the error list and of the reflection "
		    "result again, mended, under a new running number",
		    "エラーリスト・反映結果のレコードを直し、新しい連番で再送して"
		    "ください");
	else if (t->stage == REFUSED && code != -1)
		/* who must do it, and whether the same file may come again,
		 * goes by the code: F3106 is ours to mend */
		say_both(
		    "next", diag_table[code].mend_en, diag_table[code].mend_ja);
	else
		say_both(
		    "next", stages[t->stage].next, stages[t->stage].next_ja);
}

static void
say_file(const struct trail *t)
{
	const struct ledger_file *f = &t->file;

	if (f->sha256[0] == '\0')
		return;
	say_number("bytes", f->bytes);
	say("sha256", f->sha256);
	say_moment("arrived", f->arrived);
	if (t->stage == REFUSED || t->stage == HELD)
		say_reason(t);
	if (t->stage >= REFUSED) {
		printf("records: { read: %lld, accepted: %lld, refused: %lld, "
		       "unchanged: %lld }\n",
		    (long long)f->read, (long long)f->accepted,
		    (long long)f->refused, (long long)f->unchanged);
	}
	if (t->package > 0)
		say_number("package", t->package);
}

static void
judge(const struct trail *t)
{
	bool some = t->file.refused > 0 || state_count(t, "refused") > 0 ||
	    state_count(t, "held") > 0;

	run_worst(t->run, stages[t->stage].exit);
	if (some && t->stage == REFLECTED)
		run_worst(t->run, EXIT_RECORDS);
}

/* "R-SENDER-unnamed-DIGEST": a receipt is all there is of it. */
static bool
parse_unnamed(struct trail *t, const char *what)
{
	const char *mark = strstr(what, "-unnamed-");
	size_t n = mark == NULL ? 0 : (size_t)(mark - what);

	if (n < 3 || n > 10 || strncmp(what, "R-", 2) != 0 || strlen(mark) > 40)
		return false;
	memcpy(t->id.sender, what + 2, n - 2);
	snprintf(t->stem, sizeof(t->stem), "%s", mark + 1);
	return t->id.sender[strspn(t->id.sender,
		   "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static void
look_everywhere(struct trail *t, const char *what)
{
	const struct config *c = t->run->config;
	const char *roots[] = { c->intermediate_root, c->qualification_root };
	int named = parse(t, what);
	bool unnamed = named == -1 && parse_unnamed(t, what);

	for (int i = 0; i < 2 && t->root == NULL; i++) {
		if (named == 0)
			look_side(t, roots[i]);
		else if (unnamed && roots[i][0] != '\0' &&
		    refused_apart(roots[i], t->id.sender, t->stem)) {
			t->root = roots[i];
			t->stage = REFUSED;
		}
	}
	if (t->root != NULL && named == 0)
		look_further(t);
}

void
status_upload(struct run *run, const char *what, bool first)
{
	struct trail t = { .run = run };

	look_everywhere(&t, what);
	if (!first)
		puts("---");
	if (t.file.sha256[0] != '\0')
		receipt_number(&t.id, t.file.sha256, t.number);
	say("asked", what);
	if (t.number[0] != '\0')
		say("receipt", t.number);
	if (t.stem[0] != '\0')
		say("file", t.stem);
	say_both("state", stages[t.stage].name, stages[t.stage].ja);
	say_file(&t);
	say_reflection(&t);
	say_next(&t);
	judge(&t);
}
