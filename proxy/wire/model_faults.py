"""Whether an error with status 500 is about what the model wrote, while its server is well. Pure."""

from __future__ import annotations

import re
from typing import Final

_MOST_CHARS: Final = 4000
# Servers that cannot read a call of their own model. All that was generated is lost, and would be generated anew by each attempt.
# Source: ollama/ollama#12884 (gpt-oss), ollama/ollama#14492 and #14834 (Qwen), ggml-org/llama.cpp#24644 and #27025, and harmony's parser.
_UNREADABLE: Final = re.compile(
    r"\b(?:error|failed) (?:parsing|to parse) (?:the )?(?:tool[ _]?calls?|function[ _]?calls?|json|xml|input at pos)\b"
    r"|\bmodel (?:produced|generated) (?:an? )?(?:output|tool call)s? that\b"
    r"|\bxml syntax error on line \d|\belement <[^>]*> closed by </|\bexpected element type <"
    r"|\bunexpected tokens remaining in message header\b",
    re.IGNORECASE,
)


def is_of_models_words(message: str) -> bool:
    """Whether the server could not read what its model wrote. `message` has its tags yet."""
    return _UNREADABLE.search(message[:_MOST_CHARS]) is not None
