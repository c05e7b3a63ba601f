"""What the log and the metrics note of who served and who did not."""

from __future__ import annotations

import logging

import pytest

from tests.facts.speech import refusal
from tests.fake_upstream import FakeUpstream, json_answer
from tests.gateway.from_outside import CHAT, last_line
from tests.gateway.many_upstreams.two_upstreams import CHATS, FALLBACK, Client, ask, metric, says


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("stream", [True, False])
def test_log_and_metrics_tell_who_served_and_who_did_not(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, caplog: pytest.LogCaptureFixture, path: str, stream: bool
) -> None:
    caplog.set_level(logging.INFO)
    boxes.on(CHAT, json_answer(refusal("crashed"), 500))
    says(cloud)
    client = a_client(FALLBACK, ENABLE_METRICS="true", MAX_RETRIES="1")
    before = {name: metric(client, name, upstream="boxes") or 0 for name in ("fallbacks_total", "upstream_failures_total")}
    response = ask(client, path, stream=stream)
    response.get_data()
    response.close()
    line = last_line(caplog)
    assert (line["upstream"], line["upstream_model"], line["attempts"], line["fallbacks"]) == ("cloud", "large", 2, 1)
    assert line["end"] == "finished"
    (turned,) = [vars(record) for record in caplog.records if record.getMessage() == "falling back to another upstream"]
    assert (turned["upstream"], turned["next_upstream"], turned["error"]) == ("boxes", "cloud", "crashed")
    assert metric(client, "fallbacks_total", upstream="boxes") == before["fallbacks_total"] + 1
    assert metric(client, "upstream_failures_total", upstream="boxes") == before["upstream_failures_total"] + 1
    assert metric(client, "upstream_failures_total", upstream="cloud") is None
    assert (metric(client, "tokens_total", upstream="cloud", model="large", direction="completion") or 0) >= 2


def test_log_of_a_request_that_its_upstream_served_counts_no_fallbacks(
    a_client: Client, boxes: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    says(boxes)
    ask(a_client(FALLBACK)).close()
    assert (last_line(caplog)["status"], last_line(caplog)["upstream"]) == (200, "boxes")
    assert "fallbacks" not in last_line(caplog)
