#!/bin/sh
# python-with-pytest.sh [--xdist] - prints a python3 that has pytest and pytest-xdist, or else, without --xdist, one that has
# pytest: $PYTHON, the first in PATH, or the system's. Fails when none has.
for modules in 'pytest, xdist' 'pytest'; do
    for python in ${PYTHON:-} python3 /usr/bin/python3; do
        if "$python" -c "import $modules" > /dev/null 2>&1 < /dev/null; then
            command -v "$python"
            exit 0
        fi
    done
    test "${1:-}" != --xdist || exit 1
done
exit 1
