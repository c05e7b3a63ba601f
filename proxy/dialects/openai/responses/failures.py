"""Errors as clients of `/v1/responses` hear them: OpenAI's error objects, with the fields of this API. Pure."""

from __future__ import annotations

from typing import Final

import orjson

from proxy.dialects.openai.failures import error_object
from proxy.errors import InvalidRequest, ProxyError

# What those who ask upstreams call by the names that a chat has for it.
_OWN_NAMES: Final = {"messages": "input", "logprobs": "top_logprobs", "response_format": "text.format"}


def render_error(error: ProxyError) -> bytes:
    """The body of an error answer."""
    return orjson.dumps({"error": response_error(error)})


def response_error(error: ProxyError, *, is_translated: bool = False) -> dict[str, object]:
    """OpenAI's error object. Of what the gateway itself refuses, the field at fault has the name that this API has for it.

    Args:
        is_translated: as with `error_object`.
    """
    told = error_object(error, is_translated=is_translated)
    if isinstance(error, InvalidRequest) and error.param is not None:
        told["param"] = _OWN_NAMES.get(error.param, error.param)
    return told
