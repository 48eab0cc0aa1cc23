#!/bin/sh
# check_installed.sh - run by `make installcheck`: programs that know nothing but pkg-config compile, link (shared and
# static) and run, in C and C++, with each header alone and with all; the server and the manual pages are there.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
PKG_CONFIG_PATH=$pkgconfigdir${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
# A function of each header, so that each has to be in the library.
cat > "$tmp/one.c" <<'END'
#include <mpmd/mpmd.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
    struct mpm_server_options options;
    struct mpm_ndarray array;
    struct mpm_builder *builder;
    struct mpm_server *server;
    int r;

    memset(&options, 0, sizeof options);
    memset(&array, 0, sizeof array);
    r = mpm_server_open(&options, &server, NULL) != MPM_EINVAL || mpm_builder_open(0, &builder) != 0;
    mpm_put_ndarray(builder, &array);
    mpm_builder_close(builder);
    mpm_client_close(NULL);
    mpm_connection_close(NULL);
    printf("%s: %s\n", mpm_version(), mpm_error_text(MPM_ENOMEM));
    return r != 0 || strcmp(mpm_version(), MPM_VERSION) != 0;
}
END
cp "$tmp/one.c" "$tmp/one.cc"
flags=$(pkg-config --cflags mpmd)
libs=$(pkg-config --libs mpmd)
for header in "$includedir"/mpmd/*.h; do
    header=${header##*/}
    echo "#include <mpmd/$header>" > "$tmp/header.c"
    cp "$tmp/header.c" "$tmp/header.cc"
    # shellcheck disable=SC2086 # lists of words
    $CC -fsyntax-only $flags "$tmp/header.c"
    # shellcheck disable=SC2086
    test -z "$CXX" || $CXX -fsyntax-only $flags "$tmp/header.cc"
done
if test -f "$libdir/libmpmd.so"; then
    # shellcheck disable=SC2086
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
test -s "$man1dir/mpmd.1"
test -s "$man1dir/mpmd-python.1"
test -s "$man3dir/mpm_client.3"
test -s "$examplesdir/board.py"
if test -n "$pythondir"; then
    test -f "$destdir$pythondir/py.typed" # its types are for those who use it
    PYTHONPATH=$destdir${pythondir%/mpmd} PYTHONDONTWRITEBYTECODE=1 python3 -m mpmd --help >"$tmp/help"
    grep -q -e --on-owner-death "$tmp/help"
fi
