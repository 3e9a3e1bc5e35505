#include "online/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(SHIKAKU_COVERAGE)
#define CONFINED false /* their runtimes write files and look at /proc */
#else
#define CONFINED true
#endif

static int
fail(struct diag_sink *sink, const char *what)
{
	diag_file(sink, DIAG_CONFIG, "responder.user", "%s: %s", what,
	    strerror(errno));
	return -1;
}

/* No capability in any set, and none to be had again. */
static void
drop_capabilities(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3,
		0 };
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof(none));
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	syscall(SYS_capset, &head, none);
}

int
confine_account(const struct config *c, struct diag_sink *sink)
{
	struct rlimit no_core = { 0, 0 }; /* keys are in no core */
	struct passwd *pw;

	setrlimit(RLIMIT_CORE, &no_core);
	if (geteuid() == 0 && c->user[0] != '\0') {
		errno = ENOENT;
		pw = getpwnam(c->user);
		if (pw == NULL || setgroups(0, NULL) == -1 ||
		    setgid(pw->pw_gid) == -1 || setuid(pw->pw_uid) == -1)
			return fail(sink, c->user);
	}
	drop_capabilities();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return fail(sink, "no_new_privs");
	return 0;
}

/* ---- Landlock ---- */

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)

/* The folder of a file, or the folder itself; missing ones need no rule. */
static void
allow(int rules, const char *path, bool folder, uint64_t access)
{
	struct landlock_path_beneath_attr beneath = { .allowed_access =
							  access };
	char text[1024];
	char *slash;

	if (path == NULL || path[0] == '\0')
		return;
	snprintf(text, sizeof(text), "%s", path);
	slash = strrchr(text, '/');
	if (!folder) {
		if (slash == NULL)
			snprintf(text, sizeof(text), ".");
		else
			slash[slash == text ? 1 : 0] = '\0';
	}
	beneath.parent_fd = open(text, O_PATH | O_CLOEXEC);
	if (beneath.parent_fd == -1)
		return;
	syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
	    &beneath, 0);
	close(beneath.parent_fd);
}

int
confine_files(const struct config *c, struct diag_sink *sink)
{
	/* every right the first version knows is handled, so denied */
	struct landlock_ruleset_attr attr = { .handled_access_fs =
						  (1ULL << 13) - 1 };
	const char *const files[] = { c->institution_ca, c->institution_crl,
		c->server_key, c->server_cert };
	char path[600];
	int rules, r = 0;

	if (!CONFINED)
		return 0;
	rules = (int)syscall(
	    SYS_landlock_create_ruleset, &attr, sizeof(uint64_t), 0);
	if (rules == -1) /* a kernel without it */
		return 0;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		allow(rules, files[i], false, READ);
	snprintf(path, sizeof(path), "%s/snapshots", c->qualification_root);
	allow(rules, path, true, READ);
	snprintf(path, sizeof(path), "%s/journal", c->qualification_root);
	allow(rules, path, true, READ | WRITE);
	if (syscall(SYS_landlock_restrict_self, rules, 0) == -1)
		r = fail(sink, "landlock");
	close(rules);
	return r;
}

/* ---- seccomp ---- */

/* What a process that serves never needs, and one that was taken over would
 * like: other programs, other processes, new sockets, the kernel's doors. */
static const int denied[] = { SYS_execve, SYS_execveat, SYS_fork, SYS_vfork,
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_socket,
	SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_mount,
	SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns,
	SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load,
	SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key,
	SYS_request_key, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_setuid,
	SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid,
	SYS_setgroups, SYS_capset, SYS_chmod, SYS_fchmod, SYS_fchmodat,
	SYS_chown, SYS_fchown, SYS_lchown, SYS_fchownat, SYS_link, SYS_linkat,
	SYS_symlink, SYS_symlinkat, SYS_rename, SYS_renameat, SYS_renameat2,
	SYS_unlink, SYS_unlinkat, SYS_rmdir, SYS_mkdir, SYS_mkdirat, SYS_mknod,
	SYS_mknodat, SYS_truncate, SYS_settimeofday, SYS_clock_settime,
	SYS_adjtimex, SYS_sethostname, SYS_setdomainname, SYS_io_uring_setup,
	SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_quotactl, SYS_acct,
	SYS_ioperm, SYS_iopl, SYS_personality, SYS_pidfd_getfd };
#define NDENIED (sizeof(denied) / sizeof(denied[0]))

int
confine_calls(struct diag_sink *sink)
{
	struct sock_filter f[NDENIED + 8];
	struct sock_fprog program = { .filter = f };
	unsigned short n = 0;

	if (!CONFINED)
		return 0;
#ifdef __x86_64__
	f[n++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(
	    BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	f[n++] = (struct sock_filter)BPF_STMT(
	    BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	f[n++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	/* the x32 numbers would go round the list */
	f[n++] = (struct sock_filter)BPF_JUMP(
	    BPF_JMP | BPF_JGE | BPF_K, 0x40000000, NDENIED + 1, 0);
	for (size_t i = 0; i < NDENIED; i++)
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		    (unsigned)denied[i], (unsigned char)(NDENIED - i), 0);
	f[n++] =
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(
	    BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	program.len = n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == -1 &&
	    errno != EINVAL)
		return fail(sink, "seccomp");
#else
	(void)program;
	(void)sink;
	(void)n;
#endif
	return 0;
}
