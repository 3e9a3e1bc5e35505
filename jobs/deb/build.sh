#!/bin/sh
# make deb: the packages of this tree's programs, into build/deb. The folder
# debian/ that dpkg wants is made here from jobs/deb; nothing is compiled.
set -eu
TOP=$(cd "$(dirname "$0")/../.." && pwd)
VARIANT=${VARIANT:-release}
export TOP VARIANT
# the packages' files bear one time, so that the same tree gives the same bytes
SOURCE_DATE_EPOCH=$(git -C "$TOP" log -1 --format=%ct 2>/dev/null || stat -c %Y "$TOP/CHANGES")
export SOURCE_DATE_EPOCH
out=$TOP/build/deb
rm -rf "$out"
mkdir -p "$out/tree/debian/source"
cd "$out/tree"
echo '3.0 (native)' >debian/source/format
for f in control rules changelog copyright not-installed; do cp "$TOP/jobs/deb/$f" debian/; done
cp "$TOP"/jobs/deb/*.install "$TOP"/jobs/deb/*.lintian-overrides "$TOP"/jobs/deb/*.docs debian/ 2>/dev/null || :
# what of batch/ is not the sender's is the night's
for page in "$TOP"/batch/*.8; do
	p=$(basename "$page" .8)
	grep -q "sbin/shikaku-$p$" debian/shikaku-sender.install && continue
	echo "usr/sbin/shikaku-$p"
	echo "usr/share/man/man8/shikaku-$p.8"
done >debian/shikaku-batch.install
cat >>debian/shikaku-batch.install <<END
lib/systemd/system/shikaku-[!r]*
usr/share/shikaku/jobs/*.yaml
usr/share/doc/shikaku-batch/examples
END
LC_ALL=C dpkg-buildpackage -b -us -uc >"$out/build.log" 2>&1 || {
	tail -n 30 "$out/build.log"
	exit 1
}
cd ..
rm -rf tree
ls ./*.deb | sed 's|^\./|build/deb/|'
