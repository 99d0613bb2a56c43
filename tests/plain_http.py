"""An extractor's call without an SDK, for suites that are about something else: its import is half of a short run."""

from __future__ import annotations

ASK = """
import json, os, urllib.request

def ask(*turns):
    request = urllib.request.Request(
        os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1") + "/chat/completions",
        json.dumps({"model": "m", "messages": [{"role": role, "content": text} for role, text in turns]}).encode(),
        {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]
"""
