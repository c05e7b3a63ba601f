"""Records of a stream that say nothing yet: an answer that fails after them has not begun. Pure."""

from __future__ import annotations

# What records have beside their choices that is no news to anybody. What is not in here may be: llama.cpp tells how far it has read
# (`prompt_progress`). Source: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
_FRAME = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier", "obfuscation"}
    | {"prompt_filter_results", "provider", "x_groq", "p"}
)
_PLACE, _ROLE = frozenset({"index", "delta"}), frozenset({"role"})


def says_something(record: object) -> bool:
    """Whether a record is more than the frame of an answer, with a role. What is not known to be nothing is something."""
    if not isinstance(record, dict) or not isinstance(record.get("choices"), list):
        return True
    return any(map(_choice_says_something, record["choices"])) or _has_more_than(_FRAME, record)


def _choice_says_something(choice: object) -> bool:
    if not isinstance(choice, dict):
        return True
    delta = choice.get("delta")
    if delta and (not isinstance(delta, dict) or _has_more_than(_ROLE, delta)):
        return True
    return _has_more_than(_PLACE, choice)


def _has_more_than(names: frozenset[str], members: dict[str, object]) -> bool:
    """Whether a member of another name has anything in it. Log probabilities of no tokens are an object of empty lists."""
    for name, value in members.items():  # noqa: SIM110 (a generator costs more than what it looks through)
        if value and name not in names and (not isinstance(value, dict) or any(value.values())):
            return True
    return False
