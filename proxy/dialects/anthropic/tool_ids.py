"""Ids of tool calls that Anthropic takes, on the way to its servers as to its clients, which may take them there. Pure.

Source: Anthropic's refusal, "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'".
"""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

_LEGAL = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SPELT: Final = "toolu_spelt_"
# Of so many bytes base64 makes what fits behind that.
_MOST_BYTES: Final = (128 - len(_SPELT)) * 3 // 4


def legal_id(call_id: str) -> str:
    """A legal id; distinct for distinct ones. Replacing letters would make one of `f:0` and `f_0`.

    It hangs on `call_id` alone, so that it stays the same in every request that repeats the conversation, and legal ones stay what they
    are: the upstream's prompt cache goes on to match.
    """
    if _LEGAL.fullmatch(call_id) and not call_id.startswith(_SPELT):
        return call_id
    raw = call_id.encode("utf-8", "surrogatepass")
    if len(raw) > _MOST_BYTES:
        return f"toolu_digest_{hashlib.blake2b(raw, digest_size=12).hexdigest()}"
    return _SPELT + urlsafe_b64encode(raw).rstrip(b"=").decode()


def own_id(legal: str) -> str:
    """What `legal_id` made `legal` of, unless it was too long to be spelled out. Kimi knows its calls by ids like `functions.look:0`."""
    if not legal.startswith(_SPELT):
        return legal
    word = legal.removeprefix(_SPELT)
    try:
        call_id = urlsafe_b64decode(word + "=" * (-len(word) % 4)).decode("utf-8", "surrogatepass")
    except (binascii.Error, ValueError):
        return legal
    return call_id if legal_id(call_id) == legal else legal
