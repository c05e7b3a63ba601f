"""Which upstream is asked about a model, or gets one, by the language that clients keep models in.

Who asks what a model is, or wants another one made of it, means the one that a chat would get. Who makes, fetches, sends away or deletes
one means the model that is itself called so: a name that the operator gave to another model must not lead there, or that one would be lost.
"""

from __future__ import annotations

from proxy.errors import InvalidRequest, ModelNotFound
from proxy.gateway.steps import Steps, Upstream
from proxy.routing import Destination, Rule
from proxy.wire.messages import Client

_GIVEN_BY_THE_OPERATOR = (Rule.MAPPING, Rule.ALIAS)


def home_of(steps: Steps, upstreams: list[Upstream], model: str, client: Client) -> Destination | None:
    """Where one of `upstreams` is to be asked about `model`, or about no model; `None` where another one has it, or may, or there are none.

    What nobody lists, and nobody was named for, is the first one's that does not hide it: it may be about to be fetched.

    Raises:
        ModelNotFound: the name leads nowhere: it is hidden.
    """
    if not upstreams:
        return None
    names = _names_of(upstreams)
    found = steps.chain(model, client)[0] if model else steps.default_destination()
    if found.upstream in names:
        return found
    if found.rule is not Rule.DEFAULT:
        return None
    return steps.own(model, names) if model else Destination(names[0], "", None, Rule.DEFAULT, found.why)


def source_of(steps: Steps, upstreams: list[Upstream], model: str, client: Client, wanted: str = "") -> Destination | None:
    """As `home_of`, where another model is to be made of `model`: one that is listed comes before the operator's globs. Raises as that.

    Args:
        wanted: the upstream on which it is to be made, whose model is meant unless the operator gave the name to one; `""` for any.
    """
    if not upstreams:
        return None
    names = _names_of(upstreams)
    own = steps.awaited_own(model, names, client)
    if wanted and not _is_given(steps, own, model, wanted):
        model = f"{wanted}/{model}"
        own = steps.awaited_own(model, names, client)
    if own is not None and (own.card is not None or own.rule in _GIVEN_BY_THE_OPERATOR):
        return own if own.upstream in names else None
    home = home_of(steps, upstreams, model, client)
    if home is None and own is None:
        raise ModelNotFound(model)
    return home


def keeper_of(steps: Steps, upstreams: list[Upstream], model: str, client: Client, *, is_new: bool) -> Destination | None:
    """Where one of `upstreams` has the model that is itself called `model`, or is to get it; `None` as of `home_of`.

    Args:
        is_new: whether it is to be made.

    Raises:
        InvalidRequest: the operator gave the name to another model: one of theirs, or where it is to be made, whosever.
        ModelNotFound: it is hidden.
    """
    if not upstreams:
        return None
    names = _names_of(upstreams)
    own = steps.awaited_own(model, names, client)
    if own is None:
        raise ModelNotFound(model)
    if own.rule in _GIVEN_BY_THE_OPERATOR and (is_new or own.upstream in names):
        raise _given_away(steps, model, own, "choose another name, or name that one" if is_new else "name that one")
    return own if own.upstream in names else None


def new_name(steps: Steps, upstream: str, name: str, client: Client, param: str) -> str:
    """What the upstream is to call a model that it makes, and clients are to know as `name`.

    Args:
        param: the member of the request that says it.

    Raises:
        InvalidRequest: the operator gave the name to another model, or hides models of that name there.
    """
    own = steps.awaited_own(name, [upstream], client)
    if own is None or (own.upstream != upstream and own.rule not in _GIVEN_BY_THE_OPERATOR):
        # What has the name elsewhere stays what it is.
        own = steps.own_at(upstream, name)
    if own is None:
        raise InvalidRequest(f'{upstream} shows no model called "{name}" here: choose another name', param=param)
    if own.rule in _GIVEN_BY_THE_OPERATOR:
        raise _given_away(steps, name, own, "choose another name, or name that one", param)
    return own.upstream_model


def _given_away(steps: Steps, name: str, place: Destination, advice: str, param: str = "model") -> InvalidRequest:
    return InvalidRequest(f'"{name}" is a name of this gateway for {steps.own_name(place)}: {advice}', param=param)


def _is_given(steps: Steps, own: Destination | None, model: str, upstream: str) -> bool:
    """Whether the operator gave the name to the model `own`, and none to which `upstream` leads by itself has it, too."""
    if own is None or own.rule not in _GIVEN_BY_THE_OPERATOR:
        return False
    there = steps.own_at(upstream, model) if own.rule is Rule.ALIAS else None
    return there is None or (there.card is None and there.rule is not Rule.ALIAS)


def _names_of(upstreams: list[Upstream]) -> list[str]:
    return [upstream.name for upstream in upstreams]
