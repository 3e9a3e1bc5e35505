#include "formats/codec/mapped.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/raised.h"
#include "tests/unit/suite.h"

/* What a child that does this says on standard error and ends with. */
static int
child(void (*act)(const char *path), const char *path, char said[512])
{
	int end[2], status = -1;
	ssize_t n;
	size_t have = 0;

	CU_ASSERT_EQUAL_FATAL(pipe(end), 0);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(end[1], STDERR_FILENO);
		close(end[0]);
		mapped_watch(36);
		act(path);
		_exit(0);
	}
	close(end[1]);
	while ((n = read(end[0], said + have, 511 - have)) > 0)
		have += (size_t)n;
	said[have] = '\0';
	close(end[0]);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	return status;
}

static volatile char seen;

static void
read_beyond(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1 || ftruncate(fd, 65536) == -1)
		_exit(1);
	char *map = mmap(NULL, 65536, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		_exit(1);
	seen = map[40000];
	if (ftruncate(fd, 4096) == -1)
		_exit(1);
	seen = map[100]; /* what is left can be read */
	seen = map[40000];
}

static void
a_file_cut_short(void)
{
	char path[64], want[96], said[512];

	snprintf(path, sizeof(path), "/tmp/mapped_test.%ld", (long)getpid());
	int status = child(read_beyond, path, said);
	unlink(path);
	CU_ASSERT(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 36);
	snprintf(want, sizeof(want), ": %s: fatal F4021: ", path);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, want));
	CU_ASSERT_EQUAL(said[strlen(said) - 1], '\n');
}

static void
raise_it(const char *path)
{
	(void)path;
	raise(SIGBUS); /* of no address: not ours to explain */
	raise(SIGBUS);
}

static void
another_cause(void)
{
	char said[512];
	int status = child(raise_it, NULL, said);

	CU_ASSERT(WIFSIGNALED(status));
	CU_ASSERT_EQUAL(WTERMSIG(status), SIGBUS);
	CU_ASSERT_STRING_EQUAL(said, "");
}

static CU_TestInfo tests[] = {
	{ "a mapped file cut short is named, and the process ends",
	    a_file_cut_short },
	{ "a SIGBUS of another cause ends as ever", another_cause },
	CU_TEST_INFO_NULL,
};
SUITE(mapped, tests);
