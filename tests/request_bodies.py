"""One request of each API, with a system prompt or a schema where that API has it."""

from __future__ import annotations

from typing import Any

USER = [{"role": "user", "content": [{"text": "DOC"}]}]
SYSTEM: dict[str, dict[str, Any]] = {
    "anthropic": {"model": "m", "system": "Be brief.", "messages": USER, "max_tokens": 9},
    "anthropic blocks": {"model": "m", "system": [{"type": "text", "text": "Be brief."}], "messages": USER},
    "gemini": {"systemInstruction": {"parts": [{"text": "Be brief."}], "role": "user"}, "contents": []},
    "bedrock": {"system": [{"text": "Be brief."}], "messages": USER, "inferenceConfig": {"maxTokens": 9}},
    "cohere": {"model": "m", "messages": [{"role": "system", "content": "Be brief."}, *USER]},
    "cohere 1": {"model": "m", "preamble": "Be brief.", "message": "DOC"},
    "ollama chat": {"model": "m", "messages": [{"role": "system", "content": "Be brief."}]},
    "ollama generate": {"model": "m", "system": "Be brief.", "prompt": "DOC"},
    "chat": {"model": "m", "messages": [{"role": "developer", "content": "Be brief."}, *USER]},
    "responses": {"model": "m", "instructions": "Be brief.", "input": "DOC"},
}
SCHEMA: dict[str, dict[str, Any]] = {
    "anthropic": {"messages": USER, "output_config": {"effort": "low", "format": {"schema": {"type": "string"}}}},
    "gemini": {"contents": [], "generationConfig": {"temperature": 0, "responseSchema": {"type": "string"}}},
    "bedrock": {"messages": USER, "toolConfig": {"tools": [{"type": "string"}]}},
    "ollama": {"messages": USER, "format": {"type": "string"}},
}
