"""How the tokens of a request are counted: by the server itself. Pure.

Source: https://ai.google.dev/api/tokens, `models.countTokens`.
"""

from __future__ import annotations

import orjson

from proxy.dialects.gemini.media import Json
from proxy.dialects.gemini.names import resource_of
from proxy.dialects.gemini.reading.refusals import refusal_in_answer
from proxy.errors import UpstreamBroken
from proxy.routing import Route
from proxy.wire.json_body import dumps
from proxy.wire.messages import Purpose, UpstreamCall


def count_call(asked: Json, route: Route) -> UpstreamCall:
    """The call that counts what the body `asked` of a chat holds."""
    model = resource_of(route.upstream_model)
    body = dumps({"generateContentRequest": {"model": model} | asked})
    return UpstreamCall(f"/v1beta/{model}:countTokens", body, route.upstream_model, purpose=Purpose.QUESTION)


def read_count(body: bytes) -> int:
    """The number of tokens.

    Raises:
        UpstreamRefused: the answer is an error, whatever its status.
        UpstreamBroken: the body tells none.
    """
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UpstreamBroken("the upstream's answer is no JSON") from error
    if isinstance(payload, dict) and payload.get("error"):
        raise refusal_in_answer(payload)
    total = payload.get("totalTokens") if isinstance(payload, dict) else None
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise UpstreamBroken("the upstream's answer tells no number of tokens")
    return total
