/* In a signal handler: nothing but what signal-safety(7) allows. */
#include "formats/codec/mapped.h"

#include <errno.h> /* program_invocation_short_name */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/diag.h"

#define LINE 1024

static int exit_status;

static void
say(const char *s)
{
	size_t n = strlen(s);

	while (n > 0) {
		ssize_t k = write(STDERR_FILENO, s, n);
		if (k <= 0)
			return;
		s += k;
		n -= (size_t)k;
	}
}

static const char *
hex_number(const char *p, uintptr_t *out)
{
	static const char digits[] = "0123456789abcdef";
	const char *d;

	*out = 0;
	while (*p != '\0' && (d = strchr(digits, *p)) != NULL) {
		*out = *out << 4 | (uintptr_t)(d - digits);
		p++;
	}
	return p;
}

/* The path at the end of a line of /proc/self/maps, where its range has the
 * address; or NULL. */
static const char *
path_in(const char *line, uintptr_t address)
{
	uintptr_t from, to;
	const char *p = hex_number(line, &from);

	if (*p != '-')
		return NULL;
	p = hex_number(p + 1, &to);
	return address >= from && address < to ? strchr(p, '/') : NULL;
}

/* A worker that is confined cannot read it: then the file has no name here. */
static bool
say_path(uintptr_t address)
{
	char buf[LINE + 1];
	size_t have = 0;
	ssize_t k;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	while (fd != -1 && (k = read(fd, buf + have, LINE - have)) > 0) {
		char *line = buf, *end;
		have += (size_t)k;
		buf[have] = '\0';
		while ((end = strchr(line, '\n')) != NULL) {
			*end = '\0';
			const char *path = path_in(line, address);
			if (path != NULL) {
				say(path);
				return true;
			}
			line = end + 1;
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
		if (have == LINE) /* a line longer than any of ours */
			have = 0;
	}
	return false;
}

static void
on_bus(int sig, siginfo_t *info, void *context)
{
	const struct diag_entry *e = &diag_table[DIAG_MAPPED_LOST];

	(void)context;
	if (info->si_code != BUS_ADRERR && info->si_code != BUS_OBJERR &&
	    info->si_code != BUS_MCEERR_AR) {
		signal(sig, SIG_DFL);
		return;
	}
	say(program_invocation_short_name);
	say(": ");
	if (!say_path((uintptr_t)info->si_addr))
		say("a mapped file");
	say(": fatal ");
	say(e->code);
	say(": ");
	say(e->en);
	say("\n");
	_exit(exit_status);
}

void
mapped_watch(int status)
{
	struct sigaction bus = { .sa_sigaction = on_bus,
		.sa_flags = SA_SIGINFO };

	exit_status = status;
	sigemptyset(&bus.sa_mask);
	sigaction(SIGBUS, &bus, NULL);
}
