"""The table of what becomes of each feature."""

from __future__ import annotations

from proxy.dialects.gemini.support import FIELDS
from proxy.support import OUTCOMES


def test_every_outcome_is_known_and_every_loss_has_a_reason() -> None:
    for field, support in FIELDS.items():
        assert support.outcome in OUTCOMES
        assert support.note or support.outcome == "carried", field
