#!/bin/sh
# units.sh ROOT: into an installed ROOT (PREFIX=/usr) all that Debian lays
# elsewhere: units made from the job nets, the responder's unit, accounts and
# folders made from accounts.tsv, configuration.
set -eu
root=$1
here=$(cd "$(dirname "$0")/.." && pwd)
u=$root/lib/systemd/system
install -d "$u" "$root/etc/shikaku" "$root/usr/lib/sysusers.d" "$root/usr/lib/tmpfiles.d" \
    "$root/etc/logrotate.d" "$root/usr/share/doc/shikaku-batch/examples" "$root/usr/share/doc/shikaku-online/examples"
for net in "$here"/*.yaml; do
	case $net in */recovery.yaml) continue ;; esac # by hand only
	"$root/usr/sbin/shikaku-jobs" export --to systemd -o "$u" --programs /usr/sbin \
	    --account shikaku "$net" >/dev/null
done
sed 's|/usr/local/sbin|/usr/sbin|; s|/etc/shikaku/site.yaml|/etc/shikaku/responder.yaml|; s|/srv/shikaku|/var/lib/shikaku|' \
    "$here/shikaku-responder.service" >"$u/shikaku-responder.service"
cp "$here/deb/sysusers.conf" "$root/usr/lib/sysusers.d/shikaku.conf"
awk -F'\t' -f "$here/deb/tmpfiles.awk" "$here/accounts.tsv" >"$root/usr/lib/tmpfiles.d/shikaku.conf"
cp "$here/deb/logrotate.conf" "$root/etc/logrotate.d/shikaku"
cp "$here/deb/site.yaml" "$here/deb/responder.yaml" "$root/etc/shikaku/"
cp "$here/sshd_shikaku.conf" "$here/replicate.sh" "$root/usr/share/doc/shikaku-batch/examples/"
cp "$here/haproxy.cfg" "$here/nginx.conf" "$root/usr/share/doc/shikaku-online/examples/"
