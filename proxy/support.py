"""What becomes of a field on its way: the word for it, as it stands in the tables `dialects/<name>/support.py`. Data, no logic.

Two tables make a pair: the client's dialect says which feature each of its fields is, and the upstream's what it makes of features.
`docs/dialects/` is written from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Outcome = Literal["carried", "translated", "approximated", "dropped", "refused"]
"""`carried` as it came; `translated` to other words of the same meaning; `approximated` by something near it; `dropped` in silence;
`refused` aloud.
"""

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class Support:
    """What becomes of one field.

    Attributes:
        note: what it becomes, or why it is lost: a sentence's end for the tables of the documentation.
    """

    outcome: Outcome
    note: str = ""
