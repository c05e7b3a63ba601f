from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.deep_json import fault_of, is_too_much
from proxy.wire.exact_json import dumps_exact, has_long_numbers, loads_exact
from proxy.wire.lenient_json import LenientJson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 200), 1 << 200) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(VALUES)
def test_values_come_back_as_they_were_written(value: object) -> None:
    assert loads_exact(dumps_exact(value)) == value


@given(st.integers())
def test_integers_that_orjson_cannot_keep_are_long(number: int) -> None:
    text = str(number).encode()
    assert has_long_numbers(text) or orjson.loads(text) == number


@pytest.mark.parametrize("text", [b"", b'{"a":123456789012345678}', b'"a0b0" 000000000 000000000'])
def test_short_numbers_are_not_long(text: bytes) -> None:
    assert not has_long_numbers(text)


@pytest.mark.parametrize("before", [0, 256 * 1024 - 19, 256 * 1024 - 18, 256 * 1024 - 10, 256 * 1024 - 1, 256 * 1024, 1_000_000])
def test_long_numbers_are_found_wherever_they_stand(before: int) -> None:
    assert has_long_numbers(b"x" * before + b"1234567890123456789")
    assert not has_long_numbers(b"x" * before + b"123456789012345678")


def test_text_beside_a_long_number_stays_utf8_on_one_line() -> None:
    assert dumps_exact({"a": "\u00e9\n", "b": 1 << 64}) == '{"a":"\u00e9\\n","b":18446744073709551616}'.encode()


def test_what_cannot_be_written_is_refused() -> None:
    deep: list[object] = [1 << 64]
    for _ in range(400):
        deep = [deep]
    for value in ("\ud83d", deep):
        with pytest.raises(TypeError):
            dumps_exact(value)


@pytest.mark.parametrize("text", [b"{", b"[" * 100_000])
def test_what_cannot_be_read_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"Expecting|nested too deeply"):
        loads_exact(text)


@pytest.mark.parametrize("number", [b"1E400", b"-1e999", b"1" + b"0" * 400 + b".5"])
def test_numbers_beyond_a_double_are_no_infinities(number: bytes) -> None:
    text = b'{"z":' + number + b',"id":12345678901234567890123}'
    for read in (loads_exact, LenientJson(has_arguments=True).read, orjson.loads):
        with pytest.raises(ValueError, match=r".") as caught:
            read(text)
        assert is_too_much(caught.value)
        assert fault_of(caught.value) == "JSON with a number too large to be read"
    assert LenientJson().read(text)["z"] is None


def test_integers_of_arguments_keep_their_digits_beside_what_only_lenient_readers_take() -> None:
    assert LenientJson(has_arguments=True).read(b'{"z":NaN,"id":12345678901234567890123}') == {"z": None, "id": 12345678901234567890123}


def test_what_is_no_number_is_refused_beside_long_integers() -> None:
    with pytest.raises(TypeError):
        dumps_exact({"z": float("inf"), "id": 1 << 70})
