#!/bin/sh
# What we say of cards, signatures and revocation lists, beside what the
# openssl command says.
cd "$(dirname "$0")/.." || exit 64
export B="${B:-$PWD/build/release}"
exec python3 tests/oracle.py
