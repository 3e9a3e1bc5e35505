#!/bin/sh
# Whose certificate may speak for whom, and until when: a real responder.
cd "$(dirname "$0")/.." || exit 64
export B="${B:-$PWD/build/release}"
exec python3 tests/tenants.py
