"""The Mandelbrot set, its rows computed by workers in C (mandelbrot.c) through an executor; prints it as text.

Usage: python3 mandelbrot.py ./mandelbrot [WIDTH HEIGHT [FILE.pgm]]
The server is the one at MPMD_ADDRESS with the key MPMD_AUTHKEY, or else a manager of Python's own. mpmd's Python package is
to be found: PYTHONPATH=compat/python.
"""
import itertools
import multiprocessing
import os
import sys

from mpmd.cpool import CPoolExecutor

SHADES = ' .:-=+*#%@'


def main():
    program = sys.argv[1]
    width, height = (int(n) for n in sys.argv[2:4] or (72, 24))
    if 'MPMD_ADDRESS' in os.environ:
        executor = CPoolExecutor(address=os.environ['MPMD_ADDRESS'], authkey=os.environ['MPMD_AUTHKEY'].encode())
    else:
        executor = CPoolExecutor(multiprocessing.Manager())
    with executor:
        executor.start([program], workers=os.cpu_count() or 1)
        rows = list(executor.map('mandelbrot_row', range(height), itertools.repeat(width), itertools.repeat(height)))
    if len(sys.argv) > 4:
        with open(sys.argv[4], 'wb') as f:
            f.write(b'P5 %d %d 200\n' % (width, height) + b''.join(rows))
    else:
        for row in rows:
            print(''.join(SHADES[min(n.bit_length(), 9)] if n < 200 else '@' for n in row).rstrip())


if __name__ == '__main__':
    main()
