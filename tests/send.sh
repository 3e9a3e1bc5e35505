#!/bin/bash
# Packs and sends files as a sender would, with zip, openssl and mv only:
# tests/send.sh FOLDER SENDER FEED YYYYMMDD SEQUENCE FILE...
# FOLDER holds site.yaml, masters/ and pki/senders/SENDER.{key,pem}. A CSV's
# last row tells its count and control total; *.crl are revocation lists.
# Prints the upload's stem. KEY and CERT name another signer (for tests).
set -eu
[ $# -ge 6 ] || { echo "usage: $0 FOLDER SENDER FEED YYYYMMDD SEQUENCE FILE..." >&2; exit 32; }
folder=$1 sender=$2 feed=$3 day=$4 sequence=$5
shift 5
stem=$(printf '%s_%s_%s_%04d' "$sender" "$feed" "$day" "$((10#$sequence))")
side=$(awk -F, -v s="$sender" '{ gsub(/["\r]/, "") } $1 == s { print $2 }' "$folder/masters/senders.csv")
[ -n "$side" ] || { echo "$sender is not in masters/senders.csv" >&2; exit 33; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
	printf 'sender: "%s"\nfeed: "%s"\nday: "%s-%s-%s"\nsequence: %d\nmembers:\n' \
	    "$sender" "$feed" "${day:0:4}" "${day:4:2}" "${day:6:2}" "$((10#$sequence))"
	for f; do
		records=0 total=0 layout=$feed syntax=csv charset=utf8
		case $f in
		*.crl) layout=crl syntax=der charset='' ;;
		*)
			last=$(tail -n 1 "$f" | tr -d '"\r')
			records=$(cut -d, -f2 <<<"$last")
			total=$(cut -d, -f3 <<<"$last")
			;;
		esac
		printf '  - name: "%s"\n    layout: "%s"\n    syntax: "%s"\n' "$(basename "$f")" "$layout" "$syntax"
		[ -z "$charset" ] || printf '    charset: "%s"\n' "$charset"
		printf '    bytes: %s\n    sha256: "%s"\n    records: %s\n    total: %s\n' \
		    "$(stat -c %s "$f")" "$(sha256sum "$f" | cut -d' ' -f1)" "$records" "$total"
	done
} >"$work/manifest.yaml"
zip -q -X -j "$work/content.zip" "$work/manifest.yaml" "$@"
openssl cms -sign -binary -nodetach -outform DER -md sha256 \
    -signer "${CERT:-$folder/pki/senders/$sender.pem}" \
    -inkey "${KEY:-$folder/pki/senders/$sender.key}" \
    -in "$work/content.zip" -out "$work/sealed"
# only a rename makes an upload visible
box=$folder/$side/box/$sender/in
mkdir -p "$box"
cp "$work/sealed" "$box/$stem.zip.p7m.part"
mv "$box/$stem.zip.p7m.part" "$box/$stem.zip.p7m"
echo "$stem"
