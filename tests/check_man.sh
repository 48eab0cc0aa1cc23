#!/bin/sh
# check_man.sh - mandoc finds nothing to complain about in the manual pages.
set -eu
command -v mandoc > /dev/null || { echo "mandoc is not installed"; exit 77; }
mandoc -T lint -W warning "${top_srcdir:-$(dirname "$0")/..}"/doc/man/*.[1-9]
