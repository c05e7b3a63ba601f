"""Keys that may chat and not list models, from outside: who has a fallback is served by the upstream that he asked for all the same."""

from __future__ import annotations

import time
from pathlib import Path

from tests.facts.speech import chat_reply
from tests.fake_upstream import json_answer
from tests.gateway import several

CONFIG = """
[upstreams.cloud]
base_url = @cloud
api_key = "sk-of-the-cloud-1"
health_check_interval = 0.2

[upstreams.boxes]
base_url = @boxes

[fallbacks]
"cloud/large" = ["boxes/big"]
"""


def test_upstream_that_lists_nothing_for_its_key_is_asked_for_chats(tmp_path: Path) -> None:
    with several.an_upstream() as cloud, several.an_upstream("big") as boxes:
        cloud.on("/models", json_answer({"error": {"message": "Missing scopes: api.model.read"}}, 403))
        cloud.on("/chat/completions", json_answer(chat_reply("cloud")))
        boxes.on("/chat/completions", json_answer(chat_reply("boxes")))
        client = several.a_client(tmp_path, CONFIG, cloud=cloud, boxes=boxes)
        client.get("/v1/models")
        deadline_s = time.monotonic() + 5
        while len(cloud.requests_to("/models")) < 4:
            assert time.monotonic() < deadline_s, "nobody looks"
            time.sleep(0.02)
        for _ in range(4):
            answer = client.post("/v1/chat/completions", json={"model": "cloud/large", "messages": [{"role": "user", "content": "hi"}]})
            assert answer.get_json()["choices"][0]["message"]["content"] == "cloud"
            client.get("/v1/models")
