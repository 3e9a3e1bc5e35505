#!/bin/sh
# jobs/replicate.sh FROM TO: brings the snapshot set in force of FROM
# (HOST:/path/of/qualification.root or a folder) to the root TO of a second
# responder host, by rsync. Run it there, every minute or after rebuild.
#
# First of all TO learns that there is a newer set (snapshots/awaited): its
# responder says 503 at /readyz until it answers from it, and the load balancer
# asks the other host meanwhile. Then the files, the signed manifest, and last
# one rename of the link "current". Files are checked against the manifest
# here, signature and files once more by the responder before it switches;
# shikaku-verify --snapshots proves them by a third way.
#
# 0 done, 1 there is nothing newer, 11 cannot be copied now, 36 not the bytes
# that were published. Killed anywhere, it is run again.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 [HOST:]FROM TO" >&2; exit 32; }
from=$1 to=$2/snapshots
mkdir -p "$to"
exec 9>"$to/.replicate.lock"
flock -n 9 || exit 1
copy() { rsync -a --ignore-missing-args "$@" || exit 11; }

# the link alone, as the source has it now
tmp=$(mktemp -d "$to/.replicate.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
copy -l "$from/snapshots/current" "$tmp/"
set=$(readlink "$tmp/current") || { echo "replicate: $from has no set yet" >&2; exit 1; }
case $set in
manifest-*/* | manifest-*[!0-9]* | manifest- | [!m]*)
	echo "replicate: $set is no name of a set" >&2
	exit 36 ;;
esac
[ "$set" != "$(readlink "$to/current" 2>/dev/null || :)" ] || exit 1
# a name that only rename changes
ln -s "$set" "$tmp/awaited"
mv -T "$tmp/awaited" "$to/awaited"

copy "$from/snapshots/$set" "$tmp/"
sed -n 's/^ *file: "\{0,1\}\([a-z]*-[0-9]*\.sqlite\)"\{0,1\}$/\1/p' "$tmp/$set/manifest.yaml" >"$tmp/files"
sed -n 's/^ *sha256: "\{0,1\}\([0-9a-f]\{64\}\)"\{0,1\}$/\1/p' "$tmp/$set/manifest.yaml" >"$tmp/sums"
while read -r file; do
	[ -e "$to/$file" ] || copy "$from/snapshots/$file" "$tmp/"
done <"$tmp/files"
paste -d ' ' "$tmp/sums" "$tmp/files" | while read -r sum file; do
	[ -e "$tmp/$file" ] || tmp_or=$to
	echo "$sum  ${tmp_or:-$tmp}/$file"
	tmp_or=
done >"$tmp/check"
if ! sha256sum --quiet -c "$tmp/check" >&2; then
	echo "replicate: $set: not the bytes that were published; nothing is switched" >&2
	exit 36
fi
sync -f "$tmp"
while read -r file; do
	[ ! -e "$tmp/$file" ] || mv -T "$tmp/$file" "$to/$file"
done <"$tmp/files"
[ -d "$to/$set" ] || mv -T "$tmp/$set" "$to/$set"
rm -f "$tmp/current" && ln -s "$set" "$tmp/current"
sync -f "$to"
mv -T "$tmp/current" "$to/current"
sync -f "$to"
echo "replicate: $set"
