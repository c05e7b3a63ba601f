"""What a refusal says of how long an answer may be: at most, and beside this prompt. Pure.

The sentences are those of OpenAI, vLLM (four generations of them), SGLang, TGI, OpenRouter, Groq, DeepSeek, Cohere, Bedrock, Gemini and
Anthropic.
"""

from __future__ import annotations

import re
from typing import Final

_N: Final = r"(\d{1,12})"
_FLAGS: Final = re.IGNORECASE | re.DOTALL

_CONTEXT = re.compile(rf"context (?:length|window|size|limit)(?: is| of)?(?: only)?:? {_N}", _FLAGS)
_PROMPT = re.compile(rf"(?:has|passed|contains) {_N} input tokens", _FLAGS)
_WHOLE = re.compile(rf"requested (?:about |a total of )?{_N}(?:\.0)? tokens", _FLAGS)
_ANSWER = re.compile(rf"{_N}(?:\.0)? (?:tokens )?(?:in|for) the (?:completion|output)\b", _FLAGS)
# vLLM stops counting a prompt that leaves less room than was asked for, so what it says of the prompt follows from the answer.
_UNCOUNTED = re.compile(
    rf"requested {_N} output tokens and your prompt contains (?:at least \d{{1,12}} input tokens|\d{{1,12}} characters)", _FLAGS
)
_GIVEN = re.compile(rf"must be <= {_N}\. Given: {_N} `inputs` tokens", _FLAGS)
_SUM = re.compile(rf"exceed context limit: {_N} \+ \d{{1,12}} > {_N}", _FLAGS)


def room_in(words: str) -> int | None:
    """How many tokens the context has for an answer beside the prompt, 0 where that is too long by itself; `None` where nothing is said of
    the two. Where the server did not count the prompt, half of what was asked for, as long as that was more than a quarter of the context.
    """
    if given := _GIVEN.search(words):
        return max(0, int(given[1]) - int(given[2]))
    if summed := _SUM.search(words):
        return max(0, int(summed[2]) - int(summed[1]))
    context = _CONTEXT.search(words)
    if context is None:
        return None
    if uncounted := _UNCOUNTED.search(words):
        asked = int(uncounted[1])
        return asked // 2 if 4 * asked > int(context[1]) else 0
    prompt = _prompt_in(words)
    return None if prompt is None else max(0, int(context[1]) - prompt)


def _prompt_in(words: str) -> int | None:
    if prompt := _PROMPT.search(words):
        return int(prompt[1])
    whole, answer = _WHOLE.search(words), _ANSWER.search(words)
    return int(whole[1]) - int(answer[1]) if whole and answer else None


# Not where it is a summand.
_NAME: Final = r"(?<!\+ )(?<!\+ `)\bmax(?:imum)?[_ ]?(?:(?:completion|output|new|generated)[_ ]?)?tokens\b"
_QUOTE: Final = r"['\"`(]{0,2}"
_AT_MOST: Final = (
    r"(?:at most|up to|no (?:more|greater|larger|higher) than|less than or equal to|<=|limit (?:is|of)"
    r"|(?:cannot|can't|must not|may not) (?:be (?:greater|larger|more|higher) than|exceed)"
    r"|max(?:imum)?(?: (?:context|length|value|allowed|limit|output|completion|tokens?)){0,4}(?: is| of|:)?)"
)
_LIMIT = re.compile(
    rf"{_NAME}['\"`]?: \d{{1,12}} > {_N}"
    rf"|{_NAME}.{{0,160}}?(?:"
    rf"\[ ?\d{{1,12}}, ?{_N} ?\]"
    rf"|(?:from|between) \d{{1,12}}(?: \(inclusive\))? (?:to|and) {_N}(?! \(exclusive\)|\d)"
    rf"|{_AT_MOST} {_QUOTE}(?:\w{{1,40}}=){{0,2}}{_N})",
    _FLAGS,
)
_BELOW = re.compile(
    rf"{_NAME}.{{0,160}}?(?:(?:from|between) \d{{1,12}}(?: \(inclusive\))? (?:to|and) {_N} \(exclusive\)"
    rf"|(?<!not be )(?<!n't be )less than {_QUOTE}{_N})",
    _FLAGS,
)


def limit_in(words: str) -> int | None:
    """How many tokens any answer of the model can have at most, where the words say that more was asked for."""
    if below := _BELOW.search(words):
        return int(below[1] or below[2]) - 1 or None
    found = _LIMIT.search(words)
    return int(next(number for number in found.groups() if number)) or None if found else None


def blames_the_answer(words: str) -> bool:
    """Whether it is the answer that was to be too long, and not the prompt."""
    room = room_in(words)
    return room > 0 if room is not None else limit_in(words) is not None
