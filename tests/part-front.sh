#!/bin/sh
# The responder behind nginx as jobs/nginx.conf has it: by TCP, and where TLS
# ends at nginx.
cd "$(dirname "$0")/.." || exit 64
export B="${B:-$PWD/build/release}"
{ command -v nginx && ls /usr/lib/nginx/modules/ngx_stream_module.so; } >/dev/null 2>&1 || {
	echo 'SKIP front: no nginx with its stream module'
	echo 'front: 0 passed, 0 failed'
	exit 0
}
exec python3 tests/front.py
