from __future__ import annotations

from proxy.canonical.completion import Usage, usage_of_all


def test_usage_of_several_answers_is_the_sum() -> None:
    told = usage_of_all([Usage(3, 4, cached_tokens=1), Usage(5, 6, cached_tokens=2, reasoning_tokens=7)])
    assert told == Usage(8, 10, cached_tokens=3, reasoning_tokens=7)


def test_usage_of_several_answers_is_unknown_where_it_is_of_one() -> None:
    assert usage_of_all([Usage(3, 4), Usage(None, 6)]) == Usage(None, 10)
