"""How long `llm-extract decide` takes on 10 variants × 1,000 cases: `python benchmarks/decide.py`."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from pydantic import BaseModel

from pytest_llm_extract.gate.decide import summarize_only
from pytest_llm_extract.report.results_json import run_to_wire
from pytest_llm_extract.results.recipe import Recipe
from pytest_llm_extract.results.suite_result import GateRules, SuiteResult
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import read_answer
from pytest_llm_extract.scoring.score import score_answer


class Order(BaseModel):
    """Five fields."""

    vendor: str
    number: str
    buyer: str
    city: str
    note: str | None = None


def variants(n_variants: int, n_cases: int) -> list[SuiteResult]:
    """Variants that are right in 60 to 80 % of the fields of documents of 1 KB."""
    random, schema = Random(1), Schema.of(Order, "benchmark")
    words = ["".join(random.choices("abcdefghijklmnoprstuvw", k=random.randint(3, 9))) for _ in range(4_000)]
    gold = [{name: " ".join(random.sample(words, 2)) for name in Order.model_fields} for _ in range(n_cases)]
    documents = [" ".join([*random.choices(words, k=130), *values.values()]) for values in gold]
    suites = []
    for number in range(n_variants):
        share, cases = 0.6 + 0.02 * number, []
        for at, values in enumerate(gold):
            answer = {name: value if random.random() < share else "?" for name, value in values.items()}
            read = read_answer(schema, json.dumps(answer))
            cases.append(score_answer(schema, schema.read_gold(values), read, case_id=f"c{at}", input=documents[at]))
        ids = tuple(case.id for case in cases)
        recipe = Recipe(" ".join(random.choices(words, k=40)))
        head = SuiteResult("t.py::t", f"v{number}", ids, schema.paths, GateRules(), is_primary=not number)
        suites.append(head._replace(cases=tuple(cases), recipe=recipe, is_gated=False))
    return suites


def main() -> None:
    """Print the seconds of one call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", type=int, default=10)
    parser.add_argument("--cases", type=int, default=1_000)
    given = parser.parse_args()
    suites = variants(given.variants, given.cases)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.json"
        path.write_text(json.dumps(run_to_wire([(suite, summarize_only(suite)) for suite in suites], Path())))
        command = [sys.executable, "-c", "from pytest_llm_extract.cli.main import main; main()", "decide", str(path)]
        start = time.perf_counter()
        subprocess.run([*command, "--target", "0.9"], check=True, capture_output=True)
        took, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        size = path.stat().st_size / 1e6
    print(f"{given.variants} variants x {given.cases} cases, {size:.0f} MB of results.json: {took:.1f} s", end="")
    print(f", {used.ru_utime + used.ru_stime:.1f} s of it computing")


if __name__ == "__main__":
    main()
