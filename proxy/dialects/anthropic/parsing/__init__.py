"""How Anthropic clients' requests are read: from decoded JSON to a frozen value. Pure.

What Anthropic's own server would refuse is refused here in its manner: the place in the request, then what is wrong there. Fields that we
do not know are ignored, though it refuses them: its clients learn new ones faster than anybody who stands in its place.
"""

from __future__ import annotations

from proxy.dialects.anthropic.parsing.request import parse_count, parse_messages

__all__ = ["parse_count", "parse_messages"]
