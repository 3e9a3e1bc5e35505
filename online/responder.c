/*
 * shikaku-responder: the parent of the workers. It makes one listening socket
 * per worker (SO_REUSEPORT spreads connections), starts them, replaces one
 * that ends or is stuck, replaces the keys of session tickets, and does
 * nothing else. A socket outlives its worker: connections
 * that came meanwhile wait in it for the next one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "formats/codec/diag.h"
#include "formats/config.h"
#include "formats/exit.h"
#include "online/admin.h"
#include "online/challenge.h"
#include "online/confine.h"
#include "online/share.h"
#include "online/worker.h"

#define NAME "shikaku-responder"
#define BACKLOG 1024
/* What the kernel holds of answers nobody takes; it would let it grow to
 * megabytes per connection (tcp_wmem). */
#define SEND_BYTES (32 << 10)
#define READY_MS 60000 /* a worker reads its snapshots whole before */
#define STOP_MS 15000
#define AGAIN_MS 1000 /* a worker that ended at once is not begun at once */
#define LOOK_MS 100 /* how often the heartbeats are looked at */
#define SILENT_MS 700 /* without a heartbeat while computing: it loops */
#define HUNG_MS 5000 /* without one for whatever reason */

struct parent {
	struct config *config;
	struct diag_log log;
	pid_t self;
	int n;
	int fd[WORKERS_MAX];
	pid_t pid[WORKERS_MAX];
	int64_t began[WORKERS_MAX];
	int64_t beat[WORKERS_MAX], cpu[WORKERS_MAX]; /* when last heard */
	struct share *share;
	int64_t rotated; /* session ticket keys */
	int admin_fd; /* -1: none asked for */
	pid_t admin_pid;
	int64_t admin_began;
	struct challenges *challenges;
	int port;
	sigset_t signals;
};

static int64_t
monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
fail(struct parent *p, const char *what)
{
	diag_file(&p->log.sink, DIAG_IO, what, "%s", strerror(errno));
	return -1;
}

/* One more socket on the same address; port 0: the first one's is kept. */
static int
listen_on(struct parent *p, const struct addrinfo *ai)
{
	struct sockaddr_storage name;
	socklen_t size = sizeof(name);
	int one = 1, sent = SEND_BYTES;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(&name, ai->ai_addr, ai->ai_addrlen);
	if (ai->ai_family == AF_INET6)
		((struct sockaddr_in6 *)&name)->sin6_port =
		    htons((uint16_t)p->port);
	else
		((struct sockaddr_in *)&name)->sin_port =
		    htons((uint16_t)p->port);
	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sent, sizeof(sent)) == -1 ||
	    bind(fd, (struct sockaddr *)&name, ai->ai_addrlen) == -1 ||
	    listen(fd, BACKLOG) == -1 ||
	    getsockname(fd, (struct sockaddr *)&name, &size) == -1) {
		if (fd != -1)
			close(fd);
		return -1;
	}
	p->port = ntohs(ai->ai_family == AF_INET6 ?
		((struct sockaddr_in6 *)&name)->sin6_port :
		((struct sockaddr_in *)&name)->sin_port);
	return fd;
}

static int
open_sockets(struct parent *p)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST };
	struct addrinfo *ai = NULL;

	p->port = p->config->port;
	if (getaddrinfo(p->config->listen, NULL, &hints, &ai) != 0) {
		errno = EINVAL;
		return fail(p, "responder.listen");
	}
	for (int i = 0; i < p->n; i++) {
		p->fd[i] = listen_on(p, ai);
		if (p->fd[i] == -1) {
			freeaddrinfo(ai);
			return fail(p, "responder.port");
		}
	}
	freeaddrinfo(ai);
	return 0;
}

/* In the child. SIGINT is the parent's business; without a parent, stop. */
static void
be_worker(struct parent *p, int i, int ready_fd)
{
	struct worker_start start = { p->config, i, p->fd[i], ready_fd,
		p->share, p->challenges };

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != p->self) /* killed before it could be asked for */
		_exit(EXIT_TEMPORARY);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &p->signals, NULL);
	if (p->admin_fd != -1)
		close(p->admin_fd);
	for (int k = 0; k < p->n; k++)
		if (k != i)
			close(p->fd[k]);
	exit(worker_run(&start));
}

/* Starts one; returns the end of a pipe that tells when it is ready. */
static int
start_worker(struct parent *p, int i)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		return fail(p, "pipe");
	p->began[i] = monotonic();
	p->share->worker[i].beat = 0;
	p->share->worker[i].ready = false;
	p->pid[i] = fork();
	if (p->pid[i] == 0) {
		close(ends[0]);
		be_worker(p, i, ends[1]);
	}
	close(ends[1]);
	if (p->pid[i] == -1) {
		close(ends[0]);
		return fail(p, "fork");
	}
	return ends[0];
}

/* The first start: every worker must get ready, or the whole ends with the
 * status of the one that did not. */
static int
start_all(struct parent *p)
{
	int status = EXIT_OK;

	for (int i = 0; i < p->n && status == EXIT_OK; i++) {
		int ready = start_worker(p, i), ended = 0;
		struct pollfd poll_one = { ready, POLLIN, 0 };
		char c;
		if (ready == -1)
			return EXIT_TEMPORARY;
		if (poll(&poll_one, 1, READY_MS) != 1 ||
		    read(ready, &c, 1) != 1) {
			kill(p->pid[i], SIGTERM);
			waitpid(p->pid[i], &ended, 0);
			p->pid[i] = -1;
			status = WIFEXITED(ended) && WEXITSTATUS(ended) != 0 ?
			    WEXITSTATUS(ended) :
			    EXIT_NOT_READY;
		}
		close(ready);
	}
	return status;
}

static void
replace(struct parent *p, pid_t pid, int ended)
{
	if (pid == p->admin_pid)
		p->admin_pid = -1;
	for (int i = 0; i < p->n; i++) {
		if (p->pid[i] != pid)
			continue;
		diag_file(&p->log.sink, DIAG_WORKER_ENDED, NAME,
		    "worker %d (%s %d)", i,
		    WIFSIGNALED(ended) ? "signal" : "status",
		    WIFSIGNALED(ended) ? WTERMSIG(ended) : WEXITSTATUS(ended));
		p->pid[i] = -1;
	}
}

/* The operators' process: as a worker, but nobody waits for it. */
static void
start_admin(struct parent *p)
{
	p->admin_began = monotonic();
	p->admin_pid = fork();
	if (p->admin_pid != 0)
		return;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &p->signals, NULL);
	for (int i = 0; i < p->n; i++)
		close(p->fd[i]);
	prctl(PR_SET_NAME, "shikaku-admin");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (confine_calls(&p->log.sink) == -1)
		_exit(EXIT_CONFIG);
	_exit(admin_run(p->config, p->share, p->n, p->admin_fd));
}

/* One that lived a while is begun at once; one that did not, a second after. */
static void
begin_missing(struct parent *p)
{
	if (p->admin_fd != -1 && p->admin_pid == -1 &&
	    monotonic() - p->admin_began >= AGAIN_MS)
		start_admin(p);
	for (int i = 0; i < p->n; i++) {
		int ready;
		if (p->pid[i] != -1 || monotonic() - p->began[i] < AGAIN_MS)
			continue;
		ready = start_worker(p, i);
		if (ready != -1)
			close(ready);
	}
}

/* Processor time of a process, ms; -1 where it has gone. */
static int64_t
cpu_of(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 ||
	    clock_gettime(clock, &t) == -1)
		return -1;
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * A worker says every tick that it turns. One that computes on without saying
 * so loops; one that does neither hangs. A machine that is merely busy gives
 * it no processor time either: that alone is not held against it.
 */
static void
look_at_hearts(struct parent *p)
{
	int64_t now = monotonic();

	for (int i = 0; i < p->n; i++) {
		int64_t beat = p->share->worker[i].beat, cpu;
		if (p->pid[i] <= 0)
			continue;
		cpu = cpu_of(p->pid[i]);
		if (beat != p->beat[i] || beat == 0) {
			p->beat[i] = beat;
			p->cpu[i] = cpu;
		}
		if (beat == 0 ? now - p->began[i] < READY_MS :
				now - beat < SILENT_MS ||
			    (cpu - p->cpu[i] < SILENT_MS &&
				now - beat < HUNG_MS))
			continue;
		kill(p->pid[i], SIGKILL);
	}
}

static bool
any_left(const struct parent *p)
{
	for (int i = 0; i < p->n; i++)
		if (p->pid[i] > 0)
			return true;
	return false;
}

static void
reap(struct parent *p, bool again)
{
	int ended;
	pid_t pid;

	while ((pid = waitpid(-1, &ended, WNOHANG | WUNTRACED)) > 0) {
		if (WIFSTOPPED(ended)) { /* stopped is stuck */
			kill(pid, SIGKILL);
			continue;
		}
		if (again) {
			replace(p, pid, ended);
			continue;
		}
		for (int i = 0; i < p->n; i++)
			if (p->pid[i] == pid)
				p->pid[i] = -1;
	}
}

static void
kill_all(const struct parent *p, int signal_)
{
	for (int i = 0; i < p->n; i++)
		if (p->pid[i] > 0)
			kill(p->pid[i], signal_);
}

static void
stop_all(struct parent *p)
{
	int64_t until = monotonic() + STOP_MS;
	struct timespec wait = { 0, 20000000 };

	for (int i = 0; i < p->n; i++)
		if (p->fd[i] > 0)
			close(p->fd[i]);
	kill_all(p, SIGTERM);
	if (p->admin_pid > 0)
		kill(p->admin_pid, SIGTERM);
	if (p->admin_fd != -1)
		unlink(p->config->admin);
	while (any_left(p) && monotonic() < until) {
		nanosleep(&wait, NULL);
		reap(p, false);
	}
	kill_all(p, SIGKILL);
	reap(p, false);
}

static void
rotate_tickets(struct parent *p)
{
	int64_t minutes = p->config->ticket_minutes;

	if (minutes == 0 || monotonic() - p->rotated < minutes * 60000)
		return;
	p->rotated = monotonic();
	if (share_ticket_rotate(p->share) == -1)
		fail(p, "session ticket key");
}

/* Until SIGTERM or SIGINT; both, SIGHUP and SIGCHLD are blocked and waited
 * for. */
static void
watch(struct parent *p)
{
	struct timespec wait = { 0, LOOK_MS * 1000000L };

	for (;;) {
		int got = sigtimedwait(&p->signals, NULL, &wait);
		if (got == SIGTERM || got == SIGINT)
			return;
		if (got == SIGHUP)
			kill_all(p, SIGHUP);
		reap(p, true); /* a lost SIGCHLD is made up for here */
		look_at_hearts(p);
		begin_missing(p);
		rotate_tickets(p);
	}
}

static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int
run(struct parent *p)
{
	int status;

	if (p->config->qualification_root[0] == '\0') {
		diag_file(&p->log.sink, DIAG_CONFIG, "qualification.root",
		    "empty: this site holds no qualification side");
		return EXIT_CONFIG;
	}
	p->n =
	    p->config->workers < WORKERS_MAX ? p->config->workers : WORKERS_MAX;
	raise_descriptors();
	p->challenges = challenges_new();
	p->share = share_new();
	p->rotated = monotonic();
	if (p->challenges == NULL || p->share == NULL || open_sockets(p) == -1)
		return EXIT_TEMPORARY;
	sigemptyset(&p->signals);
	sigaddset(&p->signals, SIGTERM);
	sigaddset(&p->signals, SIGINT);
	sigaddset(&p->signals, SIGHUP);
	sigaddset(&p->signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &p->signals, NULL);
	p->admin_fd = p->admin_pid = -1;
	if (p->config->admin[0] != '\0') {
		p->admin_fd = admin_listen(p->config, &p->log.sink);
		if (p->admin_fd == -1)
			return EXIT_TEMPORARY;
		start_admin(p);
	}
	status = start_all(p);
	if (status == EXIT_OK) {
		fprintf(stderr, "%s: ready address=%s port=%d workers=%d\n",
		    NAME, p->config->listen, p->port, p->n);
		watch(p);
		fprintf(stderr, "%s: stopping\n", NAME);
	}
	stop_all(p);
	return status;
}

static int
usage(FILE *out, int status)
{
	fputs("usage: " NAME " -c SITE.yaml [-hV]\n", out);
	return status;
}

int
main(int argc, char **argv)
{
	static struct parent p;
	const char *path = NULL;
	int c, status;

	p.self = getpid();
	while ((c = getopt(argc, argv, "c:hV")) != -1) {
		if (c == 'c')
			path = optarg;
		else if (c == 'h')
			return usage(stdout, EXIT_OK);
		else if (c == 'V')
			return puts(NAME " 0.1") < 0 ? EXIT_TEMPORARY : EXIT_OK;
		else
			return usage(stderr, EXIT_BAD_USAGE);
	}
	if (path == NULL || optind != argc)
		return usage(stderr, EXIT_BAD_USAGE);
	setvbuf(stderr, NULL, _IOLBF, 0);
	diag_log_init(&p.log, "responder", stderr);
	p.config = config_load(path, &p.log.sink);
	if (p.config == NULL)
		return EXIT_CONFIG;
	status = run(&p);
	challenges_free(p.challenges);
	share_free(p.share);
	config_free(p.config);
	return status;
}
