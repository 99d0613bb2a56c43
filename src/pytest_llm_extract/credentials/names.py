"""Recognize by its words the name of a credential: of a variable, a JSON member, a parameter or a header."""

from __future__ import annotations

import re
from functools import lru_cache


def word_set(words: str) -> frozenset[str]:
    """A set of the words in a string."""
    return frozenset(words.split())


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ALONE = word_set(
    """
    password passwd passphrase passcode pwd secret secrets credential credentials token key keys apikey
    apitoken dsn sas auth authorization pat
    """
)
_GLUED = re.compile(r"\w{2,}(?:key|token|secret|password|passwd|passphrase|credentials?)$")
_ENGLISH = word_set(
    """
    monkey whiskey turkey donkey hockey jockey lackey mickey hotkey betoken
    """
)
# What is before `key` or `token` where they are no credentials.
_BEFORE = word_set(
    """
    model primary foreign sort partition cache public natural composite unique lookup group map dict hash row
    idempotency field column object page next continuation sync cursor delta eos bos pad unk sep cls mask stop
    start end first last per total special tokenizer translation message event config routing shard answer
    legend
    """
)
# And what is behind them.
_BEHIND = word_set(
    """
    name names type url uri endpoint path file dir vault prefix suffix length size limit count counts expiry
    expires ttl algorithm arn alias layout format version ring board pair pairs error errors required index
    indexes
    """
)


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in small letters: of `X-API-Key`, `x_api_key` and `xApiKey` the same ones."""
    return tuple(word.lower() for word in _WORD.findall(name))


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether the value of this name is a credential, as far as a name can say."""
    words = words_of(name)
    return (
        any(_is_secret_word(words, at) for at in range(len(words)))
        or words[-2:] == ("connection", "string")
        or words[-1:] == ("pass",)
    )


def _is_secret_word(words: tuple[str, ...], at: int) -> bool:
    word, before, behind = words[at], words[at - 1 : at], words[at + 1 : at + 2]
    if word in _ENGLISH or not (word in _ALONE or _GLUED.match(word)):
        return False
    is_common = word in ("key", "keys", "token")
    return not (is_common and before and before[0] in _BEFORE) and not (behind and behind[0] in _BEHIND)
