"""One prompt, one request, one raw answer: the only part of the package that knows openai."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_llm_extract.errors import LlmExtractError


class ProviderError(LlmExtractError):
    """The provider answered with an error, or not at all."""

    def __init__(self, problem: str, *, refusal: bool = False) -> None:
        super().__init__(problem)
        self.problem, self.refusal = problem, refusal

    def __str__(self) -> str:
        return self.problem


@dataclass(frozen=True)
class RawAnswer:
    """The text of an answer, and how it ended."""

    content: str | None
    refusal: str | None
    finish_reason: str | None


def default_client() -> Any:
    """The client that `llm_client` gives unless a project overrides it."""
    import openai

    return openai.OpenAI()


def chat_body(
    model: str, messages: list[dict[str, str]], parameters: dict[str, Any], response_format: dict[str, Any]
) -> dict[str, Any]:
    """The body of a Chat Completions request."""
    return {"model": model, "messages": messages, **parameters, "response_format": response_format}


def complete(client: Any, body: dict[str, Any]) -> RawAnswer:
    """Send one Chat Completions request.

    Raises:
        ProviderError: an HTTP error, no connection, or an answer in another format.
    """
    import openai

    if not isinstance(client, openai.OpenAI):
        raise ProviderError(f"llm_client is {type(client).__name__}; it has to be an openai.OpenAI (or AzureOpenAI)")
    try:
        # Untyped on purpose: openai's own `create` builds a model of the answer, four tenths of the time of a replay.
        answer = client.post("/chat/completions", body=body, cast_to=object)
    except openai.APIStatusError as error:
        filtered = getattr(error, "code", None) == "content_filter"
        raise ProviderError(f"HTTP {error.status_code}: {error.message}", refusal=filtered) from None
    except openai.APIConnectionError as error:
        raise ProviderError(f"no answer from {client.base_url}: {error.__cause__ or error}") from None
    if not isinstance(answer, dict) or not answer.get("choices"):
        raise ProviderError(f"the answer is no chat completion: {str(answer)[:200]!r}")
    choice = answer["choices"][0]
    message = choice.get("message") or {}
    return RawAnswer(message.get("content"), message.get("refusal"), choice.get("finish_reason"))
