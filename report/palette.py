"""The page's colours, in both themes.

Figures are drawn in the colours of the light theme; the page replaces each by its
counterpart where the theme is dark. So each colour of the light theme stands for one
thing. Long and short, gains and losses are teal and orange, which people who confuse
red and green can tell apart.
"""

from __future__ import annotations

#: Name: (light, dark). Contrast of text on `surface` and `page` is at least 4.5.
COLOURS = {
    "page": ("#f6f7f8", "#0e141b"),
    "surface": ("#ffffff", "#161e27"),
    "ink": ("#17212b", "#e7ecf1"),
    "muted": ("#55616d", "#a0adba"),
    "line": ("#dde2e6", "#2b3742"),
    "grid": ("#e8ebee", "#242f3a"),
    "neutral": ("#f1f3f4", "#222c36"),
    "accent": ("#1d5fd1", "#78aefc"),
    "up": ("#0b7a70", "#3cc4b5"),
    "down": ("#b84a10", "#ff9c62"),
    "purple": ("#7440bd", "#b993ff"),
    "pink": ("#b0226c", "#ff82bb"),
    "gold": ("#856800", "#d8ba45"),
    "slate": ("#47688a", "#8db1d3"),
    "green": ("#35803a", "#7fcb82"),
    "grey": ("#8b959f", "#78848f"),
}
LIGHT = {name: light for name, (light, _) in COLOURS.items()}
DARK = {name: dark for name, (_, dark) in COLOURS.items()}

#: For things that only have to be told apart, the most important first.
SERIES = tuple(
    LIGHT[name]
    for name in ("accent", "down", "up", "purple", "pink", "gold", "slate", "green")
)

#: From short or lost through nothing to long or won.
DIVERGING = [[0.0, LIGHT["down"]], [0.5, LIGHT["neutral"]], [1.0, LIGHT["up"]]]


def gain(value: float) -> str:
    """Return the colour of a gain, or of nothing, and that of a loss."""
    return LIGHT["up" if value >= 0 else "down"]


def translucent(colour: str, share: float) -> str:
    """Return a colour of the palette with so much of it to be seen, 0 to 1."""
    return f"{colour}{round(share * 255):02x}"
