"""A server's words as a client may read them: one line, without tags, keys and addresses. Pure."""

from __future__ import annotations

import re

from proxy.secret_words import KEY_LOOKS

_CODE = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[!/]?[a-zA-Z][^<>]*>")
_MARKUP = re.compile(r"<!doctype|<html|<head|<body|</[a-z]", re.IGNORECASE)
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=*-]{6,}", re.IGNORECASE), r"\1 [key]"),
    (re.compile(KEY_LOOKS), "[key]"),
    (re.compile(r"(\bapi[-_ ]?key\b(?: provided)?['\"]?\s*[:=]\s*)[^\s,;]*[^\s,;.]", re.IGNORECASE), r"\1[key]"),
    (re.compile(r"\b(?:https?|wss?)://[^\s\"'<>)\]}]+[^\s\"'<>)\]}.,;:!?]", re.IGNORECASE), "[address]"),
    (re.compile(r"(\bhost\s*=\s*)['\"][^'\"]*['\"]", re.IGNORECASE), r"\1[address]"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "[address]"),
)


def plain(text: str, limit: int = 1000) -> str:
    """`text` in at most `limit` characters of one line. Tags go only where the text is a document: angle brackets alone mean nothing."""
    text = text[: limit * 20]
    if _MARKUP.search(text):
        text = _TAG.sub(" ", _CODE.sub(" ", text))
    text = " ".join(text.split())
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
