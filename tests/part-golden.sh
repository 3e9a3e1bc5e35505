#!/bin/sh
# The golden cases as a part of make check.
exec "$(dirname "$0")/golden.sh"
