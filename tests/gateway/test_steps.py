from __future__ import annotations

from typing import Any, cast

import pytest

from proxy.gateway.lists import ModelLists
from proxy.gateway.steps import Steps
from proxy.profile_book import ProfileBook
from proxy.routing import RouteTable


def with_default(payload: dict[str, Any], default_model: str = "ours") -> dict[str, Any]:
    nothing = ModelLists([], cast(Any, None), lambda: 0.0)
    return Steps({}, cast(RouteTable, None), ProfileBook({}), nothing, default_model=default_model).with_default_model(payload)


@pytest.mark.parametrize("payload", [{}, {"model": None}, {"model": ""}])
def test_default_model_stands_in_for_no_name(payload: dict[str, Any]) -> None:
    assert with_default(payload) == {"model": "ours"}
    assert with_default(payload, "") == payload


NAMES_AND_FAULTS: tuple[Any, ...] = ("m", 5, 0, [], {}, False)


@pytest.mark.parametrize("payload", [{key: model} for key in ("model", "MODEL") for model in NAMES_AND_FAULTS])
def test_default_model_does_not_stand_in_for_a_name_or_a_fault(payload: dict[str, Any]) -> None:
    assert with_default(payload) == payload
