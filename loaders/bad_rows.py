"""How many refused rows an object may have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BadRowLimit:
    """A number of rows, or a share of the object's rows.

    Attributes
    ----------
    value
        Rows, or the share from 0 to 1.
    is_share
        Which of the two.
    """

    value: float
    is_share: bool

    @classmethod
    def parse(cls, text: str) -> BadRowLimit:
        """Read ``0.1%`` or ``25``.

        Raises
        ------
        ValueError
            Neither a percentage from 0 to 100 nor a whole number of rows.
        """
        problem = f"{text!r} is neither a number of rows nor a percentage such as 0.1%"
        try:
            if text.strip().endswith("%"):
                limit = cls(float(text.strip()[:-1]) / 100, is_share=True)
            else:
                limit = cls(int(text), is_share=False)
        except ValueError:
            raise ValueError(problem) from None
        if limit.value < 0 or (limit.is_share and not limit.value <= 1):
            raise ValueError(problem)
        return limit

    def is_exceeded(self, bad: int, rows: int) -> bool:
        """Say whether ``bad`` of ``rows`` rows are too many."""
        return bad > (self.value * rows if self.is_share else self.value)

    def __str__(self) -> str:
        return f"{self.value * 100:g}%" if self.is_share else f"{self.value:g}"
