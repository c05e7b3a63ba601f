"""Which of an upstream's headers may stand in an answer of ours."""

from __future__ import annotations

import pytest

from proxy.wire.headers import content_type, passed_on


def test_headers_that_are_asked_for_or_tell_of_limits_are_passed_on() -> None:
    headers = {"retry-after": "7", "x-ratelimit-reset": "1s", "set-cookie": "a=b", "x-ratelimit": "1"}
    assert passed_on(headers, ("retry-after",)) == {"retry-after": "7", "x-ratelimit-reset": "1s"}


@pytest.mark.parametrize("name", ["x-ratelimit-()", "x-ratelimit-a b", "x-ratelimit-\xe9", "x-ratelimit-a\n"])
def test_header_whose_name_is_illegal_is_left_out(name: str) -> None:
    assert passed_on({name: "1"}, ()) == {}


@pytest.mark.parametrize("value", ["a\x01b", "a\x00", "\x7f", "a\r\n b", "a\n", "\u20ac"])
def test_header_whose_value_is_illegal_is_left_out(value: str) -> None:
    assert passed_on({"retry-after": value}, ("retry-after",)) == {}
    assert content_type({"content-type": value}, "text/plain") == "text/plain"


def test_legal_values_stay_as_they_are() -> None:
    assert passed_on({"retry-after": "a\tb \xe9"}, ("retry-after",)) == {"retry-after": "a\tb \xe9"}
    assert content_type({"content-type": "text/html; charset=x"}, "") == "text/html; charset=x"
    assert content_type({}, "text/plain") == content_type({"content-type": ""}, "text/plain") == "text/plain"
