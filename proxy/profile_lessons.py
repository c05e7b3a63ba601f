"""What servers of several languages teach in the same words. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from proxy.profiles import Profile
from proxy.wire.answer_limits import limit_in, room_in

_ONLY_DEFAULT: Final = re.compile(r"only (?:the )?default", re.IGNORECASE)
_VALUE: Final = re.compile(r"\bvalues?\b", re.IGNORECASE)
_CHOICE: Final = re.compile(
    r"(?:supported|allowed|accepted|valid|available) (?:[\w-]{1,30} )?(?:options|tiers|levels|settings|types|sizes)\b"
    r"|\b(?:must|should) be\b(?! (?:removed|omitted|left out|unset|absent))|\bone of\b|\bbetween\b|\bonly supports?\b|out of range",
    re.IGNORECASE,
)


def takes_no_value(words: str) -> bool:
    """Whether they say that no value is taken but the one that comes unasked: then the field can as well be left out, by whomever."""
    return bool(_ONLY_DEFAULT.search(words))


def speaks_of_value(words: str) -> bool:
    """Whether it is a value that is refused, as they say themselves."""
    return bool(_VALUE.search(words)) and not takes_no_value(words)


def offers_others(words: str) -> bool:
    """Whether it is a value that is refused, as they say, or as it must be where they tell what would be taken."""
    return bool(_VALUE.search(words) or _CHOICE.search(words)) and not takes_no_value(words)


def shorter_answers(words: str, profile: Profile) -> Profile:
    """`profile` that asks for no longer answers than the server just said that there can be: ever, or beside this prompt."""
    room = room_in(words)
    if room is None:
        limit, before = limit_in(words), profile.output_limit
        return replace(profile, output_limit=limit) if limit and (before is None or limit < before) else profile
    # Who refuses again what it said is left wants one token less: some servers keep one for themselves.
    room = room if profile.output_room is None else min(room, profile.output_room - 1)
    return profile.for_this_request(output_room=room) if room > 0 else profile
