#!/bin/sh
# setup.sh demo|test - whatever is needed to build and run the demo (or all tests) is there afterwards, or the exact line
# that gets it is printed and the exit code is 1. Asks for what is missing only; run twice, it does nothing the second time.
set -eu
purpose=${1:-demo}
top=$(cd "$(dirname "$0")/.." && pwd)
missing=

# need PACKAGE COMMAND...: Debian's PACKAGE is missing when COMMAND fails. Functions are asked for, not package names, so that
# what came another way counts, too.
need() {
    package=$1
    shift
    "$@" > /dev/null 2>&1 < /dev/null || missing="$missing $package"
}
# want PACKAGE COMMAND...: the same, but what uses it is left out where it cannot be had.
optional=
want() {
    package=$1
    shift
    "$@" > /dev/null 2>&1 < /dev/null || optional="$optional $package"
}
has() { command -v "$1"; }
compiles() { # COMPILER LANGUAGE FLAGS...
    compiler=$1 language=$2
    shift 2
    printf '#include <stdio.h>\nint main(void) { return 0; }\n' | "$compiler" "$@" -x "$language" -o /dev/null -
}
compiles_for_fuzzing() {
    printf 'int LLVMFuzzerTestOneInput(const void *p, unsigned long n);\n%s\n' \
        'int LLVMFuzzerTestOneInput(const void *p, unsigned long n) { (void)p; (void)n; return 0; }' |
        clang -fsanitize=fuzzer,address,undefined -x c -o /dev/null -
}

need build-essential compiles gcc c
need make has make
need autoconf has autoreconf
need automake has aclocal
need libtool has libtoolize
need pkg-config has pkg-config
need libuv1-dev pkg-config --exists libuv
need libsodium-dev pkg-config --exists libsodium
need nettle-dev pkg-config --exists nettle
need python3 has python3
if test "$purpose" = test; then
    need build-essential compiles g++ c++
    need clang compiles clang c
    need libclang-rt-dev compiles_for_fuzzing
    need mandoc has mandoc
    need iproute2 has ip
    need mypy has mypy
    need libcmocka-dev pkg-config --exists cmocka
    need python3-numpy sh -c 'python3 -c "import numpy" || /usr/bin/python3 -c "import numpy"'
    need python3-pytest sh "$top/scripts/python-with-pytest.sh"
    need python3-pytest-xdist sh "$top/scripts/python-with-pytest.sh" --xdist
    want pypy3 has pypy3
    want python3-multiprocess /usr/bin/python3 -c 'import multiprocess'
    want python3-billiard /usr/bin/python3 -c 'import billiard'
fi
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
missing=${missing% }
test -n "$missing$optional" || exit 0

as_root=none
if test "$(id -u)" = 0; then
    as_root=
elif sudo -n true 2> /dev/null; then
    as_root=sudo
fi
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
log=$(mktemp)
trap 'rm -f "$log"' EXIT

if test -n "$missing"; then
    if ! command -v apt-get > /dev/null; then
        echo "setup: these are missing (named as Debian's packages): $missing" >&2
        echo "setup: install them with this system's package manager, then run this again" >&2
        exit 1
    fi
    if test "$as_root" = none; then
        echo "setup: some packages are missing. Run this, then start again:" >&2
        echo "    sudo apt-get install $missing" >&2
        exit 1
    fi
    echo "setup: installing $missing"
    # shellcheck disable=SC2086 # lists of words
    if ! { $as_root apt-get update && $as_root apt-get install -y --no-install-recommends $missing; } > "$log" 2>&1 < /dev/null; then
        tail -n 20 "$log" >&2
        echo "setup: apt could not install them. What is needed: apt-get install $missing" >&2
        exit 1
    fi
fi
for package in $optional; do
    if test "$as_root" != none && apt-cache show "$package" > "$log" 2>&1 < /dev/null; then
        echo "setup: installing $package"
        $as_root apt-get install -y --no-install-recommends "$package" > "$log" 2>&1 < /dev/null && continue
    fi
    echo "setup: there is no $package here; tests that use it are left out"
done
