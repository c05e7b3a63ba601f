"""What Gemini's servers make of each feature of a request. Data; `docs/dialects/` is written from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proxy.support import Support

_UNKNOWN: Final = "Gemini has no such parameter"
_ONLY_CHATS: Final = "Gemini only chats"
_FETCHED: Final = "as `fileData`: Google fetches `https://` from Gemini 2.5 on; others are refused"

UPSTREAM_FEATURES: Final[Mapping[str, Support]] = MappingProxyType(
    {
        "system": Support("translated", "as `systemInstruction`; the user says it to Gemma 3, which takes none"),
        "system_turns": Support("approximated", "the user says it, in its place"),
        "text": Support("carried", "empty texts are left out"),
        "images": Support("carried", "as `inlineData`"),
        "image_urls": Support("approximated", _FETCHED),
        "image_detail": Support("dropped", "Gemini's word for it holds for all pictures of a request"),
        "audio": Support("carried", "as `inlineData`"),
        "files": Support(
            "approximated",
            "as `inlineData`, behind a text that is their name: PDF, sounds and films as they are, JSON and other texts that Gemini does "
            "not know as plain text; others are refused",
        ),
        "file_urls": Support("approximated", _FETCHED),
        "names": Support("dropped", "there is no place for who speaks"),
        "tools": Support(
            "translated",
            "schemas as they came, before Gemini 2.5 in OpenAPI's words; names that are not legal get others, and the client's own come "
            "back with the calls",
        ),
        "strict_tools": Support("dropped", "there is no such switch"),
        "tool_choice": Support("translated", "as `functionCallingConfig`"),
        "named_tool": Support("translated", "as `allowedFunctionNames`"),
        "parallel_tool_calls": Support("approximated", "the gateway leaves out all calls but the first where only one is wanted"),
        "tool_calls": Support("translated", "as `functionCall`; arguments that are no JSON object stand in `_raw`"),
        "tool_results": Support("translated", "as `functionResponse`, behind their calls"),
        "tool_result_images": Support("carried", "in the result from Gemini 3 on; before, and sounds always, behind it, under a label"),
        "tool_errors": Support("translated", 'as `{"error": ...}`'),
        "json_mode": Support("approximated", "as `responseMimeType`; in words beside tools before Gemini 3"),
        "json_schema": Support("approximated", "as it came, before Gemini 2.5 in OpenAPI's words; in words beside tools before Gemini 3"),
        "reasoning": Support(
            "approximated",
            "as a level from Gemini 3 on, before as a budget; what can't be switched off is set low; left out before Gemini 2.5",
        ),
        "reasoning_budget": Support("approximated", "as tokens; from Gemini 3 on the level that they come to; left out before Gemini 2.5"),
        "hidden_reasoning": Support("translated", "thoughts are not asked for"),
        "reasoning_history": Support("dropped", "thoughts that are not signed are summaries for people"),
        "opaque": Support(
            "approximated", "its own; that of others is left out, and where a call's was lost, Gemini 3 gets the word that stands for it"
        ),
        "prefill": Support("approximated", "it is history to Gemini, and answers lose it that begin with it again"),
        "max_tokens": Support("approximated", "as `maxOutputTokens`, lowered to what the model can write; thoughts count"),
        "temperature": Support("carried"),
        "top_p": Support("translated", "as `topP`"),
        "top_k": Support("translated", "as `topK`"),
        "min_p": Support("dropped", _UNKNOWN),
        "typical_p": Support("dropped", _UNKNOWN),
        "seed": Support("approximated", "one beyond 32 bits becomes one of 31, which it shares with others"),
        "presence_penalty": Support("approximated", "as `presencePenalty`; left out for models that refuse it"),
        "frequency_penalty": Support("approximated", "as `frequencyPenalty`; left out for models that refuse it"),
        "repeat_penalty": Support("dropped", _UNKNOWN),
        "stop": Support(
            "translated",
            "as `stopSequences`; the gateway looks for those beyond five, and for all where the client is to hear which one matched",
        ),
        "logprobs": Support("approximated", "as `responseLogprobs`; left out for models that refuse it"),
        "user": Support("dropped", _UNKNOWN),
        "cache_hints": Support("dropped", "Gemini caches unasked"),
        "num_ctx": Support("dropped", "the window is the model's"),
        "runner": Support("dropped", "the machines are Google's"),
        "keep_alive": Support("dropped", "the server decides"),
        "google_options": Support("carried", "beside the `generationConfig`"),
        "cached_content": Support("carried", "beside the `generationConfig`"),
        "service_tier": Support(
            "approximated",
            "as `serviceTier`: `flex`, `priority` and what else is Google's word; left out where there are no tiers, as OpenAI's own are",
        ),
        "verbosity": Support("dropped", _UNKNOWN),
        "prompt_cache": Support("dropped", "Gemini caches unasked"),
        "stream": Support("carried"),
        "usage": Support("translated", "thoughts are among the tokens of the answer"),
        "prompts": Support("approximated", "as what a user says"),
        "finished_prompts": Support("refused", _ONLY_CHATS),
        "suffix": Support("refused", _ONLY_CHATS),
        "embeddings": Support("carried", "asked for by `batchEmbedContents`, 100 at once"),
        "dimensions": Support("translated", "as `outputDimensionality`; cut by the gateway where the model does not"),
        "truncate": Support("approximated", "texts that are too long are always shortened"),
        "token_counts": Support("translated", "as `countTokens`"),
    }
)

# What answers have that no client of another language is told.
LOST_ANSWERS: Final[Mapping[str, Support]] = MappingProxyType(
    {
        "candidates[1:]": Support("dropped", "each request gets one answer"),
        "candidates[].groundingMetadata, citationMetadata, urlContextMetadata": Support("dropped", "the text stands without its sources"),
        "candidates[].content.parts[] (inlineData, fileData)": Support(
            "dropped", "answers are text; one of nothing but a picture or a sound is told as an error"
        ),
        "candidates[].content.parts[] (executableCode, codeExecutionResult)": Support(
            "dropped", "what it brought, the text behind it tells; an answer of nothing else is told as an error"
        ),
        "candidates[].safetyRatings": Support("dropped", "that something was withheld, the reason for the end tells"),
    }
)
