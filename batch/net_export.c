/* A job net for systemd, cron, JP1/AJS3, Slurm, Airflow, and as a runbook. */
#include <stdlib.h>
#include <string.h>

#include "batch/net_export.h"
#include "batch/net_graph.h"
#include "formats/codec/day.h"
#include "formats/exit.h"

struct hm {
	char text[24];
};

static struct hm
hm(int64_t t)
{
	struct hm out;
	int64_t m = t / 60000 % 1440;

	snprintf(out.text, sizeof(out.text), "%02d:%02d", (int)(m / 60),
	    (int)(m % 60));
	return out;
}

/* Text inside quotes of another language: what would end them is left out. */
static void
plain(FILE *out, const char *s)
{
	for (; *s != '\0'; s++)
		if (strchr("\"'\\$`%#", *s) == NULL && (unsigned char)*s >= 32)
			putc(*s, out);
}

static int64_t
first_opening(const struct net *net)
{
	int64_t first = net->job[0].opens;

	for (int i = 1; i < net->n; i++)
		if (net->job[i].opens < first)
			first = net->job[i].opens;
	return first;
}

static int64_t
last_closing(const struct net *net)
{
	int64_t last = 0;

	for (int i = 0; i < net->n; i++)
		if (net->job[i].closes > last)
			last = net->job[i].closes;
	return last;
}

/* ---- systemd ---- */

static const char hardening[] = /* systemd-analyze security --offline */
    "UMask=0027\n"
    "NoNewPrivileges=yes\n"
    "ProtectSystem=strict\n"
    "ProtectHome=yes\n"
    "ReadWritePaths=/var/lib/shikaku\n"
    "ReadWritePaths=-/var/backups/shikaku\n"
    "ReadWritePaths=-/var/log/shikaku\n"
    "PrivateTmp=yes\n"
    "PrivateDevices=yes\n"
    "PrivateNetwork=yes\n"
    /* not PrivateUsers: what goes out is given the group of those who may read
     * it (publish_commit), and other groups would not be there */
    "ProtectKernelTunables=yes\n"
    "ProtectKernelModules=yes\n"
    "ProtectKernelLogs=yes\n"
    "ProtectControlGroups=yes\n"
    "ProtectClock=yes\n"
    "ProtectHostname=yes\n"
    "ProtectProc=invisible\n"
    "ProcSubset=pid\n"
    "CapabilityBoundingSet=\n"
    "RestrictAddressFamilies=none\n"
    "RestrictNamespaces=yes\n"
    "RestrictRealtime=yes\n"
    "RestrictSUIDSGID=yes\n"
    "LockPersonality=yes\n"
    "MemoryDenyWriteExecute=yes\n"
    "RemoveIPC=yes\n"
    "IPAddressDeny=any\n"
    "DevicePolicy=closed\n"
    "KeyringMode=private\n"
    "NotifyAccess=none\n"
    "SystemCallArchitectures=native\n"
    "SystemCallFilter=@system-service\n"
    "SystemCallFilter=~@privileged @resources @obsolete\n"
    "SystemCallFilter=chown fchown lchown fchownat\n"
    "SystemCallErrorNumber=EPERM\n";

static void
statuses(FILE *out, uint64_t set)
{
	for (int i = 0; i <= EXIT_BUG; i++)
		if (i != EXIT_OK && net_has(set, i))
			fprintf(out, " %d", i);
}

static void
systemd_service(FILE *out, const struct net *net, const struct job *job,
    const struct export_place *at)
{
	fprintf(out, "### shikaku-%s-%s.service\n", net->name, job->name);
	fprintf(
	    out, "[Unit]\nDescription=shikaku %s %s: ", net->name, job->name);
	plain(out, job->reason);
	fputs("\nDocumentation=man:shikaku-jobs(8) man:shikaku-runbook(7)\n",
	    out);
	for (int k = 0; k < job->n_after; k++) {
		const char *up = net->job[job->after[k]].name;

		fprintf(out, "After=shikaku-%s-%s.service\n", net->name, up);
		/* it starts what comes before it; --always waits only */
		fprintf(out, "%s=shikaku-%s-%s.service\n",
		    job->always ? "Wants" : "Requires", net->name, up);
	}
	fprintf(out,
	    "\n[Service]\nType=oneshot\nUser=%s\n"
	    "ExecStart=%s/shikaku-jobs run %s --only %s --resume -c %s\n"
	    "SuccessExitStatus=",
	    at->account, at->programs, net->name, job->name, at->site);
	statuses(out, net->go_on);
	/* the runner minds the window itself; this is for one that hangs */
	fprintf(out, "\nTimeoutStartSec=%lldmin\nSyslogIdentifier=shikaku-%s\n",
	    (long long)((job->closes - first_opening(net)) / 60000 + 10),
	    job->name);
	fputs(hardening, out);
	putc('\n', out);
}

/* Its calendars repeat within an hour or within a day; what fits in neither is
 * written out. */
static void
systemd_every(FILE *out, int minutes)
{
	if (minutes < 60 && 60 % minutes == 0)
		fprintf(
		    out, "OnCalendar=*-*-* *:00/%d:00 Asia/Tokyo\n", minutes);
	else if (minutes % 60 == 0 && 24 % (minutes / 60) == 0)
		fprintf(out, "OnCalendar=*-*-* 00/%d:00:00 Asia/Tokyo\n",
		    minutes / 60);
	else
		for (int at = 0; at < 24 * 60; at += minutes)
			fprintf(out,
			    "OnCalendar=*-*-* %02d:%02d:00 Asia/Tokyo\n",
			    at / 60, at % 60);
}

static int
write_systemd(FILE *out, const struct net *net, const struct export_place *at)
{
	fprintf(out, "### shikaku-%s.target\n[Unit]\nDescription=shikaku %s: ",
	    net->name, net->name);
	plain(out, net->title);
	putc('\n', out);
	for (int i = 0; i < net->n; i++)
		fprintf(out, "Wants=shikaku-%s-%s.service\n", net->name,
		    net->job[i].name);
	fprintf(out,
	    "\n### shikaku-%s.timer\n[Unit]\nDescription=shikaku %s: starts "
	    "it\n\n[Timer]\n",
	    net->name, net->name);
	/* the calendar of the net is asked by the runner: exit 1 on a day that
	 * is not its own */
	if (net->every_minutes > 0)
		systemd_every(out, net->every_minutes);
	else
		fprintf(out, "OnCalendar=*-*-* %s:00 Asia/Tokyo\n",
		    hm(first_opening(net)).text);
	fprintf(out,
	    "AccuracySec=1s\nPersistent=no\nUnit=shikaku-%s.target\n\n"
	    "[Install]\nWantedBy=timers.target\n\n",
	    net->name);
	for (int i = 0; i < net->n; i++)
		systemd_service(out, net, &net->job[i], at);
	return ferror(out) ? -1 : 0;
}

/* ---- cron: no zone, no order; so it only knocks ---- */

static int
write_cron(FILE *out, const struct net *net, const struct export_place *at)
{
	int every = net->every_minutes > 0 && net->every_minutes < 60 ?
	    net->every_minutes :
	    5;

	fprintf(out, "# /etc/cron.d/shikaku-%s: ", net->name);
	plain(out, net->title);
	fprintf(out,
	    "\n# Debian's cron knows only the machine's zone, so it knocks "
	    "every %d minutes:\n# the runner starts within %s-%s of Japan, "
	    "resumes what is not done,\n# and is silent otherwise.\n"
	    "MAILTO=root\n"
	    "*/%d * * * * %s %s/shikaku-jobs run %s --tick --resume -c %s "
	    ">/dev/null\n",
	    every, hm(first_opening(net)).text, hm(last_closing(net)).text,
	    every, at->account, at->programs, net->name, at->site);
	return ferror(out) ? -1 : 0;
}

/* ---- JP1/AJS3 unit definition text ---- */

/* A comment is at most 80 bytes: cut between characters. */
static void
comment(FILE *out, const char *s)
{
	size_t n = strlen(s);

	if (n > 80)
		for (n = 80; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;)
			n--;
	fputs("cm=\"", out);
	for (size_t i = 0; i < n; i++)
		if (strchr("\"#", s[i]) == NULL)
			putc(s[i], out);
	fputs("\";\n", out);
}

static int
at_least(int n, int min, int max)
{
	return n < min ? min : n > max ? max : n;
}

static void
jp1_job(FILE *out, const struct net *net, const struct job *job,
    const struct export_place *at)
{
	int64_t etm = (job->closes - job->opens) / 60000;
	char store[2048];
	char *argv[NET_ARGS_MAX + 1];

	/* JP1 has no such day: the runner works it out */
	bool by_runner = strstr(job->args, NET_MONTH_END) != NULL;

	net_argv(job, at->site, 0, store, argv);
	fprintf(out, "\tunit=%s,,%s,;\n\t{\n\t\tty=j;\n\t\t", job->name,
	    at->account);
	comment(out, job->reason);
	fprintf(out, "\t\tsc=\"%s/%s\";\n\t\tprm=\"", at->programs,
	    by_runner ? "shikaku-jobs" : job->program);
	if (by_runner)
		fprintf(out, "run %s --now --only %s -c %s", net->name,
		    job->name, at->site);
	/* -D is left out: the default day is that of the night */
	for (int i = 1; !by_runner && argv[i] != NULL; i++) {
		if (strcmp(argv[i], "-D") == 0 && argv[i + 1] != NULL) {
			i++;
			continue;
		}
		fprintf(out, "%s%s", i > 1 ? " " : "", argv[i]);
	}
	/* thresholds of formats/exit.h: 0-3 normal, 4-7 warning, 8- abnormal,
	 * 8-13 tried again */
	fprintf(out,
	    "\";\n\t\tev=\"SHIKAKU_STEP=%s/%s\";\n\t\tjd=cod;\n\t\twth=3;\n"
	    "\t\ttho=7;\n",
	    net->name, job->name);
	if (job->retries > 0)
		fprintf(out,
		    "\t\tabr=y;\n\t\trjs=8;\n\t\trje=13;\n\t\trec=%d;\n"
		    "\t\trei=%d;\n",
		    at_least(job->retries, 1, 12),
		    at_least(job->every_minutes, 1, 10));
	fprintf(out, "\t\tetm=%d;\n\t\tfd=%d;\n\t\teu=ent;\n\t}\n",
	    at_least((int)(job->limit_minutes > 0 ? job->limit_minutes : etm),
		1, 1440),
	    at_least(job->expected_minutes, 1, 1440));
}

static int
write_jp1(FILE *out, const struct net *net, const struct export_place *at)
{
	fprintf(out, "unit=%s,,%s,;\n{\n\tty=n;\n\t", net->name, at->account);
	comment(out, net->title);
	/* a grid of four columns on the operator's map */
	for (int i = 0; i < net->n; i++)
		fprintf(out, "\tel=%s,j,+%d +%d;\n", net->job[i].name,
		    80 + i % 4 * 160, 48 + i / 4 * 96);
	for (int i = 0; i < net->n; i++)
		for (int k = 0; k < net->job[i].n_after; k++)
			fprintf(out, "\tar=(f=%s,t=%s);\n",
			    net->job[net->job[i].after[k]].name,
			    net->job[i].name);
	/* every day by the net's own calendar; hours past 24 are JP1's own way
	 * to say the next morning */
	fprintf(out,
	    "\tsd=1,en;\n\tst=1,%s;\n\tcy=1,(1,d);\n\tsh=1,%s;\n"
	    "\tey=1,%02d:%02d;\n",
	    hm(first_opening(net)).text,
	    day_rule_asks(&net->calendar) ? "ca" : "no",
	    (int)(last_closing(net) / 3600000),
	    (int)(last_closing(net) / 60000 % 60));
	for (int i = 0; i < net->n; i++)
		jp1_job(out, net, &net->job[i], at);
	fputs("}\n", out);
	return ferror(out) ? -1 : 0;
}

/* ---- Slurm ---- */

static void
variable(FILE *out, const char *name)
{
	for (; *name != '\0'; name++)
		putc(*name == '-' ? '_' : *name, out);
}

/* Is the job NAME-I with --shard I/N in its arguments? Then the length of NAME,
 * and I and N; else 0. */
static size_t
shard_of(const struct job *job, int *i, int *n)
{
	const char *at = strstr(job->args, "--shard "), *minus;
	char end[24];

	if (at == NULL || sscanf(at, "--shard %d/%d", i, n) != 2)
		return 0;
	snprintf(end, sizeof(end), "-%d", *i);
	minus = strrchr(job->name, '-');
	return minus != NULL && minus > job->name && strcmp(minus, end) == 0 ?
	    (size_t)(minus - job->name) :
	    0;
}

/* Jobs from this one on that are all the shards of one work, after the same
 * jobs: they are one array. How many; 1: it is a job like any other. */
static int
shards_from(const struct net *net, int at)
{
	const struct job *first = &net->job[at];
	int i, n, k;
	size_t len = shard_of(first, &i, &n);

	if (len == 0 || i != 1 || at + n > net->n)
		return 1;
	for (k = 1; k < n; k++) {
		const struct job *job = &net->job[at + k];
		int j, m;

		if (shard_of(job, &j, &m) != len || j != k + 1 || m != n ||
		    memcmp(job->name, first->name, len) != 0 ||
		    job->n_after != first->n_after ||
		    job->always != first->always ||
		    memcmp(job->after, first->after,
			(size_t)job->n_after * sizeof(job->after[0])) != 0)
			return 1;
	}
	return n;
}

static void
slurm_after(FILE *out, const struct net *net, const struct job *job)
{
	if (job->n_after > 0)
		fputs(job->always ? "afterany" : "afterok", out);
	for (int k = 0; k < job->n_after; k++) {
		fputs(":$", out);
		variable(out, net->job[job->after[k]].name);
	}
}

/* All shards by one submission: whoever comes after one comes after all. */
static void
slurm_submit(FILE *out, const struct net *net, int at, int n)
{
	const struct job *job = &net->job[at];
	int i, shards;
	int minutes = (int)((job->closes - first_opening(net)) / 60000 + 10);

	variable(out, job->name);
	if (n == 1) {
		fprintf(out, "=$(submit %s %d \"", job->name, minutes);
		slurm_after(out, net, job);
		fputs("\")\n", out);
		return;
	}
	fprintf(out, "=$(submit %.*s %d \"", (int)shard_of(job, &i, &shards),
	    job->name, minutes);
	slurm_after(out, net, job);
	fprintf(out, "\" 1-%d)\n", n);
	for (int k = 1; k < n; k++) {
		variable(out, net->job[at + k].name);
		fputs("=$", out);
		variable(out, job->name);
		putc('\n', out);
	}
}

static int
write_slurm(FILE *out, const struct net *net, const struct export_place *at)
{
	fprintf(out, "#!/bin/bash\n# shikaku %s: ", net->name);
	plain(out, net->title);
	fprintf(out,
	    "\n# Submits the net; from scrontab at %s of Japan, or by hand.\n"
	    "set -eu\n"
	    "submit() { # JOB MINUTES DEPENDENCY [ARRAY]\n"
	    "\tsbatch --parsable --requeue --job-name=\"shikaku-%s-$1\" "
	    "--time=\"$2\" --ntasks=1 --chdir=/ \\\n"
	    "\t    ${SHIKAKU_LOG:+--output=\"$SHIKAKU_LOG/$1${4:+-%%a}.out\"} "
	    "${3:+--dependency=\"$3\"} ${4:+--array=\"$4\"} \\\n"
	    "\t    --wrap=\"%s/shikaku-jobs run %s --only "
	    "$1${4:+-\\$SLURM_ARRAY_TASK_ID} --resume "
	    "${SHIKAKU_OPTIONS-} -c %s; s=\\$?; "
	    "case \\$s in ",
	    hm(first_opening(net)).text, net->name, at->programs, net->name,
	    at->site);
	for (int i = 0, n = 0; i <= EXIT_BUG; i++)
		if (net_has(net->go_on, i))
			fprintf(out, "%s%d", n++ > 0 ? "|" : "", i);
	fputs(") exit 0;; esac; exit \\$s\"\n}\n", out);
	for (int i = 0, n; i < net->n; i += n) {
		n = shards_from(net, i);
		slurm_submit(out, net, i, n);
	}
	fputs("echo", out);
	for (int i = 0; i < net->n; i++) {
		fprintf(out, " \"%s=$", net->job[i].name);
		variable(out, net->job[i].name);
		putc('"', out);
	}
	putc('\n', out);
	return ferror(out) ? -1 : 0;
}

/* ---- Airflow ---- */

static int
write_airflow(FILE *out, const struct net *net, const struct export_place *at)
{
	int64_t first = first_opening(net) / 60000 % 1440;

	fprintf(out,
	    "# shikaku %s for Airflow. Business days are asked by the runner.\n"
	    "import datetime\n\nimport pendulum\nfrom airflow import DAG\n"
	    "from airflow.operators.bash import BashOperator\n\n"
	    "RUN = \"%s/shikaku-jobs run %s --only {job} --resume -D {{{{ ds "
	    "}}}} -c %s; s=$?; case $s in ",
	    net->name, at->programs, net->name, at->site);
	for (int i = 0, n = 0; i <= EXIT_BUG; i++)
		if (net_has(net->go_on, i))
			fprintf(out, "%s%d", n++ > 0 ? "|" : "", i);
	fprintf(out,
	    ") exit 0;; esac; exit $s\"\n\n"
	    "with DAG(\n    \"shikaku_%s\",\n    description=\"",
	    net->name);
	plain(out, net->title);
	if (net->every_minutes > 0)
		fprintf(out, "\",\n    schedule=\"*/%d * * * *\",\n",
		    net->every_minutes);
	else
		fprintf(out, "\",\n    schedule=\"%d %d * * *\",\n",
		    (int)(first % 60), (int)(first / 60));
	fputs("    start_date=pendulum.datetime(2026, 1, 1, "
	      "tz=\"Asia/Tokyo\"),\n    catchup=False,\n"
	      "    max_active_runs=1,\n) as dag:\n    task = {}\n",
	    out);
	for (int i = 0; i < net->n; i++) {
		const struct job *job = &net->job[i];

		fprintf(out,
		    "    task[\"%s\"] = BashOperator(\n"
		    "        task_id=\"%s\",\n"
		    "        bash_command=RUN.format(job=\"%s\"),\n"
		    "        trigger_rule=\"%s\",\n"
		    "        execution_timeout=datetime.timedelta(minutes=%lld)"
		    ",\n        doc=\"",
		    job->name, job->name, job->name,
		    job->always ? "all_done" : "all_success",
		    (long long)((job->closes - first_opening(net)) / 60000 +
			10));
		plain(out, job->by_hand);
		fputs("\",\n    )\n", out);
		for (int k = 0; k < job->n_after; k++)
			fprintf(out, "    task[\"%s\"] >> task[\"%s\"]\n",
			    net->job[job->after[k]].name, job->name);
	}
	return ferror(out) ? -1 : 0;
}

/* ---- dot ---- */

static int
write_dot(FILE *out, const struct net *net, const struct export_place *at)
{
	(void)at;
	fprintf(out,
	    "digraph \"%s\" {\n\trankdir=LR;\n\tnode [shape=box, "
	    "fontname=\"sans-serif\"];\n",
	    net->name);
	for (int i = 0; i < net->n; i++) {
		const struct job *job = &net->job[i];

		fprintf(out, "\t\"%s\" [label=\"%s\\n%s-%s\\n%d min\"];\n",
		    job->name, job->name, hm(job->opens).text,
		    hm(job->closes).text, job->expected_minutes);
		for (int k = 0; k < job->n_after; k++)
			fprintf(out, "\t\"%s\" -> \"%s\"%s;\n",
			    net->job[job->after[k]].name, job->name,
			    job->always ? " [style=dashed]" : "");
	}
	fputs("}\n", out);
	return ferror(out) ? -1 : 0;
}

/* ---- a page of the runbook ---- */

static void
mdoc_text(FILE *out, const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", out);
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			fputs("\\e", out);
		else
			putc(*s, out);
		/* a line a clause, or a sentence */
		if ((*s == ';' || *s == '.') && s[1] == ' ') {
			putc('\n', out);
			s++;
		}
	}
	putc('\n', out);
}

static int
write_mdoc(FILE *out, const struct net *net, const struct export_place *at)
{
	(void)at;
	fprintf(out, ".Ss %s: %s\n", net->name, net->title_ja);
	mdoc_text(out, net->title);
	fputs(".Bl -tag -width Ds\n", out);
	for (int i = 0; i < net->n; i++) {
		const struct job *job = &net->job[i];

		fprintf(out, ".It Sy %s-%s\n", net->name, job->name);
		fprintf(out, ".Nm %s ,\nwindow %s to %s,\n", job->program,
		    hm(job->opens).text, hm(job->closes).text);
		fprintf(out,
		    "deadline %s, expected %d minutes, alarm %s.\n.Pp\n",
		    hm(job->deadline).text, job->expected_minutes,
		    net_alarm_names[job->alarm]);
		mdoc_text(out, job->reason);
		mdoc_text(out, job->reason_ja);
		fputs(".Pp\nBy hand / 対処:\n", out);
		mdoc_text(out, job->by_hand);
		mdoc_text(out, job->by_hand_ja);
	}
	fputs(".El\n", out);
	return ferror(out) ? -1 : 0;
}

const struct export_form export_forms[] = {
	{ "systemd", "units and a timer, each a file (-o FOLDER)",
	    write_systemd, true },
	{ "cron", "a file for /etc/cron.d", write_cron, false },
	{ "jp1", "JP1/AJS3 unit definition text (ajsdefine)", write_jp1,
	    false },
	{ "slurm", "a script that submits the jobs with their dependencies",
	    write_slurm, false },
	{ "airflow", "a DAG", write_airflow, false },
	{ "dot", "for graphviz", write_dot, false },
	{ "svg", "a picture", write_svg, false },
	{ "mdoc", "paragraphs of shikaku-runbook(7)", write_mdoc, false },
	{ NULL, NULL, NULL, false },
};

const struct export_form *
export_find(const char *name)
{
	for (const struct export_form *f = export_forms; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}
