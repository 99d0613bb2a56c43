"""What a project without a suite pays for having this package installed: `python benchmarks/start_up.py`.

Whole `pytest` processes of one test and of 2,000, with the plugin and with `-p no:llm_extract`, one after the other in
each round: the difference of the medians, and of the least, of their processor time. Where valgrind is installed, it
counts the instructions of both, which do not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

MODULE = """
import pytest

@pytest.mark.parametrize("n", range({n}))
def test_one(n): assert n >= 0
"""
COMMAND = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]
WITHOUT = ["-p", "no:llm_extract"]
COUNTED = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
# Byte code is cached, as it is for users.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def processor_ms(folder: Path, *arguments: str) -> float:
    """Processor milliseconds of one run."""
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"pytest ended with {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def instructions(folder: Path, *arguments: str) -> int:
    """The number of instructions of one run."""
    command, environment = [*COUNTED, *COMMAND, *arguments], ENVIRONMENT | {"PYTHONHASHSEED": "0"}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    found = re.search(r"I\s+refs:\s+([\d,]+)", run.stderr)
    assert found, run.stderr
    return int(found[1].replace(",", ""))


def main() -> None:
    """Print the differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=25)
    rounds = parser.parse_args().rounds
    for n_tests in (1, 2000):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "test_plain.py").write_text(MODULE.format(n=n_tests))
            times = [(processor_ms(folder, *WITHOUT), processor_ms(folder)) for _ in range(rounds)]
            without, with_it = zip(*times, strict=True)
            median = statistics.median(with_it) - statistics.median(without)
            least = min(with_it) - min(without)
            told = f"{statistics.median(without):.0f} ms without, {median:+.1f} ms with (least: {least:+.1f})"
            print(f"{n_tests:5,} tests: {told}")
            if n_tests == 1 and shutil.which(COUNTED[0]):
                counts = instructions(folder, *WITHOUT), instructions(folder)
                print(f"      instructions: {counts[0] / 1e6:,.0f} million without, {counts[1] / counts[0] - 1:+.1%}")


if __name__ == "__main__":
    main()
