#!/usr/bin/env python3
"""Writes src/value/printable.inc: the code points that repr() of a str escapes, from this Python's Unicode tables.

Usage: scripts/gen-printable.py > src/value/printable.inc
Run it with the CPython whose repr() is to be matched; the first line of the result says which Unicode that was.
"""
import sys
import unicodedata


def ranges():
    first = None
    for c in range(0x80, sys.maxunicode + 2):
        hidden = c <= sys.maxunicode and not chr(c).isprintable()
        if hidden and first is None:
            first = c
        elif not hidden and first is not None:
            yield first, c - 1
            first = None


def main():
    rows = ["{ 0x%x, 0x%x }," % r for r in ranges()]
    print("/* Unicode %s, by scripts/gen-printable.py: first and last of each run that is not printable. */"
          % unicodedata.unidata_version)
    line = ""
    for row in rows:
        if len(line) + len(row) + 1 > 118:
            print(line)
            line = ""
        line += (" " if line else "") + row
    print(line)


main()
