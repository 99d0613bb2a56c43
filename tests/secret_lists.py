"""Keys of well-known shapes, made up anew, and the forms in which bodies and texts hold them."""

from __future__ import annotations

import base64
import gzip
import json
import random
import struct
from collections.abc import Callable, Iterator
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import Any
from urllib.parse import quote

ALNUM, HEX, URLSAFE = ascii_letters + digits, digits + "abcdef", ascii_letters + digits + "-_"
_random = random.Random(7)


def made(n: int, alphabet: str = ALNUM) -> str:
    """A made-up secret part: its first characters hold a capital, a small letter and a digit where there are some."""
    begin = [
        _random.choice(chars) for chars in (ascii_lowercase, digits, ascii_uppercase) if set(chars) & set(alphabet)
    ]
    begin = [letter if letter in alphabet else _random.choice(alphabet) for letter in begin]
    return ("".join(begin) + "".join(_random.choices(alphabet.strip("-_"), k=n)))[:n]


def _numbers(n: int) -> str:
    return "7" + made(n - 1, digits)


def _jwt() -> str:
    return ".".join(("eyJ" + made(30, URLSAFE), "eyJ" + made(60, URLSAFE), made(43, URLSAFE)))


def _basic() -> str:
    return base64.b64encode(f"user:{made(12)}".encode()).decode()


SHAPES: dict[str, str] = {
    "OpenAI": "sk-" + made(48),
    "OpenAI project": f"sk-proj-{made(70, URLSAFE)}T3BlbkFJ{made(70, URLSAFE)}",
    "OpenAI service account": "sk-svcacct-" + made(60, URLSAFE),
    "DeepSeek": "sk-" + made(32, HEX),
    "OpenRouter": "sk-or-v1-" + made(64, HEX),
    "Langfuse": "sk-lf-" + "-".join(made(n, HEX) for n in (8, 4, 4, 4, 12)),
    "LiteLLM": "sk-" + made(22, URLSAFE),
    "Anthropic": f"sk-ant-api03-{made(93, URLSAFE)}AA",
    "Google API": "AIza" + made(35, URLSAFE),
    "Google OAuth": "ya29." + made(80, URLSAFE),
    "Google client secret": "GOCSPX-" + made(28, URLSAFE),
    "AWS access key": "AKIA" + made(16, ascii_uppercase + "234567"),
    "AWS secret key": "aws_secret_access_key = " + made(40, ALNUM + "/+"),
    "AWS signature": f"AWS4-HMAC-SHA256 Credential=AKID/20260101, SignedHeaders=host, Signature={made(64, HEX)}",
    "GitHub": "ghp_" + made(36),
    "GitHub app": "ghs_" + made(36),
    "GitHub fine-grained": f"github_pat_{made(22)}_{made(59)}",
    "GitLab": "glpat-" + made(20, URLSAFE),
    "GitLab routable": f"glpat-{made(27, URLSAFE)}.01.{made(9, HEX)}",
    "GitLab deploy": "gldt-" + made(20, URLSAFE),
    "GitLab runner": "glrt-" + made(20, URLSAFE),
    "GitLab trigger": "glptt-" + made(40, HEX),
    "GitLab job": f"glcbt-64_{made(20, URLSAFE)}",
    "GitLab feed": "glft-" + made(20, URLSAFE),
    "Slack bot": f"xoxb-{_numbers(12)}-{_numbers(12)}-{made(24)}",
    "Slack user": f"xoxp-{_numbers(12)}-{_numbers(12)}-{made(32, HEX)}",
    "Slack refresh": f"xoxe-1-{made(140)}",
    "Slack app": f"xapp-1-A{made(10, ascii_uppercase + digits)}-{_numbers(13)}-{made(64, HEX)}",
    "Slack webhook": f"https://hooks.slack.com/services/T{made(8, ascii_uppercase)}/B{made(8, digits)}/{made(24)}",
    "Stripe": "sk_live_" + made(24),
    "Stripe restricted": "rk_live_" + made(24),
    "Stripe webhook": "whsec_" + made(32),
    "Twilio": "SK" + made(32, HEX),
    "Twilio auth token": "TWILIO_AUTH_TOKEN=" + made(32, HEX),
    "Telegram": f"{_numbers(10)}:AA{made(33, URLSAFE)}",
    "Azure OpenAI": "api-key: " + made(32, HEX),
    "Azure OpenAI, long": f"api-key: {made(52)}JQQJ99BAAC{made(22)}",
    "Azure long, bare": f"{made(52)}JQQJ99BAAC{made(22)}",
    "Azure client secret": f"{made(3)}8Q~{made(34, ALNUM + '_.-~')}",
    "Azure storage": f"AccountName=a;AccountKey={made(86, ALNUM + '+/')}==;EndpointSuffix=core.windows.net",
    "Azure SAS": f"https://a.blob.core.windows.net/c?sv=2026&sig={made(43)}%3D",
    "Azure DevOps": f"{made(76)}AZDO{made(4)}",
    "Hugging Face": "hf_" + made(34),
    "Groq": "gsk_" + made(52),
    "xAI": "xai-" + made(80),
    "Perplexity": "pplx-" + made(48),
    "Replicate": "r8_" + made(37),
    "NVIDIA": "nvapi-" + made(64, URLSAFE),
    "LangSmith": f"lsv2_pt_{made(32, HEX)}_{made(10, HEX)}",
    "SendGrid": f"SG.{made(22, URLSAFE)}.{made(43, URLSAFE)}",
    "npm": "npm_" + made(36),
    "PyPI": "pypi-AgEIcHlwaS5vcmc" + made(70, URLSAFE),
    "JSON Web Token": _jwt(),
    "private key": f"-----BEGIN PRIVATE KEY-----\n{made(64)}\n{made(64)}\n-----END PRIVATE KEY-----",
    "bearer": "Authorization: Bearer " + made(40),
    "basic": f"Authorization: Basic {_basic()}",
    "database": f"postgresql://app:{made(14)}@db.internal:5432/prod",
    "Databricks": "dapi" + made(32, HEX),
    "DigitalOcean": "dop_v1_" + made(64, HEX),
    "Notion": "ntn_" + made(46),
    "Linear": "lin_api_" + made(40),
    "Shopify": "shpat_" + made(32, HEX),
    "Square": "sq0csp-" + made(43, URLSAFE),
    "Docker Hub": "dckr_pat_" + made(27, URLSAFE),
    "Vault": "hvs." + made(90, URLSAFE),
    "Grafana": f"glsa_{made(32)}_{made(8, HEX)}",
    "Sentry": f"sntrys_eyJ{made(80)}_{made(43)}",
    "Doppler": "dp.pt." + made(43),
    "Postman": f"PMAK-{made(24, HEX)}-{made(34, HEX)}",
    "New Relic": "NRAK-" + made(27, ascii_uppercase + digits),
    "Mailgun": "key-" + made(32, HEX),
    "Mailchimp": f"{made(32, HEX)}-us12",
    "Discord webhook": f"https://discord.com/api/webhooks/{_numbers(18)}/{made(68, URLSAFE)}",
    "Airtable": f"pat{made(14)}.{made(64, HEX)}",
    "Supabase": "sbp_" + made(40, HEX),
    "Pinecone": f"pcsk_{made(6)}_{made(62)}",
    "Tavily": "tvly-dev-" + made(32),
    "Figma": "figd_" + made(40, URLSAFE),
    "Atlassian": "ATATT3xFfGF0" + made(180, URLSAFE),
    "Fly.io": "fo1_" + made(43, URLSAFE),
    "age": "AGE-SECRET-KEY-1" + made(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    "Terraform": f"{made(14)}.atlasv1.{made(67, URLSAFE)}",
    "Cerebras": "csk-" + made(48, ascii_lowercase + digits),
}
Body = tuple[str, bytes]  # media type and content


def _pieces(secret: str, n: int = 5) -> list[str]:
    return ["It is ", *(secret[at : at + n] for at in range(0, len(secret), n)), " as told"]


def _sse(events: list[Any], end: str = "\n\n") -> Body:
    return "text/event-stream", "".join(f"data: {json.dumps(event)}{end}" for event in events).encode()


def _lines(events: list[Any]) -> Body:
    return "application/x-ndjson", "".join(json.dumps(event) + "\n" for event in events).encode()


def _chat(secret: str, name: str) -> Body:
    return _sse(
        [{"object": "chat.completion.chunk", "choices": [{"delta": {name: piece}}]} for piece in _pieces(secret)]
    )


def _typed(kind: str, secret: str) -> Body:
    return _sse([{"type": kind, "item_id": "a", "delta": piece} for piece in _pieces(secret)])


def _claude(secret: str, kind: str, name: str) -> Body:
    deltas = [{"type": kind, name: piece} for piece in _pieces(secret)]
    return _sse([{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas])


def _gemini(piece: str) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": [{"text": piece}], "role": "model"}, "index": 0}]}


def _frames(payloads: list[bytes]) -> Body:
    """AWS event streams: two lengths, a checksum, headers, the payload and another checksum."""
    headers = b"\x0b:event-type\x07\x00\x05chunk"
    frames = [
        struct.pack(">III", len(payload) + len(headers) + 16, len(headers), 0xDEADBEEF)
        + headers
        + payload
        + b"\xff\xfe\xfd\xfc"
        for payload in payloads
    ]
    return "application/vnd.amazon.eventstream", b"".join(frames)


def _two_choices(secret: str) -> Body:
    events = []
    for piece in _pieces(secret):
        events += [
            {"choices": [{"index": 0, "delta": {"content": piece}}]},
            {"choices": [{"index": 1, "delta": {"content": "no "}}]},
        ]
    return _sse(events)


STREAMS: dict[str, Callable[[str], Body]] = {
    "chat": lambda s: _chat(s, "content"),
    "chat, CRLF": lambda s: ("text/event-stream", _chat(s, "content")[1].replace(b"\n", b"\r\n")),
    "chat, refusal": lambda s: _chat(s, "refusal"),
    "chat, reasoning": lambda s: _chat(s, "reasoning_content"),
    "chat, two choices": _two_choices,
    "chat, a tool's arguments": lambda s: _sse(
        [{"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": p}}]}}]} for p in _pieces(s)]
    ),
    "chat, log probabilities": lambda s: _sse(
        [{"choices": [{"logprobs": {"content": [{"token": piece}]}}]} for piece in _pieces(s)]
    ),
    "chat, log probabilities of a whole answer": lambda s: (
        "application/json",
        json.dumps({"choices": [{"logprobs": {"content": [{"token": p} for p in _pieces(s)]}}]}).encode(),
    ),
    "completions": lambda s: _sse([{"object": "text_completion", "choices": [{"text": p}]} for p in _pieces(s)]),
    "responses": lambda s: _typed("response.output_text.delta", s),
    "responses, arguments": lambda s: _typed("response.function_call_arguments.delta", s),
    "responses, reasoning": lambda s: _typed("response.reasoning_summary_text.delta", s),
    "Anthropic": lambda s: _claude(s, "text_delta", "text"),
    "Anthropic, a tool's input": lambda s: _claude(s, "input_json_delta", "partial_json"),
    "Anthropic, thinking": lambda s: _claude(s, "thinking_delta", "thinking"),
    "Gemini, events": lambda s: _sse([_gemini(piece) for piece in _pieces(s)]),
    "Gemini, array": lambda s: ("application/json", json.dumps([_gemini(piece) for piece in _pieces(s)]).encode()),
    "Gemini, parts": lambda s: (
        "application/json",
        json.dumps({"candidates": [{"content": {"parts": [{"text": p} for p in _pieces(s)]}}]}).encode(),
    ),
    "Cohere 2": lambda s: _sse(
        [{"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": p}}}} for p in _pieces(s)]
    ),
    "Cohere 1": lambda s: _lines([{"event_type": "text-generation", "text": piece} for piece in _pieces(s)]),
    "Ollama chat": lambda s: _lines([{"message": {"content": piece}, "done": False} for piece in _pieces(s)]),
    "Ollama generate": lambda s: _lines([{"response": piece, "done": False} for piece in _pieces(s)]),
    "Mistral, parts": lambda s: _sse(
        [{"choices": [{"delta": {"content": [{"type": "text", "text": piece}]}}]} for piece in _pieces(s)]
    ),
    "text generation": lambda s: _sse([{"token": {"id": 5, "text": piece}} for piece in _pieces(s)]),
    "JSON lines of a house": lambda s: _lines([{"chunk": {"says": piece}} for piece in _pieces(s)]),
    "events of plain text": lambda s: ("text/event-stream", "".join(f"data: {p}\n\n" for p in _pieces(s)).encode()),
    "Bedrock Converse": lambda s: _frames([json.dumps({"delta": {"text": p}}).encode() for p in _pieces(s)]),
    "Bedrock invoke": lambda s: _frames(
        [
            json.dumps({"bytes": base64.b64encode(json.dumps({"delta": {"text": p}}).encode()).decode()}).encode()
            for p in _pieces(s)
        ]
    ),
}


def entities(text: str, form: str = "&#{};") -> str:
    """Every character as an entity of HTML."""
    return "".join(form.format(ord(letter)) for letter in text)


CODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": json.dumps,
    "JSON in JSON": lambda s: json.dumps(json.dumps({"a": s})),
    "escapes of JSON": lambda s: "".join(f"\\u{ord(letter):04x}" for letter in s),
    "escapes of C": lambda s: "".join(f"\\x{ord(letter):02x}" for letter in s),
    "URL": lambda s: quote(s, safe=""),
    "URL, every character": lambda s: "".join(f"%{ord(letter):02X}" for letter in s),
    "base64": lambda s: base64.b64encode(f"xx {s} and".encode()).decode(),
    "base64 in base64": lambda s: base64.b64encode(base64.b64encode(f"x {s} and".encode())).decode(),
    "base64 for URLs": lambda s: base64.urlsafe_b64encode(f"x {s} and".encode()).decode(),
    "gzip": lambda s: base64.b64encode(gzip.compress(f"what is longer {s} and goes on".encode())).decode(),
    "base32": lambda s: base64.b32encode(f"x {s} and".encode()).decode(),
    "base32, small letters": lambda s: base64.b32encode(f"xy {s} and".encode()).decode().lower(),
    "hex": lambda s: f"x {s} and".encode().hex(),
    "hex, capitals": lambda s: s.encode().hex().upper(),
    "hex, spaces": lambda s: s.encode().hex(" "),
    "hex, colons": lambda s: s.encode().hex(":"),
    "entities": entities,
    "entities, hexadecimal": lambda s: entities(s, "&#x{:x};"),
    "UTF-16 in base64": lambda s: base64.b64encode(f"x {s} and".encode("utf-16")).decode(),
    "UTF-16 in base64, no mark": lambda s: base64.b64encode(s.encode("utf-16-be")).decode(),
    "UTF-16 read as text": lambda s: s.encode("utf-16-le").decode(),
    "broken lines": lambda s: "\n      ".join(s[at : at + 12] for at in range(0, len(s), 12)),
}


def harmless() -> Iterator[str]:
    """Texts as documents, code and logs have them: all look like something secret to somebody."""
    source = random.Random(11)

    def hexed(n: int) -> str:
        return "".join(source.choices(HEX, k=n))

    def number(n: int) -> str:
        return "".join(source.choices(digits, k=n))

    def word() -> str:
        return source.choice(("faktura", "invoice", "werk", "basis", "lager", "kunde", "auftrag", "north", "pump"))

    def coded(n: int) -> str:
        return base64.b64encode(source.randbytes(n)).decode()

    for n in range(10):
        yield f"sk-2024-{word()}-{word()}-{number(6)}"
        yield f"sk-{word()}-{number(4)}-{word()}-{number(2)}-{word()}"
        yield f"access key: {hexed(32)}"
        yield f"signature={hexed(64)}"
        yield f"postgres://{word()}:${{PASSWORD}}@db.{word()}.example/x"
        yield f"mysql://root:<password>@{word()}:3306/x or amqp://u:%PASSWORD%@h, redis://:{{{{password}}}}@h:1"
        yield f"https://user:***@{word()}.example/{number(5)}, ftp://anonymous:@h/x"
        yield f"commit {hexed(40)}\nindex {hexed(7)}..{hexed(7)} 100644"
        yield f"sha256:{hexed(64)}  {word()}-{number(3)}.tar.gz"
        yield f"ETag: {hexed(32)}, md5={hexed(32)}"
        yield f"Invoice {number(4)}-{number(6)}, IBAN DE{number(20)}, total {number(4)}.{number(2)} EUR"
        yield f"order id {hexed(8)}-{hexed(4)}-4{hexed(3)}-a{hexed(3)}-{hexed(12)} of {word()}"
        yield f"The API key is set as OPENAI_API_KEY=sk-... or sk-xxxxxxxxxxxxxxxxxxxxxxxx, see {word()}"
        yield f"export OPENAI_API_KEY=$KEY_{n}; curl -H 'Authorization: Bearer $TOKEN' https://{word()}.example"
        yield f"Authorization: Bearer <your token here>, Basic auth is off, {word()} bearer of this letter"
        yield f'{{"token": "{word()}", "key": "Vertrag {n}", "code": "{number(5)}", "page_token": "CAU{number(2)}"}}'
        yield f'{{"max_tokens": {n}, "eos_token": "<|endoftext|>", "token_type": "bearer", "keyboard": "de"}}'
        yield f'{{"primary_key": "{word()}_{number(6)}", "sort_key": "#{number(8)}", "cache_key": "{hexed(32)}"}}'
        yield f'{{"name": "key", "value": "{word()}"}}, {{"name": "token", "value": "EUR"}}'
        yield f"data:image/png;base64,{coded(600)}"
        yield f"Meeting at 10:30: password policy of {word()}, secret santa, keynote, tokenizer, monkey {n}"
        yield f"class Sk-{word()} {{ }} .sk-loading-{word()}-animation-container-{n} {{ color: #{hexed(6)} }}"
        yield f"Tel. +49 {number(3)} {number(8)}, VAT ATU{number(8)}, at {number(2)}:{number(2)}:{number(2)}"
        yield f"{number(10)}:{word()} and {word()}, ratio {number(3)}:{number(3)}"
        yield f"SKU{number(8)}, SK{number(10)}, AC-{number(6)}, key-{word()}-{n}, hf_{word()}_{word()}"
        yield f"https://{word()}.example/search?q={word()}&page={n}&session_start={number(10)}&code={number(5)}"
        yield f"git clone git@{word()}.example:team/{word()}.git && ssh-keygen -lf id.pub SHA256:{hexed(43)}"
        yield f"-----BEGIN CERTIFICATE-----\n{coded(48)}\n-----END CERTIFICATE-----"
        yield f"-----BEGIN PUBLIC KEY-----\n{coded(48)}\n-----END PUBLIC KEY-----"
        yield f"<a href='mailto:{word()}@example.com?subject=key'>&#x20AC;{number(3)}</a> &amp; {word()}"
        yield f"api-key: see vault, subscription key: {word()}, secret access key: on request ({number(4)})"
        yield f"basic {word()}ware, glpat-{word()}, xoxb-{word()}-{word()}, pat{word()}.{word()}, whsec_{word()}"
        yield f"ZUGFeRD {hexed(16).upper()} {base64.b32encode(source.randbytes(20)).decode()}"
        yield f"The serial number is {''.join(source.choices(ascii_uppercase + digits, k=25))}, batch {hexed(24)}"
        yield f"license: {'-'.join(''.join(source.choices(ascii_uppercase + digits, k=5)) for _ in range(5))}"
