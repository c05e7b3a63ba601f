"""The model a client asked for -> where it goes: `Route`. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.profiles import Profile


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes. `model` is the name asked for, `upstream_model` the name sent."""

    upstream: str
    model: str
    upstream_model: str
    profile: Profile
