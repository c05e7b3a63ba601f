"""By what servers and models are recognised: hosts, marks in their lists, names. How one is chosen by these is `routing`'s business."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proxy.profiles.profile import GENERIC, LEVELS

# What servers take that speak a language of their own, before anything is known of the model.
DIALECT_PROFILES: Final[Mapping[str, str]] = MappingProxyType({"anthropic": "anthropic", "gemini": "gemini", "ollama": "ollama-native"})

# What OpenAI's reasoning models make of a profile, wherever they are reached.
REASONING_VARIANTS: Final[Mapping[str, str]] = MappingProxyType(
    {GENERIC: "openai-reasoning", "openai": "openai-reasoning", "azure": "azure-reasoning", "openrouter": "openrouter-reasoning"}
)
# Their names, without a vendor's prefix, and the efforts that they take. The chat models of the family do not reason.
REASONING_MODELS: Final[tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]] = (
    (re.compile(r"o\d+(?:[-:]|$)"), LEVELS),
    (re.compile(r"gpt-5\.1(?!\d)(?!.*-chat)"), ("none", *LEVELS)),
    (re.compile(r"gpt-5\.\d+(?!.*-chat)"), ("none", *LEVELS, "xhigh")),
    (re.compile(r"gpt-5(?![.\d]|.*-chat)"), ("minimal", *LEVELS)),
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

# Gemini's models take pictures, all but those that read texts aloud, and the first. Source: https://ai.google.dev/gemini-api/docs/models.
SEEING_GEMINI: Final = re.compile(r"gemini-(?!1\.0|.*tts)")

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
