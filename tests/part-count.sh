#!/bin/bash
# Answers counted at the client = usage records = bill, over retries, kills of
# workers and of the responder, and a restart.
set -u
cd "$(dirname "$0")/.." || exit 64
export B="${B:-$PWD/build/release}"
exec python3 tests/count.py
