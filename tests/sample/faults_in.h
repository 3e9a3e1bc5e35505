/* Inside of faults*.c only. */
#ifndef TESTS_SAMPLE_FAULTS_IN_H
#define TESTS_SAMPLE_FAULTS_IN_H

#include "tests/sample/faults.h"

struct change_of {
	int field;
	char value[64]; /* UTF-8, or bytes where the edit is raw */
};
struct edit {
	int member;
	int64_t record;
	int n;
	struct change_of change[3];
	bool raw;
	int cut; /* bytes off the end */
	const char *add; /* at the end of the record */
};
struct faults {
	struct sample *s;
	FILE *out;
	uint64_t per_million, seen;
	bool may, alone, homeless, off;
	int64_t house;
	unsigned turn[5];
	struct edit *edit; /* of the members being written */
	size_t edits, max;
	struct {
		const struct stream *f;
		int64_t n;
		bool faulty, applied;
		char id[24], office[12];
		int32_t from;
	} before;
};
void faults_row(struct faults *x, const char *stem, const char *member,
    int64_t record, const char *field, enum diag_code code, const char *what);

#endif
