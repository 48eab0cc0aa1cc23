#!/bin/sh
# Prints a python3 that has pytest: $PYTHON, the first in PATH, or the system's. Fails when none has.
for python in ${PYTHON:-} python3 /usr/bin/python3; do
    if "$python" -c 'import pytest' > /dev/null 2>&1 < /dev/null; then
        command -v "$python"
        exit 0
    fi
done
exit 1
