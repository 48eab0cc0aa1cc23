"""NumPy arrays that cross both ways: this side of examples/ndarray.c.

Where the server is comes from the environment: MPMD_ADDRESS (a path) and MPMD_AUTHKEY. It has two queues, as of
mpmd --register get_in=Queue --register get_out=Queue.
"""
import os
from multiprocessing.managers import BaseManager

import numpy as np


class Manager(BaseManager):
    pass


Manager.register('get_in')
Manager.register('get_out')


def smoothed(a):
    """What the C side computes."""
    ones, padded = np.pad(np.ones(a.shape), 1), np.pad(a, 1)
    around = [(slice(r, r + a.shape[0]), slice(c, c + a.shape[1])) for r in range(3) for c in range(3)]
    return sum(padded[where] for where in around) / sum(ones[where] for where in around)


def main():
    manager = Manager(address=os.environ['MPMD_ADDRESS'], authkey=os.environ['MPMD_AUTHKEY'].encode())
    manager.connect()
    there, back = manager.get_in(), manager.get_out()
    matrix = np.arange(12.0).reshape(3, 4) ** 2
    for given in matrix, matrix.T, np.asfortranarray(matrix), np.ones((300, 200)), np.zeros((0, 3)):
        there.put(given)
        got = back.get()
        assert isinstance(got, np.ndarray) and got.shape == given.shape
        assert np.allclose(got, smoothed(given))
    there.put(matrix.astype('i4'))
    print(back.get())
    there.put(None)
    print('the arrays that came back are right')


if __name__ == '__main__':
    main()
