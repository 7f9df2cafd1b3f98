"""Random numbers by key: the same key always gives the same number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def scramble(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint64]:
    """Hash integers to 64 bits (the finaliser of splitmix64).

    Parameters
    ----------
    values : ndarray of int64 or uint64

    Returns
    -------
    ndarray of uint64, same shape
        Different values have different hashes.
    """
    bits = values.astype(np.uint64)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(bits ^ (bits >> np.uint64(31)))


def scrambled_below(
    values: npt.NDArray[np.generic], limit: int
) -> npt.NDArray[np.int64]:
    """Hash integers to the range from 0 to below a limit."""
    return (scramble(values) % np.uint64(limit)).astype(np.int64)
