"""``python -m simulation ticks``: defaults, refusals, what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner
from tick_tape import Tape

from simulation.__main__ import main


def test_the_command_ends_yesterday_and_replaces_when_told(tmp_path: Path) -> None:
    arguments = [
        "ticks",
        str(tmp_path),
        "--ticks",
        "1000",
        "--days",
        "2",
        "--venues",
        "kraken",
    ]
    before = datetime.now(UTC).date()
    result = CliRunner().invoke(main, arguments)
    after = datetime.now(UTC).date()
    assert result.exit_code == 0, result.output
    assert "1,000 ticks of 1 venue on 2 days in 2 files" in result.output
    last = max(tick[2] for tick in Tape(tmp_path, {}).ticks())
    day = datetime.fromtimestamp(last / 1e6, UTC).date()
    assert before - timedelta(days=1) <= day <= after - timedelta(days=1)
    again = CliRunner().invoke(main, arguments)
    assert again.exit_code == 1
    assert "--overwrite replaces it" in again.output
    replaced = CliRunner().invoke(main, [*arguments, "--overwrite"])
    assert replaced.exit_code == 0, replaced.output


def test_the_command_names_an_unknown_venue(tmp_path: Path) -> None:
    arguments = ["ticks", str(tmp_path / "new"), "--venues", "kraken,krakn"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "'krakn' is none of binance_spot, " in result.output
    assert not (tmp_path / "new").exists()
