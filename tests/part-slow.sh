#!/bin/sh
# Ten thousand slow clients beside honest ones. make torture: SLOW_TLS=2000
# of them with handshakes, ATTACK_SECONDS=60 of slowhttptest per kind.
cd "$(dirname "$0")/.." || exit 64
export B="${B:-$PWD/build/release}"
exec python3 tests/slow.py
