"""`Lack`: why the list of an upstream is not known to who asks, and what is said of that, with what to do about it. Asks nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from proxy.errors import ModelNotFound, ProxyError, UpstreamError, UpstreamRefused, UpstreamUnavailable
from proxy.upstream.verdicts import KEY_REFUSED

# A list that could not be had is asked for again after some two seconds.
_LISTS_SOON_S = 2.0
_NO_KEY_STATUS = 401
_HOW_TO_SEND = "'Authorization: Bearer <key>'"

_Error = TypeVar("_Error", bound=UpstreamError)


@dataclass(frozen=True, slots=True)
class Lack:
    """A list that is not known to who asks.

    Attributes:
        name: the upstream's; `""` where there is but one, which needs none.
        error: what came of the last question.
        is_by_key: whether it was asked for with the key of who asks, and with no other.
        has_key: whether who asks brought one.
    """

    name: str
    error: UpstreamError
    is_by_key: bool = False
    has_key: bool = False

    @property
    def is_refusal(self) -> bool:
        """Whether the key was refused that it was asked for with, or that there was none: to ask again changes nothing."""
        return isinstance(self.error, UpstreamRefused) and self.error.told_status in KEY_REFUSED

    @property
    def is_of_lists_alone(self) -> bool:
        """Whether the key may be good for all but lists of models: it was refused this one, and a client's own is known there."""
        if not isinstance(self.error, UpstreamRefused) or not self.is_refusal:
            return False
        return not self.is_by_key or (self.has_key and self.error.told_status != _NO_KEY_STATUS)

    def told(self) -> UpstreamError:
        """What who wants to see the list hears."""
        if self.is_by_key and isinstance(self.error, UpstreamRefused) and self.is_refusal:
            return about_clients_key(self.error, self._what_of_key, has_key=self.has_key)
        return retold(self.error, self._named) if self.name else self.error

    def told_of(self, model: str) -> ProxyError:
        """What who asks for `model` hears, which no known list has."""
        if not self.name:
            return self.told()
        if not isinstance(self.error, UpstreamRefused) or not self.is_refusal:
            what = "no upstream that has told its models has this one, and not all have told them"
            return UpstreamUnavailable(
                f"{what}: {self._named}", code="model_list_unknown", retry_after_s=self.error.retry_after_s or _LISTS_SOON_S
            )
        address = "" if model.lower().startswith((f"{self.name}/", f"{self.name}:")) else f"{self.name}/{model}"
        if not self.is_by_key:
            advice = f": what it has is asked for as '{address}'" if address else ""
            return ModelNotFound(model, f"{self._upstream} does not tell its models ({self.error.message}){advice}")
        what = f"no upstream that shows its models has '{model}', and {self._what_of_key}"
        otherwise = f"if the key may do all but list models, ask for '{address}'" if self.has_key and address else ""
        return about_clients_key(self.error, what, has_key=self.has_key, otherwise=otherwise)

    @property
    def _upstream(self) -> str:
        return called(self.name)

    @property
    def _what_of_key(self) -> str:
        return f"{self._upstream} shows its models " + ("to other keys than this one" if self.has_key else "only to who brings a key")

    @property
    def _named(self) -> str:
        message = self.error.message
        return message if self._upstream in message else f"{self._upstream} says: {message}"


def most_telling(lacks: Sequence[Lack]) -> Lack:
    """The one to be told of: first what may pass by itself, then what the client can do something about."""
    return min(lacks, key=lambda lack: (lack.is_refusal, not lack.is_by_key))


def called(name: str) -> str:
    """What messages call the upstream; `""` for the only one."""
    return f"the upstream '{name}'" if name else "the upstream"


def about_clients_key(refusal: UpstreamRefused, what: str, *, has_key: bool, otherwise: str = "") -> UpstreamRefused:
    """What a client hears of its own key: the upstream's word, and what to do.

    Args:
        what: what this is about.
        has_key: whether it brought one; if not, this is 401, whatever the upstream's status was.
        otherwise: what else may help, `""` for nothing.
    """
    advice = f"send one that it takes as {_HOW_TO_SEND}" if has_key else f"send yours as {_HOW_TO_SEND}"
    message = f"{what} ({refusal.message}): " + ", or ".join(filter(None, (advice, otherwise)))
    told = retold(refusal, message)
    told.status = refusal.status if has_key else _NO_KEY_STATUS
    return told


def retold(error: _Error, message: str) -> _Error:
    """The same error in other words."""
    told: _Error = type(error).__new__(type(error))
    vars(told).update(vars(error), message=message)
    told.args = (message,)
    return told
