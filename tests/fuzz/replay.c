/* Runs a fuzz target over all files of the folders (or files) given. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int
replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p, *whole = malloc(1 << 22);
	size_t n;

	if (f == NULL || whole == NULL)
		return 0;
	n = fread(whole, 1, 1 << 22, f);
	fclose(f);
	/* of its own size, so that reading past the end is caught */
	p = malloc(n == 0 ? 1 : n);
	memcpy(p, whole, n);
	free(whole);
	LLVMFuzzerTestOneInput(p, n);
	free(p);
	return 1;
}

int
main(int argc, char **argv)
{
	int n = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		struct dirent *e;
		char path[4096];

		if (d == NULL) {
			n += replay_file(argv[i]);
			continue;
		}
		while ((e = readdir(d)) != NULL) {
			if (e->d_name[0] == '.')
				continue;
			snprintf(
			    path, sizeof(path), "%s/%s", argv[i], e->d_name);
			n += replay_file(path);
		}
		closedir(d);
	}
	printf("%d\n", n);
	return n == 0;
}
