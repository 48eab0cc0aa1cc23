#!/bin/sh
# check_installed.sh - run by `make installcheck`: a program that knows nothing but pkg-config compiles, links (shared and
# static) and runs, in C and C++; the server and its manual page are there.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
PKG_CONFIG_PATH=$pkgconfigdir${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
cat > "$tmp/one.c" <<'END'
#include <mpmd/mpmd.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
    printf("%s: %s\n", mpm_version(), mpm_error_text(MPM_ENOMEM));
    return strcmp(mpm_version(), MPM_VERSION) != 0;
}
END
cp "$tmp/one.c" "$tmp/one.cc"
flags=$(pkg-config --cflags mpmd)
libs=$(pkg-config --libs mpmd)
if test -f "$libdir/libmpmd.so"; then
    # shellcheck disable=SC2086 # lists of words
    $CC $san -o "$tmp/one" "$tmp/one.c" $flags $libs && LD_LIBRARY_PATH=$libdir "$tmp/one"
    # shellcheck disable=SC2086
    test -z "$CXX" || { $CXX $san -o "$tmp/one" "$tmp/one.cc" $flags $libs && LD_LIBRARY_PATH=$libdir "$tmp/one"; }
fi
if test -f "$libdir/libmpmd.a"; then
    static=$(pkg-config --static --libs mpmd | sed "s|-lmpmd|$libdir/libmpmd.a|")
    # shellcheck disable=SC2086
    $CC $san -o "$tmp/one" "$tmp/one.c" $flags $static && "$tmp/one"
fi
test "$(pkg-config --modversion mpmd)" = "$(LD_LIBRARY_PATH=$libdir "$tmp/one" | cut -d: -f1)"
"$bindir/mpmd" --version
"$bindir/mpmctl" --version
test -s "$man1dir/mpmd.1"
test -s "$man1dir/mpmctl.1"
