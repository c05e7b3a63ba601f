"""Reads requests to `/v1/completions`. Pure."""

from __future__ import annotations

from dataclasses import replace

from proxy.dialect import Payload
from proxy.dialects.openai.asking.chat import wants_usage
from proxy.dialects.openai.asking.row import Row, missing, unsupported, wrong_type
from proxy.dialects.openai.asking.sampling import check_one_answer, read_extra, read_limit, read_options, read_sampling
from proxy.dialects.openai.asking.wishes import AskedPrompt

_MAX_LOGPROBS = 20


def parse_completion(payload: Payload) -> AskedPrompt:
    """The text to be continued. Raises `InvalidRequest`."""
    row = Row(payload)
    check_one_answer(row)
    options = read_options(row)
    # OpenAI stops after 16 tokens where a client names no number; a made-up limit would cut answers of everybody else's models.
    sampling = read_sampling(row, options, read_limit(row, "max_tokens"))
    logprobs = row.integer("logprobs", 0, _MAX_LOGPROBS)
    echoes = bool(row.flag("echo"))
    if echoes and logprobs is not None:
        raise unsupported("echo", "can't be had together with 'logprobs': nobody knows how likely the words of the prompt were")
    return AskedPrompt(
        model=row.required_text("model"),
        prompt=_prompt(row),
        suffix=row.text("suffix") or None,
        stream=bool(row.flag("stream")),
        sampling=sampling if logprobs is None else replace(sampling, logprobs=True, top_logprobs=logprobs),
        user=row.text("user") or None,
        extra=read_extra(row, options),
        wants_usage=wants_usage(row),
        echoes=echoes,
    )


def _prompt(row: Row) -> str:
    """The one prompt, alone or in a list. Tokens mean something only to the model that they were made for."""
    given = row.get("prompt")
    if given is None:
        raise missing("prompt")
    prompts = given if type(given) is list else [given]
    if any(type(prompt) is int or type(prompt) is list for prompt in prompts):
        raise unsupported("prompt", "must be a string: numbers of tokens are not known to this model")
    if len(prompts) != 1:
        raise unsupported("prompt", f"must be one string: {len(prompts)} were sent, and this model continues one for each request")
    if type(prompts[0]) is not str:
        raise wrong_type("prompt", "a string", prompts[0])
    return prompts[0]
