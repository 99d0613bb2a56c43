"""A stand-in provider that takes thousands of calls: `python benchmarks/provider.py --delay 0.2 --limit 60`.

One event loop speaks the Chat Completions format on loopback and answers every document with its own text. The first
line of its output is its base URL; `GET /` gives its counters as JSON. What it answers says nothing about any model.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Counters:
    """What the provider saw; times are seconds of its clock, `documents` has the number of answers to each."""

    answered: int = 0
    refused: int = 0
    failed: int = 0
    most_in_flight: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    documents: dict[str, int] = field(default_factory=dict)


class Provider:
    """Answers after `delay_s`; refuses what goes beyond `limit` calls in a second; a share of `errors` ends in 500."""

    def __init__(self, delay_s: float, limit: int, errors: float) -> None:
        self.counters = Counters()
        self._delay_s, self._limit, self._errors = delay_s, limit, errors
        self._in_flight = self._in_second = self._second = 0
        self._random = random.Random(1)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                if head.startswith("get"):
                    writer.write(_reply(200, asdict(self.counters)))
                else:
                    length = int(head.split("content-length:")[1].split("\r\n")[0])
                    writer.write(await self._answer(json.loads(await reader.readexactly(length))))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, body: dict[str, Any]) -> bytes:
        counters, now = self.counters, time.time()
        counters.first_s = counters.first_s or now
        if int(now) != self._second:
            self._second, self._in_second = int(now), 0
        self._in_second += 1
        if self._limit and self._in_second > self._limit:
            counters.refused += 1
            return _reply(429, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, "retry-after: 1\r\n")
        self._in_flight += 1
        counters.most_in_flight = max(counters.most_in_flight, self._in_flight)
        await asyncio.sleep(self._delay_s)
        self._in_flight -= 1
        counters.last_s = time.time()
        if self._random.random() < self._errors:
            counters.failed += 1
            return _reply(500, {"error": {"message": "out of order"}})
        counters.answered += 1
        document = body["messages"][-1]["content"]
        counters.documents[document] = counters.documents.get(document, 0) + 1
        return _reply(200, _completion(document, body["model"]))


def _completion(document: str, model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": json.dumps({"name": document}), "refusal": None}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


def _reply(status: int, content: dict[str, Any], headers: str = "") -> bytes:
    data = json.dumps(content).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n{headers}\r\n"
    return head.encode() + data


async def run(provider: Provider) -> None:
    """Serve until the process ends."""
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, backlog=512)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Start it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay", type=float, default=0.2, help="seconds")
    parser.add_argument("--limit", type=int, default=0, help="calls in a second; 0: no limit")
    parser.add_argument("--errors", type=float, default=0.0, help="share of calls that end in HTTP 500")
    options = parser.parse_args()
    asyncio.run(run(Provider(options.delay, options.limit, options.errors)))


if __name__ == "__main__":
    main()
