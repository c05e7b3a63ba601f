"""What this gateway gave a client to keep for upstreams of other languages: strict servers refuse what they do not know. Pure.

What does not say whose it is, may be the server's own (Google's signatures at its OpenAI-style door, the text of thoughts): that is the
upstream's to judge.
"""

from __future__ import annotations

from typing import Any

from proxy.canonical.opaque_words import read_opaque_word
from proxy.dialect import Payload
from proxy.profiles import Profile

_BLOCKS, _CALLS, _EXTRA = "thinking_blocks", "tool_calls", "extra_content"
_GOOGLE, _SIGNATURE = "google", "thought_signature"


def without_foreign_state(payload: Payload, profile: Profile) -> Payload | None:
    """`payload` without the words that name another language; `None` where there are none, and the client's own bytes can go on.

    Gemini's signatures of calls go on to Google's own door, where they name nobody.
    """
    to_google = profile.signatures == "google"
    messages = payload.get("messages")
    if type(messages) is not list:
        return None
    found = False
    # Every relayed chat is looked through: without a call for each of its messages.
    for message in messages:
        if type(message) is dict and (_BLOCKS in message or _CALLS in message) and _own_part(message, to_google=to_google) != message:
            found = True
            break
    return payload | {"messages": [_own_part(message, to_google=to_google) for message in messages]} if found else None


def _own_part(message: Any, *, to_google: bool) -> Any:
    if type(message) is not dict:
        return message
    own = dict(message)
    blocks, calls = message.get(_BLOCKS), message.get(_CALLS)
    if type(blocks) is list:
        own[_BLOCKS] = [block for block in blocks if not _is_foreign_block(block)]
        if blocks and not own[_BLOCKS]:
            del own[_BLOCKS]
    if type(calls) is list:
        own[_CALLS] = [own_call(call, to_google=to_google) for call in calls]
    return own


def own_call(call: Any, *, to_google: bool) -> Any:
    """`call` without a signature that names another language; Gemini's goes on to Google's own door."""
    extra = call.get(_EXTRA) if type(call) is dict else None
    google = extra.get(_GOOGLE) if type(extra) is dict else None
    if type(extra) is not dict or type(google) is not dict or not is_foreign_word(google.get(_SIGNATURE)):
        return call
    found = read_opaque_word(google[_SIGNATURE])
    word = found.opaque if to_google and found is not None and found.origin == "gemini" else None
    return _with(call, _EXTRA, _with(extra, _GOOGLE, _with(google, _SIGNATURE, word)))


def _is_foreign_block(block: object) -> bool:
    return isinstance(block, dict) and (is_foreign_word(block.get("signature")) or is_foreign_word(block.get("data")))


def is_foreign_word(word: object) -> bool:
    """Whether `word` names the language that it is of."""
    return isinstance(word, str) and read_opaque_word(word) is not None


def _with(members: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    """`members` with that value; without the name where the value is nothing."""
    return members | {name: value} if value else {key: member for key, member in members.items() if key != name}
