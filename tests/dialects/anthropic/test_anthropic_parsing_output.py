"""What a request to `/v1/messages` asks of its answer: thinking, effort and format."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.canonical.request import ResponseFormat
from tests.dialects.anthropic.client_requests import parsed, refused


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"thinking": {"type": "disabled"}}, ("off", None, False)),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, ("off", None, False)),
        ({"thinking": {"type": "adaptive"}}, ("on", None, False)),
        ({"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "xhigh"}}, ("xhigh", None, True)),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, ("on", None, False)),
        ({"thinking": {"type": "between_tools"}}, ("minimal", None, False)),
        ({"thinking": {"type": "between_tools"}, "output_config": {"effort": "low"}}, ("low", None, False)),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, ("on", 2048, False)),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}, "output_config": {"effort": "max"}}, ("max", 2048, False)),
        ({"output_config": {"effort": "low"}}, ("low", None, False)),
        ({}, (None, None, False)),
    ],
)
def test_thinking_and_effort_are_one(said: Any, told: Any) -> None:
    asked = parsed(**said)
    assert (asked.reasoning, asked.reasoning_budget, asked.hides_reasoning) == told


@pytest.mark.parametrize("place", [lambda wanted: {"output_config": {"format": wanted}}, lambda wanted: {"output_format": wanted}])
def test_formats_stand_in_two_places(place: Any) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
    assert parsed(**place({"type": "json_schema", "schema": schema})).response_format == ResponseFormat("json_schema", schema)
    assert "type: Input should be 'json_schema'" in refused(**place({"type": "x"}))
    assert "schema: Field required" in refused(**place({"type": "json_schema"}))
