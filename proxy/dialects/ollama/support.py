"""What becomes of the fields of Ollama's clients, and what Ollama servers make of each feature. Data. See `proxy.support`.

An Ollama client of a model that is on an Ollama server is none of this: its request is handed on as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proxy.support import Support

_LOCAL_HARDWARE = "for the machine that runs the model"
_NO_PICTURES = "pictures are made no more by this API"
_BESIDE_RAW = "`system`, `template`, `context`, `images` and `format` beside it are refused, and `think` is left out"
_BESIDE_SUFFIX = "`template`, `images` and `format` beside it are refused, and `system` and `think` are left out"

CLIENT_FIELDS: Final[Mapping[str, Support]] = MappingProxyType(
    {
        "model": Support("carried", "routed by the gateway's names"),
        "stream": Support("translated", "absence means true", "stream"),
        "messages[].role": Support("translated", "in lower case"),
        "messages[] (system, first)": Support("translated", "", "system"),
        "messages[] (system, later)": Support("translated", "", "system_turns"),
        "messages[] (assistant, last)": Support("translated", "", "prefill"),
        "messages[] (tool)": Support("translated", "stands behind its call, wherever it came", "tool_results"),
        "messages[].content": Support("translated", "", "text"),
        "messages[].thinking": Support("translated", "", "reasoning_history"),
        "messages[].images (pictures)": Support("translated", "with the type that their bytes tell", "images"),
        "messages[].images (sound)": Support("translated", "told from pictures by its bytes", "audio"),
        "messages[].images (of tools)": Support("translated", "", "tool_result_images"),
        "messages[].tool_calls": Support("translated", "ids are made up where clients dropped them", "tool_calls"),
        "messages[].tool_name": Support("translated", "finds the call that a result answers", "tool_results"),
        "messages[].tool_call_id": Support("translated", "finds the call that a result answers", "tool_results"),
        "tools": Support("translated", "with every keyword of their schemas", "tools"),
        "tools[].strict": Support("translated", "a word of OpenAI's, which Ollama skips", "strict_tools"),
        "format (json)": Support("translated", "", "json_mode"),
        "format (schema)": Support("translated", "", "json_schema"),
        "think": Support("translated", "false also keeps thoughts that come anyway out of the answer", "reasoning"),
        "keep_alive": Support("translated", "0 without a question is answered by the gateway", "keep_alive"),
        "logprobs": Support("translated", "", "logprobs"),
        "top_logprobs": Support("translated", "0 to 20", "logprobs"),
        "truncate": Support("dropped", "the upstream decides about conversations that are too long"),
        "shift": Support("dropped", "the upstream decides about conversations that are too long"),
        "_debug_render_only": Support("dropped", "templates are the upstream's"),
        "prompt": Support("translated", "a turn of the user's", "text"),
        "prompt (raw)": Support("approximated", _BESIDE_RAW, "finished_prompts"),
        "prompt (suffix)": Support("approximated", _BESIDE_SUFFIX, "suffix"),
        "suffix": Support("approximated", _BESIDE_SUFFIX, "suffix"),
        "system": Support("approximated", "beside a suffix it is left out, as templates do", "system"),
        "template": Support("refused", "the upstream has its own"),
        "context": Support("dropped", "and none is returned"),
        "raw": Support("approximated", _BESIDE_RAW, "finished_prompts"),
        "images": Support("approximated", "as in messages; refused beside raw and suffix", "images"),
        "width": Support("dropped", _NO_PICTURES),
        "height": Support("dropped", _NO_PICTURES),
        "steps": Support("dropped", _NO_PICTURES),
        "input": Support("translated", "nothing gives no vectors, and asks nobody", "embeddings"),
        "dimensions": Support("translated", "cut by the gateway where the upstream did not", "dimensions"),
        "truncate (embed)": Support("translated", "", "truncate"),
        "options.num_ctx": Support("translated", "", "num_ctx"),
        "options.num_predict": Support("translated", "numbers below 1 are no limit", "max_tokens"),
        "options.temperature": Support("translated", "", "temperature"),
        "options.top_p": Support("translated", "", "top_p"),
        "options.top_k": Support("translated", "numbers below 0 are left out", "top_k"),
        "options.min_p": Support("translated", "", "min_p"),
        "options.typical_p": Support("translated", "", "typical_p"),
        "options.seed": Support("translated", "-1 is chance", "seed"),
        "options.stop": Support("translated", "beyond the upstream's number the gateway stops", "stop"),
        "options.repeat_penalty": Support("translated", "", "repeat_penalty"),
        "options.presence_penalty": Support("translated", "", "presence_penalty"),
        "options.frequency_penalty": Support("translated", "", "frequency_penalty"),
        "options.repeat_last_n": Support("dropped", "only Ollama's runner knows it"),
        "options.num_keep": Support("dropped", _LOCAL_HARDWARE),
        "options.num_batch": Support("dropped", _LOCAL_HARDWARE),
        "options.num_gpu": Support("dropped", _LOCAL_HARDWARE),
        "options.main_gpu": Support("dropped", _LOCAL_HARDWARE),
        "options.num_thread": Support("dropped", _LOCAL_HARDWARE),
        "options.draft_num_predict": Support("dropped", _LOCAL_HARDWARE),
        "options.use_mmap": Support("dropped", _LOCAL_HARDWARE),
        "(answer) message.tool_calls": Support(
            "approximated", "a call in whose midst the limit or a filter ended the answer is left out: arguments are objects"
        ),
        "(answer) prompt_eval_count, eval_count": Support("translated", "left out where the upstream tells none", "usage"),
        "(answer) signatures": Support(
            "approximated",
            "there is no field for them: the gateway adds them to the same call again where nothing before it has changed",
            "opaque",
        ),
        "(answer) embeddings": Support(
            "approximated", "brought to length 1, as Ollama's are; `embedding` of the older form stays as it came", "embeddings"
        ),
        "(answer) durations": Support("approximated", "measured by the gateway's clock"),
        "(unknown fields)": Support("dropped", "as Ollama does"),
    }
)

UPSTREAM_FEATURES: Final[Mapping[str, Support]] = MappingProxyType(
    {
        "system": Support("carried"),
        "system_turns": Support("carried", "what a model's template makes of them is its own"),
        "text": Support("translated", "the texts of a turn become one"),
        "images": Support("carried"),
        "image_urls": Support("refused", "Ollama fetches nothing"),
        "image_detail": Support("dropped", "there is no such field"),
        "audio": Support("approximated", "WAV and MP3, among the pictures; others are refused"),
        "files": Support("approximated", "plain texts as text under their name; others are refused"),
        "file_urls": Support("refused", "there is no place for documents"),
        "names": Support("dropped", "turns have no names"),
        "tools": Support(
            "approximated",
            "keywords of schemas that Ollama drops are said in words, and references are followed: beyond 256 KiB of what they lead to, "
            "each is any object",
        ),
        "strict_tools": Support("dropped", "arguments are not bound"),
        "tool_choice": Support("approximated", "`none` sends no tools; that one must be called is refused: nothing makes a model call it"),
        "named_tool": Support("refused", "nothing makes a model call a tool"),
        "parallel_tool_calls": Support("approximated", "the gateway leaves out what is called beside the first"),
        "tool_calls": Support("translated", "arguments that are no object are put into one"),
        "tool_results": Support("translated", "with the name of the tool"),
        "tool_result_images": Support("carried"),
        "tool_errors": Support("approximated", "`Error:` before what they say"),
        "json_mode": Support("translated", '`format: "json"`'),
        "json_schema": Support("translated", "`format`"),
        "reasoning": Support("approximated", "`think`; most models only tell yes from no, and what cannot think is not asked to"),
        "reasoning_budget": Support("approximated", "the effort that it comes to"),
        "hidden_reasoning": Support("translated", "thoughts are left out of the answer by the gateway"),
        "reasoning_history": Support("carried", "what a model's template makes of them is its own"),
        "opaque": Support("dropped", "Ollama signs nothing"),
        "prefill": Support("carried", "most templates go on with a last turn of the model's"),
        "max_tokens": Support("translated", "`num_predict`"),
        "temperature": Support("carried"),
        "top_p": Support("carried"),
        "top_k": Support("carried"),
        "min_p": Support("carried"),
        "typical_p": Support("carried"),
        "seed": Support("carried"),
        "presence_penalty": Support("carried"),
        "frequency_penalty": Support("carried"),
        "repeat_penalty": Support("carried"),
        "stop": Support("carried", "looked for by the gateway where the client is to hear which one matched: Ollama does not say"),
        "logprobs": Support("carried"),
        "user": Support("dropped", "there is no such field"),
        "cache_hints": Support("dropped", "Ollama caches unasked"),
        "num_ctx": Support("carried"),
        "runner": Support("carried"),
        "keep_alive": Support("carried"),
        "google_options": Support("dropped", "only Gemini knows them"),
        "service_tier": Support("dropped", "there are no tiers"),
        "verbosity": Support("dropped", "there is no such field"),
        "prompt_cache": Support("dropped", "Ollama caches unasked"),
        "stream": Support("carried"),
        "usage": Support("carried", "cached tokens and thoughts are not told apart"),
        "prompts": Support("approximated", "`raw`; an empty one is refused"),
        "finished_prompts": Support("carried"),
        "suffix": Support("carried", "by the model's template"),
        "embeddings": Support("carried"),
        "dimensions": Support("carried", "cut by the gateway where an older server did not"),
        "truncate": Support("carried"),
        "token_counts": Support("approximated", "estimated by the gateway"),
    }
)

# What answers have that no client of another language is told.
LOST_ANSWERS: Final[Mapping[str, Support]] = MappingProxyType(
    {
        "load_duration, prompt_eval_duration, eval_duration": Support("dropped", "other languages do not tell how long it took"),
    }
)
