"""A server on loopback that gives tokens, as logins of clouds do."""

from __future__ import annotations

import json
import ssl
from http.server import BaseHTTPRequestHandler
from types import TracebackType

from loopback import LoopbackServer

TOKEN = "eyJ0b2tlbi1vZi1yZWFs.eyJhbm90aGVyLXBhcnQtb2Y.c2lnbmF0dXJlLW9mLWl0"


class Login:
    """Gives a token for whatever it is sent; with `is_down` it refuses. `asked` counts the requests for tokens."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked, self.is_down = 0, False
        login = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                login.asked += 1
                self.send({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3599})

            def do_GET(self) -> None:
                """What OpenID Connect tells of a login, and the token of a machine in a cloud."""
                if "openid-configuration" not in self.path:
                    login.asked += 1
                    self.send({"access_token": TOKEN, "token_type": "Bearer", "expires_in": "3599", "resource": "r"})
                    return
                tenant = f"{login.address}/tenant"
                ends = {"token_endpoint": f"{tenant}/token", "authorization_endpoint": f"{tenant}/authorize"}
                self.send({"issuer": f"{tenant}/v2.0", **ends})

            def send(self, answer: dict[str, object]) -> None:
                body = json.dumps(answer).encode()
                self.send_response(401 if login.is_down else 200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        self._server = LoopbackServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.address = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Login:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.end()
