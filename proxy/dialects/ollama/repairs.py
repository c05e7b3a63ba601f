"""Learns from refusals: a profile and what an Ollama server just said -> a profile that avoids it. Pure.

Ollama skips fields that it does not know; what it refuses is thinking, of models that cannot and of servers that know fewer words for it.
Tools that a model cannot use are no matter of wording: the client must hear of them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from proxy.errors import UpstreamRefused
from proxy.profiles import Profile

_STATUSES: Final = frozenset({400, 500})
_CANT_THINK: Final = re.compile(r"does not support thinking", re.IGNORECASE)
# Servers before v0.22 know no "max", and older ones nothing but true and false.
_OTHER_WORDS: Final = re.compile(r"invalid think value|think must be|\.think of type bool", re.IGNORECASE)
_LEVELS: Final = ("low", "medium", "high")


def repair(error: UpstreamRefused, profile: Profile) -> Profile | None:
    """A profile that avoids what the upstream just refused, or `None` when the refusal is not about a parameter."""
    if error.told_status not in _STATUSES or profile.reasoning == "none":
        return None
    if _CANT_THINK.search(error.message):
        return replace(profile, reasoning="none")
    if _OTHER_WORDS.search(error.message) and profile.efforts:
        return replace(profile, efforts=_LEVELS if "max" in profile.efforts else ())
    return None
