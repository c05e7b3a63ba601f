"""Learns from refusals: a profile and what Gemini just said -> a profile that avoids it. Pure.

Only what a request can do without is left out, or said in another way. The model, the messages and the tools stay what they are. Where it
is a value that is refused, nothing is learnt for other requests, which have values of their own; and what decides what an answer costs is
for the client to hear of.

The sentences are Google's, as users reported them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from proxy.canonical.google_options import SERVICE_TIER
from proxy.errors import UpstreamRefused
from proxy.profile_lessons import offers_others, shorter_answers
from proxy.profiles import Profile

_STATUSES: Final = frozenset({400, 500, 502})

Lesson = Callable[[str, Profile], Profile]


def repair(error: UpstreamRefused, profile: Profile) -> Profile | None:
    """A profile that avoids what the upstream just refused, or `None` when the refusal is not about a parameter."""
    if error.status not in _STATUSES:
        return None
    words = "\n".join(dict.fromkeys(_words(error.raw))) or error.message
    for lesson in _LESSONS:
        learnt = lesson(words, profile)
        if learnt != profile:
            return learnt
    return None


def _words(raw: Any) -> Iterator[str]:
    """The message, the status word of an answer that was broken off, and what is said of single fields."""
    error = raw.get("error") if isinstance(raw, dict) else None
    if not isinstance(error, dict):
        return
    for text in (error.get("message"), error.get("status")):
        if isinstance(text, str):
            yield text[:4000]
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        violations = detail.get("fieldViolations") if isinstance(detail, dict) else None
        for violation in violations if isinstance(violations, list) else ():
            if isinstance(violation, dict):
                yield f"{violation.get('field')}: {violation.get('description')}"[:1000]


_MISSING_SIGNATURE = re.compile(
    r"missing a? ?thought_?signature|MISSING_THOUGHT_SIGNATURE|thought_signature.{0,40}(?:required|missing)", re.IGNORECASE
)


def _signed(words: str, profile: Profile) -> Profile:
    return replace(profile, must_echo_reasoning=True) if _MISSING_SIGNATURE.search(words) else profile


_NOT = r"(?:not (?:yet |currently )?(?:supported|enabled|available|allowed)|unsupported|unknown name|cannot find field|invalid)"
_LEVEL = re.compile(rf"thinking[ _]?level.{{0,120}}{_NOT}|{_NOT}.{{0,60}}thinking_?level", re.IGNORECASE | re.DOTALL)
_LEVEL_WORD = re.compile(r"\b(minimal|low|medium|high|xhigh)\b", re.IGNORECASE)
_NO_THINKING = re.compile(
    rf"(?:thinking|thinking[_ ]?config)\b(?![_ ]?(?:level|budget)).{{0,60}}{_NOT}|{_NOT}.{{0,40}}thinking_?config\b"
    r"|include_?thoughts is only enabled when thinking is enabled|does not support thinking|unable to .{0,20}thinking",
    re.IGNORECASE | re.DOTALL,
)
_ZERO_BUDGET = re.compile(
    r"budget 0 is invalid|only works in thinking mode|thinking (?:cannot|can't) be (?:disabled|turned off)", re.IGNORECASE
)
_BUDGET = re.compile(rf"thinking[_ ]?budget.{{0,80}}(?:{_NOT}|choose a value between|out of range)", re.IGNORECASE | re.DOTALL)
_BUDGET_RANGE = re.compile(r"thinking[_ ]?budget.{0,160}?\bbetween (\d{1,9}) and (\d{1,9})", re.IGNORECASE | re.DOTALL)
_BUDGET_VALUE = re.compile(r"thinking[_ ]?budget\W{0,3}(?:of )?\d|choose a value|out of range", re.IGNORECASE)


def _other_budgets(words: str, profile: Profile) -> Profile:
    """Budgets within what the server says that it takes; without that, this request has none of its own, then none at all."""
    if not _BUDGET_VALUE.search(words):
        return replace(profile, reasoning="none")
    if found := _BUDGET_RANGE.search(words):
        limits = (int(found[1]), int(found[2]))
        if limits != profile.thought_tokens and limits[0] <= limits[1]:
            return replace(profile, thought_tokens=limits)
    without = profile.without_in_this_request("thinkingBudget")
    return without if without != profile else profile.for_this_request(reasoning="none")


def _other_thinking(words: str, profile: Profile) -> Profile:
    """A level less where one is refused; budgets where levels are; nothing where there is no thinking."""
    if profile.reasoning not in ("level", "budget"):
        return profile
    if profile.reasoning == "level" and _LEVEL.search(words):
        refused = {word.lower() for word in _LEVEL_WORD.findall(words)} & set(profile.efforts)
        if len(refused) == 1:
            return replace(profile, efforts=tuple(word for word in profile.efforts if word not in refused))
        return replace(profile, reasoning="budget", efforts=("none", "minimal", "low", "medium", "high", "xhigh"))
    if _ZERO_BUDGET.search(words):
        return replace(profile, efforts=tuple(word for word in profile.efforts if word != "none"))
    if profile.reasoning == "budget" and _BUDGET.search(words):
        return _other_budgets(words, profile)
    return replace(profile, reasoning="none") if _NO_THINKING.search(words) else profile


_FORMAT_WITH_TOOLS = re.compile(
    r"function call\w* .{0,60}response mime ?_?type"
    r"|(?:tools?|function call\w*).{0,60}(?:json mode|structured output|response_?schema).{0,60}not",
    re.IGNORECASE | re.DOTALL,
)
_NO_JSON = re.compile(rf"json mode.{{0,40}}{_NOT}|response_?mime_?type.{{0,120}}{_NOT}", re.IGNORECASE | re.DOTALL)


def _other_format(words: str, profile: Profile) -> Profile:
    if _FORMAT_WITH_TOOLS.search(words):
        return replace(profile, format_with_tools=False)
    return replace(profile, json_schema=False, json_mode="prompt") if _NO_JSON.search(words) else profile


_JSON_SCHEMA = re.compile(r"(?:parameters|response)_?json_?schema|json ?schema", re.IGNORECASE)
_RESPONSE_SCHEMA = re.compile(r"response_?(?:json_?)?schema|too many states for serving", re.IGNORECASE)
# What is said of the field itself, whatever schema is in it.
_NO_FIELD = re.compile(
    r"unknown name \"(?:(?:parameters|response)_?json_?|response_?)schema\""
    r"|(?:(?:parameters|response)_?json_?|response_?|json[_ ]?)schema['\"`]? (?:is|are) "
    r"(?:not (?:yet |currently )?(?:supported|enabled|available|allowed)|unsupported)",
    re.IGNORECASE,
)


def _other_schemas(words: str, profile: Profile) -> Profile:
    """Schemas as OpenAPI has them, and an answer's in words where even those are refused."""
    changes: dict[str, Any] = {}
    if profile.schemas == "json" and (_JSON_SCHEMA.search(words) or _RESPONSE_SCHEMA.search(words)):
        changes["schemas"] = "openapi"
    elif profile.schemas == "openapi" and profile.json_schema and _RESPONSE_SCHEMA.search(words):
        changes["json_schema"] = False
    if not changes:
        return profile
    return replace(profile, **changes) if _NO_FIELD.search(words) else profile.for_this_request(**changes)


_NO_SYSTEM = re.compile(rf"(?:developer|system)[ _]?instructions?.{{0,40}}{_NOT}", re.IGNORECASE | re.DOTALL)
_NO_LOGPROBS = re.compile(rf"log_?probs.{{0,60}}{_NOT}|{_NOT}.{{0,60}}logprobs", re.IGNORECASE | re.DOTALL)
_NO_DIMENSIONS = re.compile(rf"output_?dimensionality.{{0,60}}{_NOT}|{_NOT}.{{0,60}}output_?dimensionality", re.IGNORECASE | re.DOTALL)
_NO_PENALTY = re.compile(
    r"penalty.{0,40}(?:not (?:yet |currently )?(?:supported|enabled|available)|unsupported)", re.IGNORECASE | re.DOTALL
)
_INVALID = re.compile(r"\binvalid (?!json payload)|\bis invalid", re.IGNORECASE)
_STOPS = re.compile(
    r"stop_?sequences?.{0,80}?(?:at most|up to|maximum(?: of)?|exceed\w*|more than|<=)\D{0,12}(\d+)", re.IGNORECASE | re.DOTALL
)
_RESULT_PARTS = re.compile(
    rf"function_?response\W.{{0,80}}\bparts?\b.{{0,60}}{_NOT}|{_NOT}.{{0,40}}function_response\.parts", re.IGNORECASE | re.DOTALL
)
_PENALTIES: Final = frozenset({"presencePenalty", "frequencyPenalty"})


def _odds_and_ends(words: str, profile: Profile) -> Profile:
    if stops := _STOPS.search(words):
        limit = int(stops[1])
        if profile.stop_limit is None or limit < profile.stop_limit:
            return replace(profile, stop_limit=limit)
        # There were no more, so it is about what stands in one of them.
        return profile.for_this_request(stop_limit=0) if profile.stop_limit else profile
    for pattern, change in _SENTENCES:
        if pattern.search(words):
            learnt = change(profile)
            return profile.lent(learnt) if offers_others(words) or _INVALID.search(words) else learnt
    return profile


_SENTENCES: Final[tuple[tuple[re.Pattern[str], Callable[[Profile], Profile]], ...]] = (
    (_NO_SYSTEM, lambda profile: replace(profile, system=False)),
    (_NO_LOGPROBS, lambda profile: replace(profile, logprobs=False)),
    (_NO_DIMENSIONS, lambda profile: replace(profile, dimensions=False)),
    (_RESULT_PARTS, lambda profile: replace(profile, results_show=False)),
    (_NO_PENALTY, lambda profile: replace(profile, dropped=profile.dropped | _PENALTIES)),
)

_FIELD = re.compile(r"unknown name \"(\w{1,64})\"|unsupported (?:field|parameter):? ['\"]?(\w{1,64})", re.IGNORECASE)
# Or the value that it has.
_EITHER = re.compile(r"(?<!['\"`] )(?<!\w)['\"]?(\w{1,64})['\"]? (?:is|are) not (?:supported|enabled)", re.IGNORECASE)
_UNDERLINE = re.compile(r"_([a-z])")


def _without_fields(words: str, profile: Profile) -> Profile:
    """A profile that leaves out what is refused by name."""
    known = {*profile.params.values(), "includeThoughts", SERVICE_TIER} - profile.dropped
    of_field = _camel(name for found in _FIELD.findall(words) for name in found if name) & known
    of_either = _camel(_EITHER.findall(words)) & known - of_field
    if offers_others(words):
        return _without(of_field, profile).without_in_this_request(*(of_either - {SERVICE_TIER}))
    return _without(of_field | of_either, profile)


def _camel(names: Iterable[str]) -> set[str]:
    return {_UNDERLINE.sub(lambda letter: letter[1].upper(), name) for name in names}


def _without(fields: set[str], profile: Profile) -> Profile:
    return replace(profile, dropped=profile.dropped | fields) if fields else profile


_LESSONS: Final[tuple[Lesson, ...]] = (
    _signed,
    shorter_answers,
    _without_fields,
    _other_thinking,
    _other_format,
    _other_schemas,
    _odds_and_ends,
)
