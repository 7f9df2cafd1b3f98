"""Channels: where Apprise sends alerts to, and the names of channels."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apprise

_ID_DIGITS = 12


class AlertsError(Exception):
    """Nothing can be sent; the text says why, without a secret."""


class SendError(Exception):
    """A channel did not accept a message; the text says why, without a secret."""


@dataclass(frozen=True)
class Channel:
    """A place that alerts are sent to.

    Attributes
    ----------
    key
        Hash of its URL without query parameters, which do not change the destination.
        It is stable and not secret. Apprise's own id is the same for two chats of one
        bot.
    service
        As Apprise calls it.
    sender
        An `apprise.Apprise` with this one destination.
    """

    key: str
    service: str
    sender: Any

    @property
    def name(self) -> str:
        """The name in messages to people."""
        return f"{self.service} {self.key}"

    def send(self, title: str, text: str) -> None:
        """Send one message, as plain text.

        Raises
        ------
        SendError
            When the channel did not accept it.
        """
        with _warnings() as said:
            is_sent = self.sender.notify(
                body=text, title=title, body_format=apprise.NotifyFormat.TEXT
            )
        if not is_sent:
            raise SendError(_reason(" ".join(said)))


def find_channels(urls: Sequence[str], configs: Sequence[Path]) -> list[Channel]:
    """Return the channels that Apprise URLs and configuration files name, each once.

    Raises
    ------
    AlertsError
        When one of them cannot be used. Its URL, which may be a secret, is not shown.
    """
    places: list[Any] = []
    for number, url in enumerate(urls, 1):
        with _warnings():
            place = apprise.Apprise.instantiate(url)
        if place is None:
            scheme, colon, _ = url.partition("://")
            shown = f"{scheme}://…" if colon else "without ://"
            raise AlertsError(
                f"URL number {number} ({shown}) is none that Apprise can use: look its"
                " form up in https://github.com/caronc/apprise/wiki"
            )
        places.append(place)
    for path in configs:
        places += _configured(path)
    channels: dict[str, Channel] = {}
    for channel in map(_channel, places):
        known = channels.setdefault(channel.key, channel)
        if known.sender.urls() != channel.sender.urls():
            raise AlertsError(
                f"two URLs of {channel.name} differ only after the ?: leave one out,"
                " since alerts are recorded by what stands before it"
            )
    return list(channels.values())


def _configured(path: Path) -> list[Any]:
    config, holder = apprise.AppriseConfig(), apprise.Apprise()
    with _warnings() as said:
        config.add(str(path))
        holder.add(config)
        places = list(holder)
    if said or not places:
        raise AlertsError(
            f"{path}: "
            + ("has entries that Apprise cannot use" if places else "names no channel")
            + f": look with apprise -vv --dry-run --body test --config {path}"
        )
    return places


def _channel(place: Any) -> Channel:
    sender = apprise.Apprise()
    sender.add(place)
    place_url = place.url().partition("?")[0]
    digest = hashlib.sha256(place_url.encode()).hexdigest()
    return Channel(digest[:_ID_DIGITS], str(place.service_name), sender)


def _reason(said: str) -> str:
    """Describe a failure without Apprise's text, which may have parts of the URL."""
    if found := re.search(r"error=(\d{3})\b", said):
        return f"it answered with HTTP status {found[1]}"
    if "onnection" in said:
        return "there was no connection, or no answer"
    return "Apprise could not send it"


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """Collect Apprise's warnings instead of printing them."""
    said: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger = logging.getLogger("apprise")
    handler, propagates = Collect(logging.WARNING), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates
