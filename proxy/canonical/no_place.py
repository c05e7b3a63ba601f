"""The error about what an upstream can't be shown. Pure.

In a conversation of a hundred turns nobody finds it by its kind alone: where it stands is said in the client's own words.
"""

from __future__ import annotations

from proxy.canonical.request import AudioPart, FilePart, ImagePart
from proxy.errors import InvalidRequest


def no_place_for(part: ImagePart | AudioPart | FilePart, why: str) -> InvalidRequest:
    """The error that says why `part` can't go on, and where it stands; in the message, too: not all languages have a field for that."""
    return InvalidRequest(f"{part.place}: {why}" if part.place else why, param=part.place or "messages")
