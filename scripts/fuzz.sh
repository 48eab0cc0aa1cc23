#!/bin/sh
# fuzz.sh SECONDS [TARGET...] - runs each fuzz target (tests/fuzz/fuzz_TARGET.c; default all) for so long. Starts from the
# corpus in tests/corpus/TARGET; what it finds new stays in build/fuzz/corpus/TARGET for the next run, what it breaks
# with in build/fuzz/found. The exit code is 1 when something broke.
set -eu
seconds=${1:-}
case $seconds in
'' | *[!0-9]*)
    echo "usage: sh scripts/fuzz.sh SECONDS [TARGET...]" >&2
    exit 2
    ;;
esac
shift
top=$(cd "$(dirname "$0")/.." && pwd)
sh "$top/scripts/setup.sh" test
cd "$top"
test -x configure || autoreconf -fi
build=$top/build/fuzz
mkdir -p "$build/found"
cd "$build"
test -f Makefile || ../../configure -q CC=clang --disable-static
make -s -j"$(nproc)" fuzz
test $# != 0 || set -- $(cd "$top/tests/fuzz" && ls | sed -n 's/^fuzz_\([a-z0-9_]*\)\.c$/\1/p')
test $# != 0 || { echo "fuzz: no targets" >&2; exit 1; }
status=0
for target; do
    mkdir -p "corpus/$target"
    seeds=$top/tests/corpus/$target
    echo "fuzz: $target for $seconds s"
    # shellcheck disable=SC2046 # the seeds when there are any
    if ! "./build-fuzz/fuzz_$target" -max_total_time="$seconds" -artifact_prefix="found/$target-" -print_final_stats=1 \
        "corpus/$target" $(test ! -d "$seeds" || echo "$seeds") > "$target.log" 2>&1 < /dev/null; then
        status=1
        tail -n 40 "$target.log"
    fi
    sed -n 's/^stat::number_of_executed_units: */fuzz: runs: /p' "$target.log"
done
exit $status
