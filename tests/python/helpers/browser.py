"""The Chromium of the machine, without a window and without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless browser; tests that need one are skipped where there is none."""
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = [path for path in map(shutil.which, NAMES) if path]
        if os.path.exists(own):
            found.insert(0, own)
        if not found:
            pytest.skip(
                "no Chromium: install the package chromium, or run "
                "`playwright install chromium`"
            )
        try:
            # Its sandbox does not work for root and in most containers.
            started = playwright.chromium.launch(
                executable_path=found[0], args=["--no-sandbox"]
            )
        except Error as error:
            pytest.skip(f"Chromium does not start: {str(error).splitlines()[0]}")
        yield started
        started.close()
