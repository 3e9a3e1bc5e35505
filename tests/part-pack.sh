#!/bin/bash
# What a sender packs, with shikaku-pack and with the very commands its page
# shows, is taken by the real intake and ingest.
. "$(dirname "$0")/part.sh"
W=$B/part-pack S=$B/part-pack/site
rm -rf "$W"
mkdir -p "$W"
D=2026-08-03
tests/site.sh "$S"
"$B/shikaku-sample" -c "$S/site.yaml" --people 2000 --seed 5 -D $D >"$W/sample.out" 2>&1
ok 'a country' $?
run() { "$B/shikaku-$1" -c "$S/site.yaml" -D $D >"$W/$1.out" 2>"$W/$1.err"; }

# an insurer and a federation's own files, out of the sample's uploads
unpack() { # UPLOAD FOLDER
	mkdir -p "$2"
	openssl cms -verify -noverify -binary -inform DER -in "$1" -out "$2/zip" 2>/dev/null &&
	    unzip -q -o "$2/zip" -d "$2" 2>/dev/null
}
for f in "$S"/intermediate/box/*/in/*_shikaku_*.p7m; do
	unpack "$f" "$W/s" && [ -f "$W/s/shikaku.csv" ] && grep -q 'charset: utf8$' "$W/s/manifest.yaml" && break
	rm -rf "$W/s"
done
stem=$(basename "$f" .zip.p7m) sender=${stem%%_*}
for n in "$S"/intermediate/box/KOKUHO*/in/*_nhi_*.p7m; do
	unpack "$n" "$W/n" && [ -f "$W/n/nhi_person.txt" ] && break
	rm -rf "$W/n"
done
federation=$(basename "$n"); federation=${federation%%_*}
ok 'files of an insurer and a federation' "$([ -f "$W/s/shikaku.csv" ] && [ -f "$W/n/nhi_person.txt" ]; echo $?)"
rm "$f" "$n"
pack() { # SENDER ARGUMENTS
	local who=$1
	shift
	"$B/shikaku-pack" --key "$S/pki/senders/$who.key" --cert "$S/pki/senders/$who.pem" -D $D "$@" >"$W/pack.out" 2>"$W/pack.err"
}
pack "$sender" --to "$S/intermediate/box/$sender/in" "$W/s/shikaku.csv"
ok 'shikaku-pack packs a CSV' $?
ok 'under the name the header says' "$([ -f "$f" ]; echo $?)"
unpack "$f" "$W/again"
ok 'openssl and unzip open it' $?
cmp -s "$W/s/manifest.yaml" "$W/again/manifest.yaml"
ok 'its manifest is the one the sample wrote' $?
pack "$sender" --to "$S/intermediate/box/$sender/in" "$W/s/shikaku.csv"
ok 'a package is never replaced' "$([ $? -eq 34 ] && grep -q F9044 "$W/pack.err"; echo $?)"
pack "$federation" --to "$S/intermediate/box/$federation/in" --for "$S/pki/open.pem" "$W/n/nhi_household.txt" "$W/n/nhi_person.txt"
status=$?
[ $status -eq 0 ] || [ -f "$S/pki/open.pem" ] || pack "$federation" --to "$S/intermediate/box/$federation/in" "$W/n/nhi_household.txt" "$W/n/nhi_person.txt"
ok 'two files of a federation in one package' "$([ -f "$n" ]; echo $?)"

# the commands of the page, for the same file under the next number
page() { # N: the N-th block of commands, as a reader of the page sees it
	awk -v n="$1" '/^\.Bd -literal/ { k++; on = 1; next } /^\.Ed/ { on = 0 } on && k == n' batch/pack.8 |
	    sed 's/\\e/\\/g'
}
day=$(cut -d, -f5 <(head -1 "$W/s/shikaku.csv") | tr -d '"\r')
commands() { # FOLDER NUMBER
	mkdir -p "$1"
	sed "1s/,[0-9]*,*\([^,]*\)\$/,$2,/" "$W/s/shikaku.csv" >"$1/shikaku.csv"
	cp "$S/pki/senders/$sender.key" "$1/key.pem"
	cp "$S/pki/senders/$sender.pem" "$1/cert.pem"
	cp "$S/pki/open.pem" "$1/receiver.pem" 2>/dev/null
	page 1 | sed -e "s/06139992_shikaku_20260801_0007/${sender}_shikaku_${day}_$(printf %04d "$2")/" \
	    -e "s/06139992/$sender/; s/^day: .*/day: $D/; s/^sequence: .*/sequence: $2/" >"$1/commands"
	(cd "$1" && bash -eu commands >log 2>&1)
}
commands "$W/by-hand" 2
ok 'the commands of the page run' $?
cp "$W"/by-hand/*_0002.zip.p7m "$S/intermediate/box/$sender/in/" 2>/dev/null
ok 'and leave a package' $?
if [ -f "$W/by-hand/receiver.pem" ]; then
	commands "$W/hidden" 3
	page 2 | sed "s/\$stem/${sender}_shikaku_${day}_0003/g" >"$W/hidden/encrypt"
	(cd "$W/hidden" && rm -f ./*.p7m && bash -eu encrypt >log 2>&1)
	ok 'so do those that encrypt' $?
	cp "$W"/hidden/*_0003.zip.p7m "$S/intermediate/box/$sender/in/" 2>/dev/null
fi
run intake
run ingest
result() { grep -h '^result:' "$S/intermediate/box/$1/out/$2.$3.yaml" 2>/dev/null; }
for k in "$sender $stem" "$federation $(basename "$n" .zip.p7m)" "$sender ${sender}_shikaku_${day}_0002" \
    $([ -f "$W/hidden/receiver.pem" ] && echo "$sender"); do
	# shellcheck disable=SC2086
	set -- $k
	stem2=${2:-${sender}_shikaku_${day}_0003}
	ok "intake takes $stem2" "$(result "$1" "$stem2" receipt | grep -q '"accepted"'; echo $?)"
	ok "ingest reads $stem2" "$(result "$1" "$stem2" check | grep -q '"accepted'; echo $?)"
done

# what would be refused is not packed
sed '$d' "$W/s/shikaku.csv" >"$W/cut.csv"
pack "$sender" --to "$W" -f shikaku "$W/cut.csv"
ok 'a file that is cut is not packed' "$([ $? -eq 34 ] && grep -q F3302 "$W/pack.err"; echo $?)"
pack "$sender" --to "$W" "$W/s/shikaku.csv" "$W/n/nhi_person.txt"
ok 'files of two senders are not packed together' "$([ $? -eq 34 ] && grep -q F3301 "$W/pack.err"; echo $?)"
pack "$sender" --to "$W" "$W/s/shikaku.csv" "$W/s/shikaku.csv"
ok 'nor one file twice' "$([ $? -eq 34 ] && grep -q F3204 "$W/pack.err"; echo $?)"
pack "$sender" --to "$W" "$S/masters/senders.csv"
ok 'nor a table of the site' "$([ $? -eq 34 ] && grep -q F9007 "$W/pack.err"; echo $?)"
sed '3s/,\(19\|20\)\([0-9]*\),/,99\2,/' "$W/s/shikaku.csv" >"$W/bad.csv"
pack "$sender" --to "$W" -n "$W/s/shikaku.csv"
ok '-n writes nothing' "$([ $? -eq 0 ] && ! ls "$W"/*.p7m* >/dev/null 2>&1; echo $?)"
"$B/shikaku-pack" --key "$S/pki/senders/$sender.key" --cert "$S/pki/senders/$federation.pem" --to "$W" "$W/s/shikaku.csv" >"$W/pack.out" 2>"$W/pack.err"
ok 'a key that does not fit its certificate' "$([ $? -eq 33 ]; echo $?)"
pack "$federation" --to "$W" "$W/s/shikaku.csv"
ok "another sender's key and certificate" "$([ $? -eq 34 ] && grep -q 'F3105.*the certificate is of' "$W/pack.err"; echo $?)"
openssl req -new -key "$S/pki/senders/$sender.key" -subj "/CN=$sender" 2>/dev/null |
    openssl x509 -req -signkey "$S/pki/senders/$sender.key" -days -1 -out "$W/past.pem" 2>/dev/null
"$B/shikaku-pack" --key "$S/pki/senders/$sender.key" --cert "$W/past.pem" --to "$W" "$W/s/shikaku.csv" >"$W/pack.out" 2>"$W/pack.err"
ok 'a certificate that has ended' "$([ $? -eq 34 ] && grep -q F3104 "$W/pack.err"; echo $?)"
ok 'none of these leaves a package' "$(! ls "$W"/*.p7m* >/dev/null 2>&1; echo $?)"
"$B/shikaku-intake" -c "$S/site.yaml" -D 2999-01-01 >"$W/pack.out" 2>"$W/pack.err"
ok 'intake refuses a business day to come' "$([ $? -eq 9 ] && grep -q F9011 "$W/pack.err"; echo $?)"
"$B/shikaku-pack" "$W/s/shikaku.csv" >"$W/pack.out" 2>"$W/pack.err"
ok 'without a key: wrong use' "$([ $? -eq 32 ]; echo $?)"
part_end
