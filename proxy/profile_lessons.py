"""What servers of several languages teach in the same words. Pure."""

from __future__ import annotations

from dataclasses import replace

from proxy.profiles import Profile
from proxy.wire.answer_limits import limit_in, room_in


def shorter_answers(words: str, profile: Profile) -> Profile:
    """`profile` that asks for no longer answers than the server just said that there can be: ever, or beside this prompt."""
    room = room_in(words)
    if room is None:
        limit, before = limit_in(words), profile.output_limit
        return replace(profile, output_limit=limit) if limit and (before is None or limit < before) else profile
    # Who refuses again what it said is left wants one token less: some servers keep one for themselves.
    room = room if profile.output_room is None else min(room, profile.output_room - 1)
    return profile.for_this_request(output_room=room) if room > 0 else profile
