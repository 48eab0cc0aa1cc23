#!/bin/sh
# test.sh [PART...] - sets the machine up, builds and runs all tests; the last line says how many passed, failed and were
# skipped, and the exit code is 1 when anything failed.
#   gcc        -O2, warnings are errors; unit, layer, header and ABI tests
#   clang      the same with clang
#   sanitizers ASan and UBSan with clang, leaks are errors
#   nonettle   built without nettle
#   threads    ThreadSanitizer with clang, the tests that have threads
#   pytest     Python programs against the sanitizers' mpmd (another one: MPMD_BINARY=/path/to/mpmd)
#   distcheck  a release is made from the tree, built, tested, installed, tried and removed again
# Builds stay in build/test-*, so the next run compiles only what changed. PYTEST_ARGS is added to pytest's command line.
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
parts=${*:-gcc clang sanitizers nonettle threads pytest distcheck}
jobs=${JOBS:-$(nproc 2> /dev/null || echo 2)}
logs=$top/build/test-logs
# No test is decided by a clock; this only turns a hang of a whole part into a failure.
hang='timeout -k 10 1800'
total_passed=0 total_failed=0 total_skipped=0
summary=

sh scripts/setup.sh test || exit 1
mkdir -p "$logs"
if test -f config.status; then
    echo "test: this tree was configured in place, which builds elsewhere cannot live with: run 'make distclean' first" >&2
    exit 1
fi
if ! test -x configure || ! test -f Makefile.in || ! test -f build-aux/ltmain.sh; then
    echo "test: making configure"
    autoreconf -fi > "$logs/autoreconf.log" 2>&1 || { cat "$logs/autoreconf.log" >&2; exit 1; }
fi

# result PART PASSED FAILED SKIPPED SINCE
result() {
    total_passed=$((total_passed + $2)) total_failed=$((total_failed + $3)) total_skipped=$((total_skipped + $4))
    line=$(printf '%-12s %6d passed %4d failed %4d skipped   %4d s' "$1" "$2" "$3" "$4" $(($(date +%s) - $5)))
    echo "test: $line"
    summary="$summary$line
"
}

# built PART ARGUMENTS...: build/test-PART is configured with these, and $targets (all) compiled.
built() {
    part=$1
    shift
    mkdir -p "build/test-$part"
    if ! (cd "build/test-$part" && { test -f Makefile && test "$(cat arguments 2> /dev/null)" = "$*" ||
        { "$top/configure" -q "$@" && echo "$*" > arguments; }; } && make -s -j"$jobs" ${targets:-all}) > "$logs/$part.log" 2>&1 < /dev/null; then
        echo "test: $part does not build:" >&2
        tail -n 30 "$logs/$part.log" >&2
        return 1
    fi
}

# Each cmocka test counts, and each other test program.
count() {
    find "$1" -name '*.trs' | sort | while read -r trs; do
        log=${trs%.trs}.log
        sed -n 's/^:test-result: */RESULT /p' "$trs" | head -n 1
        sed -n 's/^\[  \([A-Z]*\) *\] \([0-9]*\) test(s).*/CMOCKA \1 \2/p' "$log"
        echo END
    done | awk '
        $1 == "RESULT" { result = $2; p = f = s = 0 }
        $1 == "CMOCKA" && $2 == "PASSED" { p += $3 }
        $1 == "CMOCKA" && $2 == "FAILED" { f += $3 }
        $1 == "CMOCKA" && $2 == "SKIPPED" { s += $3 }
        $1 == "END" {
            if (result == "SKIP" && p + f == 0 && s == 0) s = 1
            else if (result == "PASS" && p + s == 0) p = 1
            else if (result != "PASS" && result != "SKIP" && f == 0) f = 1
            passed += p; failed += f; skipped += s
        }
        END { print passed + 0, failed + 0, skipped + 0 }'
}

# checked PART ARGUMENTS...: builds and runs `make check`.
checked() {
    since=$(date +%s)
    echo "test: $1 ..."
    if ! built "$@"; then
        result "$1" 0 1 0 "$since"
        return
    fi
    find "build/test-$1" \( -name '*.trs' -o -name test-suite.log \) -exec rm -f {} +
    status=0
    $hang make -C "build/test-$1" -s -k -j"$jobs" check > "$logs/$1-check.log" 2>&1 < /dev/null || status=$?
    # shellcheck disable=SC2046 # three numbers
    set -- "$1" $(count "build/test-$1")
    if test $status != 0; then
        test "$3" != 0 || set -- "$1" "$2" 1 "$4"
        # The log of a run whose tests did not even compile tells of that, and there is no other.
        { cat "build/test-$1/test-suite.log" 2> /dev/null || grep -n -A 5 'error:' "$logs/$1-check.log" ||
            cat "$logs/$1-check.log"; } | tail -n 100
    fi
    result "$1" "$2" "$3" "$4" "$since"
}

configure_gcc='CC=gcc CXX=g++ --enable-werror --disable-static'
configure_clang='CC=clang CXX=clang++ --enable-werror --disable-static'
# -O1: what the sanitizers' manuals advise, and fast enough for the Python programs.
configure_sanitizers='CC=clang CXX=clang++ CFLAGS=-g\ -O1 --enable-werror --enable-sanitizers --disable-static'
configure_nonettle='CC=gcc CXX=g++ CFLAGS=-O1 --enable-werror --without-nettle --disable-static'
ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:abort_on_error=0
UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS UBSAN_OPTIONS

# Only what two tests need is built: they are the ones in which threads share something of ours.
run_threads() {
    since=$(date +%s)
    echo "test: threads ..."
    tests='tests/test_threads tests/test_embed'
    targets="mpmd $tests"
    built threads CC=clang 'CFLAGS=-g -O1 -fsanitize=thread' --enable-werror --disable-static
    status=$?
    targets=
    if test $status != 0; then
        result threads 0 1 0 "$since"
        return
    fi
    find build/test-threads -name '*.trs' -exec rm -f {} +
    $hang make -C build/test-threads -s check-TESTS TESTS="$tests" > "$logs/threads-check.log" 2>&1 < /dev/null || status=$?
    # shellcheck disable=SC2046 # three numbers
    set -- $(count build/test-threads)
    if test $status != 0; then
        test "$2" != 0 || set -- "$1" 1 "$3"
        tail -n 100 build/test-threads/tests/test_threads.log build/test-threads/tests/test_embed.log
    fi
    result threads "$1" "$2" "$3" "$since"
}

run_pytest() {
    since=$(date +%s)
    echo "test: pytest ..."
    if ! test -d pytests; then
        result pytest 0 0 0 "$since"
        return
    fi
    if test -z "${MPMD_BINARY:-}"; then
        if ! eval "built sanitizers $configure_sanitizers"; then
            result pytest 0 1 0 "$since"
            return
        fi
        MPMD_BINARY=$top/build/test-sanitizers/mpmd
    fi
    export MPMD_BINARY
    # Most tests wait for other processes half of their time.
    python=$(sh scripts/python-with-pytest.sh)
    spread=
    "$python" -c 'import xdist' 2> /dev/null && spread="-n $jobs --dist loadgroup"
    # shellcheck disable=SC2086 # lists of words
    $hang "$python" -m pytest -q -ra -p no:cacheprovider --continue-on-collection-errors $spread pytests ${PYTEST_ARGS:-} \
        > "$logs/pytest.log" 2>&1 < /dev/null
    status=$?
    # shellcheck disable=SC2046 # three numbers
    set -- $(tail -n 1 "$logs/pytest.log" | tr -d '=,' | awk '{
        for (i = 2; i <= NF; i++) {
            if ($i == "passed" || $i == "xfailed") p += $(i - 1)
            if ($i == "failed" || $i ~ /^errors?$/) f += $(i - 1)
            if ($i == "skipped") s += $(i - 1)
        }
    } END { print p + 0, f + 0, s + 0 }')
    if test $status != 0; then
        test "$2" != 0 || set -- "$1" 1 "$3"
        tail -n 150 "$logs/pytest.log"
    fi
    grep -E '^(used|left out|missing) ' "$logs/pytest.log" | sed 's/^/test:   /'
    result pytest "$1" "$2" "$3" "$since"
}

run_distcheck() {
    since=$(date +%s)
    echo "test: distcheck ..."
    if eval "built gcc $configure_gcc" &&
        $hang make -C build/test-gcc -s -j"$jobs" distcheck > "$logs/distcheck.log" 2>&1 < /dev/null; then
        result distcheck 1 0 0 "$since"
    else
        tail -n 60 "$logs/distcheck.log"
        result distcheck 0 1 0 "$since"
    fi
}

for part in $parts; do
    case $part in
    gcc | clang | sanitizers | nonettle) eval "eval \"checked $part \$configure_$part\"" ;;
    threads | pytest | distcheck) "run_$part" ;;
    *)
        echo "test: no such part: $part (gcc clang sanitizers nonettle threads pytest distcheck)" >&2
        exit 2
        ;;
    esac
done

printf '\n%s\n' "$summary"
echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
test "$total_failed" = 0
