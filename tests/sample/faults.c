#include "tests/sample/faults.h"
struct faults {
	int x;
};
struct faults *
faults_new(struct sample *s, double rate)
{
	(void)s;
	(void)rate;
	return NULL;
}
int
faults_free(struct faults *f)
{
	(void)f;
	return 0;
}
void
faults_seen(struct stream *f, const struct record *r)
{
	(void)f;
	(void)r;
}
int
faults_apply(struct stream *f, const char *name)
{
	(void)f;
	(void)name;
	return 0;
}
const char *
faults_sender(int i, const char **name)
{
	(void)i;
	(void)name;
	return NULL;
}
int
faults_files(struct sample *s)
{
	(void)s;
	return 0;
}
