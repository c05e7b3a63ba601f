"""What our egress learns from a refusal."""

from __future__ import annotations

from typing import Any

from proxy.dialects.openai.egress import repair
from proxy.errors import UpstreamRefused
from proxy.profiles import PROFILES, Profile

GENERIC = PROFILES["generic"]
OPENAI = PROFILES["openai"]


def learnt(error: UpstreamRefused, profile: Profile | str = GENERIC) -> dict[str, Any]:
    """The fields of the profile that the lesson changed; nothing when there was no lesson."""
    before = PROFILES[profile] if isinstance(profile, str) else profile
    after = repair(error, before)
    if after is None:
        return {}
    assert after != before, "a lesson that changes nothing would be learnt for ever"
    names = (name for name in Profile.__dataclass_fields__ if name != "sent")
    return {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}


def pydantic_error(*place: Any, kind: str = "extra_forbidden", msg: str = "Extra inputs are not permitted") -> dict[str, Any]:
    return {"type": kind, "loc": list(place), "msg": msg, "input": {"message": "Unsupported parameter: 'top_p'"}}
