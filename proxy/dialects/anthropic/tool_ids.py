"""Ids of tool calls that Anthropic takes. Pure.

Source: Anthropic's refusal, "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_LEGAL = re.compile(r"[A-Za-z0-9_-]{1,128}")


def legal_ids(call_ids: Iterable[str]) -> dict[str, str]:
    """Each id -> a legal one; distinct for distinct ones. Replacing letters would make one of `f:0` and `f_0`.

    A new id hangs on the old one alone, so that it stays the same in every request that repeats the conversation, and legal ones stay what
    they are: the upstream's prompt cache goes on to match.
    """
    return {call_id: call_id if _LEGAL.fullmatch(call_id) else _digest(call_id) for call_id in call_ids}


def _digest(call_id: str) -> str:
    return f"toolu_{hashlib.blake2b(call_id.encode('utf-8', 'surrogatepass'), digest_size=12).hexdigest()}"
