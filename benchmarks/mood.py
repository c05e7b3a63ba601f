"""How much others took of a machine's cores while we measured, in words, and whether that was much. Pure."""

from __future__ import annotations

from collections.abc import Mapping

# Of a core.
_MUCH = 0.1


def whole(quietness: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Of all sections together, as of one; `quietness` has at least one."""
    seconds = sum(found["seconds"] for found in quietness.values())
    shares = {who: sum(found[who] * found["seconds"] for found in quietness.values()) / seconds for who in ("others", "stolen")}
    return {"seconds": seconds, **shares}


def told_of(quietness: Mapping[str, float]) -> str:
    """The same in words, without an end."""
    return (
        f"other programs on this machine and interrupts took {quietness['others']:.2f} of a core, "
        f"other machines on its host {quietness['stolen']:.2f}"
    )


def was_busy(quietness: Mapping[str, float]) -> bool:
    """Whether other programs took so much that a loss or a gain may be theirs.

    What the host gave to other machines is told, but not counted: it disturbs all contenders alike, who take turns, and there are hosts
    that give time away always. How far it makes rounds differ is in their spread.
    """
    return quietness["others"] > _MUCH
