/*
 * Asking the statistics: read-only SQL, or a query that lies in the file by
 * name; as a table for the eye, CSV, JSON or Markdown.
 */
#include <sqlite3.h>
#include <string.h>

#include "batch/run.h"
#include "formats/codec/text.h"

enum form { FORM_TABLE, FORM_CSV, FORM_JSON, FORM_MARKDOWN, FORM__MAX };
static const char *const form_names[FORM__MAX] = { "table", "csv", "json",
	"markdown" };

struct query {
	struct run run;
	enum form form;
	const char *canned; /* -q NAME */
	bool list; /* -l */
	sqlite3 *db;
};

static int
on_option(void *arg, int letter, const char *value)
{
	struct query *q = arg;

	switch (letter) {
	case 'q':
		q->canned = value;
		return 0;
	case 'l':
		q->list = true;
		return 0;
	default:
		for (int i = 0; i < FORM__MAX; i++)
			if (strcmp(value, form_names[i]) == 0) {
				q->form = (enum form)i;
				return 0;
			}
		return -1;
	}
}

/* Text of a value; "" for none, which is a hidden figure. */
static const char *
value_of(sqlite3_stmt *st, int column)
{
	const unsigned char *s = sqlite3_column_text(st, column);

	return s == NULL ? "" : (const char *)s;
}

static void
put_csv(const char *s)
{
	if (strpbrk(s, ",\"\r\n") == NULL) {
		fputs(s, stdout);
		return;
	}
	putchar('"');
	for (; *s != '\0'; s++) {
		if (*s == '"')
			putchar('"');
		putchar(*s);
	}
	putchar('"');
}

static void
put_json(const char *s)
{
	putchar('"');
	for (; *s != '\0'; s++)
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < ' ')
			printf("\\u%04x", (unsigned)*s);
		else
			putchar(*s);
	putchar('"');
}

static void
put_markdown(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '|')
			putchar('\\');
		putchar(*s == '\n' ? ' ' : *s);
	}
}

static void
put_one(enum form form, const char *s)
{
	if (form == FORM_CSV)
		put_csv(s);
	else if (form == FORM_MARKDOWN)
		put_markdown(s);
	else
		fputs(s, stdout);
}

static void
put_head(enum form form, sqlite3_stmt *st)
{
	static const char *const between[FORM__MAX] = { "\t", ",", "", " | " };
	int n = sqlite3_column_count(st);

	if (form == FORM_JSON)
		return;
	if (form == FORM_MARKDOWN)
		fputs("| ", stdout);
	for (int i = 0; i < n; i++) {
		if (i > 0)
			fputs(between[form], stdout);
		put_one(form, sqlite3_column_name(st, i));
	}
	fputs(form == FORM_CSV	      ? "\r\n" :
		form == FORM_MARKDOWN ? " |\n|" :
					"\n",
	    stdout);
	for (int i = 0; i < n && form == FORM_MARKDOWN; i++)
		fputs(" --- |", stdout);
	if (form == FORM_MARKDOWN)
		putchar('\n');
}

static void
put_object(sqlite3_stmt *st, int64_t row)
{
	fputs(row == 0 ? "[\n {" : ",\n {", stdout);
	for (int i = 0; i < sqlite3_column_count(st); i++) {
		int type = sqlite3_column_type(st, i);

		fputs(i > 0 ? ", " : "", stdout);
		put_json(sqlite3_column_name(st, i));
		fputs(": ", stdout);
		if (type == SQLITE_NULL)
			fputs("null", stdout);
		else if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
			fputs(value_of(st, i), stdout);
		else
			put_json(value_of(st, i));
	}
	putchar('}');
}

static void
put_row(enum form form, sqlite3_stmt *st)
{
	static const char *const between[FORM__MAX] = { "\t", ",", "", " | " };

	if (form == FORM_MARKDOWN)
		fputs("| ", stdout);
	for (int i = 0; i < sqlite3_column_count(st); i++) {
		if (i > 0)
			fputs(between[form], stdout);
		put_one(form, value_of(st, i));
	}
	fputs(form == FORM_CSV	      ? "\r\n" :
		form == FORM_MARKDOWN ? " |\n" :
					"\n",
	    stdout);
}

static int
wrong(struct query *q, const char *what)
{
	fprintf(stderr, "shikaku-query: %s: %s\n", what, sqlite3_errmsg(q->db));
	run_worst(&q->run, EXIT_BAD_USAGE);
	return -1;
}

static int
ask(struct query *q, const char *sql)
{
	sqlite3_stmt *st = NULL;
	const char *rest = "";
	int64_t rows = 0;
	int rc;

	if (sqlite3_prepare_v2(q->db, sql, -1, &st, &rest) != SQLITE_OK)
		return wrong(q, "SQL");
	if (st == NULL || strspn(rest, " \t\r\n;") != strlen(rest) ||
	    !sqlite3_stmt_readonly(st)) {
		fputs("shikaku-query: one statement that only reads\n", stderr);
		run_worst(&q->run, EXIT_BAD_USAGE);
		sqlite3_finalize(st);
		return -1;
	}
	put_head(q->form, st);
	for (; (rc = sqlite3_step(st)) == SQLITE_ROW; rows++)
		if (q->form == FORM_JSON)
			put_object(st, rows);
		else
			put_row(q->form, st);
	if (q->form == FORM_JSON)
		fputs(rows == 0 ? "[]\n" : "\n]\n", stdout);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : wrong(q, "SQL");
}

/* The SQL of a name; NULL: not in this file. Yours to sqlite3_free(). */
static char *
canned(struct query *q, const char *name)
{
	sqlite3_stmt *st = NULL;
	char *sql = NULL;

	if (sqlite3_prepare_v2(q->db, "SELECT sql FROM query WHERE name = ?",
		-1, &st, NULL) == SQLITE_OK) {
		sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
		if (sqlite3_step(st) == SQLITE_ROW)
			sql = sqlite3_mprintf("%s", value_of(st, 0));
	}
	sqlite3_finalize(st);
	return sql;
}

static void
ask_all(struct query *q)
{
	char *sql;

	if (q->list) {
		ask(q, "SELECT name, ja, en FROM query ORDER BY name");
	} else if (q->canned == NULL) {
		ask(q, q->run.argv[1]);
	} else if ((sql = canned(q, q->canned)) == NULL) {
		fprintf(stderr,
		    "shikaku-query: no query %s in this file; -l lists them\n",
		    q->canned);
		run_worst(&q->run, EXIT_BAD_USAGE);
	} else {
		ask(q, sql);
		sqlite3_free(sql);
	}
}

int
main(int argc, char **argv)
{
	struct query q = { 0 };
	const struct run_options options = { .operands = true,
		.no_config = true,
		.letters = "q:lf:",
		.option = on_option,
		.arg = &q,
		.usage = "shikaku-query [-f table|csv|json|markdown] "
			 "FILE.sqlite SQL\n"
			 "       shikaku-query [-f FORM] -q NAME FILE.sqlite\n"
			 "       shikaku-query -l FILE.sqlite\n" };
	char uri[1200];

	q.run.silent = true;
	if (run_begin(&q.run, "query", argc, argv, &options) == -1)
		return run_end(&q.run);
	q.run.silent = true;
	if (q.run.argc != (q.canned != NULL || q.list ? 1 : 2)) {
		fprintf(stderr, "usage: %s", options.usage);
		run_worst(&q.run, EXIT_BAD_USAGE);
		return run_end(&q.run);
	}
	/* immutable: no lock, no journal beside it, nothing can be written */
	text_uri(q.run.argv[0], "mode=ro&immutable=1", uri, sizeof(uri));
	if (sqlite3_open_v2(uri, &q.db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
		NULL) != SQLITE_OK)
		wrong(&q, q.run.argv[0]);
	else
		ask_all(&q);
	sqlite3_close(q.db);
	return run_end(&q.run);
}
