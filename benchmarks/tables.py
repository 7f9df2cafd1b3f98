"""``python -m benchmarks.tables FILE…``: results as Markdown, for the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.scoreboard import Figure, describe, number

FULL_BUILD = "build in full"
DAY_BUILD = "build a day more"
#: Models that take less are added up in one row.
LEAST_SECONDS = 0.1


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--before",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An older results.json, to stand beside the one in FILE.",
)
def main(files: tuple[Path, ...], before: Path | None) -> None:
    """Print the tables of results.json, or of all the files of `benchmarks.scale`."""
    read = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    runs = [each for each in read if "steps" in each]
    for each in read:
        if "figures" in each and before is not None:
            old = json.loads(before.read_text(encoding="utf-8"))
            click.echo(comparison(old["figures"], each["figures"]))
        elif "figures" in each:
            click.echo("\n".join(f"- {line}" for line in describe(each["machine"])))
            click.echo(f"\n{figures_table(each['figures'])}")
    if runs:
        click.echo(scale_tables(runs))


def figures_table(figures: Sequence[Figure]) -> str:
    """Return the figures, one a row."""
    header = ["figure", "server", "value", "peer", "peer's value", "ratio", "runs"]
    return _markdown(
        header,
        [
            [
                f"`{each['name']}`",
                each.get("server") or "",
                f"{number(each['value'])} {each['unit']}",
                each["peer"] or "",
                number(each["peer_value"]),
                _ratio(each["ratio"]),
                str(each.get("runs") or ""),
            ]
            for each in figures
        ],
    )


def comparison(before: Sequence[Figure], after: Sequence[Figure]) -> str:
    """Return two results side by side; missing figures are empty.

    Old files have figures without a server: they are compared with those of every
    server.
    """
    header = ["figure", "server", "before", "after", "after / before", "ratios to peer"]
    old = {(each.get("server"), each["name"]): each for each in before}
    rows = []
    for each in after:
        key = (each.get("server"), each["name"])
        was = old.pop(key, None) or old.get((None, each["name"]))
        change = None if was is None or not was["value"] else _quotient(each, was)
        rows.append(
            [
                f"`{each['name']}`",
                each.get("server") or "",
                "" if was is None else f"{number(was['value'])} {was['unit']}",
                f"{number(each['value'])} {each['unit']}",
                _ratio(change),
                f"{_ratio(was['ratio'] if was else None)} → {_ratio(each['ratio'])}",
            ]
        )
    return _markdown(header, rows)


def scale_tables(runs: Iterable[Mapping[str, Any]]) -> str:
    """Return the tables of runs at several sizes: steps, models, tables.

    Parameters
    ----------
    runs
        As `benchmarks.scale.Result`.
    """
    ordered = sorted(runs, key=lambda run: (run["server"], run["fills"]))
    names = [f"{_millions(run['fills'])}, {run['server']}" for run in ordered]
    steps = [{step["name"]: step for step in run["steps"]} for run in ordered]
    tables = [
        _by_name(
            ["step", *names],
            [{name: _step_cell(step) for name, step in each.items()} for each in steps],
        )
    ]
    for build in (FULL_BUILD, DAY_BUILD):
        seconds = [_nodes(each.get(build)) for each in steps]
        cells = [{k: f"{v:,.1f}" for k, v in each.items()} for each in seconds]
        tables.append(_by_name([f"{build}: seconds of", *names], cells))
    sizes = [
        {f"`{table['name']}`": _size_cell(table) for table in run["tables"]}
        for run in ordered
    ]
    tables.append(_by_name(["table", *names], sizes))
    return "\n\n".join(tables)


def _step_cell(step: Mapping[str, Any]) -> str:
    server = step["server_mb"]
    memory = f"{step['peak_mb']:,.0f} MB"
    if server is not None:
        memory += f" + server {server:,.0f} MB"
    failed = " (failed)" if step["failed"] else ""
    return f"{step['seconds']:,.1f} s, {memory}{failed}"


def _size_cell(table: Mapping[str, Any]) -> str:
    return f"{table['rows']:,} rows, {table['megabytes']:,.0f} MB"


def _nodes(step: Mapping[str, Any] | None) -> dict[str, float]:
    """Return seconds by model and kind, the largest first, small ones as one."""
    nodes = {} if step is None else step["nodes"]
    large = {f"`{n}`": s for n, s in nodes.items() if s >= LEAST_SECONDS}
    rest = sum(nodes.values()) - sum(large.values())
    return {**large, "all else": rest} if nodes else {}


def _by_name(header: Sequence[str], columns: Sequence[Mapping[str, str]]) -> str:
    """Return a table of which each column is a mapping from the first one."""
    names = list(dict.fromkeys(name for column in reversed(columns) for name in column))
    rows = [[name, *(column.get(name, "") for column in columns)] for name in names]
    return _markdown(header, rows)


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _quotient(after: Figure, before: Figure) -> float:
    return after["value"] / before["value"]


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _millions(fills: int) -> str:
    return f"{fills / 1_000_000:.3g} M fills"


if __name__ == "__main__":
    main()
