#!/bin/sh
# demo.sh - sets the machine up, builds mpmd (build/demo), lets a stock Python Pool use it over a private unix socket and
# shows what happened, then how many operations a second it and the stock manager did in that same run.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
sh scripts/setup.sh demo
if test -f config.status; then
    echo "demo: this tree was configured in place, which builds elsewhere cannot live with: run 'make distclean' first" >&2
    exit 1
fi
mkdir -p build/demo
log=$top/build/demo/build.log
echo "demo: building mpmd in build/demo ..."
if ! { { test -x configure && test -f Makefile.in || autoreconf -fi; } && cd build/demo &&
    { test -f Makefile || "$top/configure" -q --disable-static; } &&
    make -s -j"$(nproc 2> /dev/null || echo 2)"; } > "$log" 2>&1 < /dev/null; then
    tail -n 30 "$log" >&2
    echo "demo: mpmd does not build; all of it is in $log" >&2
    exit 1
fi
exec python3 "$top/scripts/demo.py" "$top/build/demo/mpmd"
