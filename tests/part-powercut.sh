#!/bin/bash
# Real disks: rebuild on a file system that is full, and on one whose power
# goes. A copy of the block device under a mounted file system is what a power
# cut leaves: mounted again (the file system's journal is replayed) a reader
# sees one generation, whole, and the next run ends as the undisturbed one.
. "$(dirname "$0")/part.sh"
T="$B/part-powercut"
CUTS="${CUTS:-6}" # make torture: many
skipped=''
clean() {
	umount "$T/full" "$T/disk" "$T/after" 2>/dev/null
	rm -rf "$T"
}
umount "$T/full" "$T/disk" "$T/after" 2>/dev/null
rm -rf "$T"
mkdir -p "$T/full" "$T/disk" "$T/after"
trap clean EXIT
tests/site.sh "$T/site"
"$B/shikaku-sample" -c "$T/site/site.yaml" --people 1000 >/dev/null 2>&1
rm -rf "$T/site/intermediate" "$T/site/qualification"
printf 'guard:\n  rows_percent: 0\n  insurer_percent: 0\n' >>"$T/site/site.yaml"
for n in 1 2; do
	python3 tests/merge_model.py make 7 $n >"$T/night$n"
	"$B/tool-segment" "$T/site/qualification" <"$T/night$n"
	[ $n -ne 1 ] || "$B/shikaku-rebuild" -c "$T/site/site.yaml" -D 2026-08-01 >/dev/null 2>&1
done
rebuild() { # SITE: its status
	"$B/shikaku-rebuild" -c "$1/site.yaml" -D 2026-08-02 >"$T/out" 2>"$T/err"
	echo $?
}
tree() { # SITE: what is published and what is in the books
	(
		cd "$1/qualification" || exit
		find snapshots/*.sqlite reflection -type f | LC_ALL=C sort | xargs sha256sum
		readlink snapshots/current
		sqlite3 ledger.sqlite 'SELECT name, kind, rows, digest, generation FROM segment ORDER BY name'
	)
}
seen() { # SITE: the serial a reader sees, or what is wrong
	local m=$1/qualification/snapshots/current/manifest.yaml
	[ -s "${m%yaml}p7s" ] || { echo 'no signature'; return; }
	awk '$1 == "file:" { gsub(/"/, "", $2); f = $2 } $1 == "sha256:" { gsub(/"/, "", $2); print $2 "  " f }' "$m" >"$T/sums"
	(cd "$1/qualification/snapshots" && sha256sum --quiet -c "$T/sums") >/dev/null 2>&1 || { echo 'not whole'; return; }
	awk '$1 == "serial:" { print $2 }' "$m"
}
cp -a "$T/site" "$T/calm"
is 'the undisturbed run' 4 "$(rebuild "$T/calm")"
tree "$T/calm" >"$T/want"

# ---- a disk that is full: sizes from just above what lies there ----
if mount -t tmpfs -o size=64m none "$T/full" 2>/dev/null; then
	used=$(du -sk "$T/site" | cut -f1)
	fails=0 bad='' unlike=''
	for more in 40 120 300 600 1000 1600 2600; do
		mount -o remount,size=64m "$T/full"
		find "$T/full" -mindepth 1 -delete
		cp -a "$T/site/." "$T/full/"
		mount -o remount,size=$((used + more))k "$T/full" 2>/dev/null || continue
		status=$(rebuild "$T/full")
		case "$status $(seen "$T/full")" in
		'11 1' | '11 2') fails=$((fails + 1)) ;;
		'4 2') ;;
		*) bad="$bad +${more}k:$status:$(seen "$T/full")" ;;
		esac
		mount -o remount,size=64m "$T/full"
		status=$(rebuild "$T/full")
		tree "$T/full" | cmp -s "$T/want" - || unlike="$unlike +${more}k:$status"
	done
	is 'a full disk is 11, and a reader sees one generation, whole' '' "$bad"
	is 'with space again it ends as the undisturbed run' '' "$unlike"
	is 'the disk was full more than once' yes "$([ $fails -ge 2 ] && echo yes)"
	echo "full disk: $fails of 7 sizes were too small"
	umount "$T/full"
else
	skipped="$skipped full disk (no mount of tmpfs allowed);"
fi

# ---- the power goes ----
disk() { # IMAGE FOLDER
	mount -o loop "$1" "$2" 2>/dev/null
}
truncate -s 96M "$T/image"
if mkfs.ext4 -q -F "$T/image" 2>/dev/null && disk "$T/image" "$T/disk"; then
	cp -a "$T/site/." "$T/disk/"
	sync -f "$T/disk"
	umount "$T/disk"
	cp --sparse=always "$T/image" "$T/before"
	began=$(date +%s%N)
	disk "$T/image" "$T/disk"
	is 'on the image it ends the same' 4 "$(rebuild "$T/disk")"
	whole=$((($(date +%s%N) - began) / 1000000))
	umount "$T/disk"
	old=0 new=0 bad='' unlike=''
	for ((i = 0; i < CUTS; i++)); do
		cp --sparse=always "$T/before" "$T/image"
		disk "$T/image" "$T/disk" || { bad="$bad mount"; break; }
		"$B/shikaku-rebuild" -c "$T/disk/site.yaml" -D 2026-08-02 >/dev/null 2>&1 &
		pid=$!
		ms=$((whole * (i + 1) / (CUTS + 1)))
		sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
		# stopped, so that the copy is of one moment; what it has written but
		# not synced is in memory only and lost
		kill -STOP $pid 2>/dev/null
		cp --sparse=always "$T/image" "$T/cut"
		kill -KILL $pid 2>/dev/null
		wait $pid 2>/dev/null
		umount "$T/disk"
		disk "$T/cut" "$T/after" || { bad="$bad $ms ms: does not mount"; continue; }
		case $(seen "$T/after") in
		1) old=$((old + 1)) ;;
		2) new=$((new + 1)) ;;
		*) bad="$bad $ms ms: $(seen "$T/after")" ;;
		esac
		status=$(rebuild "$T/after")
		tree "$T/after" | cmp -s "$T/want" - || unlike="$unlike $ms ms: $status $(head -c 200 "$T/err")"
		umount "$T/after"
	done
	is 'after a power cut a reader sees one generation, whole' '' "$bad"
	is 'and the run after it ends as the undisturbed one' '' "$unlike"
	echo "power cuts: $((old + new)): $old saw the old generation, $new the new one"
else
	skipped="$skipped power cut (no loop device may be mounted);"
fi
[ -z "$skipped" ] || echo "SKIP:$skipped"
part_end
