"""Names as Gemini takes them: of models in paths, and of functions. Pure.

Functions' names have been made of ASCII's letters and digits, `_` and `-` before (`proxy.canonical.foreign_names`). Here those get a mark
that begin with what Gemini does not let begin a name. It can be read back from the name alone: answers are read without knowing what was
asked.

Source: google-genai 3.4.0, `types.py`, FunctionDeclaration.name.
"""

from __future__ import annotations

import re
from typing import Final

_BEGIN: Final = re.compile(r"[A-Za-z_]")
_MARK: Final = "esc."
_RESOURCES: Final = ("models/", "tunedModels/")


def resource_of(model: str) -> str:
    """A model's name as it stands in paths."""
    return model if model.startswith(_RESOURCES) else f"models/{model}"


def wire_name(name: str) -> str:
    """The name of a function as it is sent."""
    return name if _BEGIN.match(name) and not name.startswith(_MARK) else _MARK + name


def client_name(name: str) -> str:
    """The name of which `wire_name` made `name`."""
    return name.removeprefix(_MARK)
