"""What a delta, a message or a legacy choice says in words, and the log probabilities that go with it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy.canonical.events import PartDelta, PartKind
from proxy.canonical.held_text import HeldText, LogprobItems

Segment = tuple[PartKind, str]


def segments_of(delta: Mapping[str, Any]) -> list[Segment]:
    """The texts of a delta or message in the order in which the model made them: reasoning, text, refusal. Empty ones are left out."""
    segments: list[Segment] = []
    reasoning = _reasoning(delta)
    if reasoning:
        segments.append(("reasoning", reasoning))
    content = delta.get("content")
    if isinstance(content, str):
        if content:
            segments.append(("text", content))
    elif content:
        segments += _parts(content)
    refusal = delta.get("refusal")
    if refusal and isinstance(refusal, str):
        segments.append(("refusal", refusal))
    return segments


def _reasoning(delta: Mapping[str, Any]) -> str:
    """Both names are in use, and gateways that serve old and new clients send the same text under both."""
    long = delta.get("reasoning_content")
    short = delta.get("reasoning")
    long = long if isinstance(long, str) else ""
    short = short if isinstance(short, str) else ""
    return long if short == long else long + short


def _parts(content: object) -> Iterator[Segment]:
    """Content as typed parts. Mistral sends it so, with thinking among them, also in deltas."""
    for item in content if isinstance(content, list) else [content]:
        part = {"text": item} if isinstance(item, str) else item
        if not isinstance(part, dict):
            continue
        if part.get("type") == "thinking":
            text = _joined_text(part.get("thinking"))
            kind: PartKind = "reasoning"
        elif part.get("type") == "refusal":
            text, kind = _joined_text(part.get("refusal")), "refusal"
        else:
            text, kind = _joined_text(part.get("text")), "text"
        if text:
            yield kind, text


def _joined_text(value: object) -> str:
    if isinstance(value, list):
        return "".join(_joined_text(item.get("text") if isinstance(item, dict) else item) for item in value)
    return value if isinstance(value, str) else ""


def logprob_items(logprobs: object) -> LogprobItems | None:
    """OpenAI's `logprobs.content` items, `None` when there are none. Those of legacy completions are turned into them."""
    if not isinstance(logprobs, dict):
        return None
    items = logprobs.get("content") or logprobs.get("refusal")
    if isinstance(items, list):
        return [item for item in items if isinstance(item, dict)] or None
    return _legacy_items(logprobs) or None


def _legacy_items(logprobs: Mapping[str, Any]) -> list[dict[str, Any]]:
    tokens, values, tops = (logprobs.get(name) for name in ("tokens", "token_logprobs", "top_logprobs"))
    if not isinstance(tokens, list) or not isinstance(values, list):
        return []
    tops = tops if isinstance(tops, list) else []
    items = []
    for position, (token, value) in enumerate(zip(tokens, values, strict=False)):
        if isinstance(token, str) and isinstance(value, int | float):  # the first token of an echoed prompt has no value
            top = tops[position] if position < len(tops) else None
            items.append({**_item(token, value), "top_logprobs": [_item(*pair) for pair in top.items()] if isinstance(top, dict) else []})
    return items


def _item(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def shared_out(items: LogprobItems | None, segments: Sequence[Segment]) -> list[PartDelta]:
    """One delta per segment, each with the items of its own tokens.

    The items of a delta with several segments are for all of them, or only for the last ones (where the server cuts the reasoning out
    before it counts); where the tokens spell neither, nobody knows, and they are left out.
    """
    texts = [text for _, text in segments]
    if len(texts) == 1:
        return [PartDelta(texts[0], items)]
    spelled = "".join(str(item.get("token", "")) for item in items or ())
    for first in range(len(texts)) if items else ():
        if spelled == "".join(texts[first:]):
            held = HeldText()
            held.append(PartDelta(spelled, items))
            return [PartDelta(text) for text in texts[:first]] + [held.take(len(text)) for text in texts[first:]]
    return [PartDelta(text) for text in texts]
