"""What becomes of a client's field: a payload that has it beside one that has not, both read, against the table of its dialect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

from proxy.errors import ProxyError
from proxy.support import FEATURES, Support

Json = dict[str, Any]

# Where a feature stands in a request. Those that are called there as they are here need no word; all others are said in messages.
_PLACES: Final = {
    "tools": "tools",
    "strict_tools": "tools",
    "named_tool": "tool_choice",
    "json_mode": "response_format",
    "json_schema": "response_format",
    "hidden_reasoning": "hides_reasoning",
    "num_ctx": "extra",
    "runner": "extra",
    "keep_alive": "extra",
    "google_options": "extra",
    "service_tier": "extra",
    "verbosity": "extra",
    "prompt_cache": "extra",
    "usage": "wants_usage",
    "prompts": "prompt",
    "finished_prompts": "is_finished",
    "embeddings": "inputs",
}
# What an answer repeats of its request has no meaning.
_REPEATED: Final = "repeated"


@dataclass(frozen=True)
class Sample:
    """A field of a client's.

    Attributes:
        parse: how requests of its endpoint are read.
        asked: a payload that has it.
        plain: the same payload without it, or with another value.
        place: where the field stands in the request, where that is not the place of its feature.
    """

    parse: Callable[[Json], Any]
    asked: Json
    plain: Json
    place: str = ""


def is_answered(field: str) -> bool:
    """Whether a row is about answers."""
    return field.startswith("(answer)")


def check(support: Support, sample: Sample) -> None:
    """Fails when that is not what becomes of the field."""
    plain = _values(sample.parse(sample.plain))
    if support.outcome == "refused":
        try:
            sample.parse(sample.asked)
        except ProxyError:
            return
        raise AssertionError("it is not refused")
    asked = _values(sample.parse(sample.asked))
    changed = {name for name, value in asked.items() if value != plain.get(name)}
    if support.outcome == "dropped":
        assert not changed
    else:
        assert changed
    if support.feature:
        assert support.feature in FEATURES
        place = sample.place or _PLACES.get(support.feature, support.feature)
        assert (place if place in asked else "messages") in changed


def _values(request: Any) -> Json:
    """The members of a request, those of its sampling among them."""
    values = {field.name: getattr(request, field.name) for field in fields(request) if field.name != _REPEATED}
    sampling = values.pop("sampling", None)
    return values | ({field.name: getattr(sampling, field.name) for field in fields(sampling)} if sampling is not None else {})
