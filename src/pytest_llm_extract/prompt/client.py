"""One prompt, one request, one raw answer: the only part of the package that knows openai."""

from __future__ import annotations

import json
from typing import Any
from weakref import WeakKeyDictionary

from pytest_llm_extract.cassette.http import router
from pytest_llm_extract.errors import LlmExtractError
from pytest_llm_extract.wire_formats import RawAnswer, read_answer_body

# Each API's path, the member without which a body is not an answer of it, and what such an answer is called.
_APIS = {
    "chat": ("/chat/completions", "choices", "chat completion"),
    "responses": ("/responses", "output", "response of the Responses API"),
}


class ProviderError(LlmExtractError):
    """The provider answered with an error, or not at all."""

    def __init__(self, problem: str, *, refusal: bool = False) -> None:
        super().__init__(problem)
        self.refusal = refusal


def default_client() -> Any:
    """The client that `llm_client` gives unless a project overrides it."""
    import openai

    client = openai.OpenAI()
    _as_made[client] = dict(vars(client))
    return client


# The default clients, and what they were made of.
_as_made: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def _is_untouched(client: Any) -> bool:
    """Whether a client is known to add only its URL and headers to a request.

    A project may have changed the default one in place.
    """
    import openai

    if type(client) is not openai.OpenAI or vars(client) != _as_made.get(client):
        return False
    http = getattr(client, "_client", None)  # openai's own httpx client
    return http is not None and not any(http.event_hooks.values())


def complete(client: Any, api: str, body: dict[str, Any]) -> RawAnswer:
    """Send one request of the API `chat` or `responses`; on replay, an untouched default client takes no part.

    Raises:
        ProviderError: an HTTP error, no connection, or an answer in another format.
    """
    path, member, kind = _APIS[api]
    answer = _replayed(client, path, body) if _is_untouched(client) else None
    if answer is None:
        answer = _sent(client, path, body)
    if isinstance(answer, dict) and answer.get("status") == "failed":
        raise ProviderError(f"the response failed: {str(answer.get('error'))[:200]}")
    if (
        not isinstance(answer, dict)
        or not isinstance(answer.get(member), list)
        or not (answer[member] or api != "chat")
    ):
        raise ProviderError(f"the answer is not a {kind}: {str(answer)[:200]!r}")
    return read_answer_body(answer)


def _replayed(client: Any, path: str, body: dict[str, Any]) -> Any:
    """The recorded answer, read without the client, which would take half of a replay's time."""
    try:
        sent = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError):  # the client may have a way to write it
        return None
    answer = router.plain_answer(f"{str(client.base_url).rstrip('/')}{path}", sent)
    try:
        return None if answer is None else json.loads(answer)
    except ValueError as error:
        raise ProviderError(f"the answer is not JSON: {error}") from None


def _sent(client: Any, path: str, body: dict[str, Any]) -> Any:
    import openai

    _check_client(client)
    try:
        # Untyped on purpose: openai's own `create` builds a model of the answer, four tenths of the time of a replay.
        # Whoever records tries again, the whole case: a client that did so too would hide that the provider is busy.
        return client.post(path, body=body, cast_to=object, options={"max_retries": 0})
    except openai.APIStatusError as error:
        filtered = getattr(error, "code", None) == "content_filter"
        raise ProviderError(f"HTTP {error.status_code}: {error.message}", refusal=filtered) from None
    except openai.APIConnectionError as error:
        raise ProviderError(f"no answer from {client.base_url}: {error.__cause__ or error}") from None
    except json.JSONDecodeError as error:
        raise ProviderError(f"the answer is not JSON: {error}") from None


def _check_client(client: Any) -> None:
    import openai

    name = type(client).__name__
    if isinstance(client, openai.AsyncOpenAI):
        raise ProviderError(f"llm_client is {name}, but prompts are sent synchronously: give an OpenAI or AzureOpenAI")
    if not isinstance(client, openai.OpenAI):
        raise ProviderError(f"llm_client is {name}; it must be an openai.OpenAI (or AzureOpenAI)")
