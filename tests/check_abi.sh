#!/bin/sh
# check_abi.sh - libmpmd exports exactly the names in tests/abi.list. Whoever changes the list looks at the rules beside
# MPM_LIBRARY_VERSION in configure.ac.
set -eu
: "${top_srcdir:=$(dirname "$0")/..}" "${top_builddir:=.}" "${NM:=nm}"
library=$top_builddir/.libs/libmpmd.so
if ! test -f "$library"; then
    echo "no shared library in this build"
    exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
$NM -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort > "$tmp/exported"
LC_ALL=C sort "$top_srcdir/tests/abi.list" > "$tmp/listed"
if ! diff -u "$tmp/listed" "$tmp/exported"; then
    echo "libmpmd exports other names (+) than tests/abi.list has (-)"
    exit 1
fi
