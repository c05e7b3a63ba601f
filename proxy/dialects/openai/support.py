"""What becomes of the fields of OpenAI's clients, and what OpenAI-style servers make of each feature. Data. See `proxy.support`.

An OpenAI client of a model that is on an OpenAI-style server is none of this: its request is handed on as it is. The one exception are
responses, where that server has none: `RESPONSE_FIELDS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proxy.support import Support

_ELSEWHERE = "it is OpenAI's servers' own business"
_KEPT = "nothing is kept between requests"
_THEIR_TOOLS = "they run on OpenAI's servers"
_WORDS = "texts in UTF-8, or with the mark of UTF-16"
_FILE_ID = "the file is kept by OpenAI's servers"
_ONE = "each request gets one answer"
_DETAIL = "`low` and `high`; `original` becomes `high`"
_EXTRA = "at the top, in `options` or in `extra_body`"

_CHAT: Final[Mapping[str, Support]] = {
    "model": Support("carried", "routed by the gateway's names"),
    "stream": Support("translated", "", "stream"),
    "stream_options.include_usage": Support("translated", "no chunk where the upstream tells none", "usage"),
    "messages[] (system, developer, first)": Support("translated", "", "system"),
    "messages[] (system, developer, later)": Support("translated", "", "system_turns"),
    "messages[] (assistant, last)": Support("translated", "", "prefill"),
    "messages[] (tool)": Support("translated", "stands behind its call, wherever it came", "tool_results"),
    "messages[] (function)": Support("translated", "the result of the latest call of that name", "tool_results"),
    "messages[].name": Support("carried", "", "names"),
    "messages[].content (text)": Support("translated", "empty texts are left out", "text"),
    "messages[].content (image_url, data)": Support("translated", "with the type that its bytes tell", "images"),
    "messages[].content (image_url, http)": Support("translated", "", "image_urls"),
    "messages[].content (image_url.detail)": Support("approximated", _DETAIL, "image_detail"),
    "messages[].content (input_audio)": Support("translated", "in the format that its bytes tell", "audio"),
    "messages[].content (file, file_data)": Support("translated", f"with the type that its bytes tell; {_WORDS}", "files"),
    "messages[].content (file, file_data with a URL)": Support("translated", "as OpenRouter's clients write it", "file_urls"),
    "messages[].content (file, file_id)": Support("refused", _FILE_ID),
    "messages[].content (of tools: image_url)": Support("translated", "", "tool_result_images"),
    "messages[].refusal": Support("translated", "as text", "text"),
    "messages[].reasoning_content, reasoning": Support("translated", "", "reasoning_history"),
    "messages[].thinking_blocks": Support(
        "approximated",
        "only for the upstream that signed them; several of one turn are left out where the gateway no longer knows where they stood",
        "opaque",
    ),
    "messages[].audio": Support("dropped", _ELSEWHERE),
    "messages[].tool_calls": Support("translated", "ids that come again in later turns are replaced", "tool_calls"),
    "messages[].tool_calls[].extra_content": Support("approximated", "only for the upstream that signed the call", "opaque"),
    "messages[].tool_calls (custom)": Support("refused", "only OpenAI's models know calls without a schema"),
    "messages[].function_call": Support("translated", "", "tool_calls"),
    "cache_control": Support("translated", "on texts, pictures, files and tools", "cache_hints"),
    "tools": Support("translated", "", "tools"),
    "tools[].function.strict": Support("translated", "", "strict_tools"),
    "tools (custom)": Support("refused", "only OpenAI's models know tools without a schema"),
    "functions": Support("translated", "and the answer speaks of one call of a function", "tools"),
    "function_call": Support("translated", "", "tool_choice"),
    "tool_choice": Support("translated", "nothing of it without tools", "tool_choice"),
    "tool_choice (function)": Support("translated", "", "named_tool"),
    "tool_choice (allowed_tools)": Support("translated", "the model is told of no others", "tool_choice"),
    "parallel_tool_calls": Support("translated", "", "parallel_tool_calls"),
    "response_format (json_object)": Support("translated", "", "json_mode"),
    "response_format (json_schema)": Support("translated", "", "json_schema"),
    "reasoning_effort": Support("translated", "`none` also keeps thoughts that come anyway out of the answer", "reasoning"),
    "reasoning (OpenRouter)": Support("translated", "effort, max_tokens, enabled, exclude", "reasoning"),
    "thinking (DeepSeek)": Support("translated", "", "reasoning"),
    "thinking.budget_tokens": Support("translated", "", "reasoning_budget"),
    "think (Ollama)": Support("translated", _EXTRA, "reasoning"),
    "chat_template_kwargs.enable_thinking": Support("translated", "", "reasoning"),
    "google.thinking_config.thinking_budget (extra)": Support("translated", f"or in camel case; {_EXTRA}", "reasoning_budget"),
    "google.thinking_config.thinking_level, include_thoughts (extra)": Support("translated", f"or in camel case; {_EXTRA}", "reasoning"),
    "include_reasoning, reasoning_format": Support("translated", "", "hidden_reasoning"),
    "max_completion_tokens": Support("translated", "", "max_tokens"),
    "max_tokens": Support("translated", "", "max_tokens"),
    "temperature": Support("carried", "", "temperature"),
    "top_p": Support("carried", "", "top_p"),
    "seed": Support("carried", "", "seed"),
    "presence_penalty": Support("carried", "", "presence_penalty"),
    "frequency_penalty": Support("carried", "", "frequency_penalty"),
    "stop": Support("translated", "beyond the upstream's number the gateway stops", "stop"),
    "logprobs": Support("translated", "", "logprobs"),
    "top_logprobs": Support("translated", "0 to 20", "logprobs"),
    "user": Support("translated", "", "user"),
    "safety_identifier": Support("translated", "where there is no `user`", "user"),
    "top_k (extra)": Support("translated", _EXTRA, "top_k"),
    "min_p (extra)": Support("translated", _EXTRA, "min_p"),
    "typical_p (extra)": Support("translated", _EXTRA, "typical_p"),
    "repeat_penalty, repetition_penalty (extra)": Support("translated", _EXTRA, "repeat_penalty"),
    "num_ctx (extra)": Support("translated", _EXTRA, "num_ctx"),
    "num_gpu, main_gpu, num_thread, num_batch, num_keep, repeat_last_n, draft_num_predict, use_mmap (extra)": Support(
        "translated", _EXTRA, "runner"
    ),
    "num_predict (extra)": Support("translated", "numbers below 1 are no limit", "max_tokens"),
    "keep_alive (extra)": Support("translated", _EXTRA, "keep_alive"),
    "n": Support("approximated", "each answer by a call of its own, with the next `seed`, 8 in all; more are refused"),
    "modalities (audio)": Support("refused", "answers are text"),
    "audio": Support("dropped", "answers are text"),
    "logit_bias": Support("dropped", "numbers of tokens mean something else to every model"),
    "metadata": Support("dropped", "it is for what is stored, and nothing is kept between requests: OpenAI refuses it without `store`"),
    "store": Support("dropped", _KEPT),
    "moderation": Support("dropped", _ELSEWHERE),
    "prediction": Support("dropped", "it changes how fast an answer comes, and not what it says"),
    "prompt_cache_key": Support("carried", "", "prompt_cache"),
    "prompt_cache_options": Support("carried", "", "prompt_cache"),
    "prompt_cache_retention": Support("carried", "", "prompt_cache"),
    "service_tier": Support("carried", "", "service_tier"),
    "safetySettings, labels, serviceTier (extra)": Support(
        "carried", f"as Gemini has them, or in snake case; {_EXTRA}, or in a `google` there", "google_options"
    ),
    "cachedContent (extra)": Support("carried", f"also as `cached_content`; {_EXTRA}, or in a `google` there", "cached_content"),
    "verbosity": Support("carried", "", "verbosity"),
    "web_search_options": Support("dropped", _THEIR_TOOLS),
    "(answer) usage": Support("translated", "left out where the upstream does not tell both numbers", "usage"),
    "(answer) finish_reason": Support(
        "translated", "the stop sequence that matched in `stop_reason`, as vLLM tells it, where the upstream says which"
    ),
    "(answer) message.reasoning_content": Support("translated", "also unasked, of models that think anyway"),
    "(answer) service_tier, system_fingerprint": Support("dropped", "they would be made up"),
    "(unknown fields)": Support("dropped", "OpenAI refuses them, but every OpenAI-style server has some of its own"),
}

_COMPLETIONS: Final[Mapping[str, Support]] = {
    "prompt": Support(
        "approximated", "several by a call for each; more than 8 answers in all, and numbers of tokens, are refused", "prompts"
    ),
    "suffix": Support("translated", "", "suffix"),
    "echo": Support("approximated", "by the gateway; refused beside `logprobs`"),
    "best_of": Support("refused", "unless it says what `n` says: all answers that are made are given"),
    "logprobs (completions)": Support("translated", "a number; as lists in the answer", "logprobs"),
    "max_tokens (completions)": Support("translated", "no number is no limit, where OpenAI stops after 16", "max_tokens"),
}

_EMBEDDINGS: Final[Mapping[str, Support]] = {
    "input (embeddings)": Support("approximated", "texts; numbers of tokens are refused", "embeddings"),
    "dimensions": Support("translated", "cut by the gateway where the upstream did not", "dimensions"),
    "encoding_format": Support("translated", "`base64` is made by the gateway", "embeddings"),
    "(answer) data[].embedding": Support("approximated", "brought to length 1, as OpenAI's are", "embeddings"),
    "(answer) usage (embeddings)": Support(
        "approximated", "0 where the upstream tells none: typed clients insist on numbers", "embeddings"
    ),
}

_RESPONSES: Final[Mapping[str, Support]] = {
    "input (responses)": Support("translated", "the items of a turn of the model's become one turn", "text"),
    "input[] (system, developer, later)": Support("translated", "", "system_turns"),
    "input[] (assistant, last)": Support("translated", "", "prefill"),
    "input[] (input_image)": Support("translated", "", "images"),
    "input[] (input_image, http)": Support("translated", "", "image_urls"),
    "input[] (input_image.detail)": Support("approximated", _DETAIL, "image_detail"),
    "input[] (input_file)": Support("translated", _WORDS, "files"),
    "input[] (input_file.file_url)": Support("translated", "", "file_urls"),
    "input[] (input_image.file_id, input_file.file_id)": Support("refused", _FILE_ID),
    "input[] (input_audio)": Support("translated", "", "audio"),
    "input[] (function_call)": Support("translated", "", "tool_calls"),
    "input[] (function_call_output)": Support("translated", "stands behind its call, wherever it came", "tool_results"),
    "input[] (function_call_output with pictures)": Support("translated", "", "tool_result_images"),
    "input[] (reasoning)": Support("translated", "", "reasoning_history"),
    "input[] (reasoning.encrypted_content)": Support("approximated", "only for the upstream that it came from", "opaque"),
    "input[] (item_reference)": Support("refused", _KEPT),
    "input[] (function_call.namespace)": Support("translated", "as the beginning of the function's name", "tool_calls"),
    "input[] (web_search_call)": Support("dropped", "what it brought, the text behind it tells"),
    "input[] (calls of OpenAI's other tools)": Support("refused", _THEIR_TOOLS),
    "instructions": Support("translated", "", "system"),
    "tools (namespace)": Support(
        "approximated", "as functions that are called `namespace__name`; what the namespace is for is left out", "tools"
    ),
    "tools (web_search)": Support(
        "dropped", "they run on OpenAI's servers: the model is not told of them; that one must be used is refused"
    ),
    "tools (OpenAI's other own)": Support("refused", _THEIR_TOOLS),
    "text.format": Support("translated", "", "json_schema"),
    "text.verbosity": Support("translated", "", "verbosity"),
    "reasoning.effort": Support("translated", "", "reasoning"),
    "reasoning.summary": Support("approximated", "thoughts are shown as a summary, whether one was asked for or not"),
    "max_output_tokens": Support("translated", "", "max_tokens"),
    "include": Support("approximated", "log probabilities where they are asked for; what is encrypted always comes"),
    "previous_response_id": Support("refused", _KEPT),
    "conversation": Support("refused", _KEPT),
    "prompt (responses)": Support("refused", _KEPT),
    "background": Support("refused", _KEPT),
    "background_options": Support("dropped", "they mean nothing without `background`"),
    "stream_options.include_obfuscation": Support("dropped", "no record is padded"),
    "truncation": Support("dropped", "the upstream decides about conversations that are too long"),
    "context_management": Support("dropped", _ELSEWHERE),
    "max_tool_calls": Support("dropped", "it counts calls of OpenAI's own tools, which are not made"),
    "access_programs": Support("dropped", _ELSEWHERE),
    "image": Support("dropped", _ELSEWHERE),
    "(answer) output[] (reasoning)": Support("translated", "as a summary; also unasked, of models that think anyway"),
    "(answer) store": Support("translated", "always false"),
}

CLIENT_FIELDS: Final[Mapping[str, Support]] = MappingProxyType({**_CHAT, **_COMPLETIONS, **_EMBEDDINGS, **_RESPONSES})

# What responses have as chats have it.
_OF_BOTH: Final = (
    "model",
    "stream",
    "tools",
    "tools[].function.strict",
    "tools (custom)",
    "tool_choice",
    "tool_choice (function)",
    "tool_choice (allowed_tools)",
    "parallel_tool_calls",
    "thinking (DeepSeek)",
    "thinking.budget_tokens",
    "think (Ollama)",
    "chat_template_kwargs.enable_thinking",
    "google.thinking_config.thinking_budget (extra)",
    "google.thinking_config.thinking_level, include_thoughts (extra)",
    "include_reasoning, reasoning_format",
    "temperature",
    "top_p",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "stop",
    "top_logprobs",
    "user",
    "safety_identifier",
    "top_k (extra)",
    "min_p (extra)",
    "typical_p (extra)",
    "repeat_penalty, repetition_penalty (extra)",
    "num_ctx (extra)",
    "num_gpu, main_gpu, num_thread, num_batch, num_keep, repeat_last_n, draft_num_predict, use_mmap (extra)",
    "num_predict (extra)",
    "keep_alive (extra)",
    "safetySettings, labels, serviceTier (extra)",
    "cachedContent (extra)",
    "metadata",
    "store",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "service_tier",
    "(unknown fields)",
)
RESPONSE_FIELDS: Final[Mapping[str, Support]] = MappingProxyType({name: _CHAT[name] for name in _OF_BOTH} | dict(_RESPONSES))
"""The fields of `/v1/responses`, which are translated to those of chats also where an OpenAI-style upstream has no such path."""

_LOCAL_SERVERS = "to vLLM, SGLang, llama.cpp"
_TO_OPENAI = "to OpenAI and Azure; elsewhere left out: strict servers refuse it"
_UNPENALISED = "left out for Groq, Cerebras and OpenAI's reasoning models"
_UNREASONING = "left out for OpenAI's reasoning models, which refuse it"

UPSTREAM_FEATURES: Final[Mapping[str, Support]] = MappingProxyType(
    {
        "system": Support("carried", "developers' words are the system's"),
        "system_turns": Support("carried", "what a model's template makes of them is its own"),
        "text": Support("carried", "the texts of a turn become one"),
        "images": Support("carried", "as data URLs"),
        "image_urls": Support("carried"),
        "image_detail": Support("carried", "`auto` goes unsaid: it is what comes unasked"),
        "audio": Support("carried"),
        "files": Support(
            "approximated",
            "texts as text; others to OpenAI and OpenRouter, under a name that ends as their type does; elsewhere they are refused",
        ),
        "file_urls": Support("approximated", "to OpenRouter; elsewhere they are refused"),
        "names": Support("approximated", "left out for Mistral, which refuses them"),
        "tools": Support(
            "carried",
            "names of more than 64 characters, and for OpenAI and Azure those with other letters than ASCII's, get others; the client's "
            "own come back with the calls",
        ),
        "strict_tools": Support(
            "approximated",
            "left out for OpenAI, Azure and servers of a kind that can't be told where the schema breaks OpenAI's rules for it; what "
            "OpenAI's own clients say goes as they said it",
        ),
        "tool_choice": Support("carried"),
        "named_tool": Support("translated", "LM Studio is told of that tool alone, and that one must be called"),
        "parallel_tool_calls": Support(
            "approximated", "the gateway leaves out all calls but the first where only one is wanted and the server's kind can't be told"
        ),
        "tool_calls": Support("carried", "Mistral gets ids of nine letters"),
        "tool_results": Support("carried"),
        "tool_result_images": Support("approximated", "as a turn of the user's behind the results: those can only be text"),
        "tool_errors": Support("approximated", "`Error:` before what they say"),
        "json_mode": Support("approximated", "as a schema, or in words, where the server constrains nothing else"),
        "json_schema": Support("approximated", "in words where the server constrains nothing"),
        "reasoning": Support(
            "approximated", "the server's own switch and words; left out where it has none, by its [profile](../servers.md)"
        ),
        "reasoning_budget": Support(
            "approximated", "as tokens to OpenRouter, elsewhere the effort that it comes to, if the server knows any"
        ),
        "hidden_reasoning": Support("translated", "OpenRouter and Groq are told; elsewhere the gateway leaves thoughts out of the answer"),
        "reasoning_history": Support("approximated", "beside calls of tools, to servers that know a place for it"),
        "opaque": Support(
            "approximated", "of calls to Google's OpenAI-style door, details of thoughts to OpenRouter; elsewhere there is no place for any"
        ),
        "prefill": Support(
            "approximated",
            "vLLM, llama.cpp, Mistral and Ollama go on with it; to others it is history, and answers lose it that begin with it again",
        ),
        "max_tokens": Support(
            "approximated",
            "by the server's name for it; lowered to what it says that the model, or the context beside the prompt, has room for",
        ),
        "temperature": Support("approximated", _UNREASONING),
        "top_p": Support("approximated", _UNREASONING),
        "top_k": Support("approximated", f"{_LOCAL_SERVERS}, LM Studio, OpenRouter and Together; elsewhere left out"),
        "min_p": Support("approximated", f"{_LOCAL_SERVERS}, OpenRouter and Together; elsewhere left out"),
        "typical_p": Support("approximated", "to llama.cpp; elsewhere left out"),
        "seed": Support("approximated", "left out for DeepSeek"),
        "presence_penalty": Support("approximated", _UNPENALISED),
        "frequency_penalty": Support("approximated", _UNPENALISED),
        "repeat_penalty": Support(
            "approximated",
            f"{_LOCAL_SERVERS}, LM Studio, OpenRouter and Together, as `repetition_penalty` where it is called so; elsewhere left out",
        ),
        "stop": Support(
            "carried",
            "the gateway looks for those beyond the server's number, and for all where the client is to hear which matched; vLLM says it",
        ),
        "logprobs": Support("approximated", "left out for LM Studio, Groq, Mistral and OpenAI's reasoning models"),
        "user": Support("approximated", "to OpenAI, Azure, OpenRouter, vLLM, SGLang, Groq and Cerebras; elsewhere left out"),
        "cache_hints": Support(
            "approximated", "to OpenRouter, which has no place for those of calls; elsewhere left out: strict servers refuse them"
        ),
        "num_ctx": Support("dropped", "the server has loaded its model"),
        "runner": Support("dropped", "only Ollama's runner knows them"),
        "keep_alive": Support("dropped", "the server decides"),
        "google_options": Support("dropped", "only Gemini knows them; `serviceTier` goes where `service_tier` does"),
        "cached_content": Support("refused", "Google's servers keep it, and the rest alone means something else"),
        "service_tier": Support("approximated", _TO_OPENAI),
        "verbosity": Support("approximated", _TO_OPENAI),
        "prompt_cache": Support("approximated", _TO_OPENAI),
        "stream": Support("carried", "what a server can't stream is asked for as a whole, and streamed by the gateway"),
        "usage": Support("carried", "thoughts are among the tokens of the answer, also where the server counts them beside these"),
        "prompts": Support("approximated", "as what a user says where the server only chats"),
        "finished_prompts": Support("approximated", "refused where the server only chats"),
        "suffix": Support("approximated", "refused where the server would drop it in silence"),
        "embeddings": Support("carried"),
        "dimensions": Support("carried", "cut by the gateway where the server does not"),
        "truncate": Support("approximated", "the server's own switch, else shortened and asked again"),
        "token_counts": Support("approximated", "counted by llama.cpp, elsewhere estimated by the gateway"),
    }
)

# What answers have that no client of another language is told.
LOST_ANSWERS: Final[Mapping[str, Support]] = MappingProxyType(
    {
        "choices[1:]": Support("dropped", "each request gets one answer"),
        "choices[].message.annotations": Support("dropped", "the text stands without its sources"),
        "choices[].message.audio, images": Support("dropped", "answers are text"),
    }
)
