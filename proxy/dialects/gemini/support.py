"""What Gemini's servers do with each feature of a request and of an answer. Data; `docs/dialects/` is written from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proxy.support import Support

FIELDS: Final[Mapping[str, Support]] = MappingProxyType(
    {
        "model": Support("translated", "stands in the path"),
        "stream": Support("translated", "`streamGenerateContent` with `alt=sse`"),
        "text": Support("carried", "empty texts are left out"),
        "system": Support("translated", "`systemInstruction`; the user says it where the model takes none (Gemma 3), and what comes later"),
        "messages.order": Support("approximated", "results of tools stand behind their calls, and the user begins, if only with a blank"),
        "messages.name": Support("dropped", "there is no place for who speaks"),
        "image": Support("carried", "`inlineData`"),
        "image.url": Support("carried", "`fileData`: the upstream fetches it, if it fetches such URLs"),
        "audio": Support("carried", "`inlineData`"),
        "file": Support("carried", "`inlineData`; its name is lost"),
        "file.url": Support("carried", "`fileData`: the upstream fetches it, if it fetches such URLs"),
        "refusal": Support("approximated", "a text of the model"),
        "reasoning": Support("dropped", "thoughts without a signature are summaries for people"),
        "reasoning.opaque": Support("carried", "`thoughtSignature`, where it came from Gemini"),
        "reasoning.redacted": Support("carried", "a signature behind the words that it came with"),
        "tool_call": Support("translated", "`functionCall`; arguments that are no JSON object stand in `_raw`"),
        "tool_call.id": Support("carried"),
        "tool_call.opaque": Support("carried", "`thoughtSignature`; where it was lost, Gemini 3 gets the word that stands for it"),
        "tool_result": Support("translated", '`functionResponse` with `{"output": ...}`'),
        "tool_result.is_error": Support("translated", '`{"error": ...}`'),
        "tool_result.media": Support("carried", "beside the response from Gemini 3 on, else behind it, under a label"),
        "tools": Support("translated", "one list of `functionDeclarations`; names that are not legal are spelled out"),
        "tools.parameters": Support("carried", "`parametersJsonSchema`; before Gemini 2.5 rewritten to OpenAPI's subset"),
        "tools.strict": Support("dropped", "there is no such switch"),
        "tool_choice": Support("translated", "`functionCallingConfig`"),
        "parallel_tool_calls": Support("dropped", "the number of calls can't be limited"),
        "response_format.json": Support("translated", "`responseMimeType`; in words beside tools before Gemini 3"),
        "response_format.json_schema": Support(
            "translated", "`responseJsonSchema`; `responseSchema` before Gemini 2.5, in words beside tools before Gemini 3"
        ),
        "reasoning_effort": Support(
            "translated", "`thinkingLevel` from Gemini 3 on, `thinkingBudget` before; what can't be switched off is low"
        ),
        "reasoning_budget": Support("approximated", "`thinkingBudget`; from Gemini 3 on the level that comes near it"),
        "hides_reasoning": Support("translated", "`includeThoughts` is left out"),
        "max_tokens": Support("translated", "`maxOutputTokens`; thoughts count"),
        "temperature": Support("carried"),
        "top_p": Support("translated", "`topP`"),
        "top_k": Support("translated", "`topK`"),
        "min_p": Support("dropped", "unknown to Gemini"),
        "typical_p": Support("dropped", "unknown to Gemini"),
        "repeat_penalty": Support("dropped", "unknown to Gemini"),
        "seed": Support("approximated", "brought into 32 bits"),
        "presence_penalty": Support("translated", "`presencePenalty`; left out where the model refuses it"),
        "frequency_penalty": Support("translated", "`frequencyPenalty`; left out where the model refuses it"),
        "stop": Support("translated", "`stopSequences`; beyond five the gateway stops"),
        "logprobs": Support("translated", "`responseLogprobs`"),
        "top_logprobs": Support("translated", "`logprobs`, 20 at most"),
        "user": Support("dropped", "there is no such field"),
        "cache_hint": Support("dropped", "Gemini caches unasked"),
        "extra": Support("dropped", "the options of Ollama's own runner"),
        "prompt": Support("refused", "Gemini only chats"),
        "suffix": Support("refused", "Gemini only chats"),
        "embeddings.input": Support("carried", "`batchEmbedContents`"),
        "embeddings.dimensions": Support("translated", "`outputDimensionality`; cut by the gateway where the model does not"),
        "embeddings.truncate": Support("approximated", "texts that are too long are always shortened"),
        "count_tokens": Support("translated", "`countTokens`"),
        "usage": Support("translated", "thoughts are among the tokens of the answer"),
        "answer.stop_sequence": Support("dropped", "Gemini does not say which one matched"),
        "answer.media": Support("dropped", "pictures that the model made have no place in the answer"),
        "answer.citations": Support("dropped", "grounding and citations have no place in the answer"),
    }
)
