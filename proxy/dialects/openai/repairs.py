"""Learns from refusals: a profile and what its server just said -> a profile that avoids it. Pure.

Only what a request can do without is left out, or said in another way. The model, the messages and the tools stay what they are. Where it
is a value that is refused, nothing is learnt for other requests, which have values of their own; and what decides what an answer costs is
for the client to hear of.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from proxy.dialects.openai.lessons import LESSONS, less_format, less_reasoning, with_other_token_limit
from proxy.dialects.openai.refused import names_in, words_of
from proxy.errors import UpstreamRefused
from proxy.profiles import Profile

_STATUSES: Final = frozenset({400, 403, 422, 500, 501})

# What OpenAI's reasoning models refuse one by one; who refuses one of these refuses them all.
_FAMILY: Final = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})
_OF_MODEL = re.compile(r"unsupported (?:parameter|value): .* this model|is deprecated for this model", re.IGNORECASE)


def repair(error: UpstreamRefused, profile: Profile) -> Profile | None:
    """A profile that avoids what the upstream just refused, or `None` when the refusal is not about a parameter."""
    if error.status not in _STATUSES:
        return None
    words = words_of(error)
    for lesson in LESSONS:
        learnt = lesson(words, profile)
        if learnt != profile:
            return learnt
    learnt = profile
    for name, is_of_value in names_in(error, words).items():
        learnt = _without_value(name, learnt, words) if is_of_value else _without_name(name, learnt, words)
    return None if learnt == profile else learnt


def _without_value(name: str, profile: Profile, words: str) -> Profile:
    """`profile` that does without the field in this request. What the gateway says of itself it says in every request."""
    place, field = _place_and_field(name, profile)
    if field in ((profile.echo_reasoning, "prefix") if place == "messages" else _OWN):
        return _without_name(name, profile, words)
    if field == _TIER or field == profile.max_tokens:
        return profile
    if field in profile.params.values():
        return profile.without_in_this_request(field)
    return profile.lent(_without_name(name, profile, words))


def _without_name(name: str, profile: Profile, words: str) -> Profile:
    place, field = _place_and_field(name, profile)
    return _without_in_messages(field, profile) if place == "messages" else _without(field, profile, words)


def _place_and_field(name: str, profile: Profile) -> tuple[str, str]:
    """What `name`, a dotted path, is about: a field of the messages by its own name, else a field of the request.

    `reasoning` is OpenRouter's switch, and elsewhere may be the thinking of earlier turns.
    """
    first, _, _ = name.partition(".")
    is_thinking = name == "reasoning_content" or (name == profile.echo_reasoning and profile.reasoning != "openrouter")
    if first == "messages" or is_thinking:
        return "messages", name.rpartition(".")[2]
    return "", first


def _without(field: str, profile: Profile, words: str) -> Profile:
    if field in _FAMILY | {"logprobs", "top_logprobs"} and _OF_MODEL.search(words):
        return replace(profile, dropped=profile.dropped | _FAMILY, logprobs=False)
    if field == profile.max_tokens:
        return with_other_token_limit(profile)
    if field == "response_format":
        return less_format(profile, words)
    if field in profile.params.values() or field in _PLAIN_FIELDS:
        return replace(profile, dropped=profile.dropped | {field})
    change = _CHANGES.get(field)
    return profile if change is None else change(profile)


def _without_in_messages(field: str, profile: Profile) -> Profile:
    if field == profile.echo_reasoning:
        return replace(profile, echo_reasoning="", must_echo_reasoning=False)
    if field == "prefix":
        return replace(profile, prefill="")
    if field == "detail":
        return replace(profile, dropped=profile.dropped | {field})
    return replace(profile, message_names=False) if field == "name" else profile


def _without_effort(profile: Profile) -> Profile:
    """Beside a template's switch the effort is an extra; elsewhere it is all there is."""
    if profile.reasoning == "template":
        return replace(profile, dropped=profile.dropped | {"reasoning_effort"})
    return less_reasoning(profile)


# Whatever clients want, the gateway says the same here, or nothing.
_OWN: Final = frozenset(
    {"encoding_format", "input_type", "truncate", "truncate_prompt_tokens", "stream", "stream_options", "include_usage"}
    | {"continue_final_message", "add_generation_prompt"}
)
# How soon an answer comes, and at which price: nobody gets another than asked for without being told.
_TIER: Final = "service_tier"
# Fields that are left out without any other consequence.
_PLAIN_FIELDS: Final = frozenset(
    {"reasoning_format", "chat_template_kwargs", "encoding_format", "input_type", "truncate", "truncate_prompt_tokens"}
)
_CHANGES: Final[dict[str, Callable[[Profile], Profile]]] = {
    "stop": lambda profile: replace(profile, stop_limit=0),
    "stream_options": lambda profile: replace(profile, stream_options=False),
    "include_usage": lambda profile: replace(profile, stream_options=False),
    "stream": lambda profile: replace(profile, streams="none"),
    "logprobs": lambda profile: replace(profile, logprobs=False),
    "top_logprobs": lambda profile: replace(profile, logprobs=False),
    "dimensions": lambda profile: replace(profile, dimensions=False),
    "strict": lambda profile: replace(profile, strict_schema=False),
    "tool_choice": lambda profile: replace(profile, named_tool="only"),
    "continue_final_message": lambda profile: replace(profile, prefill=""),
    "add_generation_prompt": lambda profile: replace(profile, prefill=""),
    "reasoning_effort": _without_effort,
    "thinking": less_reasoning,
    "think": less_reasoning,
    "enable_thinking": less_reasoning,
    "reasoning": less_reasoning,
}
