"""Whether an error with status 500 is about what the model wrote, while its server is well. Pure."""

from __future__ import annotations

import re
from typing import Final

_MOST_CHARS: Final = 4000
# Servers that cannot read a call of their own model. All that was generated is lost, and would be generated anew by each attempt.
# Source: ollama/ollama#12884 (gpt-oss), ggml-org/llama.cpp#24644 and #27025, and harmony's parser.
_OF_CALLS: Final = re.compile(
    r"\b(?:error|failed) (?:parsing|to parse) (?:the )?(?:tool[ _]?calls?|function[ _]?calls?|input at pos)\b"
    r"|\bmodel (?:produced|generated) (?:an? )?(?:output|tool call)s? that\b"
    r"|\bunexpected tokens remaining in message header\b",
    re.IGNORECASE,
)
# What Go's readers say, and no more: "failed to parse JSON: unexpected end of JSON input". Gateways say as much of what their own servers
# sent, but mostly whose it was; a page begins with `<`. Source: ollama/ollama#14492, #14570 and #14834 (Qwen).
_OF_FORMS: Final = re.compile(
    r"\b(?:error|failed) (?:parsing|to parse) json: "
    r"(?:raw=|unexpected end of json input|invalid character (?!'<' looking)\S+ (?:looking|after|in)\b)"
    r"|\bxml syntax error on line \d+(?:: element <[^>]*> closed by </\w*)?|\belement <[^>]*> closed by </\w*"
    r"|\bexpected element type <[^>]*> but have <\w*",
    re.IGNORECASE,
)
_OF_ANSWERS: Final = re.compile(r"\b(?:response|reply|body|request|backend|upstream)\b|</?(?:html|head|hr)\b", re.IGNORECASE)


def is_of_models_words(message: str) -> bool:
    """Whether the server could not read what its model wrote, and not what another server sent it. `message` has its tags yet."""
    words = message[:_MOST_CHARS]
    if _OF_CALLS.search(words) is not None:
        return True
    found = _OF_FORMS.search(words)
    return found is not None and _OF_ANSWERS.search(words[: found.end()]) is None
