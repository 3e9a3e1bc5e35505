#!/bin/sh
# The hospitals' port as testssl.sh sees it: nothing above INFO. Versions and
# ciphers here; make torture (ALL=1) adds its search for known weaknesses.
cd "$(dirname "$0")/.." || exit 64
export B="${B:-$PWD/build/release}"
command -v testssl >/dev/null || {
	echo 'SKIP testssl: not installed'
	echo 'testssl: 0 passed, 0 failed'
	exit 0
}
exec python3 tests/testssl.py
