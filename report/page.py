"""From the database to one HTML page.

The page contains everything it needs. Its content security policy allows only the
scripts whose hashes it names, and no request, so the name of a coin or an account
cannot run as code.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from report.blocks import Section, Tile
from report.figures import TEMPLATE
from report.numbers import visible
from report.palette import COLOURS

#: Bytes that a page stays below: Plotly takes 4.9 MB of them.
SIZE_LIMIT = 12_000_000


@dataclass(frozen=True)
class Page:
    """Everything that a page shows.

    Attributes
    ----------
    made_at
        The time of writing.
    covers
        Sentences: what the data cover, and how old they are.
    warnings
        What a reader has to know first.
    tiles
        Headline figures.
    """

    made_at: datetime
    covers: Sequence[str]
    warnings: Sequence[str]
    tiles: Sequence[Tile]
    sections: Sequence[Section]


def render(page: Page) -> str:
    """Return the HTML of a page."""
    figures = {
        chart.key: {
            "views": [view.figure for view in chart.views],
            "phone": chart.phone,
        }
        for section in page.sections
        for chart in section.charts()
    }
    scripts = {
        "theme": _asset("theme.js"),
        "plotly": get_plotlyjs(),
        "page": _asset("page.js"),
    }
    environment = Environment(
        loader=PackageLoader("report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        page=page,
        made_at=f"{page.made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        colours=COLOURS,
        colour_names={light: name for name, (light, _) in COLOURS.items()},
        style=Markup(_asset("page.css")),
        scripts={name: _script(text) for name, text in scripts.items()},
        hashes=[_hash(_script(text)) for text in scripts.values()],
        figures=_json(figures),
        template=_json(TEMPLATE),
        counterparts=_json(dict(COLOURS.values())),
    )


def _finalize(value: object) -> object:
    """Keep our own markup, and replace invisible characters in other text."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return visible(str(value)) if is_text else value


def _asset(name: str) -> str:
    return files("report").joinpath("assets", name).read_text(encoding="utf-8")


def _script(text: str) -> Markup:
    """Return a script that can be embedded in a page."""
    return Markup(text.replace("</script", "<\\/script").replace("\r\n", "\n"))


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _json(value: object) -> Markup:
    """Return JSON that cannot end the element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
