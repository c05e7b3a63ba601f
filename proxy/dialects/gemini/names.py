"""Names as Gemini takes them: of models in paths, and of functions. Pure.

A function's name that Gemini would refuse is spelled out, in a way that can be read back from the name alone: answers are read without
knowing what was asked.

Source: google-genai 3.4.0, `types.py`, FunctionDeclaration.name.
"""

from __future__ import annotations

import re
from typing import Final

from proxy.errors import InvalidRequest

_LEGAL: Final = re.compile(r"[A-Za-z_][\w.:-]{0,127}", re.ASCII)
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_MARK: Final = "esc."
_SPELLED: Final = re.compile(r"esc\.(?:[\w-]|\.[0-9A-F]{2})*", re.ASCII)
_CODE: Final = re.compile(rb"\.([0-9A-F]{2})")
_MAX_CHARS: Final = 128
_RESOURCES: Final = ("models/", "tunedModels/")


def resource_of(model: str) -> str:
    """A model's name as it stands in paths."""
    return model if model.startswith(_RESOURCES) else f"models/{model}"


def wire_name(name: str) -> str:
    """The name of a function as it is sent; legal ones stay as they are.

    Raises:
        InvalidRequest: the name is too long.
    """
    if _LEGAL.fullmatch(name) and not name.startswith(_MARK):
        return name
    spelled = _MARK + "".join(chr(byte) if byte in _PLAIN else f".{byte:02X}" for byte in name.encode("utf-8", "replace"))
    if len(spelled) > _MAX_CHARS:
        raise InvalidRequest(f"the name of a function is too long for this upstream: {name[:40]}...", param="tools")
    return spelled


def client_name(name: str) -> str:
    """The name of which `wire_name` made `name`."""
    if not name.startswith(_MARK) or not _SPELLED.fullmatch(name):
        return name
    return _CODE.sub(lambda code: bytes((int(code[1], 16),)), name.removeprefix(_MARK).encode()).decode("utf-8", "replace")
