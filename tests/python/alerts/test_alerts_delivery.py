"""``python -m alerts deliver``: each alert reaches each channel, once.

Against a server of HTTP and one of PostgreSQL, with rows of `analytics.alerts` made
here: what a build makes of fills is for `test_alerts`.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alert_receiver import Receiver, receiving
from loading_database import create_sources
from servers import environment
from waiting import wait_until

from pgio.connection import PROJECT_DIR

pytestmark = pytest.mark.any_server

TABLES = """
    create schema if not exists analytics;
    create table analytics.alerts (
        alert_id text primary key,
        kind text not null,
        happened_at timestamptz not null,
        known_at timestamptz not null,
        coin text not null,
        message text not null
    );
    create table analytics.coin_hourly (hour bigint, coin text);
"""
EMPTY = """
    truncate analytics.alerts, analytics.coin_hourly,
        ops.alert_channels, ops.alert_deliveries;
    insert into analytics.coin_hourly
    values (extract(epoch from timestamptz '2025-07-31 23:00Z') * 1000, 'BTC');
"""
# Holds records up, not what is read.
HOLD_RECORDS = "lock table ops.alert_deliveries in share mode"
HELD_RECORDS = """
    select pid from pg_locks
    where relation = 'ops.alert_deliveries'::regclass and not granted
"""


class Desk:
    """The database of a test, its receiver, and the command aimed at both."""

    def __init__(self, conninfo: dict[str, Any], receiver: Receiver) -> None:
        self.conninfo = conninfo
        self.receiver = receiver
        self.env = {
            name: value for name, value in os.environ.items() if "VIGIL_" not in name
        } | environment(conninfo)

    def query(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(**self.conninfo) as conn:
            cursor = conn.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def add(self, *hours: int, coin: str = "BTC", message: str = "Much.") -> list[str]:
        """Add an alert for each hour of the newest day of the data."""
        ids = [f"whale:0xa:{coin}:2025-07-31T{hour:02d}Z:long" for hour in hours]
        for hour, alert_id in zip(hours, ids, strict=True):
            happened_at = f"2025-07-31 {hour:02d}:00Z"
            self.query(
                "insert into analytics.alerts values"
                " (%s, 'whale', %s, %s::timestamptz + interval '1 hour', %s, %s)",
                *(alert_id, happened_at, happened_at, coin, message),
            )
        return ids

    def start(self, *args: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "alerts", "deliver", *args],
            cwd=PROJECT_DIR,
            env=self.env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def deliver(self, *args: str, code: int = 0, **env: str) -> str:
        """Run the command to its end; return what it says."""
        process = self.start(*args, **env)
        said, _ = process.communicate()
        assert process.returncode == code, said
        return said

    def records(self) -> dict[str, int]:
        return dict(
            self.query("select outcome, count(*) from ops.alert_deliveries group by 1")
        )


@pytest.fixture(scope="module")
def conninfo(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    made = make_database()
    create_sources(made["dbname"], tmp_path_factory.mktemp("dbt"))
    with psycopg.connect(**made) as conn:
        conn.execute(TABLES)
    return made


@pytest.fixture
def desk(conninfo: dict[str, Any]) -> Iterator[Desk]:
    with psycopg.connect(**conninfo) as conn:
        conn.execute(EMPTY)
    with receiving() as receiver:
        yield Desk(conninfo, receiver)


@pytest.fixture
def known(desk: Desk) -> Desk:
    """A desk whose channel has had its first run."""
    desk.deliver("--url", desk.receiver.url())
    return desk


def test_a_first_run_sends_nothing_of_the_past(desk: Desk) -> None:
    desk.add(1, 2, 3)
    said = desk.deliver("--url", desk.receiver.url())
    assert re.search(r"JSON \w{12}: first run: 3 alerts .* count as past", said)
    assert desk.receiver.ids() == []
    assert desk.records() == {"past": 3}
    new = desk.add(4)
    desk.deliver("--url", desk.receiver.url())
    assert desk.receiver.ids() == new


def test_a_first_run_without_alerts_is_one_too(known: Desk) -> None:
    new = known.add(1)
    known.deliver("--url", known.receiver.url())
    assert known.receiver.ids() == new


def test_each_alert_is_sent_once_oldest_first(known: Desk) -> None:
    ids = known.add(5, 3, 4)
    for _ in range(2):
        known.deliver("--url", known.receiver.url())
    assert known.receiver.ids() == [ids[1], ids[2], ids[0]]
    # A rebuild takes them out and brings them back; late fills move them.
    known.query(
        "update analytics.alerts set happened_at = happened_at + interval '9 h'"
    )
    later = known.add(6)
    known.deliver("--url", known.receiver.url())
    assert known.receiver.ids()[3:] == later
    assert known.records() == {"sent": 4}


@pytest.mark.parametrize("source", ["environment", "file"])
def test_channels_come_from_elsewhere_too(
    known: Desk, tmp_path: Path, source: str
) -> None:
    urls = [known.receiver.url(), known.receiver.url("/two"), known.receiver.url()]
    path = tmp_path / "channels.yml"
    path.write_text("urls:\n" + "".join(f"  - {url}\n" for url in urls))
    given = (
        {"VIGIL_ALERT_URLS": " ".join(urls)}
        if source == "environment"
        else {"VIGIL_ALERT_CONFIG": str(path)}
    )
    first = known.add(1)
    known.deliver(**given)
    second = known.add(2)
    known.deliver(**given)
    assert known.receiver.ids() == first + second
    assert known.receiver.ids("/two") == second


def test_parameters_of_a_url_make_no_other_channel(known: Desk) -> None:
    known.deliver("--url", known.receiver.url() + "?retry=2")
    ids = known.add(1)
    known.deliver("--url", known.receiver.url())
    assert known.receiver.ids() == ids
    assert len(known.query("select channel from ops.alert_channels")) == 1


def test_two_chats_of_one_bot_are_two_channels() -> None:
    from alerts.channels import AlertsError, find_channels

    bot = "tgram://123456789:abcdefg_hijklmnop"
    chats = find_channels([f"{bot}/1", f"{bot}/2", f"{bot}/1"], [])
    assert len({chat.key for chat in chats}) == len(chats) == 2
    assert all("abcdefg" not in chat.name for chat in chats)
    with pytest.raises(AlertsError, match="differ only after the") as refused:
        find_channels([f"{bot}/1", f"{bot}/1/?silent=yes"], [])
    assert "abcdefg" not in str(refused.value)


def test_text_arrives_as_it_is(known: Desk) -> None:
    odd = "<b>*fat*</b> & \"quoted\" \\n %s @everyone #12 'PURR/USDC' 100 %"
    ids = known.add(1, coin="@142", message=odd)
    known.deliver("--url", known.receiver.url())
    [message] = known.receiver.messages["/all"]
    assert message["message"] == f"{odd}\n{ids[0]}"
    assert message["title"] == "Whale: @142, 2025-07-31 01:00 UTC"


def test_old_alerts_are_recorded_and_not_sent(known: Desk) -> None:
    known.add(0, 20)
    said = known.deliver("--url", known.receiver.url(), "--max-age", "4 hours")
    assert "1 sent, 1 too old" in said
    assert known.receiver.ids() == ["whale:0xa:BTC:2025-07-31T20Z:long"]
    assert known.records() == {"sent": 1, "too_old": 1}
    # Once they are recorded a longer age brings none of them back.
    known.deliver("--url", known.receiver.url(), "--max-age", "30 days")
    assert len(known.receiver.ids()) == 1


def test_a_dry_run_shows_and_records_nothing(known: Desk) -> None:
    known.add(0, 20)
    url = known.receiver.url()
    said = known.deliver("--url", url, "--dry-run", "--max-age", "4 hours")
    assert "Whale: BTC, 2025-07-31 20:00 UTC\n  Much." in said
    assert "1 to send, 1 too old" in said
    said = known.deliver("--url", known.receiver.url("/new"), "--dry-run")
    assert "a first run, which sends nothing of the past" in said
    assert known.records() == {}
    assert len(known.query("select channel from ops.alert_channels")) == 1
    assert known.receiver.messages == {}


def test_a_broken_channel_holds_up_no_other(known: Desk) -> None:
    broken = known.receiver.url("/secret-path").replace("//", "//user:geheim@")
    urls = ("--url", broken, "--url", known.receiver.url())
    known.deliver(*urls)
    ids = known.add(1, 2)
    known.receiver.answers["/secret-path"] = 500
    said = known.deliver(*urls, code=1)
    assert re.search(
        rf"alerts: JSON \w{{12}}: {ids[0]} was not sent: it answered with HTTP status"
        " 500; .* the next run sends the 2 that are left",
        said,
    )
    assert "secret" not in said
    assert "geheim" not in said
    assert known.receiver.ids() == ids
    known.receiver.answers.clear()
    known.deliver(*urls)
    assert known.receiver.ids("/secret-path") == ids
    assert known.receiver.ids() == ids


def test_a_refused_alert_holds_up_no_other(known: Desk) -> None:
    ids = known.add(1, 2, 3, 4, 5, 6)
    url = known.receiver.url()
    known.receiver.refused = {ids[0], ids[2]}
    said = known.deliver("--url", url, code=1)
    assert "HTTP status 400" in said
    assert "the next run sends the 2 that are left" in said
    assert known.receiver.ids() == [ids[1], ids[3], ids[4], ids[5]]
    # The third refusal ends the run.
    more = known.add(7, 8)
    known.receiver.refused = {ids[0], ids[2], more[0]}
    known.deliver("--url", url, code=1)
    assert known.receiver.times()[more[1]] == 0
    known.receiver.refused = set()
    known.deliver("--url", url)
    assert set(known.receiver.times().values()) == {1}
    assert set(known.receiver.ids()) == {*ids, *more}


def test_nobody_listens(known: Desk) -> None:
    url = "json://127.0.0.1:1/geheim"
    known.deliver("--url", url)
    known.add(1)
    said = known.deliver("--url", url, code=1)
    assert "there was no connection, or no answer" in said
    assert "geheim" not in said


def test_killed_between_send_and_record(known: Desk) -> None:
    ids = known.add(1, 2, 3)
    with psycopg.connect(**known.conninfo) as conn:
        conn.execute(HOLD_RECORDS)
        process = known.start("--url", known.receiver.url())
        wait_until(lambda: bool(conn.execute(HELD_RECORDS).fetchall()), process=process)
        process.kill()
        process.wait()
        # A server that is waiting for a lock does not look after its client.
        for (pid,) in conn.execute(HELD_RECORDS).fetchall():
            conn.execute("select pg_terminate_backend(%s)", [pid])
    assert known.receiver.ids() == ids[:1]
    known.deliver("--url", known.receiver.url())
    assert known.receiver.ids() == [ids[0], *ids]


def test_killed_at_any_message(known: Desk) -> None:
    ids = known.add(*range(20))
    kills = 0
    for stop_at in (ids[0], ids[4], ids[11], ids[19]):
        process = known.start("--url", known.receiver.url())
        known.receiver.on_message = lambda alert_id, process=process, stop_at=stop_at: (
            process.send_signal(signal.SIGKILL) if alert_id == stop_at else None
        )
        kills += process.wait() == -signal.SIGKILL
    known.receiver.on_message = lambda alert_id: None
    known.deliver("--url", known.receiver.url())
    assert kills == 4
    times = known.receiver.times()
    assert set(times) == set(ids)
    assert max(times.values()) <= 2
    assert sum(times.values()) <= len(ids) + kills
    assert known.records() == {"sent": 20}


def test_two_at_once_send_once(known: Desk) -> None:
    ids = known.add(*range(12))
    url = known.receiver.url()
    with psycopg.connect(**known.conninfo) as conn:
        conn.execute(HOLD_RECORDS)
        first = known.start("--url", url)
        wait_until(lambda: bool(conn.execute(HELD_RECORDS).fetchall()), process=first)
        second = known.start("--url", url)
        waits = "select from pg_locks where locktype = 'advisory' and not granted"
        wait_until(lambda: bool(conn.execute(waits).fetchall()), process=second)
    said = [process.communicate()[0] for process in (first, second)]
    assert "12 sent" in said[0]
    assert "another delivery is running" in said[1]
    assert "0 sent" in said[1]
    assert known.receiver.ids() == ids


def test_an_interrupt_ends_cleanly(known: Desk) -> None:
    known.add(1, 2, 3)
    with psycopg.connect(**known.conninfo) as conn:
        conn.execute(HOLD_RECORDS)
        process = known.start("--url", known.receiver.url())
        wait_until(lambda: bool(conn.execute(HELD_RECORDS).fetchall()), process=process)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate()
    assert process.returncode == 130, said
    assert "interrupted: the next run goes on" in said
    assert "Traceback" not in said
    known.deliver("--url", known.receiver.url())
    assert set(known.receiver.times()) == {
        f"whale:0xa:BTC:2025-07-31T0{hour}Z:long" for hour in (1, 2, 3)
    }


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "no channel: give --url"),
        (("--url", "geheim"), r"URL number 1 \(without ://\) is none"),
        (("--url", "nothing://geheim"), r"URL number 1 \(nothing://…\) is none"),
        (("--url", "json://localhost", "--max-age", "soon"), "--max-age 'soon' is no"),
        (("--url", "json://localhost", "--max-age=-1 day"), "--max-age '-1 day' is no"),
    ],
)
def test_what_cannot_be_done_is_said(
    desk: Desk, args: tuple[str, ...], words: str
) -> None:
    said = desk.deliver(*args, code=1)
    assert re.match(f"alerts: {words}", said)
    assert "geheim" not in said


def test_a_bad_entry_of_a_file_is_not_left_out(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "channels.txt"
    path.write_text(f"{desk.receiver.url()}\nnothing://geheim\n")
    said = desk.deliver("--config", str(path), code=1)
    assert re.match("alerts: .* has entries that Apprise cannot use", said)
    assert "geheim" not in said


def test_without_a_build_there_is_nothing_to_send(
    make_database: Callable[[], dict[str, Any]], desk: Desk
) -> None:
    empty = environment(make_database())
    said = desk.deliver("--url", desk.receiver.url(), code=1, **empty)
    assert re.match("alerts: relation .* does not exist: run dbt build first", said)
