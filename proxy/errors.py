"""The errors of the gateway. Each knows its HTTP status and says, in words that are safe for clients, what happened.

A dialect turns an error into its own shape by `kind`; nobody else looks at the class. Nothing here may import from the rest of the house.
"""

from __future__ import annotations

from collections.abc import Mapping


class ProxyError(Exception):
    """What went wrong, as a client may hear it.

    Attributes:
        status: HTTP status of the answer.
        kind: stable word; the key by which dialects, logs and metrics tell errors apart.
        message: one sentence for the client; holds no secret, no upstream address, no stack trace.
        param: the request field at fault, where one is.
        code: the dialect-neutral reason, in OpenAI's words (`context_length_exceeded`), where one is known.
        retry_after_s: seconds after which a new try makes sense; becomes the header `Retry-After`.
    """

    status = 500
    kind = "internal"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if status is not None:
            self.status = status
        self.param = param
        self.code = code
        self.retry_after_s = retry_after_s


class InvalidRequest(ProxyError):
    status = 400
    kind = "invalid_request"


class NotFound(ProxyError):
    """Nothing is at this URL."""

    status = 404
    kind = "not_found"


class ModelNotFound(ProxyError):
    """Nobody has the model `model` (the name as the client asked for it). `why` is what else there is to say of that, mostly nothing."""

    status = 404
    kind = "model_not_found"

    def __init__(self, model: str, why: str = "") -> None:
        super().__init__(f"model '{model}' not found" + (f"; {why}" if why else ""), param="model", code="model_not_found")
        self.model = model
        self.why = why


class RequestTimeout(ProxyError):
    """The client's body was not complete in time."""

    status = 408
    kind = "request_timeout"


class RequestTooLarge(ProxyError):
    status = 413
    kind = "request_too_large"


class NotSupported(ProxyError):
    status = 501
    kind = "not_supported"


class ShuttingDown(ProxyError):
    """This worker stops; another one, or the same address in a moment, will serve."""

    status = 503
    kind = "shutting_down"


class Overloaded(ProxyError):
    """All seats at the upstream are taken, and no more requests may wait for one, or this one has waited for too long."""

    status = 503
    kind = "overloaded"


class UpstreamError(ProxyError):
    """The upstream, or the way to it, failed.

    Attributes:
        ends_request: nobody else may be asked: the upstream may have worked on the request, and its operator does not want to pay twice.
    """

    status = 502
    kind = "upstream_error"
    ends_request = False


class UpstreamRefused(UpstreamError):
    """The upstream answered with an error of its own; `status` is the one that the client gets.

    Attributes:
        upstream_status: the status that the upstream sent (200 when the error came in the body of a 200).
        own_status: the one for clients that speak the upstream's language, where that has a word for it that others lack.
        raw: the decoded error body, for those who learn from refusals; never shown to clients.
        headers: response headers that dialects may pass on (lower-case names).
        is_models_own: whether the model did wrong, and its server is well: another attempt would be paid for as the first was.
        is_requests_own: whether it is about what stands in the request, and who was asked is well: a file that is gone, a prompt that is
            too long, a picture that nobody can read. It is final, whatever status the upstream gave it.
        is_misnamed: whether the upstream calls what is wrong with the request a fault of its own: clients hear none of its words for that.
        is_unserved: whether nobody there does what the request needs (the model sees no pictures, its template takes no tools), or may do
            it for this account: who was asked is well, and another upstream may serve.
        is_translated: whether it refused a request that the gateway wrote for it, and not the client's own.
    """

    kind = "upstream_refused"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        upstream_status: int | None = None,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
        raw: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, status=status, param=param, code=code, retry_after_s=retry_after_s)
        self.upstream_status = status if upstream_status is None else upstream_status
        self.own_status: int | None = None
        self.is_models_own = False
        self.is_requests_own = False
        self.is_misnamed = False
        self.is_unserved = False
        self.is_translated = False
        self.raw = raw
        self.headers = headers or {}

    @property
    def told_status(self) -> int:
        """The status that the upstream means: its answer's, or what an error in the body of a 200 says of itself."""
        return self.upstream_status if self.upstream_status >= 300 else self.status


class UpstreamUnavailable(UpstreamError):
    """No connection to the upstream, or its breaker is open."""

    status = 503
    kind = "upstream_unavailable"


class UpstreamTimeout(UpstreamError):
    """The upstream was silent for too long."""

    status = 504
    kind = "upstream_timeout"


class UpstreamBroken(UpstreamError):
    """The upstream's answer ended early or could not be read."""

    status = 502
    kind = "upstream_broken"
