"""What a failed attempt says of the replica, model or key that it was made with, and whether another one may do better: the one table.

Breakers count by themselves what has a verdict of its own (`faults.Verdict`). Here it is told who is left alone at once, for a while.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from proxy.errors import UpstreamError, UpstreamRefused
from proxy.upstream.faults import Fault, Verdict
from proxy.upstream.retry import is_final, may_repeat, says_final
from proxy.wire.messages import Purpose
from proxy.wire.what_lacks import NO_SUCH_URL, is_of_settings, lacks_model, lacks_path, names_thing


class Blamed(Enum):
    """Who is left alone."""

    NOBODY = "nobody"
    KEY = "key"
    MODEL = "model"
    REPLICA = "replica"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows from a fault.

    Attributes:
        elsewhere: another replica, or another key, may do better.
        blamed: who is left alone.
        stand_in: who is in the key's place, where there is no other key.
        is_firm: the replica said so itself, and is asked meanwhile only by who has nobody else to ask.
        is_passing: it says nothing of the replica, which may do better at once.
        needs_end: an answer that only begins well is no proof that all is well again: the last one broke off.
        is_about_name: it says that there is no such model, of a name that may be a client's invention.
        is_free: one other replica that is well may do what this one says that it does not. It takes no retry from others.
        is_of_scope: it says what the key may not ask, and nothing of what it may: another key may do better.
        spares_lone: who has no replica beside it is not left alone: it is well otherwise.
    """

    elsewhere: bool
    blamed: Blamed = Blamed.NOBODY
    stand_in: Blamed = Blamed.NOBODY
    is_firm: bool = False
    needs_end: bool = False
    is_passing: bool = False
    is_about_name: bool = False
    is_free: bool = False
    is_of_scope: bool = False
    spares_lone: bool = False


_THE_REQUEST = Judgement(elsewhere=False)
_THE_SCOPE = Judgement(elsewhere=True, is_of_scope=True)
# Files and caches are one account's, and so is who may serve it: another key may be of another. Who invents names takes no retries from
# others.
_THE_THING = replace(_THE_SCOPE, is_about_name=True)
_PASSING = Judgement(elsewhere=True, is_passing=True)
_NOT_SHOWN = Judgement(elsewhere=True, is_about_name=True)
# The next box may have the projector, or a template that works.
_AT_ANOTHER = Judgement(elsewhere=True, is_free=True)
_NO_MODEL = Judgement(True, Blamed.MODEL, is_firm=True, is_about_name=True)
# Others of its kind have what this one lacks. A lone one may have been asked for what it is not made for, and chats all the same.
_UNLIKE_OTHERS = replace(_NO_MODEL, spares_lone=True)
_OF_STATUS: dict[int, Judgement] = {
    401: Judgement(True, Blamed.KEY, Blamed.REPLICA, is_firm=True),
    402: Judgement(True, Blamed.KEY, Blamed.MODEL, is_firm=True),
    403: Judgement(True, Blamed.KEY, Blamed.MODEL, is_firm=True),  # Often for one model only.
    429: Judgement(True, Blamed.KEY, Blamed.MODEL, is_firm=True),
}
# They are about who asks, not about what is asked.
OF_KEYS = (401, 402, 403, 429)
KEY_REFUSED = (401, 403)
_OF_THINGS = (403, 404)
# What says nothing of the same key's chats. 403: "You are not allowed to generate embeddings from this model."
_OF_SCOPE = {Purpose.CHAT: (), Purpose.EXTRA: (403,), Purpose.QUESTION: OF_KEYS}


def judged(fault: Fault, model: str, *, retry_sent: bool, with_clients_key: bool = False, purpose: Purpose = Purpose.CHAT) -> Judgement:
    """The judgement of an attempt that failed before the client got a byte.

    Args:
        model: the upstream's name of the model that it was about, `""` for none. A key may be made for chats, and not for lists of models.
        retry_sent: whether what an upstream may have begun to work on is sent to another.
        with_clients_key: whether the request showed its client's own key, or lacked it: what is wrong with that is nobody else's business.
        purpose: what it was for. A question blames nobody.
    """
    judgement = _judged(fault, retry_sent, with_clients_key, model, purpose)
    return replace(judgement, blamed=Blamed.NOBODY, stand_in=Blamed.NOBODY) if purpose is Purpose.QUESTION else judgement


def _judged(fault: Fault, retry_sent: bool, with_clients_key: bool, model: str, purpose: Purpose) -> Judgement:
    error = fault.error
    if not isinstance(error, UpstreamRefused):
        if fault.verdict is Verdict.LATE:
            return _THE_REQUEST
        if fault.verdict is Verdict.NOTHING and fault.repeatable:
            return _PASSING
        broke_off = fault.verdict is Verdict.NOTHING
        return Judgement(retry_sent or not fault.was_sent, Blamed.REPLICA if broke_off else Blamed.NOBODY, needs_end=True)
    of_request = _what_is_asked(fault, error, with_clients_key)
    return _by_status(fault, error, with_clients_key, model, purpose) if of_request is None else of_request


def _what_is_asked(fault: Fault, error: UpstreamRefused, with_clients_key: bool) -> Judgement | None:
    """What follows where who was asked is well; `None` where its status has to say who is not."""
    if with_clients_key and is_of_key(error):
        return _THE_REQUEST
    if error.is_misnamed:
        return _AT_ANOTHER if error.is_unserved and not says_final(fault) else _THE_REQUEST
    if error.is_requests_own or error.is_unserved:
        is_of_account = error.told_status in _OF_THINGS and (names_thing(error.message) or is_of_settings(error.message))
        return _THE_THING if is_of_account else _THE_REQUEST
    return None


def _by_status(fault: Fault, error: UpstreamRefused, with_clients_key: bool, model: str, purpose: Purpose) -> Judgement:
    status = error.told_status
    if 300 <= status < 400:
        return Judgement(True, Blamed.REPLICA, is_firm=True)
    if (not model and status in KEY_REFUSED) or status in _OF_SCOPE[purpose]:
        return _THE_SCOPE
    if status in NO_SUCH_URL:
        return _what_lacks(error, model, with_clients_key, purpose)
    by_status = _OF_STATUS.get(status)
    if by_status is not None:
        return by_status
    asks_to_wait = bool(error.retry_after_s)
    # Where it makes no sense to ask the same server again (507, 530), another one may be well.
    elsewhere = may_repeat(fault) or (fault.verdict is Verdict.MODEL_ILL and not is_final(fault))
    return Judgement(elsewhere, Blamed.MODEL if asks_to_wait else Blamed.NOBODY, is_firm=asks_to_wait)


def _what_lacks(error: UpstreamRefused, model: str, with_clients_key: bool, purpose: Purpose) -> Judgement:
    """What follows from a 404 or 405."""
    if with_clients_key:  # What this key is not shown, the next client's may be.
        return _NOT_SHOWN
    is_chat = purpose is Purpose.CHAT
    if lacks_model(error, model):
        return _NO_MODEL if is_chat else _UNLIKE_OTHERS
    # A thing that the request does not name is nothing of an API's: "Container not found", of an address that leads nowhere any more.
    is_elsewhere = lacks_path(error, model) or (error.param is None and names_thing(error.message))
    return _UNLIKE_OTHERS if is_chat and is_elsewhere else _NOT_SHOWN


def is_of_key(error: UpstreamRefused) -> bool:
    """Whether it is about who asks, whatever is asked: the key, or how its account was set up."""
    return error.told_status in OF_KEYS or (error.is_unserved and is_of_settings(error.message))


def judged_late(error: UpstreamError, *, with_clients_key: bool = False) -> Judgement:
    """The judgement of an answer that broke when the client had got some of it. It is told, and repeated nowhere.

    Args:
        with_clients_key: as for `judged`.
    """
    if not isinstance(error, UpstreamRefused):
        return Judgement(elsewhere=False, blamed=Blamed.REPLICA, needs_end=True)
    if error.is_models_own or error.is_requests_own or error.is_unserved:
        return _THE_REQUEST
    status = error.told_status
    is_ill = status >= 500 or status == 408 or (status == 429 and not with_clients_key)
    return Judgement(elsewhere=False, blamed=Blamed.MODEL if is_ill else Blamed.NOBODY, needs_end=True)
