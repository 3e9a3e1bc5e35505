#!/bin/bash
# verify over days made by collect: what is whole is proved, and every one of
# many seeded edits is found (VERIFY_EDITS of them; 10,000 in make torture).
set -u
cd "$(dirname "$0")/.." || exit 64
: "${B:=$PWD/build/release}"
export B
exec python3 tests/verify.py "${VERIFY_EDITS:-600}"
