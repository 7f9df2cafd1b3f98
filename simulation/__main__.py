"""`python -m simulation fills|ticks OUT_DIR`: write sample data and its truth."""

from __future__ import annotations

import click

from simulation.fills import command as fills
from simulation.ticks import command as ticks


@click.group()
def main() -> None:
    """Simulate trades; the same options give the same bytes."""


main.add_command(fills.main, "fills")
main.add_command(ticks.main, "ticks")

if __name__ == "__main__":
    main(prog_name="python -m simulation")
