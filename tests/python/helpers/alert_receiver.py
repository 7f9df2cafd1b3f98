"""An HTTP server that stores the messages of Apprise's `json://`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Receiver:
    """Received messages, and the answers to give.

    Attributes
    ----------
    messages
        Received messages by path, in order.
    answers
        Status by path, where it is not 200.
    refused
        Ids of alerts that are answered with 400.
    on_message
        Called with each alert's id before the answer.
    """

    port: int
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    on_message: Callable[[str], None] = lambda alert_id: None

    def url(self, path: str = "/all") -> str:
        return f"json://127.0.0.1:{self.port}{path}"

    def ids(self, path: str = "/all") -> list[str]:
        """Return the ids received at a path: the last line of each message."""
        return [each["message"].split("\n")[-1] for each in self.messages.get(path, [])]

    def times(self, path: str = "/all") -> Counter[str]:
        return Counter(self.ids(path))


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.answers.get(self.path, 200)
            message = json.loads(body)
            alert_id = message["message"].split("\n")[-1]
            if alert_id in receiver.refused:
                status = 400
            if status == 200:
                receiver.messages.setdefault(self.path, []).append(message)
                receiver.on_message(alert_id)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(server.server_port)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
