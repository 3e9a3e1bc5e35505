#!/bin/bash
# make deb: packages without a word from lintian, installed by dpkg into a root
# of their own (an overlay of this machine; FRESH=1: one made by debootstrap,
# as in make torture), and their programs, units and accounts tried there.
. "$(dirname "$0")/part.sh"
W=$B/part-deb
end() {
	part_end
	exit
}
# ---- inside a mount namespace of our own: ROOT is the machine to install on ----
inside() {
	R=$1
	in_() { chroot "$R" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
	mkdir -p "$R/deb"
	cp build/deb/*.deb "$R/deb/"
	mount -t proc proc "$R/proc"
	[ -e "$R/dev/null" ] || mount --bind /dev "$R/dev"
	if [ -n "${FRESH:-}" ]; then
		# man-db: systemd-analyze asks man for the pages the units name
		in_ sh -c 'apt-get update -qq; apt-get install -y -qq --no-install-recommends /deb/*.deb systemd man-db' >"$W/install.log" 2>&1
	else
		in_ sh -c 'dpkg -i /deb/*.deb' >"$W/install.log" 2>&1
	fi
	so $? "dpkg installs them: $(tail -n 2 "$W/install.log")"
	for p in common batch online sender doc; do
		[ "$(in_ dpkg-query -W -f '${db:Status-Status}' shikaku-$p)" = installed ]
		ok "shikaku-$p is installed" $?
	done
	n=0
	for p in batch/*.8 online/*.8; do
		p=shikaku-$(basename "$p" .8)
		in_ "$p" -V >"$W/out" 2>&1 && [ -s "$R/usr/share/man/man8/$p.8.gz" ] && n=$((n + 1)) || echo "$p: $(head -1 "$W/out")"
	done
	[ $n = "$(ls batch/*.8 online/*.8 | wc -l)" ]
	ok "all $n programs are there, start, and have their page" $?
	[ ! -e "$R/usr/sbin/shikaku-sample" ]
	ok 'the maker of invented people is not' $?
	for p in 'batch shikaku-rebuild' 'online shikaku-responder' 'sender shikaku-pack'; do
		in_ dpkg -L "shikaku-${p% *}" | grep -q "sbin/${p#* }$"
		ok "${p#* } is of shikaku-${p% *}" $?
	done
	[ "$(in_ dpkg-query -W -f '${Conffiles}' shikaku-common | grep -c '^ /etc/')" = 3 ]
	ok 'site.yaml, responder.yaml and logrotate are conffiles' $?
	for a in shikaku shikaku-responder shikaku-audit shikaku-stats; do
		in_ getent passwd $a >/dev/null
		ok "account $a" $?
	done
	[ "$(in_ stat -c '%a %U %G' /var/lib/shikaku/qualification/journal)" = '2750 shikaku-responder shikaku-audit' ]
	ok 'folders have their owners' $?
	# shellcheck disable=SC2046
	in_ systemd-analyze verify $(cd "$R/lib/systemd/system" && ls shikaku-*) >"$W/verify" 2>&1
	grep shikaku "$W/verify" >"$W/said"
	[ ! -s "$W/said" ]
	so $? "systemd-analyze verify has nothing to say: $(head -1 "$W/said")"
	systemd-analyze security --offline=true "$R"/lib/systemd/system/shikaku-*.service 2>/dev/null |
	    sed -n 's/.*exposure level for \(.*\): \([0-9.]*\) .*/\2 \1/p' | sort -n >"$W/grades"
	units=$(ls "$R"/lib/systemd/system/shikaku-*.service | wc -l)
	[ "$(awk '$1 <= 1.5' "$W/grades" | wc -l)" = "$units" ] && [ "$units" -gt 15 ]
	so $? "each of the $units units has an exposure of at most 1.5; worst $(tail -1 "$W/grades")"
	# the nets as installed, by the programs as installed
	in_ sh -c 'shikaku-jobs check /usr/share/shikaku/jobs/*.yaml' >"$W/out" 2>&1
	so $? "the installed nets are well: $(tail -1 "$W/out")"
	in_ shikaku-check --config /etc/shikaku/site.yaml >"$W/out" 2>&1
	[ $? -eq 33 ] && grep -q 'keys.publish_key' "$W/out"
	ok 'a new site is told which keys it has not got' $?
	printf '1,1,06160014,shikaku,20261120,0001,\r\n' >"$R/tmp/shikaku.csv"
	in_ shikaku-check /tmp/shikaku.csv >"$W/out" 2>&1
	[ $? -eq 34 ]
	ok 'a sender is told what is wrong with a file' $?
	echo '# changed' >>"$R/etc/shikaku/site.yaml"
	in_ dpkg -i /deb/shikaku-common_0.1_all.deb >/dev/null 2>&1
	grep -q '^# changed' "$R/etc/shikaku/site.yaml"
	ok 'installing again leaves the configuration as the site has it' $?
	in_ dpkg -P shikaku-batch shikaku-online shikaku-sender shikaku-doc shikaku-common >"$W/out" 2>&1
	[ $? -eq 0 ] && [ ! -e "$R/usr/sbin/shikaku-rebuild" ] && [ ! -e "$R/etc/shikaku/site.yaml" ] && [ -d "$R/var/lib/shikaku/qualification" ]
	so $? "removed again, but not what was received: $(tail -1 "$W/out")"
}
if [ "${1:-}" = --inside ]; then
	inside "$2"
	echo "counts $passed $failed"
	exit
fi
for t in dpkg-buildpackage dh lintian systemd-analyze; do
	command -v $t >/dev/null || { echo "SKIP: no $t"; end; }
done
rm -rf "$W"
mkdir -p "$W/m"
make -s VARIANT="${VARIANT:-release}" deb >"$W/made" 2>"$W/err"
so $? "make deb: $(tail -1 "$W/err")"
[ "$(ls build/deb/*.deb | wc -l)" = 5 ]
ok 'five packages' $?
root=
[ "$(id -u)" = 0 ] && root=--allow-root
lintian $root --fail-on error,warning build/deb/*.deb >"$W/lintian" 2>&1
so $? "lintian has nothing to say: $(head -1 "$W/lintian")"
if [ -n "${FRESH:-}" ]; then
	debootstrap --variant=minbase bookworm "$W/root" >"$W/debootstrap.log" 2>&1
	so $? "debootstrap: $(tail -1 "$W/debootstrap.log")"
	FRESH=1 unshare -m "$0" --inside "$W/root" >"$W/inside" 2>&1
elif unshare -m sh -c "mount -t tmpfs tmpfs $W/m && mkdir $W/m/u $W/m/w $W/m/r && mount -t overlay overlay -o lowerdir=/,upperdir=$W/m/u,workdir=$W/m/w $W/m/r" 2>/dev/null; then
	unshare -m sh -c "mount -t tmpfs tmpfs $W/m && mkdir $W/m/u $W/m/w $W/m/r &&
	    mount -t overlay overlay -o lowerdir=/,upperdir=$W/m/u,workdir=$W/m/w $W/m/r && exec $0 --inside $W/m/r" >"$W/inside" 2>&1
else
	echo 'SKIP: no overlay here (not root): unpacked only'
	for d in build/deb/*.deb; do dpkg -x "$d" "$W/x"; done
	n=0
	for p in "$W"/x/usr/sbin/*; do "$p" -V >/dev/null && n=$((n + 1)); done
	[ $n = "$(ls batch/*.8 online/*.8 | wc -l)" ]
	ok "unpacked, all $n programs start" $?
	end
fi
grep '^FAILED\|^/\|^shikaku' "$W/inside"
read -r p f <<<"$(sed -n 's/^counts //p' "$W/inside")"
[ -n "${p:-}" ] || { cat "$W/inside"; p=0 f=1; }
passed=$((passed + p)) failed=$((failed + f))
[ -z "${FRESH:-}" ] || rm -rf --one-file-system "$W/root"
end
