/* Where a member of an accepted upload lies. */
#include <string.h>

#include "batch/spool.h"

/* By the syntax a manifest names; anything else has been refused there. */
static const char *
ext_of(const char *syntax)
{
	if (strcmp(syntax, "fixed") == 0)
		return "txt";
	if (strcmp(syntax, "der") == 0)
		return "crl";
	return syntax;
}

void
spool_member(char out[SPOOL_PATH_MAX], const char *root, const char *stem,
    int i, const char *syntax)
{
	spool_path(out, root, "ready/%s/%04d.%s", stem, i + 1, ext_of(syntax));
}
