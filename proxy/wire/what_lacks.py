"""What a 403, 404 or 405 says is missing: the model, the URL that was asked, or another thing that the request names or needs. Pure."""

from __future__ import annotations

import re
from typing import Final

from proxy.errors import UpstreamRefused

NO_SUCH_URL: Final = (404, 405)
# "This is a chat model and not supported in the v1/completions endpoint." Source: OpenAI's answers, with `param` "model" and status 404.
_OF_ANOTHER_URL: Final = re.compile(r"\bv1/(?:chat|completions|responses|embeddings)\b")
_MOST_CHARS: Final = 4000
# Codes of a 404. Source: Groq's `unknown_url`, Azure's `ResourceNotFound`, and what gateways answer.
_URL_CODE: Final = re.compile(r"url|route|path|endpoint|method", re.IGNORECASE)
_BARE_CODE: Final = re.compile(r"(?:resource_?)?not_?found(?:_error)?|invalid_request(?:_error)?", re.IGNORECASE)
# What says no more than the status does: "Not Found" (Starlette), "File Not Found" (llama.cpp), "Resource not found" (Azure),
# "The requested resource was not found" (many gateways), "NOT_FOUND".
_BARE: Final = re.compile(
    r"\W*(?:(?:error|http|404|the|requested|file|resource|page|object)\W+)*"
    r"(?:(?:was|could|is)\W+)?(?:not[ _]?(?:be )?found|does(?: not|n't) exist|40[45])(?:[ _]?error)?\W*(?:404\W*)?",
    re.IGNORECASE,
)
# What servers and gateways say: "Invalid URL (POST /v1/x)", "Unexpected endpoint or method", "Cannot POST /v1/x", "no Route matched",
# "No static resource v1/responses", "The Responses API is not supported". "No endpoints found that support image input" is about the
# request. Source: OpenRouter's answers.
_OF_URLS: Final = re.compile(
    r"\b(?:url|uri|path|route|page)\b|(?<!\bno )\bendpoint\b|\bmethod not (?:allowed|found)|\bstatic resource\b|\bcannot (?:post|get)\b"
    r"|\b(?:responses|completions|messages|embeddings) api\b|\bnot implemented\b|\bcount_?tokens\b|\btoken counting\b"
    r"|(?:^|[\s:'\"`(])/(?:v\d|api|openai|responses|chat|completions|messages|embeddings|models)\b",
    re.IGNORECASE,
)
# What no provider of OpenRouter's does for this request, or may do. "No endpoints found for acme/x" is about the model.
_NOBODY_SERVES: Final = re.compile(r"\bno (?:endpoints (?:found|available) (?!for\b)\w|allowed providers\b)", re.IGNORECASE)
# "No endpoints found matching your data policy (Paid model training)" follows the settings of the account.
_SETTINGS: Final = re.compile(r"\b(?:data policy|guardrail|allowed providers)\b", re.IGNORECASE)
# "File not found: file_1" (Anthropic), "No such File object: file-1", "Container with id 'cntr_1' not found." (OpenAI), "CachedContent not
# found (or permission denied)", "You do not have permission to access the File x or it may not exist." (Google)
_THING: Final = r"\b(?:file|container|vector store|item|prompt|skill|batch|cached ?content)s?\b"
_NO_SUCH_THING: Final = re.compile(
    rf"\bno such {_THING}|{_THING}.{{0,200}}?\b(?:not (?:be )?found|(?:does|do|may|might) not exist|doesn't exist)\b",
    re.IGNORECASE | re.DOTALL,
)


def says_no_url(words: str, code: str | None = None) -> bool:
    """Whether a 404 is about the URL that was asked, or says nothing at all."""
    if code is not None and not _BARE_CODE.fullmatch(code):
        return _URL_CODE.search(code) is not None
    words = words[:_MOST_CHARS].strip()
    if not words or _BARE.fullmatch(words):
        return True
    return _OF_URLS.search(words) is not None and not names_thing(words) and not _NOBODY_SERVES.search(words)


def names_thing(words: str) -> bool:
    """Whether an error says that a thing that lies at the vendor (a file, a cache) is missing, or not this key's."""
    words = words[:_MOST_CHARS]
    return _NO_SUCH_THING.search(words) is not None and _BARE.fullmatch(words.strip()) is None


def is_of_thing(status: int, words: str) -> bool:
    """Whether an error of this status says that such a thing is missing: the request's own matter, if that names one."""
    return status in (403, 404) and names_thing(words)


def is_unserved(status: int, words: str) -> bool:
    """Whether an error of this status says that nobody there does what the request needs, or may do it for this account."""
    return status == 404 and _NOBODY_SERVES.search(words[:_MOST_CHARS]) is not None


def is_of_settings(words: str) -> bool:
    """Whether nobody serves because of how the key's account was set up."""
    return _SETTINGS.search(words[:_MOST_CHARS]) is not None


def lacks_path(refusal: UpstreamRefused, model: str) -> bool:
    """Whether `refusal` says that the upstream lacks the path that was asked, and neither the model nor what else the request names."""
    return refusal.upstream_status in NO_SUCH_URL and refusal.status != 404 and not _is_of(model, refusal)


def lacks_model(refusal: UpstreamRefused, model: str) -> bool:
    """Whether `refusal` says that the upstream lacks the model, whatever it is asked for."""
    if refusal.told_status not in NO_SUCH_URL or _OF_ANOTHER_URL.search(refusal.message):
        return False
    has_own_code = refusal.code is not None and not _BARE_CODE.fullmatch(refusal.code)
    return (refusal.status == 404 and refusal.param is None and has_own_code) or _is_of(model, refusal)


def _is_of(model: str, refusal: UpstreamRefused) -> bool:
    return refusal.code == "model_not_found" or refusal.param == "model" or _names(refusal.message, model)


def _names(message: str, model: str) -> bool:
    return model != "" and re.search(rf"(?<![\w-]){re.escape(model)}(?![\w-])", message) is not None
