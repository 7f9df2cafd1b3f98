"""Recognise spot coins by their name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def are_spot(names: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Apply the rule of the macro `is_spot`; a Python model cannot call a macro."""
    return np.array([name.startswith("@") or "/" in name for name in names], np.bool_)
