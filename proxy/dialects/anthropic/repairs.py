"""Learns from refusals: a profile and what its server just said -> a profile that avoids it. Pure.

Only what a request can do without is left out, or said in another way. The model, the messages and the tools stay what they are; a wrong
value is the client's own mistake and is not repaired either. The sentences are Anthropic's, and those of pydantic, which it reads requests
with.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from proxy.canonical.efforts import EFFORTS
from proxy.errors import UpstreamRefused
from proxy.profile_lessons import shorter_answers
from proxy.profiles import Profile

_STATUSES: Final = frozenset({400, 403, 422, 500, 501})
_MAX_CHARS = 4096

Lesson = Callable[[str, Profile], Profile]

_ONE_OF_TWO = re.compile(r"temperature.{0,12}\btop_p\b.{0,60}(?:both|only one)", re.IGNORECASE)
_SAMPLING = re.compile(
    r"\b(temperature|top_p|top_k)\b.{0,40}"
    r"(?:deprecated|unsupported|not (?:supported|allowed|permitted)|extra inputs|only be set|must be 1\b)",
    re.IGNORECASE,
)
_FAMILY: Final = frozenset({"temperature", "top_p", "top_k"})


def _less_sampling(words: str, profile: Profile) -> Profile:
    """Who refuses one of the three refuses them all, where it is the model that does."""
    if _ONE_OF_TWO.search(words):
        return replace(profile, sampling_pairs=False)
    found = _SAMPLING.search(words)
    if not found:
        return profile
    return replace(profile, dropped=profile.dropped | (_FAMILY if "this model" in words else {found[1].lower()}))


_USE_ADAPTIVE = re.compile(
    r"thinking\.type\.enabled|use ['\"`]?thinking\.type\.adaptive|use adaptive|budget_tokens.{0,40}not supported", re.IGNORECASE
)
_NO_ADAPTIVE = re.compile(
    r"adaptive.{0,60}not (?:supported|available|permitted)|not support adaptive|\badaptive\b.{0,80}expected", re.IGNORECASE
)
_EXPECTED_KINDS = re.compile(r"thinking.{0,60}['\"`]adaptive['\"`].{0,60}(?:does not match|expected)", re.IGNORECASE | re.DOTALL)
_MUST_THINK = re.compile(
    r"thinking\.type\.disabled|thinking (?:cannot|can't|may not|must not) be disabled|disabled.{0,40}not supported", re.IGNORECASE
)
_CANT_THINK = re.compile(
    r"(?:does not|doesn't|not) support (?:extended )?thinking|thinking(?: is|:)? (?:not (?:supported|available)|extra inputs)",
    re.IGNORECASE,
)
_DISPLAY = re.compile(r"thinking[\w.]*\.display\b|\bdisplay\b.{0,40}extra inputs", re.IGNORECASE)


def _other_thinking(words: str, profile: Profile) -> Profile:
    if _DISPLAY.search(words):
        return replace(profile, dropped=profile.dropped | {"display"})
    if _MUST_THINK.search(words):
        return replace(profile, efforts=tuple(word for word in profile.efforts if word != "none"))
    if profile.reasoning == "budget" and _USE_ADAPTIVE.search(words):
        return replace(profile, reasoning="adaptive")
    if profile.reasoning == "adaptive" and (_NO_ADAPTIVE.search(words) or _EXPECTED_KINDS.search(words)):
        return replace(profile, reasoning="budget")
    return replace(profile, reasoning="none") if _CANT_THINK.search(words) else profile


_EFFORT = re.compile(r"output_config\.effort|\beffort\b", re.IGNORECASE)
_INPUT_SHOULD_BE = re.compile(r"(?:should be|one of|supported values|levels?)\b(.{3,160})", re.IGNORECASE)


def _other_efforts(words: str, profile: Profile) -> Profile:
    """The efforts that the server lists; without a list, none is sent."""
    if profile.reasoning != "adaptive" or not _EFFORT.search(words):
        return profile
    found = _INPUT_SHOULD_BE.search(words)
    listed = set(re.findall(r"\w+", found[1].lower())) & set(EFFORTS) if found else set()
    if not listed:
        return replace(profile, dropped=profile.dropped | {"effort"})
    kept = ("none",) if "none" in profile.efforts else ()
    efforts = (*kept, *(word for word in EFFORTS if word in listed - {"none"}))
    return replace(profile, efforts=efforts) if efforts != profile.efforts else replace(profile, dropped=profile.dropped | {"effort"})


_REFUSED = r"(?:extra inputs|(?:is|are) not (?:yet |currently )?(?:supported|permitted|available|enabled))"
_NO_STRICT = re.compile(
    rf"tools\.\d+(?:\.\w+)?\.strict['\"`]?:? {_REFUSED}|strict (?:tools?|mode) {_REFUSED}|not support strict", re.IGNORECASE
)
_NO_FORMAT = re.compile(
    rf"(?:output_config\.format|output[_ ]format|structured outputs?)['\"`]?:? (?:parameter )?{_REFUSED}"
    r"|(?:not|n't) support (?:the )?['\"`]?(?:output_config\.format|output[_ ]format|structured outputs?)",
    re.IGNORECASE,
)
# What is said of the schemas that this request came with.
_STRICT_TOOLS = re.compile(r"tools\.\d+.{0,40}\bstrict\b|strict tools?\b|schemas contains? too many.{0,200}tool schemas", re.IGNORECASE)
_FORMAT = re.compile(r"output_config\.format|output[_ ]format|structured outputs?|schemas contains? too many", re.IGNORECASE)
_FORCED = re.compile(
    r"tool_choice.{0,80}(?:not (?:supported|compatible|allowed)|forces? tool)|forced? tool.{0,60}not (?:supported|compatible)",
    re.IGNORECASE,
)
_NO_TOOLS = re.compile(r"(?:does not|doesn't) support tools?\b|tool use is not supported", re.IGNORECASE)
_PREFILL = re.compile(r"prefill|must end with a user message|final assistant (?:message|content).{0,40}not", re.IGNORECASE)
_SYSTEM_TURN = re.compile(
    r"messages.{0,40}role.{0,60}(?:system|user.{0,12}assistant)|unexpected role.{0,4}system|role.{0,4}system.{0,4}is not supported"
    r"|mid-conversation system",
    re.IGNORECASE,
)
_MOVED = re.compile(r"thinking.{0,100}(?:cannot|can't|may not|must not) be modified", re.IGNORECASE)
_UNSIGNED = re.compile(r"\bsignature\b.{0,60}thinking|thinking.{0,60}\bsignature\b", re.IGNORECASE)
_USER = re.compile(r"metadata(?:\.user_id)?['\"`]?:? .{0,60}(?:extra inputs|not (?:supported|permitted)|at most|too long)", re.IGNORECASE)
_STOPS = re.compile(r"stop_sequences.{0,60}(?:whitespace|white space)", re.IGNORECASE)
_STOP_COUNT = re.compile(r"stop_sequences.{0,60}(?:at most|maximum(?: of)?|no more than|up to) (\d+)", re.IGNORECASE)


def _fewer_stops(words: str, profile: Profile) -> Profile:
    if _STOPS.search(words):
        return replace(profile, blank_stops=False)
    found = _STOP_COUNT.search(words)
    return replace(profile, stop_limit=int(found[1])) if found and profile.stop_limit is None else profile


def _without_strict_tools(profile: Profile) -> Profile:
    return profile.for_this_request(strict_schema=False) if profile.strict_schema else profile


def _without_output_schema(profile: Profile) -> Profile:
    return profile.for_this_request(json_schema=False) if profile.json_schema else profile


def _odds_and_ends(words: str, profile: Profile) -> Profile:
    changed = (change(profile) for pattern, change in _SENTENCES if pattern.search(words))
    return next((learnt for learnt in changed if learnt != profile), profile)


_SENTENCES: Final[tuple[tuple[re.Pattern[str], Callable[[Profile], Profile]], ...]] = (
    (_MOVED, lambda profile: profile.for_this_request(latest_thoughts=False)),
    (_UNSIGNED, lambda profile: replace(profile, unsigned_thoughts=False)),
    (_PREFILL, lambda profile: replace(profile, prefill="reworded")),
    (_NO_STRICT, lambda profile: replace(profile, strict_schema=False)),
    (_NO_FORMAT, lambda profile: replace(profile, json_schema=False)),
    (_STRICT_TOOLS, _without_strict_tools),
    (_FORMAT, _without_output_schema),
    (_FORCED, lambda profile: replace(profile, forced_tools=False)),
    (_NO_TOOLS, lambda profile: replace(profile, tools=False)),
    (_SYSTEM_TURN, lambda profile: replace(profile, system_turns=False)),
    (_USER, lambda profile: replace(profile, dropped=profile.dropped | {"metadata"})),
)

_LESSONS: Final[tuple[Lesson, ...]] = (shorter_answers, _less_sampling, _odds_and_ends, _other_efforts, _other_thinking, _fewer_stops)


def repair(error: UpstreamRefused, profile: Profile) -> Profile | None:
    """A profile that avoids what the upstream just refused, or `None` when the refusal is not about a parameter."""
    if error.status not in _STATUSES or error.code in ("context_length_exceeded", "insufficient_quota", "content_filter"):
        return None
    words = error.message[:_MAX_CHARS]
    return next((learnt for lesson in _LESSONS if (learnt := lesson(words, profile)) != profile), None)
