"""`keep_alive`."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.durations import duration_s, keep_alive_s


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0.0),
        (1800, 1800.0),
        (1.5, 1.5),
        ("0", 0.0),
        ("0s", 0.0),
        ("+0", 0.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("300ms", 0.3),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("1.s", 1.0),
        ("2h45m30.5s", 9930.5),
        ("10us", 1e-5),
        ("10\u00b5s", 1e-5),
        ("10\u03bcs", 1e-5),
        ("7ns", 7e-9),
    ],
)
def test_keep_alive_is_seconds_or_a_go_duration(value: object, seconds: float) -> None:
    assert keep_alive_s(value) == pytest.approx(seconds)


@pytest.mark.parametrize("value", [-1, -0.5, "-1m", "-1s", "-1h30m"])
def test_a_negative_keep_alive_means_forever(value: object) -> None:
    assert keep_alive_s(value) == math.inf


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("", 'time: invalid duration ""'),
        ("10", 'time: missing unit in duration "10"'),
        ("1h10", 'time: missing unit in duration "1h10"'),
        ("forever", 'time: invalid duration "forever"'),
        ("-", 'time: invalid duration "-"'),
        (".s", 'time: invalid duration ".s"'),
        ("5 m", 'time: unknown unit " m" in duration "5 m"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ('1"', 'time: unknown unit "\\"" in duration "1\\""'),
        ("9" * 30 + "h", 'time: invalid duration "' + "9" * 30 + 'h"'),
        (True, "Unsupported type: 'bool'"),
        ([], "Unsupported type: '[]interface {}'"),
        ({}, "Unsupported type: 'map[string]interface {}'"),
    ],
)
def test_a_broken_keep_alive_is_refused_in_gos_words(value: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        keep_alive_s(value)
    assert str(caught.value) == complaint


def test_an_endless_duration_is_refused_with_a_short_message() -> None:
    with pytest.raises(ValueError, match="invalid duration") as caught:
        duration_s("1" * 1_000_000)
    assert len(str(caught.value)) < 200


@given(st.text(alphabet="0123456789.-+nuµmsh x", max_size=20))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        seconds = duration_s(text)
    except ValueError as error:
        complaint = str(error)
    else:
        complaint = "" if isinstance(seconds, float) else "no float"
    assert not complaint or complaint.startswith("time: ")
