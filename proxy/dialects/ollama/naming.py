"""The model that a request names. Pure.

Ollama's own rules for names are not applied: ids of OpenAI-style servers hold spaces, `@` and many slashes. Only what can't be a name is
refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from proxy.errors import InvalidRequest

_LONGEST = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def asked_model(row: Mapping[str, Any]) -> str:
    """The name in `model`, or in the older `name`, as the client spelt it; `""` when there is none. Raises `InvalidRequest`."""
    return checked_name(row.get("model") or row.get("name", ""), "model")


def required_model(row: Mapping[str, Any]) -> str:
    """The name, as `asked_model` finds it. Raises `InvalidRequest` when there is none."""
    model = asked_model(row)
    if not model:
        raise InvalidRequest("model is required", param="model")
    return model


def checked_name(name: str, param: str) -> str:
    """`name` as it is, `""` when it is nothing but whitespace. Raises `InvalidRequest` when it is too long or holds control characters."""
    if len(name) > _LONGEST or _CONTROL.search(name):
        raise InvalidRequest("invalid model name", param=param)
    return name if name.strip() else ""
