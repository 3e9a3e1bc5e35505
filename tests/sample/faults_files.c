/* Uploads that are wrong as a whole, each from a sender of its own. */
#include "tests/sample/faults_in.h"

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
