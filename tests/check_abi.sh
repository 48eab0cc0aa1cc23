#!/bin/sh
# check_abi.sh - libmpmd exports exactly the names in tests/abi.list, each with its version: the second word of a line, or
# MPMD_0.1. Whoever changes the list looks at the rules beside MPM_LIBRARY_VERSION in configure.ac.
set -eu
: "${top_srcdir:=$(dirname "$0")/..}" "${top_builddir:=.}" "${NM:=nm}" "${mpm_symbol_versions:=yes}"
library=$top_builddir/.libs/libmpmd.so
if ! test -f "$library"; then
    echo "no shared library in this build"
    exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# "@@": this is the version that a program gets that is linked now.
if test "$mpm_symbol_versions" = yes; then
    $NM -D --defined-only "$library" | awk '$2 != "A" { sub(/@@/, " ", $3); print $3 }'
    awk 'NF { print $1, (NF > 1 ? $2 : "MPMD_0.1") }' "$top_srcdir/tests/abi.list" >&3
else
    $NM -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }'
    awk 'NF { print $1 }' "$top_srcdir/tests/abi.list" >&3
fi > "$tmp/exported" 3> "$tmp/listed"
LC_ALL=C sort -o "$tmp/exported" "$tmp/exported"
LC_ALL=C sort -o "$tmp/listed" "$tmp/listed"
if ! diff -u "$tmp/listed" "$tmp/exported"; then
    echo "libmpmd exports other names (+) than tests/abi.list has (-)"
    exit 1
fi
