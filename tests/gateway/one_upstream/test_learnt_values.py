"""A value that an upstream refuses is one client's; the next client has its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.facts.speech import chat_reply
from tests.fake_upstream import Answer, Request, json_answer
from tests.gateway.from_outside import CHAT
from tests.gateway.one_upstream.questions import asked
from tests.gateway.several import a_client, an_upstream

KIND = '[upstreams.them]\nbase_url = @them\napi_key = "k"\nprofile = "{profile}"\n'


def refusing(field: str, value: Any, code: str) -> Any:
    """An upstream that knows the field, and not that value of it."""
    words = f"Invalid {field} argument: '{value}' is not supported for this model."
    refusal = json_answer({"error": {"message": words, "type": "invalid_request_error", "param": field, "code": code}}, 400)

    def script(request: Request) -> Answer:
        return refusal if request.json.get(field) == value else json_answer(chat_reply("hello"))

    return script


@pytest.mark.parametrize("profile", ["openai", "azure"])
@pytest.mark.parametrize(
    ("said", "others", "field", "sent", "statuses"),
    [
        ({"service_tier": "flex"}, {"service_tier": "priority"}, "service_tier", ["flex"], [400]),
        ({"text": {"verbosity": "low"}}, {"text": {"verbosity": "medium"}}, "verbosity", ["low", None], [200]),
        ({"prompt_cache_retention": "24h"}, {"prompt_cache_retention": "in_memory"}, "prompt_cache_retention", ["24h", None], [200]),
    ],
)
def test_two_clients_with_two_values(
    tmp_path: Path, profile: str, said: dict[str, Any], others: dict[str, Any], field: str, sent: list[Any], statuses: list[int]
) -> None:
    with an_upstream("m") as upstream:
        upstream.on(CHAT, refusing(field, sent[0], "invalid_value"))
        upstream.on("/responses", Answer(404, {"Content-Type": "text/plain"}, [b"404 page not found"]))
        client = a_client(tmp_path, KIND.format(profile=profile), them=upstream)
        answers = [client.post("/v1/responses", json={"model": "m", "input": "hi", **each}) for each in (others, said, others)]
        others_value = next(iter(others.values()))
        good = others_value["verbosity"] if isinstance(others_value, dict) else others_value
        assert [answer.status_code for answer in answers] == [200, *statuses, 200]
        assert [body.get(field) for body in asked(upstream)] == [good, *sent, good]
