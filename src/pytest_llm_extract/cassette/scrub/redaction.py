"""Remove credentials from the URL and the body of one request or answer, in any format."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Collection
from urllib.parse import quote, quote_plus, unquote_plus, urlsplit, urlunsplit

from pytest_llm_extract.cassette.scrub.credential_names import (
    REDACTED,
    is_credential,
    is_label_of_credential,
    is_query_credential,
    looks_like_one,
    may_be_credential,
    normal,
    without_keys,
)
from pytest_llm_extract.cassette.scrub.json_text import Rules, rewrite
from pytest_llm_extract.credentials.key_patterns import is_placeholder_password

_PARAMETER = re.compile(r"(?<![^&;?#])([^&;=?#]+)=([^&;#]*)")
_URL = re.compile(r"https?://[^\s\"'<>\\]+")
_FORM = re.compile(r"[\w.%+*\[\]-]+=\S*")
_MORE_THAN_A_PATH = re.compile(r"[@?#]")
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_PART_NAME = re.compile(r';\s*name="([^"]*)"')
_ELEMENT = re.compile(r"(<(?:[\w.-]+:)?([\w.-]+)(?:\s[^<>]*)?>)([^<]+)(?=</)")
_DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,")
_DIGEST = re.compile(r"[0-9a-fA-F]{32,}")
_LABELLED = re.compile(r'"(?:name|key|header|field|param|parameter|variable)\\?"\s*:\s*\\?"([^"\\]{1,48})')
_COLON = re.compile(r'"\s*:')
# What else there may be to take out of texts in JSON: a file, a user or parameters in a URL, a name that is escaped.
_SUSPECT = re.compile(r";base64,|://[^\s\"]{0,500}?[@?]|\\u00[2-7]")
_HINTS = (";base64,", "://", "\\u00")  # without one of them it finds nothing
_LONGEST_NAME = 48
_ECHO = "a credential of the request"


class Redaction:
    """One request, or one answer. `taken` are the credentials that were taken out, `scrubbed` their names in the body.

    `names` are those of the project, normal; their values are replaced whatever they are. `echoes` are texts that are
    taken out wherever they are. In an error, everything goes that looks like a key. `digests_files`: of a file in a
    data URL, its sha256 stays.
    """

    def __init__(
        self,
        names: frozenset[str] = frozenset(),
        echoes: Collection[str] = (),
        *,
        is_error: bool = False,
        digests_files: bool = False,
    ) -> None:
        self._names, self._is_error, self._digests_files = names, is_error, digests_files
        forms = {form for text in echoes for form in (text, quote(text, safe=""), quote_plus(text))}
        self._echoes = sorted(forms, key=len, reverse=True)
        self.taken: set[str] = set()
        self.scrubbed: dict[str, None] = {}

    def url(self, url: str) -> str:
        """A URL without its user, its fragment, and the credentials in its query."""
        if not _MORE_THAN_A_PATH.search(url):
            return url
        split, in_body = urlsplit(url), self.scrubbed.copy()
        user, _, host = split.netloc.rpartition("@")
        self.taken.update(filter(None, map(unquote_plus, user.split(":"))))
        query = self._parameters(split.query)
        self.scrubbed = in_body
        return urlunsplit(split._replace(netloc=host, query=query, fragment=""))

    def body(self, body: bytes, content_type: str = "") -> bytes:
        """A body: JSON, the events of a stream, a form, its parts, XML or text."""
        encoding: str = json.detect_encoding(body)
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            encoding = "latin-1"  # any byte comes back as it was
            text = body.decode(encoding)
        clean = self._of_any_format(text, content_type)
        return body if clean == text else clean.encode(encoding)

    def text(self, text: str) -> str:
        """A string without echoes; in an error, without keys too."""
        for echo in self._echoes:
            if echo in text:
                self.scrubbed[_ECHO] = None
                text = text.replace(echo, REDACTED)
        return without_keys(text) if self._is_error else text

    def _of_any_format(self, text: str, content_type: str) -> str:
        boundary = _BOUNDARY.search(content_type)
        if boundary and content_type.lower().startswith("multipart/"):
            return self._multipart(text, f"--{boundary[1]}")
        if content_type.lower().startswith("application/x-www-form-urlencoded") or _FORM.fullmatch(text):
            return self._parameters(text)
        return self._free(text)

    def _free(self, text: str) -> str:
        """JSON in any arrangement, XML, and text without a format."""
        if text.lstrip()[:1] == "<":
            text = _ELEMENT.sub(self._element, text)
        elif self._is_suspect(text):
            text = rewrite(text, Rules(self._value, self._is_named, is_label_of_credential, self._take, REDACTED))
        return self.text(text)

    def _is_suspect(self, text: str) -> bool:
        """A quick check whether JSON could hold something to remove; mostly it does not."""
        if self._is_error or any(echo in text for echo in self._echoes):
            return True
        if any(hint in text for hint in _HINTS) and _SUSPECT.search(text):
            return True
        before = _COLON.split(text)[:-1]
        names = {piece[-_LONGEST_NAME:].rstrip("\\").rpartition('"')[2] for piece in before}
        if any(may_be_credential(name) or self._is_named(name) for name in names):
            return True
        return any(is_label_of_credential(label) for label in _LABELLED.findall(text))

    def _value(self, name: str | None, value: str) -> str | None:
        if not value or value == REDACTED:
            return None
        if name is not None and is_credential(name, value):
            self._take(name, value)
            return REDACTED
        if self._digests_files and (data_url := _DATA_URL.match(value)):
            return _digest(value, data_url.end())
        if value.lstrip()[:1] in ("{", "["):
            value = self._free(value)
        return self.text(_URL.sub(self._linked, value) if "://" in value else value)

    def _take(self, name: str, value: str) -> None:
        self.taken.add(value)
        if not self._is_named(name):  # which the project asked for
            self.scrubbed[name] = None

    def _is_named(self, name: str) -> bool:
        return bool(self._names) and normal(name) in self._names

    def _parameters(self, text: str) -> str:
        """The parameters of a query or a form."""
        return self.text(_PARAMETER.sub(self._parameter, text))

    def _parameter(self, match: re.Match[str]) -> str:
        name, value = unquote_plus(match[1]), unquote_plus(match[2])
        if self._is_named(name) or is_query_credential(name) or is_credential(name, value):
            self._take(name, value)
            return f"{match[1]}={REDACTED}"  # an empty one too: where it is replayed, there may be no key
        if value.lstrip()[:1] in ("{", "[") and (clean := self._free(value)) != value:
            return f"{match[1]}={quote_plus(clean)}"
        return match[0]

    def _linked(self, match: re.Match[str]) -> str:
        """A URL within a string, possibly a document's own: only what looks like a credential is removed."""
        address, mark, query = match[0].partition("?")
        scheme, _, rest = address.partition("://")
        host, slash, path = rest.partition("/")
        user, _, password = host.rpartition("@")[0].partition(":")
        if user and not is_placeholder_password("", password or user):
            self.scrubbed["the user of a link"] = None
            address = f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
        return address + mark + _PARAMETER.sub(self._linked_parameter, query)

    def _linked_parameter(self, match: re.Match[str]) -> str:
        name, value = unquote_plus(match[1]), unquote_plus(match[2])
        is_secret = self._is_named(name) or is_credential(name, value)
        if is_secret or (is_query_credential(name) and (looks_like_one(value) or _DIGEST.fullmatch(value))):
            self._take(name, value)
            return f"{match[1]}={REDACTED}"
        return match[0]

    def _multipart(self, text: str, delimiter: str) -> str:
        return delimiter.join(self._part(part) for part in text.split(delimiter))

    def _part(self, part: str) -> str:
        head, gap, content = part.partition("\r\n\r\n")
        value, end = (content[:-2], content[-2:]) if content.endswith("\r\n") else (content, "")
        name = _PART_NAME.search(head)
        if name and value and (self._is_named(name[1]) or is_query_credential(name[1])):
            self._take(name[1], value)
            return head + gap + REDACTED + end
        return head + gap + self._free(value) + end

    def _element(self, match: re.Match[str]) -> str:
        if self._is_named(match[2]) or is_credential(match[2], match[3].strip()):
            self._take(match[2], match[3].strip())
            return match[1] + REDACTED
        return match[0]


def _digest(url: str, start: int) -> str | None:
    """A data URL with the sha256 of its file instead of the file."""
    try:
        data = base64.b64decode(url[start:], validate=True)
    except ValueError:
        return None
    return f"{url[:start]}sha256:{hashlib.sha256(data).hexdigest()}"
