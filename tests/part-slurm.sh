#!/bin/bash
# A generation in shards by a Slurm job array, on a real slurmctld, slurmd and
# munged of this machine: the script is exported from a net, the bytes are those
# of one process. SKIP where Slurm cannot be started.
. "$(dirname "$0")/part.sh"
T="$B/part-slurm"
skip() {
	echo "SKIP: $1"
	part_end
	exit
}
PATH=$PATH:/usr/sbin
unset "${!SLURM_@}"
for tool in slurmctld slurmd munged sbatch sinfo; do
	command -v $tool >/dev/null || skip "no $tool here"
done
[ "$(id -u)" = 0 ] || skip 'slurmd wants to be root'
rm -rf "$T"
mkdir -p "$T/state" "$T/spool" "$T/log"
# ---- a net with the rebuild in two shards ----
D=2026-08-01
S=$T/site/site.yaml
tests/site.sh "$T/site"
"$B/shikaku-sample" -c "$S" --people 1000 --seed 5 -D $D >/dev/null
tests/night.sh "$S" $D intake ingest codes deliver intake ingest >/dev/null
cp -a "$T/site" "$T/one"
"$B/shikaku-rebuild" -c "$T/one/site.yaml" -D $D >/dev/null 2>&1
job() { # NAME AFTER ARGS
	cat <<END
  - name: $1
    program: shikaku-rebuild
    args: "-c \$SITE -D \$DAY $3"
    after: "$2"
    window: "00:00-00:00"
    deadline: "23:59"
    retries: 1
    every_minutes: 1
    expected_minutes: 1
    alarm: morning
    reason: "test"
    reason_ja: "試験"
    by_hand: "test"
    by_hand_ja: "試験"
END
}
{
	cat <<'END'
net: shards
title: "a generation in shards"
title_ja: "分割処理"
calendar: every day
starts: "00:00"
at_once: 2
go_on: "0 1 4 5"
retry: "8 9 10 11 12 13"
stop: "32 33 34 35 36 64"

jobs:
END
	job merge-1 '' '--shard 1/2'
	job merge-2 '' '--shard 2/2'
	job publish 'merge-1 merge-2' '--join 2'
} >"$T/shards.yaml"
"$B/shikaku-jobs" check -c "$S" "$T/shards.yaml" >"$T/check" 2>&1
is 'the net is one' 0 $?
"$B/shikaku-jobs" export -c "$S" --to slurm --programs "$B" "$T/shards.yaml" >"$T/slurm.sh" 2>"$T/err"
is 'and is exported' 0 $?
# the runner looks for a net by its name where nets are installed
sed -i "s| run shards --only| run $T/shards.yaml --only|" "$T/slurm.sh"
is 'the shards are one array' 1 "$(grep -c '^merge_1=.*1-2)$' "$T/slurm.sh")"
# ---- Slurm ----
# paths of sockets are short
W=$(mktemp -d /tmp/slurm.XXXXXX)
chmod 755 "$W"
host=$(hostname -s)
port=$((21000 + $$ % 20000))
pids=()
finish() {
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill "${pids[i]}" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$W"
}
trap finish EXIT
head -c 128 /dev/urandom >"$W/key"
chmod 400 "$W/key"
export SLURM_CONF=$W/slurm.conf
cat >"$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$W/munge.sock
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$T/state
SlurmdSpoolDir=$T/spool
SlurmctldPidFile=$W/ctld.pid
SlurmdPidFile=$W/d.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=2
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
munged --force --foreground --key-file="$W/key" --socket="$W/munge.sock" --pid-file="$W/munge.pid" \
    --log-file="$W/munge.log" --seed-file="$W/seed" >"$T/log/munged" 2>&1 &
pids+=($!)
for _ in $(seq 50); do [ -S "$W/munge.sock" ] && break; sleep 0.1; done
[ -S "$W/munge.sock" ] || skip "munged does not start: $(tail -n 1 "$T/log/munged")"
slurmctld -D >"$T/log/slurmctld" 2>&1 &
pids+=($!)
for _ in $(seq 50); do timeout 5 sinfo >/dev/null 2>&1 && break; sleep 0.2; done
slurmd -D >"$T/log/slurmd" 2>&1 &
pids+=($!)
for _ in $(seq 75); do [ "$(timeout 5 sinfo -h -o %T 2>/dev/null)" = idle ] && break; sleep 0.2; done
[ "$(timeout 5 sinfo -h -o %T 2>/dev/null)" = idle ] ||
	skip "Slurm does not get ready: $(grep -h error "$T/log/slurmd" "$T/log/slurmctld" | tail -n 1)"
# the day is past: the runner is told it is no wrong hour
SHIKAKU_LOG=$T/log SHIKAKU_OPTIONS="--now -D $D" timeout 60 bash "$T/slurm.sh" >"$T/asked" 2>&1
is 'the script submits the net' 0 $?
for _ in $(seq 300); do [ -z "$(timeout 5 squeue -h 2>/dev/null)" ] && break; sleep 0.2; done
is 'all of it has run' '' "$(timeout 5 squeue -h)"
is 'two tasks ran, and the one that joins' 'merge-1.out merge-2.out publish.out' \
    "$(cd "$T/log" && echo merge* publish*)"
bytes() { (cd "$1/qualification" && find snapshots reflection -type f ! -path '*/manifest-*' | LC_ALL=C sort | xargs sha256sum | sha256sum); }
is 'the bytes are those of one process' "$(bytes "$T/one")" "$(bytes "$T/site")"
is 'joined from two' 1 "$(grep -c 'shards=2' <<<"$(sqlite3 "$T/site/qualification/ledger.sqlite" 'SELECT notes FROM run' 2>/dev/null | grep generation=)")"
part_end
