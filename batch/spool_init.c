/* The folders of a root. Apart from spool.c, which publishing builds on. */
#include "batch/publish.h"
#include "batch/spool.h"

static const char *const folders[] = { "box", "ready", "done", "refused",
	"segments", "package", "work", "run", "log", "snapshots", "journal",
	"reflection", "out" };

int
spool_init(const char *root)
{
	char path[SPOOL_PATH_MAX];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		spool_path(path, root, "%s", folders[i]);
		if (publish_make_dir(path) == -1)
			return -1;
	}
	return 0;
}
