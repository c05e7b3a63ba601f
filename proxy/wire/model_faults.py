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
# sent, but mostly whose it was. Source: ollama/ollama#14492, #14570 and #14834 (Qwen), and its `qwen3.go`.
_OF_FORMS: Final = re.compile(
    r"\b(?:error|failed) (?:parsing|to parse) json: (?:raw=|unexpected end of json input|json: cannot unmarshal \w+ into go "
    r"|invalid character '(?:\\.|[^'\\])+' (?:looking|after|in)\b)"
    r"|\bxml syntax error on line \d+(?:: element <[^>]*> closed by </\w*)?|\belement <[^>]*> closed by </\w*"
    r"|\bexpected element type <[^>]*> but have <\w*",
    re.IGNORECASE,
)
# What whoever stands behind a gateway may have sent as well: a page, which begins as `<function=look>` does, or JSON of another kind.
_OF_OTHERS: Final = re.compile(r"'<' looking|cannot unmarshal", re.IGNORECASE)
# But this is what a call is read into.
_INTO_CALLS: Final = re.compile(
    r"cannot unmarshal \w+ into go (?:value|struct field [\w.]{1,80}) of type (?:map\[string\]|api\.ToolCall)", re.IGNORECASE
)
# Elements of a call, whatever the model wrote into them.
_IN_CALLS: Final = re.compile(r"\belement <[^>]*> closed by </(?:parameter|function|tool_call)>", re.IGNORECASE)
_OF_ANSWERS: Final = re.compile(r"\b(?:response|reply|body|request|backend|upstream)\b|</?(?:html|head|hr)\b", re.IGNORECASE)


def is_of_models_words(message: str, *, is_ollamas: bool = False) -> bool:
    """Whether the server could not read what its model wrote, and not what another server sent it.

    Args:
        message: its words, with their tags yet.
        is_ollamas: whether Ollama's own server said it: there is nobody behind that.
    """
    words = message[:_MOST_CHARS]
    if _OF_CALLS.search(words) or _IN_CALLS.search(words):
        return True
    found = _OF_FORMS.search(words)
    if found is None or _OF_ANSWERS.search(words[: found.end()]):
        return False
    return is_ollamas or _OF_OTHERS.search(found[0]) is None or _INTO_CALLS.search(words) is not None
