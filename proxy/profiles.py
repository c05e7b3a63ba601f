"""What one kind of server accepts, renames or refuses: data, no logic. How a profile is chosen and learnt is `routing.py`'s business.

The rows are defaults, read from the servers' own code and from what their users reported; refusals of a running server overwrite them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal

ReasoningStyle = Literal["none", "effort", "template", "openrouter", "thinking_switch", "groq", "adaptive", "budget", "level"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})

GENERIC: Final = "generic"
"""The profile of servers whose kind nobody knows."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a server takes. Immutable: a lesson learnt from a refusal is a new profile.

    Attributes:
        name: word for logs, metrics and the setting `UPSTREAM_PROFILE`.
        params: canonical parameter -> the name that goes on the wire; a parameter that is not a key is not sent.
        max_tokens: wire name of the token limit.
        stop_limit: how many stop sequences the server takes (0: none, `None`: any number); the rest is cut off here.
        reasoning: how thinking is switched on, off and graded.
        efforts: the words for "how hard" that the server takes, `none` among them when it can be told not to think.
        json_mode: what `format: "json"` becomes; `prompt` asks for it in words, where the server constrains nothing.
        json_word: what to do where `json_object` is refused unless a message speaks of JSON, and none does: take a schema, or say the word.
        json_schema: whether `response_format` may carry a schema.
        strict_schema: whether a schema that fulfils OpenAI's strict rules is marked so.
        format_with_tools: whether `response_format` may come with tools.
        streams: what is streamed; the rest is asked for as a whole and streamed on from here.
        gathers_wholes: whether a whole answer is asked for as a stream, because the server works on after the client of a whole one left.
        stream_options: whether usage can be asked for in streams.
        tools, logprobs, dimensions: whether the server takes them at all.
        named_tool: how one tool is demanded; `only` sends just that tool, and demands any.
        any_tool: the word that demands a call.
        name_chars: how long names of tools may be; longer ones are shortened on the way there. `None`: of any length.
        plain_names: whether names of tools may have only the letters and digits of ASCII, `_` and `-`; others are replaced there.
        tool_ids: `alnum9` for servers that take only nine letters or digits.
        no_content: how a turn that has only tool calls says so.
        message_names: whether messages may carry the `name` of who speaks.
        echo_reasoning: the field in which thinking goes back with the tool calls that it led to, `""` to leave it out.
        must_echo_reasoning: whether the server refuses earlier turns without their thinking.
        unsigned_thoughts: whether a server that speaks Anthropic's language takes thoughts back that nobody signed, as those that are not
            Anthropic's own give them.
        latest_thoughts: whether the thoughts of the model's latest turn go back; not where the server just said that they are not as it
            gave them. Kept for no other conversation.
        prefill: how a server is made to go on with the last turn where that is the model's: vLLM's switch, Mistral's mark, or llama.cpp's
            condition that it must not think; `unasked` where it always does; `reworded` where such a turn is refused, and the user must ask
            for the rest; `""` where it is history like any other.
        think_tags: whether `<think>` tags at the start of the content are split off.
        prompt_path: where plain texts are continued, `""` where they are what a user says in a chat.
        odd_paths: where answers are not such as clients can read, though the server has the path: what is asked there is translated.
        count_path: where the tokens of a chat are counted, `""` where they are not.
        suffix: whether a gap before a suffix can be filled; some servers drop a suffix in silence.
        embeddings: fields that go with every request for vectors.
        truncation: fields that let the server shorten texts that are too long for it.
        texts_at_once: how many texts one request for vectors may have.
        output_limit: how many tokens an answer can have at most, where that is known and the server refuses to be asked for more.
        output_room: how many it can have beside the prompt at hand, which the server just said. Not kept for other prompts.
        names_stops: whether the server tells which stop sequence ended an answer.
        blank_stops: whether stop sequences may be nothing but white space; such ones are cut off here where they may not.
        sampling_pairs: whether `temperature` and `top_p` may come together.
        system_turns: whether the system may speak between turns.
        forced_tools: whether a call can be demanded.
        schemas: whether schemas go as they came, or are rewritten to the part of OpenAPI that Gemini's older models know.
        system: whether there is a place for what the system says; where there is none, the user says it.
        results_show: whether results of tools may hold pictures; where they may not, those come behind them.
        files: which documents messages may hold: none, such as come with the request, or `any`, also by URL.
        cache_hints: whether marks of what to cache are understood.
        signatures: where signatures of thoughts and calls come from and go back to: Google's OpenAI-style door has a member of calls for
            them, OpenRouter a list of details beside the message, other languages places of their own.
        dropped: wire names that must not be sent, learnt from refusals.
        sent: `params` without what is dropped, ready to be walked through.
    """

    name: str
    params: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    max_tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    stop_limit: int | None = 4
    reasoning: ReasoningStyle = "none"
    efforts: tuple[str, ...] = ()
    json_mode: Literal["json_object", "json_schema", "prompt"] = "json_object"
    json_word: Literal["", "schema", "say"] = ""
    json_schema: bool = True
    strict_schema: bool = True
    format_with_tools: bool = True
    streams: Literal["all", "unformatted", "none"] = "all"
    gathers_wholes: bool = False
    stream_options: bool = True
    tools: bool = True
    logprobs: bool = True
    dimensions: bool = True
    named_tool: Literal["object", "only"] = "object"
    any_tool: Literal["required", "any"] = "required"
    name_chars: int | None = 64
    plain_names: bool = False
    tool_ids: Literal["any", "alnum9"] = "any"
    no_content: Literal["null", "absent", "empty"] = "null"
    message_names: bool = True
    echo_reasoning: Literal["", "reasoning_content", "reasoning", "thinking"] = ""
    must_echo_reasoning: bool = False
    unsigned_thoughts: bool = False
    latest_thoughts: bool = True
    prefill: Literal["", "switch", "mark", "unthinking", "unasked", "reworded"] = ""
    think_tags: bool = True
    prompt_path: str = "/completions"
    odd_paths: frozenset[str] = frozenset()
    count_path: str = ""
    suffix: bool = True
    embeddings: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    truncation: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    texts_at_once: int | None = None
    output_limit: int | None = None
    output_room: int | None = None
    names_stops: bool = False
    blank_stops: bool = True
    sampling_pairs: bool = True
    system_turns: bool = False
    forced_tools: bool = True
    schemas: Literal["json", "openapi"] = "json"
    system: bool = True
    results_show: bool = False
    files: Literal["", "data", "any"] = ""
    cache_hints: bool = False
    signatures: Literal["", "google", "details", "own"] = ""
    dropped: frozenset[str] = frozenset()
    sent: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sent", tuple((ours, wire) for ours, wire in self.params.items() if wire not in self.dropped))

    def answer_within(self, asked: int) -> int:
        """How many tokens to ask for, at most, where a client asked for so many."""
        return min(limit for limit in (asked, self.output_limit, self.output_room) if limit is not None)

    @property
    def repeats_prefill(self) -> bool:
        """Whether answers may begin with the last turn where that is the model's: Mistral's do, and where it is history they may.

        Source: Mistral's API, of `prefix`: "force the model to start its answer by the content of the message".
        """
        return self.prefill in ("", "mark")

    @property
    def wants_back(self) -> bool:
        """Whether there is a place for what the model said beside its earlier calls: thoughts, or signatures."""
        return bool(self.echo_reasoning or self.must_echo_reasoning or self.signatures)

    @property
    def may_want_back(self) -> bool:
        """Whether there is such a place, or may turn out to be one: a server whose kind nobody knows says so by a refusal."""
        return self.wants_back or self.name == GENERIC


def _named(*same: str, **renamed: str) -> Mapping[str, str]:
    return MappingProxyType({name: name for name in same} | renamed)


def _fields(**values: Any) -> Mapping[str, Any]:
    return MappingProxyType(values)


_SAMPLING = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")
_LEVELS = ("low", "medium", "high")

_OPENAI = Profile(
    "openai",
    params=_named(*_SAMPLING, "user", "parallel_tool_calls"),
    max_tokens="max_completion_tokens",
    json_word="schema",
    plain_names=True,
    files="data",
)
_AZURE = replace(_OPENAI, name="azure", max_tokens="max_tokens")
_OPENAI_REASONING = replace(
    _OPENAI,
    name="openai-reasoning",
    params=_named("seed", "user", "parallel_tool_calls"),
    stop_limit=0,
    logprobs=False,
    reasoning="effort",
    efforts=_LEVELS,
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
    efforts=_LEVELS,
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
    efforts=("none", *_LEVELS),
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
    efforts=("none", *_LEVELS, "xhigh", "max"),
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
    efforts=("minimal", *_LEVELS),
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
    efforts=("none", "minimal", *_LEVELS, "xhigh"),
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
            Profile(GENERIC, params=_named(*_SAMPLING), json_word="say"),
            _OPENAI,
            _OPENAI_REASONING,
            _AZURE,
            replace(_OPENAI_REASONING, name="azure-reasoning"),
            _VLLM,
            replace(_VLLM, name="sglang", names_stops=False, echo_reasoning="reasoning_content", truncation=_NOTHING),
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
                efforts=("none", *_LEVELS),
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
                efforts=("none", "minimal", *_LEVELS, "max"),
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
                efforts=(*_LEVELS, "max"),
                echo_reasoning="thinking",
                prefill="unasked",
            ),
            Profile("tgi", params=_named(*_SAMPLING)),
            # Gemini's OpenAI-style door.
            Profile(
                "google",
                params=_named(*_SAMPLING, "parallel_tool_calls"),
                reasoning="effort",
                efforts=("none", "minimal", *_LEVELS),
                texts_at_once=100,
                signatures="google",
            ),
            Profile(
                "cerebras",
                params=_named("temperature", "top_p", "seed", "user", "parallel_tool_calls"),
                max_tokens="max_completion_tokens",
                reasoning="effort",
                efforts=_LEVELS,
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
                efforts=("none", *_LEVELS, "max"),
                prefill="reworded",
                output_limit=128_000,
            ),
            _CLAUDE_4_5,
            replace(_CLAUDE_4_5, name="claude-4", json_schema=False, output_limit=32_000),
            replace(_ANTHROPIC, name="claude-3", reasoning="none", efforts=(), signatures="", output_limit=8_192),
            _GEMINI,
            replace(_GEMINI, name="gemini-3-pro", efforts=("low", "high")),
            replace(_GEMINI, name="gemini-3.x-pro", efforts=_LEVELS),
            _GEMINI_2_5,
            replace(_GEMINI_2_5, name="gemini-2.5-pro", efforts=("minimal", *_LEVELS, "xhigh")),
            _GEMINI_2,
            replace(_GEMINI_2, name="gemma", json_schema=False, json_mode="prompt", system=False),
        )
    }
)

# What servers take that speak a language of their own, before anything is known of the model.
DIALECT_PROFILES: Final[Mapping[str, str]] = MappingProxyType({"anthropic": "anthropic", "gemini": "gemini", "ollama": "ollama-native"})

# What OpenAI's reasoning models make of a profile, wherever they are reached.
REASONING_VARIANTS: Final[Mapping[str, str]] = MappingProxyType(
    {GENERIC: "openai-reasoning", "openai": "openai-reasoning", "azure": "azure-reasoning", "openrouter": "openrouter-reasoning"}
)
# Their names, without a vendor's prefix, and the efforts that they take. The chat models of the family do not reason.
REASONING_MODELS: Final[tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]] = (
    (re.compile(r"o\d+(?:[-:]|$)"), _LEVELS),
    (re.compile(r"gpt-5\.1(?!\d)(?!.*-chat)"), ("none", *_LEVELS)),
    (re.compile(r"gpt-5\.\d+(?!.*-chat)"), ("none", *_LEVELS, "xhigh")),
    (re.compile(r"gpt-5(?![.\d]|.*-chat)"), ("minimal", *_LEVELS)),
)

# The families of Claude, by the names of their models wherever they are reached (`anthropic.claude-sonnet-4-5-20250929-v1:0`), the newest
# first; a version that is not known yet is in none of them.
# Source: https://platform.claude.com/docs/en/about-claude/models, and the model list of LiteLLM 1.109.1.
CLAUDE_FAMILIES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(rf"claude-(?:{pattern})(?![-.]?\d{{1,2}}(?!\d))"), name)
    for pattern, name in (
        (r"(?:fable|mythos)-5[-.]1", "claude-5.1-thinker"),
        (r"(?:fable|mythos)-(?:5|preview)", "claude-thinker"),
        (r"[a-z]+-5[-.]5", "claude-5.1"),
        (r"[a-z]+-5|opus-4[-.]8", "claude-5"),
        (r"[a-z]+-4[-.]7", "claude-4.7"),
        (r"[a-z]+-4[-.]6", "claude-4.6"),
        (r"[a-z]+-4[-.]5", "claude-4.5"),
        (r"[a-z]+-4(?:[-.][01])?|3[-.]7-[a-z]+", "claude-4"),
        (r"3(?:[-.]5)?-[a-z]+", "claude-3"),
    )
)

# The generations of Gemini, and of Gemma beside it. Source: https://ai.google.dev/gemini-api/docs/models and .../docs/thinking.
GEMINI_GENERATIONS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"gemini-3-pro"), "gemini-3-pro"),
    (re.compile(r"gemini-3\.\d+-pro"), "gemini-3.x-pro"),
    (re.compile(r"gemini-2\.5-pro"), "gemini-2.5-pro"),
    (re.compile(r"gemini-2\.5"), "gemini-2.5"),
    (re.compile(r"gemini-(?:1|2\.0)|learnlm"), "gemini-2.0"),
    (re.compile(r"gemma-[1-3]"), "gemma"),
)

# What the name of a model makes of a profile. Those that no name is known of are taken for the newest.
MODEL_VARIANTS: Final[Mapping[str, tuple[tuple[re.Pattern[str], str], ...]]] = MappingProxyType(
    {"anthropic": CLAUDE_FAMILIES, "gemini": GEMINI_GENERATIONS}
)

# Profiles that give way to an entry's own list of parameters, and what such lists never name although it is taken.
NARROWED: Final = frozenset({GENERIC, "openrouter"})
UNLISTED_PARAMETERS: Final = frozenset({"user", "parallel_tool_calls"})

# Each resource has a host of its own below one of these. Source: https://learn.microsoft.com/azure/ai-services/openai/reference
AZURE_HOSTS: Final = ("openai.azure.com", "openai.azure.us", "openai.azure.cn", "services.ai.azure.com", "cognitiveservices.azure.com")

ANTHROPICS_HOST: Final = "api.anthropic.com"

# The host of the base URL, or its end.
HOSTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "api.openai.com": "openai",
        **dict.fromkeys(AZURE_HOSTS, "azure"),
        "openrouter.ai": "openrouter",
        "api.groq.com": "groq",
        "api.mistral.ai": "mistral",
        "codestral.mistral.ai": "mistral",
        "api.deepseek.com": "deepseek",
        "api.together.xyz": "together",
        "api.together.ai": "together",
        "integrate.api.nvidia.com": "nim",
        "api.cerebras.ai": "cerebras",
        "generativelanguage.googleapis.com": "google",
    }
)

# Keys (dotted) that stand together only in one server's entries of /models, in the order in which they are looked for.
ENTRY_MARKS: Final[tuple[tuple[frozenset[str], str], ...]] = (
    (frozenset({"supported_parameters", "architecture"}), "openrouter"),
    (frozenset({"capabilities.completion_chat"}), "mistral"),
    (frozenset({"capabilities.chat_completion", "lifecycle_status"}), "azure"),
    (frozenset({"active", "context_window"}), "groq"),
    (frozenset({"meta.n_ctx_train", "meta.n_params"}), "llamacpp"),
    (frozenset({"compatibility_type", "publisher"}), "lmstudio"),
    (frozenset({"organization", "display_name", "type"}), "together"),
)
# `owned_by` words that name the server and not the model's maker. `openai` and `system` are not among them: any server says so, and some of
# those drop a `max_completion_tokens` in silence, where OpenAI refuses `max_tokens` aloud.
OWNERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "vllm": "vllm",
        "sglang": "sglang",
        "llamacpp": "llamacpp",
        "organization_owner": "lmstudio",
        "library": "ollama",
        "deepseek": "deepseek",
        "Cerebras": "cerebras",
    }
)
