#!/bin/sh
# Installs the Debian packages named that are missing; says and asks nothing
# where all are there.
set -eu
missing=
for p in "$@"; do
	dpkg-query -W -f='${db:Status-Status}\n' "$p" 2>/dev/null \
	    | grep -qx installed || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
echo "installing:$missing"
root=
[ "$(id -u)" -eq 0 ] || root=sudo
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$root apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || {
	$root apt-get update -qq
	$root apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
