"""The page of `make docs`: opens from a file, asks for nothing, fits a phone."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab
from whole_project import run_dbt

from report.docs_page import SITE, finished, main

pytest_plugins = ["browser"]


DESKTOP, PHONE = (1280, 900), (375, 812)
PAGE = "<html><head><title>t</title></head><body><p>dbt</p></body></html>"
Open = Callable[..., Any]


def test_style_script_and_drawings_are_put_in() -> None:
    page = finished(PAGE, "p {}", "place();", {"a.svg": "<svg><path/></svg>"})
    assert page.index("p {}") < page.index("</head>")
    data = re.search(r"var PIPELINES = (.*);", page)
    assert data is not None
    # Nothing in it can end the script.
    assert "</" not in data[1]
    assert json.loads(data[1]) == {"a.svg": "<svg><path/></svg>"}
    assert page.rindex("place();") < page.rindex("</script></body>")


def test_nothing_is_loaded_that_is_not_there() -> None:
    icon = '<link rel="icon" href="${require(\'./favicon.ico\')}">'
    menu = '<svg><use xlink:href="{{ icon }}"></use></svg>'
    drawing = "![It](docs/site/a.svg), see docs/site/a.svg"
    page = finished(PAGE.replace("dbt", icon + menu + drawing), "", "", {})
    assert '<link rel="icon" href="data:,">' in page
    assert '<use xlink:href="#" ng-href="{{ icon }}">' in page
    assert "![It](data:image/svg+xml,a.svg), see docs/site/a.svg" in page


def test_a_page_is_finished_once() -> None:
    page = finished(PAGE, "", "", {})
    with pytest.raises(ValueError, match="finished already"):
        finished(page, "", "", {})


@pytest.mark.parametrize("end", ["</head>", "</body>"])
def test_another_page_than_dbts_is_refused(end: str) -> None:
    for page in (PAGE.replace(end, ""), PAGE.replace(end, end + end)):
        with pytest.raises(ValueError, match=end):
            finished(page, "", "", {})


def test_the_command_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.html"
    assert main([str(path)]) == 1
    assert str(path) in capsys.readouterr().err
    path.write_text(PAGE)
    assert main([str(path)]) == 0
    assert main([str(path)]) == 1
    assert "finished already" in capsys.readouterr().err
    for drawing in SITE.glob("*.svg"):
        assert drawing.name in path.read_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make docs` writes, without what it asks a server: types and sizes."""
    folder = tmp_path_factory.mktemp("site")
    without_server = ("--static", "--empty-catalog", "--no-compile", "--write-json")
    env = {"PGDATABASE": "vigil"}
    for command in (("parse", "--write-json"), ("docs", "generate", *without_server)):
        done = run_dbt(env, *command, target=folder / "target")
        assert done.success, done.said
    page = folder / "target" / "static_index.html"
    assert main([str(page)]) == 0
    # Alone, as somebody sends it to somebody.
    return Path(shutil.move(page, folder / "docs.html"))


@pytest.fixture
def open_page(browser: Browser, site: Path) -> Open:
    """Open a route; errors of the page fail the test, and whatever it asks a host."""

    @contextmanager
    def opened(
        route: str, size: tuple[int, int] = DESKTOP, theme: Any = "light"
    ) -> Iterator[Tab]:
        wrong: list[str] = []
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=theme
        )
        tab = context.new_page()
        tab.on("console", lambda message: wrong.append(message.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "data:", "blob:"))
                or wrong.append(request.url)
            ),
        )
        try:
            tab.goto(f"{site.as_uri()}#!/{route}")
            tab.wait_for_selector(".app-content h1")
            yield tab
        finally:
            context.close()
        assert wrong == []

    return opened


def test_the_boxes_of_the_drawings_lead_to_their_pages(open_page: Open) -> None:
    with open_page("overview") as tab:
        for drawing in SITE.glob("*.svg"):
            tab.wait_for_selector(f".pipelines .{drawing.stem.replace('_', '-')}")
        assert tab.locator(".pipelines img").count() == 0
        icon = tab.locator(".app-menu use").first
        assert (icon.get_attribute("xlink:href") or "").startswith("#icn-")
        box = tab.locator(".pipelines a", has_text="asset_signals")
        box.click()
        tab.wait_for_selector("h1:has-text('asset_signals')")
        row = tab.locator(".column-row", has_text="net_z_score")
        assert "sample standard deviation" in row.inner_text()
        tab.go_back()
        tab.wait_for_selector(".pipelines .pipeline-market")


def test_the_text_of_drawings_stays_in_its_boxes(open_page: Open) -> None:
    with open_page("overview") as tab:
        tab.wait_for_selector(".pipelines .pipeline-market")
        outside = tab.evaluate(
            """() => [...document.querySelectorAll(".pipelines g")].filter(g => {
                const box = g.querySelector("rect").getBoundingClientRect();
                return [...g.querySelectorAll("text")].some(t => {
                    const text = t.getBoundingClientRect();
                    return text.left < box.left || text.right > box.right;
                });
            }).map(g => g.textContent.trim())"""
        )
        assert outside == []


@pytest.mark.parametrize(
    "route",
    [
        "overview",
        "model/model.vigil.trader_profiles",
        "source/source.vigil.hyperliquid.fills",
        "macro/macro.vigil.similar_windows_sql",
        "exposure/exposure.vigil.report",
    ],
)
def test_a_phone_shows_the_page_without_scrolling_sideways(
    open_page: Open, route: str
) -> None:
    with open_page(route, PHONE) as tab:
        width = "e => e.scrollWidth - e.clientWidth"
        assert tab.locator("html").evaluate(width) == 0
        assert tab.locator(".app-content .app-scroll").first.evaluate(width) == 0
        assert not tab.locator(".app-menu").is_visible()
        button = tab.locator("#contents-button")
        button.click()
        assert tab.locator(".app-menu").is_visible()
        # Also where it is the page that is there already.
        tab.locator(".app-menu a", has_text="Overview").first.click()
        tab.wait_for_selector(".app-menu", state="hidden")
        tab.wait_for_selector(".pipelines")


def test_dark_screens_get_a_dark_page(open_page: Open) -> None:
    brightness = {}
    for theme in ("light", "dark"):
        with open_page("overview", theme=theme) as tab:
            brightness[theme] = tab.evaluate(
                "() => getComputedStyle(document.documentElement).filter"
            )
    assert brightness["light"] == "none"
    assert brightness["dark"].startswith("invert")
