/* check.h: the worked numbers of domain/numbers-and-codes.md as tables. */
#include <stdio.h>
#include <string.h>

#include "formats/codec/check.h"
#include "tests/unit/suite.h"

/* Every row "value<TAB>expected" of a table through one check; what it says
 * as "ok" or the diagnostic's code. */
static void
table(const char *name, const char *(*verdict)(struct slice v))
{
	char path[128], line[256];
	int rows = 0;
	FILE *f;

	snprintf(path, sizeof(path), "tests/tables/%s.txt", name);
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *tab = strchr(line, '\t');
		const char *said;

		if (line[0] == '#' || tab == NULL)
			continue;
		*tab = '\0';
		tab[1 + strcspn(tab + 1, "\r\n")] = '\0';
		said = verdict(slice_of(line));
		if (strcmp(said, tab + 1) != 0)
			fprintf(stderr, "%s: %s: %s, not %s\n", path, line,
			    said, tab + 1);
		CU_ASSERT_STRING_EQUAL(said, tab + 1);
		rows++;
	}
	fclose(f);
	CU_ASSERT_TRUE(rows > 0);
}

#define VERDICT(name)                                                          \
	static const char *name##_verdict(struct slice s)                      \
	{                                                                      \
		struct value v = { s, 0 };                                     \
		enum diag_code c = check_##name(&v);                           \
		return c == DIAG__MAX ? "ok" : diag_table[c].code;             \
	}                                                                      \
	static void name##_table(void)                                         \
	{                                                                      \
		table(#name, name##_verdict);                                  \
	}
VERDICT(insurer_number)
VERDICT(institution_code)
VERDICT(post_number)
VERDICT(ratio)
VERDICT(prefecture)
VERDICT(serial)
VERDICT(person_id)
VERDICT(municipality)
VERDICT(branch)

static const char *
my_number_verdict(struct slice s)
{
	return check_is_my_number(s) ? "ok" : "no";
}

static void
my_number_table(void)
{
	table("my_number", my_number_verdict);
}

static void
digits(void)
{
	/* the worked examples */
	CU_ASSERT_EQUAL(check_digit_folded(SLICE("011011248")), 9);
	CU_ASSERT_EQUAL(check_digit_folded(SLICE("011004")), 9);
	CU_ASSERT_EQUAL(check_digit_folded(SLICE("3312001")), 5);
	CU_ASSERT_EQUAL(check_digit_folded(SLICE("3913000")), 0);
	CU_ASSERT_EQUAL(check_digit_my_number(SLICE("12345678901")), 8);
}

static void
sha256(void)
{
	char hex[65];
	struct value v = { { hex, 64 }, 0 };

	memset(hex, 'a', 64);
	CU_ASSERT_EQUAL(check_sha256(&v), DIAG__MAX);
	v.s.n = 63;
	CU_ASSERT_EQUAL(check_sha256(&v), DIAG_BAD_PATTERN);
	v.s.n = 64;
	hex[5] = 'g';
	CU_ASSERT_EQUAL(check_sha256(&v), DIAG_BAD_PATTERN);
}

static CU_TestInfo tests[] = {
	{ "the worked check digits come out", digits },
	{ "insurer numbers of the table", insurer_number_table },
	{ "institution codes of the table: either regime",
	    institution_code_table },
	{ "the guard knows a 個人番号, half or full width", my_number_table },
	{ "post numbers", post_number_table },
	{ "ratios", ratio_table },
	{ "prefectures", prefecture_table },
	{ "serials", serial_table },
	{ "person ids", person_id_table },
	{ "municipality codes", municipality_table },
	{ "branch numbers", branch_table },
	{ "a SHA-256 is 64 hexadecimal digits", sha256 },
	CU_TEST_INFO_NULL,
};
SUITE(check, tests);
