#include "online/admin.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "formats/codec/day.h"

#define BEAT_MS 5000
#define DISK_MIN (INT64_C(64) << 20) /* a day of usage lines is far less */

int
admin_listen(const struct config *c, struct diag_sink *sink)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	mode_t mask = umask(0177);
	int fd = -1;

	if (strlen(c->admin) < sizeof(name.sun_path)) {
		memcpy(name.sun_path, c->admin, strlen(c->admin) + 1);
		unlink(c->admin); /* of one that was killed */
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	} else {
		errno = ENAMETOOLONG;
	}
	if (fd != -1 &&
	    (bind(fd, (struct sockaddr *)&name, sizeof(name)) == -1 ||
		listen(fd, 16) == -1)) {
		close(fd);
		fd = -1;
	}
	if (fd == -1)
		diag_file(sink, DIAG_IO, c->admin, "%s", strerror(errno));
	umask(mask);
	return fd;
}

static int64_t
clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
has_disk(const struct config *c)
{
	struct statvfs v;

	return statvfs(c->qualification_root, &v) == 0 &&
	    (int64_t)(v.f_bavail * v.f_frsize) >= DISK_MIN;
}

/* What readiness asks, each by name; true: all of them hold. */
static bool
put_state(
    const struct config *c, const struct share *s, int workers, struct buf *b)
{
	int64_t now = clock_ms(CLOCK_REALTIME), from, until;
	int64_t turning = clock_ms(CLOCK_MONOTONIC) - BEAT_MS;
	bool live = true, ready = true, crl = true, steady = true, fresh = true;
	bool open, disk = has_disk(c);

	for (int i = 0; i < workers; i++) {
		const struct share_worker *w = &s->worker[i];
		live = live && w->beat > turning;
		ready = ready && w->ready;
		crl = crl && (w->crl_until == 0 || now < w->crl_until);
		steady = steady && !w->clock_jumped;
		fresh = fresh &&
		    now <= w->cut_off + c->stale_hours * INT64_C(3600000);
	}
	config_hours(c, day_of_moment(now), &from, &until);
	open = from <= day_clock(now) && day_clock(now) < until;
#define STATE(name, value)                                                     \
	buf_printf(b, ",\"%s\":%s", name, (value) ? "true" : "false")
	STATE("workers_turn", live);
	STATE("snapshots_open", ready);
	STATE("snapshots_fresh", fresh);
	STATE("crl_fresh", crl);
	STATE("in_hours", open);
	STATE("clock_steady", steady);
	STATE("disk", disk);
#undef STATE
	return live && ready && fresh && crl && open && steady && disk;
}

static int
answer(const struct config *c, const struct share *s, int workers,
    const char *line, const char **type, struct buf *b)
{
	char text[512];
	struct buf state;
	bool ready;

	*type = "application/json";
	if (strncmp(line, "GET /metrics ", 13) == 0) {
		*type = "application/openmetrics-text; version=1.0.0; "
			"charset=utf-8";
		metrics_write(c, s, workers, clock_ms(CLOCK_REALTIME), b);
		return 200;
	}
	if (strncmp(line, "GET /healthz ", 13) == 0) {
		buf_puts(b, "{\"alive\":true}\n");
		return 200;
	}
	if (strncmp(line, "GET /readyz ", 12) == 0) {
		buf_init(&state, text, sizeof(text));
		ready = put_state(c, s, workers, &state);
		buf_printf(
		    b, "{\"ready\":%s%s}\n", ready ? "true" : "false", text);
		return ready ? 200 : 503;
	}
	if (strncmp(line, "POST /reload ", 13) == 0 ||
	    strncmp(line, "POST /drain ", 12) == 0) {
		kill(getppid(), line[5 + 1] == 'r' ? SIGHUP : SIGTERM);
		buf_puts(b, "{\"done\":true}\n");
		return 200;
	}
	buf_puts(b, "{\"error\":\"no such path\"}\n");
	return 404;
}

static void
talk(const struct config *c, const struct share *s, int workers, int fd)
{
	static char page[65536];
	char in[4096], head[256];
	struct timeval second = { 1, 0 };
	size_t n = 0;
	ssize_t r = 1;
	const char *type;
	struct buf b, h;
	int status;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	in[0] = '\0';
	while (r > 0 && n < sizeof(in) - 1 && strstr(in, "\r\n\r\n") == NULL) {
		r = recv(fd, in + n, sizeof(in) - 1 - n, 0);
		n += r > 0 ? (size_t)r : 0;
		in[n] = '\0';
	}
	if (strstr(in, "\r\n\r\n") == NULL)
		return;
	buf_init(&b, page, sizeof(page));
	status = answer(c, s, workers, in, &type, &b);
	buf_init(&h, head, sizeof(head));
	buf_printf(&h,
	    "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n",
	    status,
	    status == 200     ? "OK" :
		status == 404 ? "Not Found" :
				"Unavailable",
	    type, b.n);
	if (send(fd, h.p, h.n, MSG_NOSIGNAL) == (ssize_t)h.n)
		send(fd, b.p, b.n, MSG_NOSIGNAL);
}

int
admin_run(
    const struct config *c, const struct share *s, int workers, int listen_fd)
{
	pid_t parent = getppid();

	while (getppid() == parent) {
		struct pollfd one = { listen_fd, POLLIN, 0 };
		int fd;
		if (poll(&one, 1, 1000) != 1)
			continue;
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd == -1)
			continue;
		talk(c, s, workers, fd);
		close(fd);
	}
	return 0;
}
