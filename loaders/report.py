"""Output of a load: a progress bar on a terminal, failures, a summary."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from types import TracebackType

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from loaders.errors import list_counts
from loaders.interfaces import Part
from loaders.objects import Object
from loaders.run import Totals
from loaders.ticks.instants import utc_text


class _RowsColumn(ProgressColumn):
    """Rows written so far, and how many a second."""

    def render(self, task: Task) -> Text:
        rows = task.fields["rows"]
        rate = rows / task.elapsed if task.elapsed else 0.0
        return Text(f"{rows:,} rows  {rate:,.0f} rows/s")


class ProgressReport:
    """Progress of a run, in bytes of its objects.

    Parameters
    ----------
    objects
        Objects that will be loaded.
    size
        Their bytes.
    is_shown
        Whether to draw the bar: by default only where standard error is a terminal.
    """

    def __init__(self, objects: int, size: int, is_shown: bool = True) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("loading"),
            BarColumn(),
            TaskProgressColumn(),
            _RowsColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not (is_shown and console.is_terminal),
        )
        self._objects = objects
        self._size = max(size, 1)
        self._lock = threading.Lock()
        self._bytes: dict[str, float] = defaultdict(float)
        self._rows: dict[str, int] = defaultdict(int)

    def __enter__(self) -> ProgressReport:
        self._progress.start()
        self._task = self._progress.add_task("load", total=self._size, rows=0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def advanced(self, source: Object, part: Part) -> None:
        """Move the bar to the end of a part."""
        with self._lock:
            self._bytes[source.uri] = source.size * part.progress
            self._rows[source.uri] += part.rows_read
            self._draw()

    def restarted(self, source: Object) -> None:
        """Move the bar back to the start of an object."""
        with self._lock:
            self._bytes[source.uri] = 0.0
            self._rows[source.uri] = 0
            self._draw()

    def finished(self, source: Object) -> None:
        """Count the whole object as done."""
        with self._lock:
            self._bytes[source.uri] = source.size
            self._draw()

    def failed(self, source: Object, message: str) -> None:
        """Write the failure to standard error, above the bar."""
        line = f"failed: {source.uri}: {message}"
        with self._lock:
            if self._progress.disable:
                click.echo(line, err=True)
            else:
                self._progress.console.print(
                    line, style="red", markup=False, highlight=False, soft_wrap=True
                )

    def _draw(self) -> None:
        self._progress.update(
            self._task,
            completed=sum(self._bytes.values()),
            rows=sum(self._rows.values()),
        )


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Elapsed time."""
        return time.monotonic() - self._start


def summary(totals: Totals, seconds: float) -> str:
    """Describe a run in a few lines."""
    rate = totals.rows_read / seconds if seconds else 0.0
    skipped = f", {totals.rows_skipped:,} skipped" if totals.rows_skipped else ""
    notes = []
    if totals.others:
        notes.append(
            f"skipped   rows of other instruments: {list_counts(totals.others)}"
        )
    if totals.rows_late and totals.kept_from is not None:
        notes.append(
            f"skipped   {totals.rows_late:,} ticks older than what is kept, from "
            f"{utc_text(totals.kept_from)} on: what was dropped does not come back. To "
            "keep a backfill, raise `retention` of btc_ticks in "
            "models/sources/_market_data__sources.yml and load it into a database that "
            "dropped nothing yet"
        )
    if totals.rows_conflicting or totals.rows_replaced:
        notes.append(_differences(totals))
    return "\n".join(
        (
            f"objects   {totals.loaded:,} loaded, {totals.skipped:,} skipped (loaded "
            f"before), {totals.failed:,} failed",
            f"rows      {totals.rows_loaded:,} loaded, {totals.rows_duplicate:,} "
            f"duplicates, {totals.rows_quarantined:,} quarantined{skipped}",
            *notes,
            f"time      {seconds:,.1f} s, {rate:,.0f} rows/s",
        )
    )


def _differences(totals: Totals) -> str:
    """Describe what happened to rows that differ from stored rows."""
    conflicts = f"{totals.rows_conflicting:,} rows differ from the stored rows of their"
    if totals.rows_replaced:
        return (
            f"replaced  {totals.rows_replaced:,} stored rows; {conflicts} key: what "
            "was not taken, or was stored before, is in ingestion.quarantine"
        )
    return (
        f"conflicts {conflicts} key, which stay: see ingestion.quarantine; --replace "
        "stores the newer, but for what belongs to a key"
    )
