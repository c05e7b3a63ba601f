"""Lessons from what servers say in sentences: words and a profile -> a profile that heeds them, or the same. Pure.

The sentences are those of OpenAI, Azure, vLLM, llama.cpp, LM Studio, OpenRouter, Groq, Mistral, DeepSeek, Moonshot, Together, NVIDIA
and Ollama.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from proxy.canonical.efforts import EFFORTS
from proxy.profile_lessons import offers_others, shorter_answers
from proxy.profiles import Profile

Lesson = Callable[[str, Profile], Profile]


def with_other_token_limit(profile: Profile) -> Profile:
    """The other name, unless that was refused before: then the limit is not sent."""
    dropped = profile.dropped | {profile.max_tokens}
    if profile.max_tokens == "max_tokens":
        return replace(profile, max_tokens="max_completion_tokens", dropped=dropped)
    return replace(profile, max_tokens="max_tokens", dropped=dropped)


def less_format(profile: Profile, words: str) -> Profile:
    """One step down: a schema, any object, words. Where `words` speak of the schema itself, that says nothing of other schemas."""
    if is_of_schema(words):
        return profile.for_this_request(json_schema=False) if profile.json_schema else profile
    if profile.json_schema:
        return replace(profile, json_schema=False, json_mode="prompt" if profile.json_mode == "json_schema" else profile.json_mode)
    return replace(profile, json_mode="prompt")


def less_reasoning(profile: Profile) -> Profile:
    """`profile` that says nothing of reasoning any more."""
    return replace(profile, reasoning="none")


_TOKEN_LIMIT = re.compile(r"use ['\"`]?(max_completion_tokens|max_tokens)['\"`]? instead", re.IGNORECASE)


def _renamed_token_limit(words: str, profile: Profile) -> Profile:
    found = _TOKEN_LIMIT.search(words)
    return with_other_token_limit(profile) if found and found[1].lower() != profile.max_tokens else profile


_EFFORT = re.compile(r"reasoning[._]?effort|reasoning value", re.IGNORECASE)
_ALLOWED = re.compile(r"(?:supported values|allowed values|one of|should be|must be)\b(.{3,160})", re.IGNORECASE)
_UNSUPPORTED_VALUE = re.compile(r"unsupported value|invalid value|not (?:a valid|one of)|invalid reasoning", re.IGNORECASE)


def _other_efforts(words: str, profile: Profile) -> Profile:
    """The efforts that the server lists; without a list the three that everybody has, then none."""
    if not _EFFORT.search(words) or profile.reasoning == "none":
        return profile
    found = _ALLOWED.search(words)
    listed = set(re.findall(r"\w+", found[1].lower())) & set(EFFORTS) if found else set()
    efforts = tuple(word for word in EFFORTS if word in listed)
    if found and ("default" in found[1] or efforts) and efforts != profile.efforts:
        return replace(profile, efforts=efforts)
    if _UNSUPPORTED_VALUE.search(words):
        middle = ("low", "medium", "high")
        return less_reasoning(profile) if profile.efforts in (middle, efforts) else replace(profile, efforts=middle)
    return profile


_MUST_REASON = re.compile(r"reasoning is mandatory|reasoning cannot be disabled|thinking (?:cannot|can't) be disabled", re.IGNORECASE)
_CANT_REASON = re.compile(
    r"(?:does not|doesn't|not) support (?:thinking|reasoning)(?!_)|(?:thinking|reasoning) (?:mode )?is not (?:supported|enabled|available)",
    re.IGNORECASE,
)


def _other_reasoning(words: str, profile: Profile) -> Profile:
    if _MUST_REASON.search(words):
        return replace(profile, efforts=tuple(word for word in profile.efforts if word != "none"))
    return less_reasoning(profile) if _CANT_REASON.search(words) else profile


_MUST_ECHO = re.compile(r"reasoning_content.{0,80}must be passed back|reasoning_content is missing", re.IGNORECASE | re.DOTALL)


def _echoed_reasoning(words: str, profile: Profile) -> Profile:
    return replace(profile, echo_reasoning="reasoning_content", must_echo_reasoning=True) if _MUST_ECHO.search(words) else profile


_FORMAT = r"(?:response_format|json_object|json_schema|json mode|structured outputs?|grammar constraints)"
_JSON_WORD = re.compile(r"must contain the word ['\"`]?json", re.IGNORECASE)
_ONLY_SCHEMA = re.compile(r"response_format\.type.{0,4} must be .{0,3}json_schema", re.IGNORECASE)
_FORMAT_IN_STREAM = re.compile(rf"{_FORMAT}.{{0,40}} not support stream|streaming.{{0,60}} not .{{0,40}}{_FORMAT}", re.IGNORECASE)
_FORMAT_WITH_TOOLS = re.compile(
    rf"{_FORMAT}.{{0,60}}(?:cannot|can't|not).{{0,40}}(?:with|combined).{{0,20}}(?:tool|function)"
    rf"|(?:tool|function)[\w ]{{0,20}} (?:is|are|cannot|can't|not).{{0,60}}{_FORMAT}"
    rf"|cannot (?:use|specify).{{0,40}}grammar.{{0,20}} with tools",
    re.IGNORECASE,
)
_LOOSE_SCHEMA = re.compile(r"invalid schema for response_format", re.IGNORECASE)
_OF_SCHEMA = re.compile(
    r"invalid (?:json )?schema\b|(?<!\w)schema\b.{0,80}(?:too (?:complex|large|deep|many|long)|keywords?\b|features?\b|exceeds|contains)"
    r"|keywords?\b.{0,60}(?<!\w)schema\b|response_format\.json_schema\.(?:name|schema|description)\b",
    re.IGNORECASE | re.DOTALL,
)
_NO_FORMAT = re.compile(
    rf"{_FORMAT}.{{0,80}}(?:unavailable|unsupported|not (?:currently )?(?:supported|available|support)|not enabled)"
    rf"|(?:not|doesn't) support .{{0,40}}{_FORMAT}|(?:unsupported|invalid) (?:value for )?['\"`]?response_format",
    re.IGNORECASE,
)


def is_of_schema(words: str) -> bool:
    """Whether it is the schema at hand that is refused, and not that there is one."""
    return bool(_OF_SCHEMA.search(words))


# What would be taken is named behind what is not.
_OFFERED = re.compile(r"(?<!not )\bsupported (?:\w{1,20} )?(?:values|types|formats|options)\b|\b(?:must|should) be\b", re.IGNORECASE)
_OTHER_THAN = re.compile(r"response_format.{0,80}but got:? ['\"`]?(json_\w+)", re.IGNORECASE)


def _other_format(words: str, profile: Profile) -> Profile:
    if _JSON_WORD.search(words):
        return replace(profile, json_word="say")
    if _ONLY_SCHEMA.search(words):
        return _without_any_object(profile)
    in_stream, with_tools = bool(_FORMAT_IN_STREAM.search(words)), bool(_FORMAT_WITH_TOOLS.search(words))
    if in_stream or with_tools:
        streams = "unformatted" if in_stream and profile.streams == "all" else profile.streams
        return replace(profile, streams=streams, format_with_tools=profile.format_with_tools and not with_tools)
    if _LOOSE_SCHEMA.search(words):
        return profile.for_this_request(strict_schema=False) if profile.strict_schema else profile
    if sent := _OTHER_THAN.search(words):
        return _without_any_object(profile) if sent[1].lower() == "json_object" else less_format(profile, words)
    if not _NO_FORMAT.search(words):
        return profile
    return _without_any_object(profile) if _is_of_any_object(words) else less_format(profile, words)


def _is_of_any_object(words: str) -> bool:
    """Whether it is `json_object` that is refused, and not a schema."""
    refused, *offered = _OFFERED.split(words, maxsplit=1)
    return "json_schema" not in refused and ("json_object" in refused or "json_schema" in "".join(offered))


_OPENAIS_RULES = re.compile(
    r"invalid schema for function.{0,600}(?:required to be supplied|not permitted|not a valid format)"
    r"|['\"`](?:required|additionalProperties)['\"`] is required to be supplied and to be ",
    re.IGNORECASE | re.DOTALL,
)
# Claude behind a gateway says "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false", Groq "invalid
# JSON schema for tool f, tools[0].function.parameters: ...", Cerebras "Tools with mixed values for 'strict' are not allowed".
_OTHER_RULES = re.compile(
    r"(?:\b(?:invalid|unsupported) (?:json )?schema for (?:tool|function)\b|\btools[.\[]\d+\]?\.(?:custom|function\.parameters)\b).{0,600}"
    r"(?:additionalProperties|\brequired\b|unsupported|not (?:permitted|allowed|supported|a valid format))"
    r"|too many strict tools|mixed values for ['\"`]?strict\b",
    re.IGNORECASE | re.DOTALL,
)
# Cerebras says "Tools with strict=True are not supported by this model".
_NO_STRICT_TOOLS = re.compile(
    r"\btools with ['\"`]?strict\b.{0,20} not supported|\bstrict (?:tools|functions|mode) (?:is|are) not supported|not support strict\b"
    r"|\btools[.\[]\d+\]?(?:\.function)?\.strict\b",
    re.IGNORECASE,
)


def _looser_tools(words: str, profile: Profile) -> Profile:
    """Tools that say nothing of strictness, as far as their client lets them; one that only such rules refuse is no other tool then."""
    if not profile.strict_schema:
        return profile
    if _NO_STRICT_TOOLS.search(words):
        return replace(profile, strict_schema=False)
    if not (is_of_openais := _OPENAIS_RULES.search(words)) and not _OTHER_RULES.search(words):
        return profile
    if is_of_openais and profile.strict_tools == "any":
        return replace(profile, strict_tools="openai")
    return profile.for_this_request(strict_schema=False)


def _without_any_object(profile: Profile) -> Profile:
    """`json_object` was refused: the schema that says the same, else words."""
    return replace(profile, json_mode="json_schema" if profile.json_schema and profile.json_mode == "json_object" else "prompt")


_STOP_COUNT = re.compile(
    r"\bstop\b.{0,60}(?:too long|too many|at most|maximum|max\.?\s|up to|no more than|fewer than|less than or equal|<=)"
    r"|(?:at most|maximum(?: of)?|up to|no more than) \d+ (?:items?|stop)|['\"`]?\$\.stop['\"`]? is invalid",
    re.IGNORECASE | re.DOTALL,
)
_COUNT = re.compile(
    r"(?:maximum length|at most|maximum of|max(?:imum)?|up to|no more than|less than or equal to|<=)\D{0,12}(\d+)", re.IGNORECASE
)


def _fewer_stops(words: str, profile: Profile) -> Profile:
    if not _STOP_COUNT.search(words) or not re.search(r"\bstop\b", words):
        return profile
    found = _COUNT.search(words)
    limit, before = int(found[1]) if found else 4, profile.stop_limit
    if before is None or limit < before:
        return replace(profile, stop_limit=limit)
    # There were no more, so it is about what stands in one of them.
    return profile.for_this_request(stop_limit=0) if before else profile


_NO_STREAM = re.compile(
    r"must be verified to stream|unsupported value: ['\"`]?stream['\"`]? |(?<!_)\bstreaming is not (?:supported|available)|"
    r"(?:does not|doesn't) support streaming",
    re.IGNORECASE,
)
_NINE_LETTERS = re.compile(r"tool call id.{0,120}(?:length of 9|a-z, A-Z, 0-9)", re.IGNORECASE | re.DOTALL)
_NO_NULL = re.compile(
    r"\bcontent\b.{0,60}(?:valid string|be a string|cannot be (?:null|none)|expected (?:a )?string|field required)", re.IGNORECASE
)
_PLAIN_NAMES = re.compile(
    r"(?:function|tool)[\w.\[\]'\"`, ]{0,60}name\b.{0,200}\ba-z|\^?\[a-zA-Z0-9_.{0,60}(?:function|tool)[\w.\[\]]{0,20}name",
    re.IGNORECASE | re.DOTALL,
)
_NO_THINKING_BEFORE_WORDS = re.compile(r"prefill is incompatible with enable_thinking", re.IGNORECASE)
_NAMED_TOOL = re.compile(r"invalid tool_choice type|tool_choice.{0,60}(?:supported string values|must be a string)", re.IGNORECASE)
_ONE_OF_TWO = re.compile(r"temperature.{0,12}\btop_p\b.{0,60}(?:both|only one)", re.IGNORECASE)
_NO_LOGPROBS = re.compile(r"not allowed to request logprobs", re.IGNORECASE)
_NO_DIMENSIONS = re.compile(
    r"matryoshka|not support (?:specifying |changing |output )?(?:the )?(?:output |embedding )?dimension|dimensions?.{0,30} not support",
    re.IGNORECASE,
)
_INPUT_TYPE = re.compile(r"input_type['\"`]? (?:parameter )?is required|missing.{0,40}input_type", re.IGNORECASE)


def _odds_and_ends(words: str, profile: Profile) -> Profile:
    if _NO_DIMENSIONS.search(words):
        learnt = replace(profile, dimensions=False)
        return profile.lent(learnt) if offers_others(words) else learnt
    for pattern, change in _SENTENCES:
        if pattern.search(words):
            return change(profile)
    return profile


_SENTENCES: Final[tuple[tuple[re.Pattern[str], Callable[[Profile], Profile]], ...]] = (
    (_NO_STREAM, lambda profile: replace(profile, streams="none")),
    (_PLAIN_NAMES, lambda profile: replace(profile, plain_names=True)),
    (_NINE_LETTERS, lambda profile: replace(profile, tool_ids="alnum9")),
    (_NO_THINKING_BEFORE_WORDS, lambda profile: replace(profile, prefill="unthinking")),
    (_NAMED_TOOL, lambda profile: replace(profile, named_tool="only")),
    (_ONE_OF_TWO, lambda profile: replace(profile, dropped=profile.dropped | {"top_p"})),
    (_NO_LOGPROBS, lambda profile: replace(profile, logprobs=False)),
    # NVIDIA's retrieval models want to know what a text is for; most of what is embedded is there to be found.
    (_INPUT_TYPE, lambda profile: replace(profile, embeddings=MappingProxyType({**profile.embeddings, "input_type": "passage"}))),
    (_NO_NULL, lambda profile: replace(profile, no_content="empty")),
)

LESSONS: Final[tuple[Lesson, ...]] = (
    _renamed_token_limit,
    shorter_answers,
    _other_efforts,
    _other_reasoning,
    _echoed_reasoning,
    _other_format,
    _looser_tools,
    _fewer_stops,
    _odds_and_ends,
)
