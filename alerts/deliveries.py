"""Which alerts are still to be sent to a channel, and the record of those sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
import psycopg
from psycopg.rows import class_row

from alerts.channels import Channel, SendError

Connection = psycopg.Connection[Any]

# So many messages that a channel does not accept end its run: it may be down.
_MOST_FAILURES = 3

_LOCK = "hashtextextended('python -m alerts deliver', 0)"

# Age counts from the newest hour of the data, not from now: old data works, too.
_PENDING = """
    with
    newest as (
        -- At most now: a fill with a wrong, future date must not make all alerts too
        -- old.
        select
            least(
                to_timestamp(max(coin_hourly.hour) / 1000) + interval '1 hour', now()
            ) as end_at
        from analytics.coin_hourly
    )
    select
        alerts.alert_id,
        alerts.kind,
        alerts.coin,
        alerts.happened_at,
        alerts.message,
        alerts.known_at < newest.end_at - %(max_age)s::interval as is_too_old
    from analytics.alerts
    cross join newest
    where not exists (
        select 1
        from ops.alert_deliveries
        where
            alert_deliveries.alert_id = alerts.alert_id
            and alert_deliveries.channel = %(channel)s
    )
    order by alerts.known_at, alerts.alert_id
"""
_RECORD = """
    insert into ops.alert_deliveries (alert_id, channel, outcome)
    select unnest(%(alert_ids)s::text[]), %(channel)s, %(outcome)s
    on conflict do nothing
"""


@dataclass(frozen=True)
class Alert:
    """A row of `analytics.alerts` that has no delivery to a channel yet."""

    alert_id: str
    kind: str
    coin: str
    happened_at: datetime
    message: str
    is_too_old: bool

    @property
    def title(self) -> str:
        """The kind, the coin, and the beginning of the hour or day."""
        form = "%Y-%m-%d" if self.kind == "fresh_wallets" else "%Y-%m-%d %H:%M UTC"
        kind = self.kind.replace("_", " ").capitalize()
        return f"{kind}: {self.coin}, {self.happened_at.astimezone(UTC):{form}}"

    @property
    def text(self) -> str:
        """The message and the id, by which a receiver recognises a repeated one."""
        return f"{self.message}\n{self.alert_id}"


@contextmanager
def only_delivery(conn: Connection) -> Iterator[None]:
    """Allow one delivery per database at a time, by an advisory lock.

    Waits for a delivery that is running.
    """
    row = conn.execute(f"select pg_try_advisory_lock({_LOCK})").fetchone()
    if row is None or not row[0]:
        click.echo("another delivery is running: waiting for it", err=True)
        conn.execute(f"select pg_advisory_lock({_LOCK})")
    try:
        yield
    finally:
        if not conn.closed:
            conn.execute(f"select pg_advisory_unlock({_LOCK})")


def deliver(conn: Connection, channel: Channel, max_age: str) -> None:
    """Send a channel the alerts that it has not got yet, oldest first; print how many.

    Parameters
    ----------
    conn
        In autocommit mode: each alert is recorded before the next one is sent.
    channel
        In its first run all existing alerts are recorded as past, and none is sent.
    max_age
        An interval, as PostgreSQL reads it. Alerts that were known longer before the
        end of the newest hour of the data are recorded as too old.

    Raises
    ------
    SendError
        At the end, when the channel did not accept an alert, or as soon as it did not
        accept three. The next run sends what was not sent.
    """
    past = _register(conn, channel)
    if past is not None:
        click.echo(
            f"{channel.name}: first run: {past:,} alerts that are there already count"
            " as past; the next ones are sent"
        )
    pending = find_pending(conn, channel, max_age)
    too_old = [alert.alert_id for alert in pending if alert.is_too_old]
    if too_old:
        _record(conn, channel, too_old, "too_old")
    due = [alert for alert in pending if not alert.is_too_old]
    sent = 0
    failures: list[str] = []
    try:
        for alert in due:
            try:
                channel.send(alert.title, alert.text)
            except SendError as error:
                failures.append(f"{alert.alert_id} was not sent: {error}")
                if len(failures) == _MOST_FAILURES:
                    break
            else:
                _record(conn, channel, [alert.alert_id], "sent")
                sent += 1
    finally:
        click.echo(f"{channel.name}: {sent:,} sent, {len(too_old):,} too old")
    if failures:
        raise SendError(
            f"{channel.name}: {'; '.join(failures)}; the next run sends the"
            f" {len(due) - sent:,} that are left, unless they are too old by then"
        )


def preview(conn: Connection, channel: Channel, max_age: str) -> None:
    """Print what `deliver` would send."""
    if not _is_known(conn, channel):
        click.echo(f"{channel.name}: a first run, which sends nothing of the past")
        return
    pending = find_pending(conn, channel, max_age)
    due = [alert for alert in pending if not alert.is_too_old]
    for alert in due:
        click.echo(f"{channel.name}: {alert.title}\n  {alert.message}")
    click.echo(
        f"{channel.name}: {len(due):,} to send, {len(pending) - len(due):,} too old"
    )


def find_pending(conn: Connection, channel: Channel, max_age: str) -> list[Alert]:
    """Return the alerts without a delivery to a channel, oldest first."""
    with conn.cursor(row_factory=class_row(Alert)) as cursor:
        cursor.execute(_PENDING, {"channel": channel.key, "max_age": max_age})
        return cursor.fetchall()


def _is_known(conn: Connection, channel: Channel) -> bool:
    query = "select 1 from ops.alert_channels where channel = %s"
    return conn.execute(query, [channel.key]).fetchone() is not None


def _register(conn: Connection, channel: Channel) -> int | None:
    """Register a new channel and record all existing alerts as past.

    Returns their number, None if the channel is known.
    """
    if _is_known(conn, channel):
        return None
    with conn.transaction():
        conn.execute(
            "insert into ops.alert_channels (channel, service) values (%s, %s)",
            [channel.key, channel.service],
        )
        return conn.execute(
            "insert into ops.alert_deliveries (alert_id, channel, outcome)"
            " select alert_id, %s, 'past' from analytics.alerts",
            [channel.key],
        ).rowcount


def _record(
    conn: Connection, channel: Channel, alert_ids: list[str], outcome: str
) -> None:
    values = {"alert_ids": alert_ids, "channel": channel.key, "outcome": outcome}
    conn.execute(_RECORD, values)
