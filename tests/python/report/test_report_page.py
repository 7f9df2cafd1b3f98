"""The page itself: nothing from outside, nothing that runs but its own, readable."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hostile_names import COINS, TRADER
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab
from servers import environment

from pgio.connection import PROJECT_DIR
from report.numbers import visible
from report.page import SIZE_LIMIT, Page, render
from report.palette import DARK, LIGHT

pytestmark = [pytest.mark.slow, pytest.mark.any_server]
pytest_plugins = ["browser", "report_database"]


DESKTOP, TABLET, PHONE = (1280, 900), (820, 1180), (390, 844)
Open = Callable[..., Any]


@pytest.fixture(scope="session")
def html(page: Page) -> str:
    return render(page)


@pytest.fixture
def open_page(browser: Browser, html: str, tmp_path: Path) -> Callable[..., Any]:
    """Open the page from a file; whatever goes wrong in it fails the test."""
    path = tmp_path / "report.html"
    path.write_text(html, encoding="utf-8")

    @contextmanager
    def opened(size: tuple[int, int] = DESKTOP, theme: Any = "light") -> Iterator[Tab]:
        wrong: list[str] = []
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=theme
        )
        # The machine may be busy with something else for a while.
        context.set_default_timeout(300_000)
        tab = context.new_page()
        tab.on("console", lambda message: wrong.append(message.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("dialog", lambda dialog: wrong.append(dialog.message))
        tab.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "data:", "blob:"))
                or wrong.append(request.url)
            ),
        )
        tab.goto(path.as_uri())
        tab.wait_for_selector("html[data-drawn=yes]")
        yield tab
        context.close()
        assert wrong == []

    return opened


class Elements(HTMLParser):
    """All elements, and the text of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.texts:
            self.texts[tag].append("")
            self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[self.inside][-1] += data


def test_nothing_comes_from_outside(html: str) -> None:
    found = Elements(html)
    for tag, attributes in found.elements:
        assert "src" not in attributes, tag
        assert (attributes.get("href") or "#").startswith(("#", "data:,")), attributes
        assert not [name for name in attributes if name.startswith("on")], attributes
    [style] = found.texts["style"]
    assert "url(" not in style
    assert "@import" not in style
    assert len(html.encode()) < SIZE_LIMIT


def test_only_its_own_scripts_may_run(html: str) -> None:
    found = Elements(html)
    [policy] = [
        attributes["content"]
        for tag, attributes in found.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    kinds = [a.get("type") for tag, a in found.elements if tag == "script"]
    run = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text, kind in zip(found.texts["script"], kinds, strict=True)
        if kind is None
    ]
    assert run == allowed
    assert "unsafe-eval" not in policy


def test_names_are_text(html: str) -> None:
    tags = {tag for tag, _ in Elements(html).elements}
    assert not tags & {"img", "b", "iframe", "object"}
    for name in (*COINS.values(), TRADER):
        if "<" in name:
            assert name not in html


def test_how_to_connect_is_not_in_it(
    html: str, report_database: dict[str, Any]
) -> None:
    for key in ("host", "dbname", "password"):
        value = str(report_database.get(key) or "")
        assert not value or value not in html
    assert f":{report_database['port']}" not in html


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_stand_out(theme: dict[str, str]) -> None:
    # WCAG 2.2: 4.5 for text (1.4.3), 3 for what a graphic is read by (1.4.11).
    for ground in (theme["page"], theme["surface"]):
        for name in ("ink", "muted", "up", "down"):
            assert _contrast(theme[name], ground) >= 4.5, name
    for name in ("accent", "purple", "pink", "gold", "slate", "green", "grey"):
        assert _contrast(theme[name], theme["surface"]) >= 2.9, name
    assert len(set(LIGHT.values())) == len(LIGHT)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "size", [DESKTOP, TABLET, PHONE], ids=["desk", "tablet", "phone"]
)
def test_it_opens_at_every_width(
    open_page: Open, size: tuple[int, int], theme: str
) -> None:
    with open_page(size, theme) as tab:
        assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
        for box in tab.locator(".plot:visible").all():
            inner = box.locator(".main-svg").first.bounding_box()
            outer = box.bounding_box()
            assert inner is not None
            assert outer is not None
            assert inner["width"] <= outer["width"] + 1
            assert inner["height"] >= 90
        colours = DARK if theme == "dark" else LIGHT
        drawn = tab.evaluate(
            "[getComputedStyle(document.body).backgroundColor,"
            " getComputedStyle(document.querySelector('.plot .main-svg')).background]"
        )
        assert drawn[0] == _rgb(colours["page"])
        assert drawn[1].startswith(_rgb(colours["surface"]))
        # Every chart tells what it shows without being seen.
        assert tab.locator(".plot:not([aria-label])").count() == 0


def _rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*(int(colour[i : i + 2], 16) for i in (1, 3, 5)))


def test_the_theme_is_switched_and_kept(open_page: Open) -> None:
    with open_page(DESKTOP, "dark") as tab:
        tab.get_by_role("button", name="Use the light theme").press("Enter")
        body = "getComputedStyle(document.body).backgroundColor"
        assert tab.evaluate(body) == _rgb(LIGHT["page"])
        tab.reload()
        tab.wait_for_selector("html[data-drawn=yes]")
        assert tab.evaluate(body) == _rgb(LIGHT["page"])
        assert tab.get_by_role("button", name="Use the dark theme").is_visible()


def test_hostile_names_are_shown_as_they_are(open_page: Open) -> None:
    with open_page() as tab:
        assert tab.locator("img, svg a, main b").count() == 0
        cells = tab.locator("#positioning table").last.locator("td:first-child")
        texts = cells.all_text_contents()
        for name in COINS.values():
            assert visible(name) in texts
        tab.get_by_role("radio", name="By coin").locator("xpath=..").click()
        labels = tab.locator("#positions-over-time .yaxislayer-above text")
        shown = labels.all_text_contents()
        assert any(text.startswith("<img src=x") for text in shown)
        assert any(text.startswith("</script>") for text in shown)
        assert "__proto__" in shown
        assert TRADER in tab.locator("#trader .lead").text_content()


def test_tables_sort_and_views_change_by_keyboard(open_page: Open) -> None:
    with open_page(PHONE) as tab:
        board = tab.locator("#leaderboard table")
        heading = board.get_by_role("button", name="Net PnL")
        column = board.locator("tbody td:nth-child(3)")
        values = "cells => cells.map(cell => Number(cell.dataset.sort))"
        heading.press("Enter")
        first = column.evaluate_all(values)
        assert first == sorted(first, reverse=True)
        assert heading.locator("xpath=..").get_attribute("aria-sort") == "descending"
        heading.press("Space")
        assert column.evaluate_all(values) == first[::-1]

        kind = "document.getElementById('positions-over-time').data[0].type"
        assert tab.evaluate(kind) == "bar"
        tab.get_by_role("radio", name="By day").press("ArrowRight")
        assert tab.evaluate(kind) == "heatmap"
        assert tab.locator("#positioning .legend").is_hidden()
        assert tab.locator("#positioning .scale:visible").count() == 1


def test_it_prints_in_light_colours(open_page: Open) -> None:
    with open_page(DESKTOP, "dark") as tab:
        tab.evaluate("dispatchEvent(new Event('beforeprint'))")
        tab.emulate_media(media="print")
        background = tab.evaluate(
            "getComputedStyle(document.querySelector('.plot .main-svg')).background"
        )
        assert background.startswith(_rgb(LIGHT["surface"]))
        widest = tab.evaluate(
            "Math.max(...[...document.querySelectorAll('.plot, table')]"
            ".map(each => each.getBoundingClientRect().width))"
        )
        # Of a card in a page 700 wide: A4 less its margins.
        assert widest <= 668
        tab.evaluate("dispatchEvent(new Event('afterprint'))")
        assert len(tab.pdf(format="A4", print_background=True)) > 100_000


def _run(env: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "report", *args],
        cwd=PROJECT_DIR,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_writes_the_file_or_says_why_not(
    report_database: dict[str, Any], database: Any, tmp_path: Path
) -> None:
    env = {**database.env, **environment(report_database)}
    out = tmp_path / "new" / "page.html"
    done = _run(env, "--trader", TRADER, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [each.name for each in out.parent.iterdir()] == ["page.html"]

    done = _run(env, "--trader", "0xnobody", "--out", str(out.with_name("b.html")))
    assert done.returncode == 1
    assert "no trader '0xnobody'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.with_name("b.html").exists()

    done = _run(database.env, "--out", str(out))
    assert done.returncode == 1
    assert re.match(r"report: nothing is built yet: .*`make run`", done.stderr)
