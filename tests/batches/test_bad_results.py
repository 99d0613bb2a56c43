"""Results of batches on bad days: each is named, what failed stays missing, and nothing is lost."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from batched import batch_file, batch_files, batching, cassette_names, collect, submit
from standin_batches import BatchProvider, Json, Refusal, echoed, expired


def _refuse_at(path: str, refusal: Refusal, method: str, called: str) -> Refusal | None:
    return refusal if called == path else None


def ended(prompted: pytest.Pytester, provider: BatchProvider, status: str = "completed", **members: Any) -> Any:
    """Send four requests, end their batch, and collect."""
    submit(prompted)
    provider.end(status, **members)
    return collect(prompted)


def test_lines_in_any_order_and_number(prompted: pytest.Pytester) -> None:
    """Reordered, duplicate, unknown, damaged and missing lines: what has an answer is written, the rest is named."""

    def shuffled(lines: list[Json]) -> list[Any]:
        other = {**lines[0], "custom_id": "somebody-else"}
        return [other, lines[2], lines[1], "{not json", lines[2], lines[0]]

    with batching(BatchProvider()) as provider:
        provider.changed = shuffled
        run = ended(prompted, provider)
        run.stdout.fnmatch_lines(
            [
                "*: 3 cassettes written from 1 batch",
                "  still missing: 1 case (c3): the provider's results do not have this request",
                "  left out: results of unknown requests: 1",
                "  left out: lines that are not a result: 1",
                "  left out: second results of one request: 1",
            ]
        )
        assert (run.ret, cassette_names(prompted), batch_files(prompted)) == (1, ["c0", "c1", "c2"], [])
        provider.changed = lambda lines: lines
        submit(prompted).stdout.fnmatch_lines(["*sent 1 request of 1 case *"])  # what failed may be sent again
        provider.end()
        assert collect(prompted).ret == 0
    prompted.runpytest_subprocess().assert_outcomes(passed=5)


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_a_batch_that_ends_early_keeps_what_was_answered(prompted: pytest.Pytester, status: str) -> None:
    """The others are missing, in the provider's words; some have a line of their own, some have none."""
    with batching(BatchProvider()) as provider:
        provider.changed = lambda lines: [lines[0], expired(lines[1]), expired(lines[2])]
        run = ended(prompted, provider, status)
    run.stdout.fnmatch_lines(
        [
            "*: 1 cassette written from 1 batch",
            "  still missing: 2 cases (c1, c2): batch_expired: This request could not be executed before the *",
            f"  still missing: 1 case (c3): the batch is {status}",
        ]
    )
    assert (cassette_names(prompted), batch_files(prompted)) == (["c0"], [])


def test_a_batch_that_is_refused_as_a_whole(prompted: pytest.Pytester) -> None:
    """After it was taken, as a file with a bad line; and at once, where nothing is remembered."""
    errors = {"object": "list", "data": [{"code": "invalid_model", "message": "no such model", "line": 1}]}
    with batching(BatchProvider()) as provider:
        run = ended(prompted, provider, "failed", errors=errors)
        run.stdout.fnmatch_lines(["  still missing: 4 cases (c0, c1, c2, c3): invalid_model: no such model (line 1)"])
        assert batch_files(prompted) == []
        refusal = Refusal(403, {"error": {"message": "the project has no batches"}})
        for path in ("/v1/files", "/v1/batches"):
            provider.refuse = partial(_refuse_at, path, refusal)
            run = submit(prompted)
            assert run.ret == 1
            run.stdout.fnmatch_lines(
                ["  not sent: a batch of 4 requests was refused by *: HTTP 403: the project has no batches"]
            )
            assert batch_files(prompted) == []


def test_requests_that_fail(prompted: pytest.Pytester) -> None:
    """A provider's own error leaves a case missing; what it rejects for good is recorded, as in a live recording."""

    def answer(body: Json) -> Json | tuple[int, Json]:
        said = body["messages"][-1]["content"]
        failures = {"doc 1": (500, "The server had an error"), "doc 2": (400, "maximum context length exceeded")}
        return (failures[said][0], {"error": {"message": failures[said][1]}}) if said in failures else echoed(body)

    with batching(BatchProvider(answer)) as provider:
        run = ended(prompted, provider)
    run.stdout.fnmatch_lines(
        ["*: 3 cassettes written *", "  still missing: 1 case (c1): HTTP 500: The server had an error"]
    )
    replay = prompted.runpytest_subprocess("--llm-extract-json=out.json")
    replay.assert_outcomes(passed=3, failed=2)
    cases = json.loads((prompted.path / "out.json").read_text())["suites"][0]["cases"]
    assert [case["status"] for case in cases] == ["ok", "missing", "rejected", "ok"]


def test_results_that_nobody_wants_are_kept_out(prompted: pytest.Pytester) -> None:
    """The prompt changed while the batch was under way: its answers are named, and wait in case it changes back."""
    with batching(BatchProvider()) as provider:
        submit(prompted)
        prompted.path.joinpath("read.md").write_text("Read well.")
        provider.end()
        run = collect(prompted)
        run.stdout.fnmatch_lines(["  no longer wanted: the requests of 4 cassettes changed, *c0-*batch-*.json *"])
        assert cassette_names(prompted) == []
        assert len(batch_file(prompted)["requests"]) == 4
        prompted.path.joinpath("read.md").write_text("Read.")
        assert collect(prompted).ret == 0
        assert (cassette_names(prompted), batch_files(prompted)) == (["c0", "c1", "c2", "c3"], [])


def test_a_part_is_collected_for_a_part_of_the_cases(prompted: pytest.Pytester) -> None:
    """The results of cases that are not selected are left for the next time; a renamed suite is named."""
    with batching(BatchProvider()) as provider:
        submit(prompted)
        provider.end()
        run = collect(prompted, "-k", "c1")
        run.stdout.fnmatch_lines(["  3 cassettes of cases that are not selected are left for the next time"])
        assert len(batch_file(prompted)["requests"]) == 3
        module = prompted.path / "test_items.py"
        module.write_text(module.read_text().replace("test_items", "test_renamed"))
        run = collect(prompted)
        run.stdout.fnmatch_lines(["batch batch_0 is of test_items.py::test_items, which is not among the tests *"])
        module.write_text(module.read_text().replace("test_renamed", "test_items"))
        assert collect(prompted).ret == 0
    assert (cassette_names(prompted), batch_files(prompted)) == (["c0", "c1", "c2", "c3"], [])


def test_an_answer_that_cannot_be_stored_is_not_forgotten(
    prompted: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret in it: nothing is written, and the batch can be collected once that is settled."""
    with batching(BatchProvider()) as provider:
        submit(prompted)
        provider.end()
        with monkeypatch.context() as patch:
            patch.setenv("ITEM_API_KEY", "chatcmpl-batch")
            run = collect(prompted)
        assert run.ret == 1
        run.stdout.fnmatch_lines([f"  answered, but not written: 1 case (c{n}): *$ITEM_API_KEY*" for n in range(4)])
        assert len(batch_file(prompted)["requests"]) == 4
        assert collect(prompted).ret == 0
    assert batch_files(prompted) == []


def test_a_provider_without_batches(prompted: pytest.Pytester) -> None:
    """An OpenAI-compatible server may have none; one that is out of order keeps nobody from trying again."""
    with batching(BatchProvider()) as provider:
        provider.refuse = lambda method, path: Refusal(404, {"detail": "Not Found"})
        submit(prompted).stdout.fnmatch_lines(
            ["  not sent: a batch of 4 requests was refused *: HTTP 404: *Not Found*"]
        )
        provider.refuse = lambda method, path: None
        submit(prompted)
        provider.refuse = lambda method, path: Refusal(401, {"error": {"message": "Incorrect API key"}})
        stuck = prompted.runpytest_subprocess("--llm-extract-collect=wait")  # which would be in vain
        stuck.stdout.fnmatch_lines(["  waiting: batch_0, 4 requests: HTTP 401: Incorrect API key"])
        provider.refuse = lambda method, path: None
        provider.batches.clear()
        gone = collect(prompted)
        gone.stdout.fnmatch_lines(["*HTTP 404: no such thing: batch_0; if it is gone there, delete batch-*.json"])
        assert len(batch_file(prompted)["requests"]) == 4
