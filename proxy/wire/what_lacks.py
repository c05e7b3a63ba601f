"""What a 404 or 405 says is missing: the model, the URL that was asked, or another thing that the request names. Pure."""

from __future__ import annotations

import re
from typing import Final

from proxy.errors import UpstreamRefused

NO_SUCH_URL: Final = (404, 405)
# "This is a chat model and not supported in the v1/completions endpoint." Source: OpenAI's answers, with `param` "model" and status 404.
_OF_ANOTHER_URL: Final = re.compile(r"\bv1/(?:chat|completions|responses|embeddings)\b")


def lacks_path(refusal: UpstreamRefused, model: str) -> bool:
    """Whether `refusal` says that the upstream lacks the path that was asked, and neither the model nor what else the request names."""
    return refusal.upstream_status in NO_SUCH_URL and refusal.status != 404 and not _is_of(model, refusal)


def lacks_model(refusal: UpstreamRefused, model: str) -> bool:
    """Whether `refusal` says that the upstream lacks the model, whatever it is asked for."""
    if refusal.told_status not in NO_SUCH_URL or _OF_ANOTHER_URL.search(refusal.message):
        return False
    is_of_some_thing = refusal.status == 404 and refusal.param is None
    return is_of_some_thing or _is_of(model, refusal)


def _is_of(model: str, refusal: UpstreamRefused) -> bool:
    return refusal.code == "model_not_found" or refusal.param == "model" or _names(refusal.message, model)


def _names(message: str, model: str) -> bool:
    return model != "" and re.search(rf"(?<![\w-]){re.escape(model)}(?![\w-])", message) is not None
