"""A server on loopback, for the stand-ins of providers."""

from __future__ import annotations

import threading
from http.server import ThreadingHTTPServer


class LoopbackServer(ThreadingHTTPServer):
    """Serves every connection in a thread of its own, which ends with the process."""

    daemon_threads = True
    request_queue_size = 128  # a connection beyond it waits a second for the next try

    def serve_forever(self, poll_interval: float = 0.01) -> None:
        """Serve until the end, which waits for as long as one poll: half a second as http.server has it."""
        super().serve_forever(poll_interval)

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def end(self) -> None:
        """Stop serving, and let go of the port."""
        self.shutdown()
        self.server_close()
