"""Records one exchange with a large body, and says what the scrubber, the writer and the search for secrets cost.

`python benchmarks/large_bodies.py --mb 20` runs each kind of body in a process of its own, and prints seconds of
processor and the peak of memory.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
SECRET = "Zx9fooBARbaz1234567890qwe"


def content(kind: str, n: int) -> str:
    """What the prompt of about n bytes says."""
    source, line = random.Random(1), "a line of a document\n"
    half = line * (n // len(line) // 2)
    return {
        "text": lambda: half * 2,
        "text with a secret": lambda: half + SECRET + half,
        "image": lambda: "data:image/png;base64," + base64.b64encode(source.randbytes(n * 3 // 4)).decode(),
        "base64": lambda: base64.b64encode(source.randbytes(n * 3 // 4)).decode(),
        "base64 with a secret": lambda: base64.b64encode(b"\xff" * (n // 3) + SECRET.encode() + b"\xfe" * 9).decode(),
        "base64 of base64": lambda: "QUJD" * (n // 4),
        "hex": lambda: source.randbytes(n // 2).hex(),
    }[kind]()


KINDS = ("text", "text with a secret", "image", "base64", "base64 with a secret", "base64 of base64", "hex")


def record(kind: str, n: int) -> None:
    """Store one exchange, and print what it cost."""
    from secret_places import ANSWERED, stored

    stored({"body": b"{}"}, ANSWERED, environ={})  # all imports
    body = json.dumps({"messages": [{"role": "user", "content": content(kind, n)}]}).encode()
    before, start = _peak_mb(), time.process_time()
    end = stored({"body": body}, ANSWERED, environ={"MY_API_KEY": SECRET})
    took, more = time.process_time() - start, _peak_mb() - before
    print(f"{kind:22} {end:8} {took:6.1f} s  {more:6.0f} MB more, {more * 1e6 / n:4.1f} times the body")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    """Run every kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=float, default=20)
    parser.add_argument("--kind", choices=KINDS)
    options = parser.parse_args()
    if options.kind:
        record(options.kind, int(options.mb * 1e6))
        return
    for kind in KINDS:
        subprocess.run([sys.executable, __file__, "--mb", str(options.mb), "--kind", kind], check=False)


if __name__ == "__main__":
    main()
