#!/bin/sh
# check_layers.sh - no file includes what its layer may not. The table below is the rule; CONTRIBUTING.md explains it.
# Begins by planting violations in a small tree of its own: each has to be refused, or the check proves nothing.
set -eu

# layer: the layers whose headers it may include besides its own and <mpmd/...>. "net/address" allows that one header.
layers='
cmd:     server client
server:  core object value wire hash net base
client:  value pickle wire hash net/address base
core:    object value pickle wire hash base
object:  value hash base
value:   pickle hash base
pickle:  base
wire:    hash base
net:     base
hash:    base
base:    compat
compat:
include:
'
# library: how its headers are included, and who may do so.
libraries='
sodium:  hash
nettle:  hash
uv:      net server
'
# These get time, identity and bytes from outside, so that the same input gives the same output: no clock, no descriptor, no
# process.
pure='core object value pickle wire'
impure='time.h unistd.h fcntl.h poll.h signal.h netdb.h sys/* net/* netinet/* arpa/*'

# check TREE: prints each include that the rules forbid, as file:line: text; succeeds when there is none.
check() {
    (cd "$1" && find src compat include -name '*.[ch]' -o -name '*.h.in' -o -name '*.def') 2>/dev/null | sort |
    (cd "$1" && LAYERS=$layers LIBRARIES=$libraries PURE=$pure IMPURE=$impure xargs awk '
    function refuse(why) { printf "%s:%d: %s: %s\n", FILENAME, FNR, why, $0; bad = 1 }
    function read_table(text, table,    n, i, k, m, line, word, row) {
        n = split(text, line, "\n")
        for (i = 1; i <= n; i++) {
            if ((k = index(line[i], ":")) == 0)
                continue
            row = substr(line[i], 1, k - 1)
            table[row, row] = 1
            m = split(substr(line[i], k + 1), word, " ")
            for (k = 1; k <= m; k++)
                table[row, word[k]] = 1
            known[row] = 1
        }
    }
    function is_impure(name,    i, pattern) {
        for (i = 1; i <= n_impure; i++) {
            pattern = impure[i]
            if (sub(/\*$/, "", pattern) ? index(name, pattern) == 1 : name == pattern)
                return 1
        }
        return 0
    }
    BEGIN {
        read_table(ENVIRON["LAYERS"], may)
        for (name in known)
            is_layer[name] = 1
        delete known
        read_table(ENVIRON["LIBRARIES"], uses)
        for (name in known)
            is_library[name] = 1
        n_impure = split(ENVIRON["IMPURE"], impure, " ")
        n_pure = split(ENVIRON["PURE"], word, " ")
        for (i = 1; i <= n_pure; i++)
            is_pure[word[i]] = 1
    }
    FNR == 1 {
        n = split(FILENAME, part, "/")
        layer = part[1] != "src" ? part[1] : n < 3 ? "" : part[2]
        if (!(layer in is_layer))
            refuse("this file is in no layer")
    }
    /^[ \t]*#[ \t]*include[ \t]*["<]/ {
        quoted = $0 ~ /^[^<"]*"/
        header = $0
        sub(/^[^<"]*["<]/, "", header)
        sub(/[">].*$/, "", header)
        n = split(header, part, "/")
        top = part[1]
        name = top
        sub(/\.h$/, "", name)
        stem = header
        sub(/\.[a-z]*$/, "", stem)
        if (header ~ /\.\./)
            refuse("a path with .. in it")
        else if (top == "mpmd" && !quoted || header == "config.h")
            ;
        else if (n > 1 && top in is_layer && (quoted || top != "net")) {
            if (!((layer, top) in may) && !((layer, stem) in may))
                refuse("layer " layer " may not include " top)
        } else if (name in is_library) {
            if (!((name, layer) in uses))
                refuse("layer " layer " may not use " name)
        } else if (quoted && n > 1)
            refuse("no such layer: " top)
        else if (quoted && layer == "include")
            refuse("a public header includes only <mpmd/...> and the C library")
        else if (!quoted && layer in is_pure && header != "sys/types.h" && is_impure(header))
            refuse("layer " layer " has no clock, descriptor or process")
    }
    END { exit bad }' /dev/null)
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# plant FILE LINE: a tree with one file that holds one line.
plant() {
    rm -rf "$tmp/src" "$tmp/include" "$tmp/compat"
    mkdir -p "$tmp/$(dirname "$1")"
    printf '%s\n' '/* planted */' "$2" > "$tmp/$1"
}
refused() {
    plant "$1" "$2"
    if check "$tmp" > "$tmp/out" || ! grep -q "^$1:" "$tmp/out"; then
        echo "the check lets this pass: $1: $2"
        exit 1
    fi
}
accepted() {
    plant "$1" "$2"
    if ! check "$tmp" > "$tmp/out"; then
        echo "the check refuses this: $1: $2"
        cat "$tmp/out"
        exit 1
    fi
}
refused src/object/lock.c '#include "core/hub.h"'
refused src/object/lock.c '#include "pickle/check.h"'
refused src/object/lock.c '  #  include <core/hub.h>'
refused src/object/types.def '#include "wire/frame.h"'
refused src/object/lock.c '#include <time.h>'
refused src/core/session.c '#include <sys/socket.h>'
refused src/core/session.c '#include "net/conn.h"'
refused src/base/buf.c '#include "hash/digest.h"'
refused src/base/buf.h '#include <sodium.h>'
refused src/wire/auth.c '#include <nettle/hmac.h>'
refused src/core/hub.c '#include <uv.h>'
refused src/hash/digest.c '#include <uv/unix.h>'
refused src/client/client.c '#include "net/conn.h"'
refused src/wire/auth.c '#include "../core/hub.h"'
refused src/wire/auth.c '#include "elsewhere/hub.h"'
refused src/main.c '#include <stdio.h>'
refused src/newlayer/file.c '#include <stdio.h>'
refused include/mpmd/value.h '#include "base/buf.h"'
refused include/mpmd/value.h '#include <uv.h>'
accepted src/object/lock.c '#include "value/value.h"'
accepted src/object/lock.c '#include "object.h"'
accepted src/core/session.c '#include "wire/auth.h" /* not "net/conn.h" */'
accepted src/net/conn.c '#include <uv.h>'
accepted src/net/address.c '#include <net/if.h>'
accepted src/hash/digest.c '#include <nettle/md5.h>'
accepted src/client/client.c '#include "net/address.h"'
accepted src/server/server.c '#include <time.h>'
accepted src/wire/auth.c '#include <mpmd/error.h>'

if ! check "${top_srcdir:-$(dirname "$0")/..}"; then
    echo "The layers are explained in CONTRIBUTING.md; the table is in tests/check_layers.sh."
    exit 1
fi
