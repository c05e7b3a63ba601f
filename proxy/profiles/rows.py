"""The profiles of the servers that are known: defaults, read from the servers' own code and from what their users reported.

Refusals of a running server overwrite them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from proxy.profiles.profile import GENERIC, LEVELS, NOTHING, Profile


def _named(*same: str, **renamed: str) -> Mapping[str, str]:
    return MappingProxyType({name: name for name in same} | renamed)


def _fields(**values: Any) -> Mapping[str, Any]:
    return MappingProxyType(values)


_SAMPLING = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")
# What OpenAI's own servers take, and Azure, which runs the same models.
_OPENAIS_OWN = ("verbosity", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention")

_OPENAI = Profile(
    "openai",
    params=_named(*_SAMPLING, *_OPENAIS_OWN, "user", "parallel_tool_calls", serviceTier="service_tier"),
    max_tokens="max_completion_tokens",
    json_word="schema",
    strict_tools="openai",
    plain_names=True,
    files="data",
)
_AZURE = replace(_OPENAI, name="azure", max_tokens="max_tokens")
_OPENAI_REASONING = replace(
    _OPENAI,
    name="openai-reasoning",
    params=_named(*_OPENAIS_OWN, "seed", "user", "parallel_tool_calls", serviceTier="service_tier"),
    stop_limit=0,
    logprobs=False,
    reasoning="effort",
    efforts=LEVELS,
)
_OPENROUTER = Profile(
    "openrouter",
    params=_named(*_SAMPLING, "top_k", "min_p", "user", "parallel_tool_calls", repeat_penalty="repetition_penalty"),
    stop_limit=None,
    reasoning="openrouter",
    efforts=("none", "minimal", "low", "medium", "high", "xhigh"),
    echo_reasoning="reasoning",
    files="any",
    cache_hints=True,
    signatures="details",
)
_VLLM = Profile(
    "vllm",
    params=_named(*_SAMPLING, "top_k", "min_p", "user", "parallel_tool_calls", repeat_penalty="repetition_penalty"),
    stop_limit=None,
    names_stops=True,
    reasoning="template",
    efforts=LEVELS,
    echo_reasoning="reasoning",
    prefill="switch",
    truncation=_fields(truncate_prompt_tokens=-1),
)

# Any server that speaks Anthropic's language, in what all of them know: what is new to it, they drop in silence. The rows after it are the
# families of Claude.
_ANTHROPIC = Profile(
    "anthropic",
    params=_named("temperature", "top_p", "top_k", "user", "parallel_tool_calls"),
    stop_limit=None,
    name_chars=127,  # Of 128, one tells tools from the one that answers are asked for by.
    plain_names=True,
    names_stops=True,
    blank_stops=False,
    files="any",
    cache_hints=True,
    gathers_wholes=True,
    reasoning="budget",
    efforts=("none", *LEVELS),
    json_schema=False,
    logprobs=False,
    dimensions=False,
    prefill="unasked",
    think_tags=False,
    signatures="own",
    prompt_path="",
)
_CLAUDE_5 = replace(
    _ANTHROPIC,
    name="claude-5",
    params=_named("user", "parallel_tool_calls"),
    reasoning="adaptive",
    efforts=("none", *LEVELS, "xhigh", "max"),
    json_schema=True,
    prefill="reworded",
    system_turns=True,
    output_limit=128_000,
)
_CLAUDE_4_5 = replace(_ANTHROPIC, name="claude-4.5", sampling_pairs=False, json_schema=True, output_limit=64_000)

_GEMINI = Profile(
    "gemini",
    params=_named(
        "temperature", "seed", top_p="topP", top_k="topK", presence_penalty="presencePenalty", frequency_penalty="frequencyPenalty"
    ),
    stop_limit=5,
    name_chars=124,  # Of 128, four mark the names that Gemini would not let begin so.
    plain_names=True,
    reasoning="level",
    efforts=("minimal", *LEVELS),
    must_echo_reasoning=True,
    # "at most 100 requests can be in one batch"
    texts_at_once=100,
    signatures="own",
    results_show=True,
    files="any",
)
_GEMINI_2_5 = replace(
    _GEMINI,
    name="gemini-2.5",
    reasoning="budget",
    efforts=("none", "minimal", *LEVELS, "xhigh"),
    format_with_tools=False,
    must_echo_reasoning=False,
    results_show=False,
)
_GEMINI_2 = replace(_GEMINI_2_5, name="gemini-2.0", reasoning="none", efforts=(), signatures="", schemas="openapi", files="data")

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            # Only what nearly every server takes.
            Profile(GENERIC, params=_named(*_SAMPLING), json_word="say", strict_tools="openai"),
            _OPENAI,
            _OPENAI_REASONING,
            _AZURE,
            replace(_OPENAI_REASONING, name="azure-reasoning"),
            _VLLM,
            replace(_VLLM, name="sglang", names_stops=False, echo_reasoning="reasoning_content", truncation=NOTHING),
            Profile(
                "llamacpp",
                gathers_wholes=True,
                params=_named(*_SAMPLING, "top_k", "min_p", "typical_p", "repeat_penalty", "parallel_tool_calls"),
                stop_limit=None,
                reasoning="template",
                echo_reasoning="reasoning_content",
                prefill="unthinking",
                # Its events lack `output_index`, without which the `openai` package breaks. Seen in xllamacpp 2026.10.11549.
                odd_paths=frozenset({"/responses"}),
                count_path="/chat/completions/input_tokens",
                suffix=False,
            ),
            Profile(
                "lmstudio",
                params=_named(*_SAMPLING, "top_k", "repeat_penalty"),
                stop_limit=None,
                json_mode="json_schema",
                logprobs=False,
                named_tool="only",
                suffix=False,
            ),
            _OPENROUTER,
            # OpenAI's reasoning models behind OpenRouter: it drops what they refuse, so there is nothing to win by sending it.
            replace(
                _OPENROUTER,
                name="openrouter-reasoning",
                params=_named("seed", "user", "parallel_tool_calls"),
                stop_limit=0,
                logprobs=False,
            ),
            Profile(
                "deepseek",
                params=_named("temperature", "top_p", "presence_penalty", "frequency_penalty"),
                stop_limit=16,
                reasoning="thinking_switch",
                json_schema=False,
                json_word="say",
                echo_reasoning="reasoning_content",
                must_echo_reasoning=True,
            ),
            Profile(
                "groq",
                params=_named("temperature", "top_p", "seed", "user", "parallel_tool_calls"),
                reasoning="groq",
                efforts=("none", *LEVELS),
                json_word="say",
                format_with_tools=False,
                streams="unformatted",
                logprobs=False,
                prompt_path="",
            ),
            Profile(
                "mistral",
                params=_named("temperature", "top_p", "presence_penalty", "frequency_penalty", "parallel_tool_calls", seed="random_seed"),
                stop_limit=None,
                stream_options=False,
                logprobs=False,
                dimensions=False,
                any_tool="any",
                tool_ids="alnum9",
                no_content="absent",
                message_names=False,
                prefill="mark",
                prompt_path="/fim/completions",
            ),
            Profile(
                "together",
                params=_named(*_SAMPLING, "top_k", "min_p", repeat_penalty="repetition_penalty"),
                stop_limit=None,
            ),
            # Some models behind this one hang when usage is asked for in a stream.
            Profile("nim", params=_named(*_SAMPLING), stop_limit=None, stream_options=False, truncation=_fields(truncate="END")),
            Profile(
                "ollama",
                params=_named(*_SAMPLING),
                stop_limit=None,
                reasoning="effort",
                efforts=("none", "minimal", *LEVELS, "max"),
                echo_reasoning="reasoning",
                prefill="unasked",
            ),
            # The same server asked in its own language, in which all of this but the token limit stands under `options`.
            Profile(
                "ollama-native",
                params=_named(*_SAMPLING, "top_k", "min_p", "typical_p", "repeat_penalty"),
                stop_limit=None,
                name_chars=None,
                reasoning="effort",
                efforts=(*LEVELS, "max"),
                echo_reasoning="thinking",
                prefill="unasked",
            ),
            Profile("tgi", params=_named(*_SAMPLING)),
            # Gemini's OpenAI-style door.
            Profile(
                "google",
                params=_named(*_SAMPLING, "parallel_tool_calls"),
                reasoning="effort",
                efforts=("none", "minimal", *LEVELS),
                texts_at_once=100,
                signatures="google",
            ),
            Profile(
                "cerebras",
                params=_named("temperature", "top_p", "seed", "user", "parallel_tool_calls"),
                max_tokens="max_completion_tokens",
                reasoning="effort",
                efforts=LEVELS,
            ),
            replace(_ANTHROPIC, unsigned_thoughts=True),
            _CLAUDE_5,
            replace(_CLAUDE_5, name="claude-5.1", forced_tools=False),
            # These can't be told not to think.
            replace(_CLAUDE_5, name="claude-thinker", efforts=_CLAUDE_5.efforts[1:]),
            replace(_CLAUDE_5, name="claude-5.1-thinker", efforts=_CLAUDE_5.efforts[1:], forced_tools=False),
            replace(_CLAUDE_5, name="claude-4.7", system_turns=False),
            replace(
                _ANTHROPIC,
                name="claude-4.6",
                sampling_pairs=False,
                reasoning="adaptive",
                json_schema=True,
                efforts=("none", *LEVELS, "max"),
                prefill="reworded",
                output_limit=128_000,
            ),
            _CLAUDE_4_5,
            replace(_CLAUDE_4_5, name="claude-4", json_schema=False, output_limit=32_000),
            replace(_ANTHROPIC, name="claude-3", reasoning="none", efforts=(), signatures="", output_limit=8_192),
            _GEMINI,
            replace(_GEMINI, name="gemini-3-pro", efforts=("low", "high")),
            replace(_GEMINI, name="gemini-3.x-pro", efforts=LEVELS),
            _GEMINI_2_5,
            replace(_GEMINI_2_5, name="gemini-2.5-pro", efforts=("minimal", *LEVELS, "xhigh")),
            _GEMINI_2,
            replace(_GEMINI_2, name="gemma", json_schema=False, json_mode="prompt", system=False),
        )
    }
)
