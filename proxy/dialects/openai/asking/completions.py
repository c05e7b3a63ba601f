"""Reads requests to `/v1/completions`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from proxy.dialect import Payload
from proxy.dialects.openai.asking.answers import MOST_ANSWERS, read_answers, too_many_answers, with_seed_of
from proxy.dialects.openai.asking.chat import wants_usage
from proxy.dialects.openai.asking.row import Row, empty_array, missing, unsupported, wrong_type
from proxy.dialects.openai.asking.sampling import read_extra, read_limit, read_options, read_sampling
from proxy.dialects.openai.asking.wishes import AskedPrompt

_MAX_LOGPROBS = 20


def parse_completion(payload: Payload) -> AskedPrompt:
    """The text to be continued, or the texts. Raises `InvalidRequest`."""
    row = Row(payload)
    answers = read_answers(row)
    options = read_options(row)
    # OpenAI stops after 16 tokens where a client names no number; a made-up limit would cut answers of everybody else's models.
    sampling = read_sampling(row, options, read_limit(row, "max_tokens"))
    logprobs = row.integer("logprobs", 0, _MAX_LOGPROBS)
    echoes = bool(row.flag("echo"))
    if echoes and logprobs is not None:
        raise unsupported("echo", "can't be had together with 'logprobs': nobody knows how likely the words of the prompt were")
    prompts = _prompts(row)
    asked = AskedPrompt(
        model=row.required_text("model"),
        prompt=prompts[0],
        suffix=row.text("suffix") or None,
        stream=bool(row.flag("stream")),
        sampling=sampling if logprobs is None else replace(sampling, logprobs=True, top_logprobs=logprobs),
        user=row.text("user") or None,
        extra=read_extra(row, options),
        wants_usage=wants_usage(row),
        echoes=echoes,
    )
    return asked if answers == len(prompts) == 1 else _asked_for_several(asked, prompts, answers)


def _asked_for_several(asked: AskedPrompt, prompts: Sequence[str], answers: int) -> AskedPrompt:
    """All answers to the first prompt, then all to the next. Raises `InvalidRequest` for too many."""
    if len(prompts) * answers > MOST_ANSWERS:
        raise too_many_answers("prompt" if len(prompts) > MOST_ANSWERS else "n", len(prompts) * answers)
    first, *others = (
        replace(asked, prompt=prompt, sampling=with_seed_of(asked.sampling, place)) for prompt in prompts for place in range(answers)
    )
    return replace(first, others=tuple(others))


def _prompts(row: Row) -> Sequence[str]:
    """The prompts, one at least. Tokens mean something only to the model that they were made for."""
    given = row.get("prompt")
    if given is None:
        raise missing("prompt")
    prompts = given if type(given) is list else [given]
    if not prompts:
        raise empty_array("prompt")
    for prompt in prompts:
        if type(prompt) is int or type(prompt) is list:
            raise unsupported("prompt", "must be a string: numbers of tokens are not known to this model")
        if type(prompt) is not str:
            raise wrong_type("prompt", "a string", prompt)
    return prompts
