#!/bin/sh
# check_headers.sh - each public header compiles alone, as C and as C++; each internal one as C.
set -eu
: "${top_srcdir:=$(dirname "$0")/..}" "${top_builddir:=.}" "${CC:=cc}"
: "${mpm_header_flags:=-I$top_srcdir/include -I$top_builddir/include}" "${mpm_source_flags:=-I$top_srcdir/src}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

# compile HEADER COMPILER... : twice included, so that a missing guard shows as well.
compile() {
    header=$1
    shift
    if ! "$@" -fsyntax-only "$tmp/one.$suffix" 2> "$tmp/out"; then
        echo "FAIL: $header: $*"
        cat "$tmp/out"
        failed=1
    fi
}
plant() { printf '#include "%s"\n#include "%s"\nextern int mpm_unused;\n' "$1" "$1" > "$tmp/one.$suffix"; }

public=$(for f in "$top_srcdir"/include/mpmd/*.h "$top_builddir"/include/mpmd/*.h; do
    test ! -f "$f" || basename "$f"
done | sort -u)
for h in $public; do
    suffix=c
    plant "mpmd/$h"
    # shellcheck disable=SC2086 # the flags and CC are lists of words
    compile "mpmd/$h" $CC -std=c11 -Wall -Wextra -Wpedantic -Werror $mpm_header_flags
    if test -n "${CXX:-}"; then
        suffix=cc
        plant "mpmd/$h"
        # shellcheck disable=SC2086
        compile "mpmd/$h" $CXX -std=c++11 -Wall -Wextra -Wpedantic -Werror $mpm_header_flags
    fi
done
suffix=c
for f in "$top_srcdir"/src/*/*.h; do
    h=${f#"$top_srcdir"/src/}
    plant "$h"
    # shellcheck disable=SC2086
    compile "$h" $CC -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function $mpm_header_flags $mpm_source_flags
done
test -n "${CXX:-}" || echo "no C++ compiler: public headers were tried as C only"
exit $failed
