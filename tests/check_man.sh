#!/bin/sh
# check_man.sh - each name that libmpmd exports is in a manual page and in a header, no page has others, each error
# has its line, and mandoc finds nothing to complain about.
set -eu
top=${top_srcdir:-$(dirname "$0")/..}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
LC_ALL=C
export LC_ALL
awk 'NF { print $1 }' "$top/tests/abi.list" | sort > "$tmp/exported"
cat "$top"/doc/man/*.3 | sed -n 's/^\.F[no] \(mpm_[a-z0-9_]*\).*/\1/p' | sort -u > "$tmp/called"
cat "$top"/doc/man/*.3 | sed -n 's/^\.Nm \(mpm_[a-z0-9_]*\).*/\1/p' | sort -u > "$tmp/named"
cat "$top"/include/mpmd/*.h* | sed -n 's/^MPM_API .*[ *]\(mpm_[a-z0-9_]*\)(.*/\1/p' | sort > "$tmp/declared"
for list in called named declared; do
    if ! diff -u "$tmp/exported" "$tmp/$list" > "$tmp/diff"; then
        echo "not $list in the manual pages or headers (-), or not in tests/abi.list (+):"
        sed -n '/^[-+]mpm/p' "$tmp/diff"
        failed=1
    fi
done
for code in $(sed -n 's/^ *X(\(MPM_E[A-Z]*\),.*/\1/p' "$top/include/mpmd/error.h"); do
    if ! grep -q "^\.\(It \)*Dv $code\$" "$top/doc/man/mpm_error.3"; then
        echo "$code is not in mpm_error.3"
        failed=1
    fi
done
test -z "${failed:-}"
command -v mandoc > /dev/null || { echo "mandoc is not installed"; exit 77; }
mandoc -T lint -W warning "$top"/doc/man/*.[1-9]
