"""What becomes of Anthropic's fields. Data. See `proxy.support`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proxy.support import Support

_ELSEWHERE = "it is Anthropic's servers' own business"

CLIENT_FIELDS: Final[Mapping[str, Support]] = MappingProxyType(
    {
        "model": Support("carried", "routed by the gateway's names"),
        "max_tokens": Support("translated", "required; 0 is answered by the gateway, and caches nothing", "max_tokens"),
        "stream": Support("translated", "", "stream"),
        "system": Support("translated", "without the billing header of Claude Code", "system"),
        "messages[].role=system": Support("translated", "", "system_turns"),
        "messages[].content[].mid_conv_system": Support("translated", "a system turn of its own", "system_turns"),
        "messages[].content[].text": Support("translated", "empty blocks are left out", "text"),
        "messages[].content[].text.citations": Support("dropped", "only Claude cites"),
        "messages[].content[].image (base64)": Support("translated", "with the type that its bytes tell", "images"),
        "messages[].content[].image (url)": Support("translated", "", "image_urls"),
        "messages[].content[].image (file)": Support("refused", "the file is kept by Anthropic's servers"),
        "messages[].content[].document (base64)": Support("translated", "PDF; its context as text before it", "files"),
        "messages[].content[].document (url)": Support("translated", "PDF; its context as text before it", "file_urls"),
        "messages[].content[].document (text, content)": Support("approximated", "as text behind its title and context", "text"),
        "messages[].content[].document (file)": Support("refused", "the file is kept by Anthropic's servers"),
        "messages[].content[].document.citations": Support("dropped", "only Claude cites"),
        "messages[].content[].search_result": Support("approximated", "as text behind its title and source", "text"),
        "messages[].content[].tool_use": Support("translated", "", "tool_calls"),
        "messages[].content[].tool_result": Support("translated", "before all else that its message says", "tool_results"),
        "messages[].content[].tool_result (images)": Support("translated", "", "tool_result_images"),
        "messages[].content[].tool_result.is_error": Support("translated", "", "tool_errors"),
        "messages[].content[].thinking": Support("translated", "", "reasoning_history"),
        "messages[].content[].thinking.signature": Support("approximated", "only for the upstream that made it", "opaque"),
        "messages[].content[].redacted_thinking": Support("approximated", "only for the upstream that made it", "opaque"),
        "messages[].content[].server_tool_use, *_tool_result": Support("dropped", "what it brought, the text behind it tells"),
        "messages[].content[].container_upload": Support("refused", _ELSEWHERE),
        "messages[] (assistant, last)": Support("translated", "", "prefill"),
        "cache_control": Support("translated", "also the request's own, on its last block", "cache_hints"),
        "tools[] (custom)": Support("translated", "", "tools"),
        "tools[].strict": Support("translated", "", "strict_tools"),
        "tools[] (bash, text_editor, memory, computer)": Support(
            "approximated", "as a function with the schema that Claude knows by heart", "tools"
        ),
        "tools[] (tool_search_tool)": Support("approximated", "left out: the model is told of all tools at once"),
        "tools[] (web_search, web_fetch, code_execution, mcp_toolset, advisor)": Support("refused", "they run on Anthropic's servers"),
        "tools[] (computer_toolset, browser_toolset)": Support("refused", "many tools under one name, whose schemas only Claude knows"),
        "tools[].defer_loading, input_examples, eager_input_streaming, allowed_callers": Support("dropped", "only Claude knows them"),
        "tool_choice": Support("translated", "nothing of it without tools", "tool_choice"),
        "tool_choice (tool)": Support("translated", "", "named_tool"),
        "tool_choice.disable_parallel_tool_use": Support("translated", "", "parallel_tool_calls"),
        "stop_sequences": Support("translated", "the one that matched is named", "stop"),
        "temperature": Support("carried", "", "temperature"),
        "top_p": Support("carried", "", "top_p"),
        "top_k": Support("carried", "", "top_k"),
        "thinking (enabled)": Support("translated", "an effort that is said beside it counts more", "reasoning_budget"),
        "thinking (adaptive, disabled)": Support("translated", "", "reasoning"),
        "thinking (between_tools)": Support("approximated", "as little thinking as can be", "reasoning"),
        "thinking.display": Support("translated", "", "hidden_reasoning"),
        "output_config.effort": Support("translated", "", "reasoning"),
        "output_config.format, output_format": Support("translated", "", "json_schema"),
        "metadata.user_id": Support("translated", "as a digest when it has more than 64 characters", "user"),
        "mcp_servers": Support("refused", "Anthropic's servers ask them"),
        "container": Support("dropped", _ELSEWHERE),
        "context_management": Support("dropped", _ELSEWHERE),
        "diagnostics": Support("dropped", _ELSEWHERE),
        "inference_geo": Support("dropped", _ELSEWHERE),
        "service_tier": Support("dropped", _ELSEWHERE),
        "speed": Support("dropped", _ELSEWHERE),
        "user_profile_id": Support("dropped", _ELSEWHERE),
        "workspace_id": Support("dropped", _ELSEWHERE),
        "count_tokens": Support("translated", "", "token_counts"),
        "(answer) content[] (thinking)": Support("translated", "also unasked, of models that think anyway: `disabled` keeps it out"),
        "(answer) content[] (tool_use)": Support(
            "approximated", "a call in whose midst the limit or a filter ended the answer is left out; a stream has begun to tell of it"
        ),
        "(answer) usage": Support("translated", "cached tokens apart from the others, as Anthropic counts", "usage"),
        "(answer) usage (a stop sequence matched)": Support(
            "approximated",
            "estimated from what was said, where the gateway looked for it and the upstream had not told yet: it is left at once",
        ),
        "(unknown fields)": Support("dropped", "Anthropic refuses them, but has new ones faster than gateways learn of them"),
    }
)

_BY_LEVEL = "an effort from Claude 4.6 on, before that a budget of tokens; left out for models that cannot think (Claude 3)"
_UNFORCED = "a call can't be demanded where the model thinks, nor of the newest models: then it may make one"
_NO_EMBEDDINGS = "Anthropic has no embeddings"
_NONE = "Anthropic has none"

UPSTREAM_FEATURES: Final[Mapping[str, Support]] = MappingProxyType(
    {
        "system": Support("translated", "in a place of its own"),
        "system_turns": Support(
            "approximated",
            "as the user quoting it, to models that know no system between turns (before Claude 4.8), and to all where it does not stand "
            "between the user's turn and the model's",
        ),
        "text": Support("carried", "blank texts are left out: they are refused"),
        "images": Support("approximated", "JPEG, PNG, GIF and WebP; others are refused"),
        "image_urls": Support("carried"),
        "image_detail": Support("dropped", _NONE),
        "audio": Support("refused", "Claude hears nothing"),
        "files": Support("approximated", "PDF and text; others are refused"),
        "file_urls": Support("carried"),
        "names": Support("dropped", "turns have no names"),
        "tools": Support(
            "translated",
            "choices at the top of a schema become words; names that are too long, or have other letters than ASCII's, get others; the "
            "client's own come back with the calls",
        ),
        "strict_tools": Support("approximated", "strict where the schema is one that Anthropic binds by as it stands"),
        "tool_choice": Support("approximated", _UNFORCED),
        "named_tool": Support("approximated", _UNFORCED),
        "parallel_tool_calls": Support("translated"),
        "tool_calls": Support(
            "translated",
            "ids with other letters are spelled in base64, very long ones become digests; arguments that are no object are put into one",
        ),
        "tool_results": Support("translated", "a missing one is told as an error; one that nothing called for becomes a user's words"),
        "tool_result_images": Support("carried", "behind the results where the call failed"),
        "tool_errors": Support("carried"),
        "json_mode": Support("approximated", "asked for in words: without a schema, nothing binds an answer"),
        "json_schema": Support(
            "approximated",
            "bound from Claude 4.5 on, with closed objects, and limits of numbers and lengths in words; "
            "before that as a tool that must be called, or in words beside tools and thoughts",
        ),
        "reasoning": Support("approximated", _BY_LEVEL),
        "reasoning_budget": Support("approximated", _BY_LEVEL),
        "hidden_reasoning": Support("translated", "from Claude 4.6 on; before that, thoughts are left out of the answer"),
        "reasoning_history": Support(
            "approximated", "Claude gets the thoughts that it signed, and would refuse others; servers of other makers get unsigned ones"
        ),
        "opaque": Support("approximated", "its own; that of others is left out"),
        "prefill": Support("approximated", "from Claude 4.6 on, the user asks for the rest instead"),
        "max_tokens": Support(
            "approximated", "at most what the model can write; on top of the budget for thoughts where it is no more than that"
        ),
        "temperature": Support("approximated", "at most 1; not sent to Claude 4.7 and later, nor where the model thinks: both refuse it"),
        "top_p": Support(
            "approximated", "not sent to Claude 4.7 and later, nor where the model thinks, nor to Claude 4 beside temperature"
        ),
        "top_k": Support("approximated", "not sent to Claude 4.7 and later, nor where the model thinks"),
        "min_p": Support("dropped", _NONE),
        "typical_p": Support("dropped", _NONE),
        "seed": Support("dropped", _NONE),
        "presence_penalty": Support("dropped", _NONE),
        "frequency_penalty": Support("dropped", _NONE),
        "repeat_penalty": Support("dropped", _NONE),
        "stop": Support("translated", "those of nothing but white space are looked for by the gateway"),
        "logprobs": Support("refused", "Anthropic tells none, and who asks would read them"),
        "user": Support("carried"),
        "cache_hints": Support("carried"),
        "num_ctx": Support("dropped", "models are loaded as they are"),
        "runner": Support("dropped", "models are loaded as they are"),
        "keep_alive": Support("dropped", "models stay"),
        "google_options": Support("dropped", "only Gemini knows them"),
        "cached_content": Support("refused", "Google's servers keep it, and the rest alone means something else"),
        "service_tier": Support("dropped", "Anthropic has other tiers, and sells them beforehand"),
        "verbosity": Support("dropped", _NONE),
        "prompt_cache": Support("dropped", "Anthropic caches what is marked in the prompt itself"),
        "stream": Support("carried", "whole answers are gathered from streams, too: long ones would be cut off"),
        "usage": Support("translated", "what was read from the cache, or written to it, counts"),
        "prompts": Support("approximated", "as what a user says"),
        "finished_prompts": Support("refused", "Claude only chats"),
        "suffix": Support("refused", "Claude fills no gaps"),
        "embeddings": Support("refused", _NO_EMBEDDINGS),
        "dimensions": Support("refused", _NO_EMBEDDINGS),
        "truncate": Support("refused", _NO_EMBEDDINGS),
        "token_counts": Support("carried"),
    }
)

# What answers have that no client of another language is told.
LOST_ANSWERS: Final[Mapping[str, Support]] = MappingProxyType(
    {
        "content[].text.citations": Support("dropped", "the text stands without them: only Claude cites"),
        "content[] (server_tool_use, *_tool_result)": Support("dropped", "what they brought, the text behind them tells"),
        "container, context_management": Support("dropped", "they are Anthropic's servers' own business"),
    }
)
