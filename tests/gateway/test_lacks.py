"""What is said of a list that is not known: what comes first, and what stays of the upstream's own error."""

from __future__ import annotations

import pytest

from proxy.errors import ModelNotFound, UpstreamError, UpstreamRefused, UpstreamUnavailable
from proxy.gateway.lacks import Lack, most_telling, retold

REFUSED = UpstreamRefused("who are you", status=401, code="invalid_api_key", raw={"error": {}}, headers={"x-request-id": "7"})
IN_THE_BODY = UpstreamRefused("who are you", status=401, upstream_status=200)
GONE = UpstreamUnavailable("the upstream 'gone' refuses connections", retry_after_s=7)

OF_THE_OPERATOR = Lack("boxes", REFUSED)
OF_THE_CLIENT = Lack("cloud", REFUSED, is_by_key=True, has_key=True)
PASSING = Lack("gone", GONE)


def test_what_may_pass_is_told_first_then_what_the_client_can_mend() -> None:
    assert most_telling([OF_THE_OPERATOR, OF_THE_CLIENT, PASSING]) is PASSING
    assert most_telling([OF_THE_OPERATOR, OF_THE_CLIENT]) is OF_THE_CLIENT
    assert most_telling([OF_THE_OPERATOR]) is OF_THE_OPERATOR


@pytest.mark.parametrize("error", [REFUSED, GONE])
def test_error_in_other_words_is_the_same_in_all_else(error: UpstreamError) -> None:
    told = retold(error, "other words")
    assert (type(told), told.message, str(told)) == (type(error), "other words", "other words")
    assert {**vars(told), "message": ""} == {**vars(error), "message": ""}
    assert error.message != "other words"


def test_failure_says_when_to_come_again() -> None:
    told = PASSING.told_of("m")
    assert (told.status, told.code, told.retry_after_s) == (503, "model_list_unknown", 7)
    assert told.message.endswith("not all have told them: the upstream 'gone' refuses connections")
    assert Lack("gone", UpstreamUnavailable("gone")).told_of("m").retry_after_s == 2


@pytest.mark.parametrize("error", [REFUSED, IN_THE_BODY])
def test_refused_key_of_a_client_is_final(error: UpstreamRefused) -> None:
    told = Lack("cloud", error, is_by_key=True, has_key=True).told_of("m")
    assert isinstance(told, UpstreamRefused)
    assert (told.status, told.retry_after_s, told.code, told.raw) == (401, None, error.code, error.raw)


def test_missing_key_is_401_whatever_the_upstream_calls_it() -> None:
    assert Lack("cloud", UpstreamRefused("no", status=403), is_by_key=True).told_of("m").status == 401
    assert Lack("cloud", UpstreamRefused("no", status=403), is_by_key=True, has_key=True).told_of("m").status == 403


def test_list_that_the_operators_key_may_not_see_denies_the_name() -> None:
    told = OF_THE_OPERATOR.told_of("m")
    assert isinstance(told, ModelNotFound)
    assert (
        told.message
        == "model 'm' not found; the upstream 'boxes' does not tell its models (who are you): what it has is asked for as 'boxes/m'"
    )


@pytest.mark.parametrize("model", ["boxes/m", "Boxes:m"])
def test_name_that_begins_with_the_upstream_gets_no_second_one(model: str) -> None:
    told = OF_THE_OPERATOR.told_of(model)
    assert told.message == f"model '{model}' not found; the upstream 'boxes' does not tell its models (who are you)"
    told = Lack("boxes", REFUSED, is_by_key=True, has_key=True).told_of(model)
    assert told.message.endswith("(who are you): send one that it takes as 'Authorization: Bearer <key>'")


def test_only_upstream_has_no_name_to_ask_by() -> None:
    assert Lack("", REFUSED).told_of("m") is REFUSED
    assert "''" not in Lack("", REFUSED, is_by_key=True).told_of("m").message


def test_error_that_names_its_upstream_is_told_as_it_is() -> None:
    assert PASSING.told().message == GONE.message
    assert Lack("cloud", UpstreamRefused("not today", status=500)).told().message == "the upstream 'cloud' says: not today"
