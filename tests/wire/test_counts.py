"""Numbers that servers tell: what is a count, and what is none."""

from __future__ import annotations

import pytest

from proxy.wire.counts import whole_count

LARGEST = 2**53 - 1


@pytest.mark.parametrize(
    ("told", "count"),
    [
        *((told, told) for told in (0, 7, LARGEST)),
        *((told, 7) for told in (7.0, 7.9, "7", "7.0")),
        *((told, None) for told in (-1, -0.5, LARGEST + 1, 10**30, 1e300, float("inf"), float("nan"))),
        *((told, None) for told in ("", "x", "nan", "inf", "1e25", "9" * 5000, True, None, [], {})),
    ],
)
def test_a_count_is_a_whole_number_that_can_be_true(told: object, count: int | None) -> None:
    assert whole_count(told) == count
    assert type(whole_count(told)) is type(count)
