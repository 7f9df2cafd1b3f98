"""Finish dbt's documentation page: drawings inside it, phones, dark screens.

``dbt docs generate --static`` writes one page. It escapes HTML in descriptions, so the
overview can only name the files of its drawings; it is at least 960 pixels wide and has
only a light theme. ``python -m report.docs_page PAGE`` puts ``docs/site`` into the
page, which then needs no other file and no network.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

SITE = Path(__file__).resolve().parents[1] / "docs" / "site"

_MARK = "<!-- docs/site -->"
#: Links of dbt's page that lead nowhere, and what loads nothing in their place: an icon
#: that is not there, icons of the menu before AngularJS has put their names in, and the
#: drawings, which the script replaces.
_LINKS = (
    (r"href=\"[^\"]*favicon\.ico[^\"]*\"", 'href="data:,"'),
    (r'(?<=<use )xlink:href="(?={{)', 'xlink:href="#" ng-href="'),
    (r"(?<=\]\()docs/site/(?=\w+\.svg)", "data:image/svg+xml,"),
)


def finished(page: str, style: str, script: str, drawings: dict[str, str]) -> str:
    """Return dbt's page with style, script and drawings in it.

    Parameters
    ----------
    page
        What ``dbt docs generate --static`` wrote.
    style, script
        CSS and JavaScript; the script finds the drawings in ``PIPELINES``.
    drawings
        SVG by file name.

    Raises
    ------
    ValueError
        The page is not what dbt writes, or is finished already.
    """
    if _MARK in page:
        raise ValueError("it is finished already: run dbt docs generate --static first")
    for end in ("</head>", "</body>"):
        if page.count(end) != 1:
            raise ValueError(f"{end} stands in it {page.count(end)} times, not once")
    for link, harmless in _LINKS:
        page = re.sub(link, harmless, page)
    # A closing tag inside a script would end it.
    data = json.dumps(drawings).replace("</", "<\\/")
    head = f"{_MARK}<style>\n{style}</style></head>"
    body = f"<script>\nvar PIPELINES = {data};\n{script}</script></body>"
    return page.replace("</head>", head).replace("</body>", body)


def main(arguments: list[str]) -> int:
    """Finish the page named, in place."""
    [name] = arguments
    path = Path(name)
    drawings = {each.name: each.read_text("utf-8") for each in SITE.glob("*.svg")}
    style, script = (SITE / file for file in ("page.css", "page.js"))
    try:
        page = finished(
            path.read_text("utf-8"),
            style.read_text("utf-8"),
            script.read_text("utf-8"),
            drawings,
        )
    except (OSError, ValueError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    path.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
