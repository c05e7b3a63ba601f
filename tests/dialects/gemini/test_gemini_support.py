"""The table of what becomes of each feature."""

from __future__ import annotations

from proxy.dialects.gemini.support import UPSTREAM_FEATURES
from proxy.support import FEATURES


def test_every_feature_has_its_row_and_every_loss_its_reason() -> None:
    assert UPSTREAM_FEATURES.keys() == FEATURES.keys()
    for feature, support in UPSTREAM_FEATURES.items():
        assert support.note or support.outcome == "carried", feature
