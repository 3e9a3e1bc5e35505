#!/bin/sh
# Questions and answers in FHIR R4. The answers are validated by two npm
# packages that make deps-test puts into build/npm.
cd "$(dirname "$0")/.." || exit 64
export B="${B:-$PWD/build/release}"
exec python3 tests/fhir.py
