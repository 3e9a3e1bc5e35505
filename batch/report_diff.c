/* Each section of the explanation is one query over both files. */
#include "batch/report_diff.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "batch/run.h"
#include "formats/codec/text.h"

#define FIGURES(db)                                                            \
	"CREATE TEMP TABLE f" db " AS SELECT t.name AS theme, f.key1, "        \
	"f.key2, f.value, f.hidden FROM " db ".figure f JOIN " db ".theme t "  \
	"ON t.id = f.theme;"                                                   \
	"CREATE UNIQUE INDEX temp.i" db " ON f" db " (theme, key1, key2);"
/* Every key of either; what did not occur is 0. */
static const char prepare_sql[] = FIGURES("a") FIGURES(
    "b") "CREATE TEMP TABLE d AS SELECT *, bv - av AS diff FROM (SELECT k.theme, "
	 "k.key1, k.key2, CASE WHEN fa.hidden THEN NULL ELSE ifnull(fa.value, 0) "
	 "END AS av, CASE WHEN fb.hidden THEN NULL ELSE ifnull(fb.value, 0) END AS "
	 "bv FROM (SELECT theme, key1, key2 FROM fa UNION SELECT theme, key1, key2 "
	 "FROM fb) k LEFT JOIN fa USING (theme, key1, key2) LEFT JOIN fb USING "
	 "(theme, key1, key2)) WHERE av IS NOT bv;"
	 "CREATE TEMP TABLE i AS SELECT name, a.value AS av, b.value AS bv FROM "
	 "(SELECT name FROM a.about UNION SELECT name FROM b.about) LEFT JOIN "
	 "a.about a USING (name) LEFT JOIN b.about b USING (name) WHERE a.value IS "
	 "NOT b.value;";

static const struct section {
	const char *title, *sql;
} sections[] = {
	{ "何が違うか Why",
	    "SELECT printf('別の月の比較です two months: %s, %s', av, bv) AS why FROM i "
	    "WHERE name = 'month' UNION ALL "
	    "SELECT printf('集計の末日が違います another last day: %s, %s', av, bv) "
	    "FROM i WHERE name = 'last_day' AND NOT EXISTS (SELECT 1 FROM i "
	    "WHERE name = 'month') UNION ALL "
	    "SELECT printf('利用記録の差 usage records: %+d', bv - av) FROM i WHERE "
	    "name = 'usage_lines' UNION ALL "
	    "SELECT printf('うち遅れて記録された件数の差 of them used on another day than "
	    "their journal''s: %+d', bv - av) FROM i WHERE name = 'late_lines' "
	    "AND '×' NOT IN (av, bv) "
	    "UNION ALL "
	    "SELECT printf('利用記録のある日数の差 days with a journal: %+d', bv - av) "
	    "FROM i WHERE name = 'journal_days' UNION ALL "
	    "SELECT printf('照会件数の変わった日 days whose questions changed: %s', "
	    "group_concat(key1, ' ')) FROM (SELECT key1 FROM d WHERE theme = "
	    "'questions_by_day' ORDER BY 1) WHERE NOT EXISTS (SELECT 1 FROM i "
	    "WHERE name = 'month') HAVING count(*) > 0 UNION ALL "
	    "SELECT printf('公開中の世代が違います another %s in force: %s, %s', name, "
	    "av, bv) FROM i WHERE name LIKE 'generation%' UNION ALL "
	    "SELECT printf('秘匿の基準が違います another limit of what is hidden: "
	    "%s, %s', av, bv) FROM i WHERE name = 'below'" },
	{ "留意事項の増減 Findings new and gone",
	    "SELECT 'new' AS finding, code, subject, en FROM (SELECT * FROM "
	    "b.finding EXCEPT SELECT * FROM a.finding) UNION ALL SELECT 'gone', "
	    "code, subject, en FROM (SELECT * FROM a.finding EXCEPT SELECT * "
	    "FROM b.finding) ORDER BY 1, 2, 3" },
	{ "入力 Inputs", "SELECT name, av AS A, bv AS B FROM i ORDER BY 1" },
	{ "表 Tables (× 秘匿 hidden)",
	    "SELECT theme AS \"table\", sum(av) AS A, sum(bv) AS B, count(*) AS "
	    "changed, sum(av IS NULL) AS hidden_A, sum(bv IS NULL) AS hidden_B "
	    "FROM d GROUP BY 1 ORDER BY 1" },
	{ "値 Figures (表ごとに差の大きい20件 the 20 largest of a table)",
	    "SELECT theme AS \"table\", key1, key2, ifnull(av, '×') AS A, "
	    "ifnull(bv, '×') AS B, CASE WHEN diff IS NULL THEN '' ELSE "
	    "printf('%+d', diff) END AS difference FROM (SELECT *, "
	    "row_number() OVER (PARTITION BY theme ORDER BY abs(diff) DESC, "
	    "key1, key2) AS place FROM d) WHERE place <= 20 ORDER BY theme, "
	    "place" },
};

struct diff {
	struct run run;
	sqlite3 *db;
	bool any;
};

static int
wrong(struct diff *d, const char *what)
{
	fprintf(
	    stderr, "shikaku-report: %s: %s\n", what, sqlite3_errmsg(d->db));
	run_worst(&d->run, EXIT_BAD_USAGE);
	return -1;
}

static void
put_head(sqlite3_stmt *st, const char *title)
{
	printf("\n## %s\n\n|", title);
	for (int i = 0; i < sqlite3_column_count(st); i++)
		printf(" %s |", sqlite3_column_name(st, i));
	printf("\n|");
	for (int i = 0; i < sqlite3_column_count(st); i++)
		printf(" --- |");
	putchar('\n');
}

static int
put_section(struct diff *d, const struct section *s)
{
	sqlite3_stmt *st = NULL;
	bool first = true;
	int rc;

	if (sqlite3_prepare_v2(d->db, s->sql, -1, &st, NULL) != SQLITE_OK)
		return wrong(d, s->title);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (first)
			put_head(st, s->title);
		first = false;
		d->any = true;
		putchar('|');
		for (int i = 0; i < sqlite3_column_count(st); i++) {
			const unsigned char *v = sqlite3_column_text(st, i);

			printf(" %s |", v == NULL ? "" : (const char *)v);
		}
		putchar('\n');
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : wrong(d, s->title);
}

static int
attach(struct diff *d, const char *path, const char *name)
{
	char uri[1200];
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(d->db,
	    *name == 'a' ? "ATTACH ?1 AS a" : "ATTACH ?1 AS b", -1, &st, NULL);

	text_uri(path, "mode=ro&immutable=1", uri, sizeof(uri));
	if (rc == SQLITE_OK) {
		sqlite3_bind_text(st, 1, uri, -1, SQLITE_STATIC);
		rc = sqlite3_step(st);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : wrong(d, path);
}

static void
compare(struct diff *d)
{
	const char *a = d->run.argv[0], *b = d->run.argv[1];
	int ok;

	if (sqlite3_open_v2(":memory:", &d->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, NULL) != SQLITE_OK) {
		wrong(d, "diff");
		return;
	}
	if (attach(d, a, "a") == -1 || attach(d, b, "b") == -1)
		return;
	if (sqlite3_exec(d->db, prepare_sql, NULL, NULL, NULL) != SQLITE_OK) {
		wrong(d, "no statistics of a month");
		return;
	}
	printf("# A %s\n# B %s\n", a, b);
	ok = 0;
	for (size_t i = 0;
	     i < sizeof(sections) / sizeof(sections[0]) && ok == 0; i++)
		ok = put_section(d, &sections[i]);
	if (ok == 0 && !d->any)
		run_worst(&d->run, EXIT_NOTHING);
}

int
report_diff(int argc, char **argv)
{
	struct diff d = { 0 };
	const struct run_options options = { .operands = true,
		.no_config = true,
		.usage = "shikaku-report diff A.sqlite B.sqlite\n" };

	d.run.silent = true;
	if (run_begin(&d.run, "report", argc, argv, &options) == -1)
		return run_end(&d.run);
	d.run.silent = true;
	if (d.run.argc != 2) {
		fprintf(stderr, "usage: %s", options.usage);
		run_worst(&d.run, EXIT_BAD_USAGE);
	} else
		compare(&d);
	sqlite3_close(d.db);
	return run_end(&d.run);
}
