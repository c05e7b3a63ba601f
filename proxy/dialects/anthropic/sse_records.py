"""The events of Anthropic's streams as bytes. Each has its name twice: clients read the line `event:`, and `type` in the data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

PING = b'event: ping\ndata: {"type":"ping"}\n\n'


def event(name: str, data: Mapping[str, Any]) -> bytes:
    """The event `name`. `data` must have its `type`."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(data))


def block_start(index: int, block: Mapping[str, Any]) -> bytes:
    """The event that opens a content block."""
    return event("content_block_start", {"type": "content_block_start", "index": index, "content_block": block})


def block_stop(index: int) -> bytes:
    """The event that closes a content block."""
    return b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n' % index


def delta_frame(index: int, kind: str, member: str) -> tuple[bytes, bytes]:
    """What stands before and after the one JSON text that the deltas of a block carry, `thinking_delta` in its member `thinking`."""
    before = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
    return before % (index, kind.encode(), member.encode()), b"}}\n\n"
