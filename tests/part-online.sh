#!/bin/sh
# A real responder on a free loopback port, asked over mutual TLS.
cd "$(dirname "$0")/.." || exit 64
export B="${B:-$PWD/build/release}"
exec python3 tests/online.py
