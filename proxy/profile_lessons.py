"""What servers of several languages teach in the same words. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from proxy.profiles import Profile
from proxy.wire.answer_limits import limit_in, room_in

_ONLY_DEFAULT: Final = re.compile(r"only (?:the )?default|\b(?:left|kept) (?:at|to|as) (?:its |the )?default", re.IGNORECASE)
_VALUE: Final = re.compile(r"\bvalues?\b", re.IGNORECASE)
# What a field is taken with, or by which models, is no choice among its values.
_CONDITION: Final = re.compile(
    r"\b(?:used|combined) (?:together )?with\b[^.,:;\n]{0,200}|\bto use (?:it|this|them)\b[^.:;\n]{0,200}", re.IGNORECASE
)
_SOME = r"(?:supported|allowed|accepted|valid|available)"
_WORD = r"[\w.-]{1,64}"
# A value, a number, or a list of words: `must be removed` and `one of the models` offer none.
_OFFER = rf"(?:['\"`\[({{<>=+-]|\d|(?:true|false|null|none|auto)\b|{_WORD}(?:, {_WORD}){{0,16}},? or {_WORD}|{_WORD}(?:, |\||/){_WORD})"
_CHOICE: Final = re.compile(
    rf"{_SOME} (?:[\w-]{{1,30}} )?(?:options|tiers|levels|settings|types|sizes)\b"
    rf"|\b(?:must|should) be:? (?!(?:\w{{1,32}}ed|left|unset|absent|sent|met|empty)\b)(?:(?:set|equal) to |exactly |either )?"
    rf"(?:{_OFFER}|[a-z]{{1,32}}(?=[.;)\n]|$))"
    r"|\b(?:must|should) be (?:in|within|at (?:least|most)|less|greater|more|smaller|larger|higher|lower|above|below"
    r"|an? (?:valid |positive |non-negative )?(?:string|number|integer|boolean|list|array|object|dictionary|float|multiple))\b"
    rf"|\bone of(?: the following)?:? {_OFFER}"
    r"|\bbetween \W{0,3}\d|\bonly supports?\b|out of range",
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
    return bool(_VALUE.search(words) or _CHOICE.search(_CONDITION.sub("", words))) and not takes_no_value(words)


def shorter_answers(words: str, profile: Profile) -> Profile:
    """`profile` that asks for no longer answers than the server just said that there can be: ever, or beside this prompt."""
    room = room_in(words)
    if room is None:
        limit, before = limit_in(words), profile.output_limit
        return replace(profile, output_limit=limit) if limit and (before is None or limit < before) else profile
    # Who refuses again what it said is left wants one token less: some servers keep one for themselves.
    room = room if profile.output_room is None else min(room, profile.output_room - 1)
    return profile.for_this_request(output_room=room) if room > 0 else profile
