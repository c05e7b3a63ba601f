"""What other upstreams' models thought in a conversation that is relayed to `/v1/responses`: OpenAI refuses thoughts that it did not think,
as items that it does not have. Pure.
"""

from __future__ import annotations

from typing import Any, Final

from proxy.dialect import Payload
from proxy.dialects.openai.foreign_state import is_foreign_word, own_call
from proxy.profiles import Profile

THOUGHT_ELSEWHERE: Final = "rs_translated_"
"""How the ids of thoughts begin that no upstream of `/v1/responses` told."""


def without_foreign_items(payload: Payload, profile: Profile) -> Payload | None:
    """`payload` without the thoughts and signatures of other languages; `None` where there are none, and the client's own bytes can go on.

    All else stays: OpenAI's own thoughts, and what its servers searched and kept, which a translation would lose.
    """
    items = payload.get("input")
    if type(items) is not list:
        return None
    to_google = profile.signatures == "google"
    own = [_own_part(item, to_google=to_google) for item in items if not _is_foreign_thought(item)]
    return None if own == items else payload | {"input": own}


def _is_foreign_thought(item: object) -> bool:
    if type(item) is not dict or item.get("type") != "reasoning":
        return False
    word, item_id = item.get("encrypted_content"), item.get("id")
    if type(item_id) is str and item_id.startswith(THOUGHT_ELSEWHERE):
        return True
    # Codex drops ids. Of thoughts that an upstream knows again, what is left then says so: what is encrypted, or their whole text.
    return is_foreign_word(word) if word else not item_id and not item.get("content")


def _own_part(item: Any, *, to_google: bool) -> Any:
    return own_call(item, to_google=to_google) if type(item) is dict and item.get("type") == "function_call" else item
