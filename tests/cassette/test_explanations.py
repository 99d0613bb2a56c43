"""A stale cassette says what changed: path, query, header, document, file, part, order or value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from recorded import record
from standin import StandIn
from vcr.request import Request

from pytest_llm_extract.cassette.file.exchange import Recording, Sent
from pytest_llm_extract.cassette.file.fingerprint import FIRST, VERSION, Scheme
from pytest_llm_extract.cassette.file.staleness import AGAIN, VOLATILE, RequestChange, explain
from pytest_llm_extract.cassette.http.replay import CassetteMiss, Record, Replay
from pytest_llm_extract.config.settings import Storage

ANSWER = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": b"{}"}}
INVOICE = "Invoice 17 of 3 May 2024. Total 1,200.00 EUR, payable within 14 days, thank you."
CORRECTED = INVOICE.replace("1,200.00", "1,250.00")


def sent(body: Any, url: str = "http://h/v1/chat", scheme: Scheme = FIRST) -> Sent:
    """A request."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Sent("POST", url, {}, data, scheme=scheme)


def chat(text: Any, **others: Any) -> dict[str, Any]:
    """A body with one message."""
    return {"model": "m", "messages": [{"role": "user", "content": text}], **others}


def changed(before: Any, after: Any, document: str | None = None) -> RequestChange:
    """What is said of two bodies."""
    return explain(sent(before), sent(after), document)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("http://h/v1/chat/completions", "http://h/api/v1/chat/completions"),
        ("https://a/openai/deployments/gpt-4o/chat", "https://a/openai/deployments/gpt-4o-mini/chat"),
        ("http://h/v1/models/gemini-2:generateContent", "http://h/v1/models/gemini-3:generateContent"),
    ],
)
def test_changed_path_is_named(before: str, after: str) -> None:
    """A base path, a deployment, a model in the path."""
    change = explain(sent(chat("x"), before), sent(chat("x"), after), None)
    assert change.cause == "path changed"
    assert [line[0] for line in change.lines] == ["-", "+"]
    assert change.lines[1].endswith(after.rpartition("/")[2])


def test_path_and_body_are_named_together() -> None:
    """Neither hides the other."""
    change = explain(sent(chat("x"), "http://h/v1"), sent(chat("x", top_p=1), "http://h/v2"), None)
    assert change.cause == "path and parameters changed"


def test_changed_query_is_named() -> None:
    """The parameter that changed, and it alone."""
    scheme = Scheme(VERSION)
    one, other = (Sent("GET", f"http://h/d?page={page}&of=a", {}, b"", scheme=scheme) for page in (1, 2))
    change = explain(one, other, None)
    assert change == RequestChange("query changed", ("-query.page: 1", "+query.page: 2"))


@pytest.mark.parametrize("template", ["{}", "Read this:\n<doc>\n{}\n</doc>", "{} And again: {}"])
def test_corrected_document_is_told_by_its_words(template: str) -> None:
    """Not as a changed message, and without the whole text."""
    old, new = (template.replace("{}", document) for document in (INVOICE, CORRECTED))
    change = changed(chat(old), chat(new), CORRECTED)
    assert change.cause == "document changed"
    assert change.lines == (
        "-… May 2024. Total 1,200.00 EUR, payable within …",
        "+… May 2024. Total 1,250.00 EUR, payable within …",
    )
    assert change.hint is None


def test_document_and_prompt_are_not_mixed_up() -> None:
    """A changed instruction beside an unchanged document stays a changed message."""
    change = changed(chat(f"Read: {INVOICE}"), chat(f"Read well: {INVOICE}"), INVOICE)
    assert change == RequestChange("messages changed", ("-Read: {{input}}", "+Read well: {{input}}"))


def test_document_that_changed_with_its_prompt_is_told_by_its_words() -> None:
    """Its old text is not printed whole, and the words of the prompt that changed are among the others."""
    change = changed(chat(f"Read: {INVOICE * 4}"), chat(f"Extract: {CORRECTED}{INVOICE * 3}"), CORRECTED + INVOICE * 3)
    assert change.cause == "messages changed"
    assert len(change.lines) <= 4
    assert max(map(len, change.lines)) < 120
    assert any("1,200.00" in line for line in change.lines)


def test_long_document_is_told_by_its_lines() -> None:
    """A hundred thousand words are compared in no time."""
    old = "\n".join(f"line {n} of a long document" for n in range(20_000))
    change = changed(chat(old), chat(old.replace("line 17 ", "line 17, ")), old.replace("line 17 ", "line 17, "))
    assert change.cause == "document changed"
    assert change.lines == ("-line 17 of a long document", "+line 17, of a long document")


def pdf(digest: str, name: str = "a.pdf") -> dict[str, Any]:
    """A PDF as part of a message."""
    data = f"data:application/pdf;base64,sha256:{digest * 64}"
    return chat([{"type": "text", "text": "Read."}, {"type": "file", "file": {"filename": name, "file_data": data}}])


def test_corrected_file_is_told_by_its_digest() -> None:
    """Not by the JSON around it."""
    change = changed(pdf("a"), pdf("b"))
    assert change.cause == "document changed"
    assert change.lines == (f"-application/pdf, sha256 {'a' * 16}", f"+application/pdf, sha256 {'b' * 16}")


def test_file_as_plain_base64_is_not_printed() -> None:
    """As Anthropic takes it."""
    old, new = (chat([{"source": {"type": "base64", "data": letter * 4000}}]) for letter in ("AAAA", "AAAB"))
    change = changed(old, new)
    assert change.cause == "document changed"
    assert max(map(len, change.lines)) < 50


def test_renamed_file_is_a_changed_message() -> None:
    """The model sees its name."""
    change = changed(pdf("a"), pdf("a", "b.pdf"))
    assert change.cause == "messages changed"
    assert [line.replace(" ", "") for line in change.lines] == ['-"filename":"a.pdf",', '+"filename":"b.pdf",']


def test_changed_role_has_a_line() -> None:
    """What is not in a message's text is shown as a value."""
    change = changed(chat("x"), {"model": "m", "messages": [{"role": "assistant", "content": "x"}]})
    assert change.cause == "messages changed"
    assert "assistant" in "".join(change.lines)


def test_number_that_is_written_otherwise_is_named() -> None:
    """0 and 0.0 are two fingerprints, and say why."""
    assert changed(chat("x", temperature=0), chat("x", temperature=0.0)).cause == "parameters changed"


def test_version_is_no_time() -> None:
    """A date that is the version of an API is neither a time nor a random value."""
    old, new = (
        sent(chat("x"), f"http://h/v1/chat?api-version={day}", Scheme(VERSION)) for day in ("2024-10-21", "2025-01-01")
    )
    assert explain(old, new, None) == RequestChange(
        "query changed", ("-query.api-version: 2024-10-21", "+query.api-version: 2025-01-01")
    )
    scheme = Scheme(VERSION, ("anthropic-version",))
    one, other = (
        Sent("POST", "http://h", {"anthropic-version": [day]}, b"", scheme=scheme)
        for day in ("2023-06-01", "2024-06-01")
    )
    assert explain(one, other, None).hint is None


def test_order_is_named_where_it_counts() -> None:
    """In a recording that compares it."""
    old, new = (chat("x", guided_json={"properties": {name: {} for name in names}}) for names in ("ab", "ba"))
    change = explain(sent(old, scheme=Scheme(VERSION)), sent(new, scheme=Scheme(VERSION)), None)
    assert change.cause == "parameters changed"
    assert change.lines == ("parameters.guided_json.properties: order of keys changed: a, b → b, a",)
    assert change.hint is None
    assert changed(old, new).cause == AGAIN


def form(filename: str = "a.pdf", content: str = "Text.", extra: str = "x", boundary: str = "one") -> bytes:
    """An upload with a file and a field."""
    lines = [
        f"--{boundary}",
        f'Content-Disposition: form-data; name="file"; filename="{filename}"',
        "Content-Type: text/plain",
        "",
        content,
        f"--{boundary}",
        'Content-Disposition: form-data; name="purpose"',
        "",
        extra,
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    ("after", "cause", "lines"),
    [
        (form("b.pdf"), "file name of part 'file' changed", ("-file.filename: a.pdf", "+file.filename: b.pdf")),
        (form(content="Text?"), "content of part 'file' changed", ("-Text.", "+Text?")),
        (form(extra="y", boundary="two"), "content of part 'purpose' changed", ("-x", "+y")),
    ],
)
def test_changed_part_is_named(after: bytes, cause: str, lines: tuple[str, ...]) -> None:
    """A multipart body is compared part by part."""
    assert changed(form(), after) == RequestChange(cause, lines)


def test_binary_part_is_not_printed() -> None:
    """Its size is."""
    change = changed(form(content="\0a"), form(content="\0ab"))
    assert change.lines == ("2 bytes before, 3 now",)


def test_text_body_has_its_lines() -> None:
    """A body that is neither JSON nor multipart."""
    assert changed(b"a\nb", b"a\nc") == RequestChange("request body changed", ("-b", "+c"))
    assert changed(b"at 2024-01-01", b"at 2024-01-02").hint == VOLATILE


@pytest.mark.parametrize("path", ["file.filename", "file"])
def test_ignore_reaches_parts(path: str) -> None:
    """What is put aside is neither stored nor compared; what is not, still is."""
    take = Record((path,))
    take.append(upload(form("tmp8271.pdf")), ANSWER)
    assert take.matched == {path: True}
    assert b"tmp8271" not in take.exchanges[0].request_body
    recording = Recording(tuple(take.exchanges))
    assert Replay(recording, (path,)).response(upload(form("tmp9999.pdf", boundary="two")))
    with pytest.raises(CassetteMiss):
        Replay(recording, (path,)).response(upload(form("tmp9999.pdf", extra="y")))


def test_ignore_leaves_an_upload_without_the_part_alone() -> None:
    """A path that nothing has is said elsewhere."""
    take = Record(("other.filename",))
    take.append(upload(form()), ANSWER)
    assert take.matched == {"other.filename": False}
    assert take.exchanges[0].request_body == form()


def test_ignore_reaches_the_query() -> None:
    """`?name` is a parameter of the URL."""
    take = Record(("?since",))
    take.append(Request("GET", "http://h/d?since=17&of=a", b"", {}), ANSWER)
    recording = Recording(tuple(take.exchanges))
    assert "17" not in recording.exchanges[0].url
    assert Replay(recording, ("?since",)).response(Request("GET", "http://h/d?of=a&since=18", b"", {}))
    with pytest.raises(CassetteMiss):
        Replay(recording, ("?since",)).response(Request("GET", "http://h/d?of=b&since=18", b"", {}))


def upload(body: bytes) -> Request:
    """A form as a client sends it."""
    boundary = body[2:5].decode()
    return Request("POST", "http://h/v1/files", body, {"content-type": f"multipart/form-data; boundary={boundary}"})


def test_request_out_of_order_is_compared_with_the_one_that_is_left() -> None:
    """Of two recorded requests the second was sent: what changed is told beside the first."""
    take = Record(storage=Storage())
    bodies = [chat("first"), chat("second")]
    for body in bodies:
        take.append(Request("POST", "http://h/v1/chat", json.dumps(body).encode(), {}), ANSWER)
    replay = Replay(Recording(tuple(take.exchanges)))
    replay.response(Request("POST", "http://h/v1/chat", json.dumps(bodies[1]).encode(), {}))
    with pytest.raises(CassetteMiss):
        replay.response(Request("POST", "http://h/v1/chat", json.dumps(chat("new")).encode(), {}))
    assert replay.miss is not None
    nearest = replay.nearest(replay.miss)
    assert nearest is not None
    assert explain(nearest.sent, replay.miss, None) == RequestChange("messages changed", ("-first", "+new"))


def test_corrected_document_of_json_is_a_document(bare: pytest.Pytester) -> None:
    """By its changed words, as one that is text."""
    bare.makepyfile(
        test_items="""
        import pytest
        from pydantic import BaseModel

        class Item(BaseModel):
            name: str

        @pytest.mark.llm_extract(schema=Item, prompt="read.md", model="m", cases="gold.json")
        def test_items(extraction): ...
        """
    )
    bare.path.joinpath("read.md").write_text("Read.")
    gold = bare.path / "gold.json"
    gold.write_text(json.dumps([{"id": "c", "input": {"vendor": "Bölt", "sum": [1, 2]}, "expected": {"name": "x"}}]))
    with StandIn(lambda body: '{"name": "x"}') as provider:
        record(bare, provider).assert_outcomes(passed=2)
    gold.write_text(gold.read_text().replace("[1, 2]", "[1, 3]"))
    run = bare.runpytest()
    run.stdout.fnmatch_lines(["STALE: document changed*", '*-*"sum": [[]1, 2[]]}', '*+*"sum": [[]1, 3[]]}'])
