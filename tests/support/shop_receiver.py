"""A shop's webhook endpoint for tests that are not async: a thread that keeps what was delivered."""

import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

_WITHIN_S = 20.0


class Delivery(NamedTuple):
    """One delivery as it came in; header names are lower-case."""

    headers: Mapping[str, str]
    body: bytes


class ShopReceiver:
    """``with ShopReceiver() as receiver``; answers ``status`` (an attribute that may be changed) to every delivery."""

    def __init__(self) -> None:
        """Prepare; nothing listens before ``__enter__``."""
        self.deliveries: list[Delivery] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.deliveries.append(Delivery(headers, body))
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def __enter__(self) -> Self:
        """Listen."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def wait(self, wanted: Callable[[Delivery], bool]) -> Delivery:
        """Return the first delivery that is ``wanted``, when it comes."""
        deadline = time.monotonic() + _WITHIN_S
        while time.monotonic() < deadline:
            for delivery in list(self.deliveries):
                if wanted(delivery):
                    return delivery
            time.sleep(0.02)
        raise AssertionError(f"not delivered; {len(self.deliveries)} other deliveries came")
