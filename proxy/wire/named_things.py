"""What a request names that lies at its vendor: files, containers, caches, earlier responses. Pure.

It is read from the request's bytes, and only where an error says that such a thing is missing: where none was named, the error is about
whoever was asked. An address that leads nowhere any more may say "Container not found", too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain

from proxy.errors import UpstreamError, UpstreamRefused
from proxy.wire.error_messages import message_of
from proxy.wire.messages import UpstreamCall
from proxy.wire.what_lacks import is_of_thing

# Names of things, which no word of a sentence is, nor a number: `rs_1`, `resp-a`, `file2`.
_THING = re.compile(r"(?<![\w-])(?=[\w-]*[A-Za-z])(?=[\w-]*[0-9_-])[\w-]+", re.ASCII)
# Where a request names things: `"id"`, `"file_id"`, `"previous_response_id"`, `"conversation"`, `"vector_store_ids"`.
_NAMED = re.compile(rb'"(?:(?:\w+_)?id|conversation|container)"\s*:\s*"([\w-]+)"', re.ASCII)
_LISTED = re.compile(rb'"\w+_ids"\s*:\s*\[([^\]]*)\]', re.ASCII)
_WORD = re.compile(rb'"([\w-]+)"', re.ASCII)
# What is kept for a request, and may hold other things: an error need not say by which name. `cntr_` is OpenAI's, `container_` Anthropic's;
# other containers are arguments of tools.
_KEPT = re.compile(
    rb'"(?:file_id|file_?[uU]ri|cached_?[cC]ontent|previous_response_id|skill_id|conversation)"\s*:\s*"[^"]'
    rb'|"(?:file|vector_store)_ids"\s*:\s*\[\s*"|"container"\s*:\s*"(?:cntr|container)_'
    rb'|"(?:container|conversation|prompt)"\s*:\s*\{[^{}\[\]]*"id"\s*:\s*"|"item_reference"'
)


def names_one_of(words: str, path: str, body: bytes) -> bool:
    """Whether `words` name a thing of the request `body` by its id.

    Args:
        path: what was asked; where the words name it (`Cannot POST /v1/responses`), its steps are no things.
    """
    said = " ".join(word.rpartition(path)[2] for word in words.split())
    return not _things_of(body).isdisjoint(_THING.findall(said))


def settle(error: UpstreamError, call: Callable[[], UpstreamCall]) -> None:
    """Takes back that a 403 or 404 is about a thing that its request names, where that names none, and the error no parameter.

    Args:
        call: what was asked.
    """
    if not isinstance(error, UpstreamRefused) or not error.is_requests_own or error.param:
        return
    words = message_of(error.raw)
    if is_of_thing(error.told_status, words):
        asked = call()
        body = asked.body or b""
        error.is_requests_own = _KEPT.search(body) is not None or names_one_of(words, asked.path, body)


def _things_of(body: bytes) -> set[str]:
    """What the request names by its id."""
    listed = (_WORD.findall(several) for several in _LISTED.findall(body))
    return {name.decode() for name in chain(_NAMED.findall(body), *listed)}
