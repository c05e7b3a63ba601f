"""The URLs of Ollama's API, and the root of the server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, Response, current_app, request

import proxy
from proxy.dialect import Payload, Reach
from proxy.dialects.ollama import about, relays
from proxy.dialects.ollama.catalogue import model_digest, render_loaded, render_ps, render_show, render_tags
from proxy.dialects.ollama.failures import render_copy_error, render_error, render_show_error
from proxy.dialects.ollama.handing_on import blob_call, copy_call, create_call, model_call
from proxy.dialects.ollama.ingress import CHAT, EMBED, EMBEDDINGS, GENERATE, NDJSON
from proxy.dialects.ollama.parsing import CreateRequest, parse_copy, parse_create, parse_delete, parse_pull, parse_push, parse_show
from proxy.dialects.ollama.pulling import SUCCESS, missing_lines, pulled_lines, render_missing
from proxy.dialects.ollama.reading.models import read_loaded
from proxy.dialects.ollama.relay import ProgressRelay
from proxy.errors import InvalidRequest, ModelNotFound, NotSupported
from proxy.web import exchange
from proxy.web.blueprint import dialect_blueprint, route
from proxy.wire.messages import UpstreamCall

_DIALECT = "ollama"
_DIGEST_HEX = 64


def make_blueprint(name: str) -> Blueprint:
    """A blueprint with all the URLs, to be registered under `name`."""
    blueprint = dialect_blueprint(name, render_error)
    route(blueprint, "/", ["GET", "HEAD"], root)
    route(blueprint, "/api/version", ["GET", "HEAD"], version)
    route(blueprint, "/api/tags", ["GET", "HEAD"], tags)
    route(blueprint, "/api/ps", ["GET"], ps)
    route(blueprint, "/api/status", ["GET"], _fixed(about.STATUS))
    route(blueprint, "/api/show", ["POST"], show, render_show_error)
    for text, own in ((CHAT, relays.CHAT), (GENERATE, relays.GENERATE)):
        answer: Callable[[], Response] = partial(exchange.answer, text, own)
        route(blueprint, own.path, ["POST"], answer)
    for vectors, own in ((EMBED, relays.EMBED), (EMBEDDINGS, relays.EMBEDDINGS)):
        route(blueprint, own.path, ["POST"], partial(exchange.answer_vectors, vectors, own))
    _add_management(blueprint)
    _add_account(blueprint)
    return blueprint


def _add_management(blueprint: Blueprint) -> None:
    route(blueprint, "/api/pull", ["POST"], pull)
    route(blueprint, "/api/push", ["POST"], push)
    route(blueprint, "/api/create", ["POST"], create)
    route(blueprint, "/api/copy", ["POST"], copy, render_copy_error)
    route(blueprint, "/api/delete", ["DELETE"], delete)
    route(blueprint, "/api/blobs/<digest>", ["POST", "HEAD"], blob, takes_uploads=True)


def _add_account(blueprint: Blueprint) -> None:
    route(blueprint, "/api/me", ["POST"], _fixed(about.SIGNED_OUT, 401))
    route(blueprint, "/api/signout", ["POST"], _fixed(about.NOTHING))
    route(blueprint, "/api/user/keys/<path:key>", ["DELETE"], _fixed(about.NOTHING))
    route(blueprint, "/api/experimental/model-recommendations", ["GET"], _fixed(about.RECOMMENDATIONS))
    for service in ("web_search", "web_fetch"):
        route(blueprint, f"/api/experimental/{service}", ["POST"], partial(web_service, service))


def root() -> Response:
    """The sentence by which clients know an Ollama server. Only those who accept nothing but JSON get something else."""
    accepted = [media_type for media_type, _ in request.accept_mimetypes]
    if accepted and all(media_type == "application/json" for media_type in accepted):
        ollama_version = exchange.settings().ollama_version
        return exchange.json_reply(about.render_service("ollama-openai-proxy", proxy.__version__, ollama_version, _endpoints()))
    return Response(about.RUNNING, content_type="text/plain; charset=utf-8")


def version() -> Response:
    """The version of Ollama that the gateway speaks as."""
    return exchange.json_reply(about.render_version(exchange.settings().ollama_version))


def tags() -> Response:
    """The models that there are; an Ollama server's own list where it is the only upstream, and its names are the ones that clients use."""
    if exchange.gateway().lists_as_its_own(_DIALECT):
        return exchange.relay_get("ollama.tags", _DIALECT, "/api/tags", render_error)
    return exchange.json_reply(render_tags(exchange.models()))


def ps() -> Response:
    """The models that are loaded on Ollama servers, by the names of the list; one server's own answer where its list is that, too."""
    call = UpstreamCall("/api/ps", method="GET")
    home = exchange.home_of(_DIALECT)
    if home is None:
        return exchange.json_reply(render_ps())
    if exchange.gateway().lists_as_its_own(_DIALECT):
        return exchange.hand_on("ollama.ps", home, call, ProgressRelay, render_error)
    return exchange.gather("ollama.ps", _DIALECT, call, read_loaded, render_loaded, render_error)


def show() -> Response:
    """What is known of one model."""
    body, payload = exchange.read_json_text()
    asked, user_agent = parse_show(payload), request.headers.get("User-Agent", "")
    home = exchange.home_of(_DIALECT, asked.model)
    if home is not None:
        # Ollama, too, looks at who asks.
        call = model_call("show", body, payload, home.upstream_model, headers={"user-agent": user_agent} if user_agent else {})
        return exchange.hand_on("ollama.show", home, call, ProgressRelay, render_show_error, model=asked.model)
    found = exchange.find_model(asked.model, may_be_unlisted=True)
    return exchange.json_reply(render_show(asked, found.card, user_agent))


def pull() -> Response:
    """An Ollama server's own word; all its replicas fetch the model. Elsewhere success for a model that is there; like Ollama, a stream
    tells the lack of one in its second line, under status 200.
    """
    body, payload = exchange.read_json_text()
    asked = parse_pull(payload)
    handed = _handed_on("pull", body, payload, asked.model, reach=Reach.ALL)
    if handed is not None:
        return handed
    try:
        found = exchange.find_model(asked.model)
    except ModelNotFound:
        if asked.stream:
            return exchange.json_reply(missing_lines(), content_type=NDJSON)
        return exchange.json_reply(render_missing(), status=500)
    if asked.stream:
        digest = model_digest(found.origin, found.card.id)
        return exchange.json_reply(pulled_lines(digest, found.card.size_bytes or 0), content_type=NDJSON)
    return exchange.json_reply(SUCCESS)


def push() -> Response:
    """An Ollama server's own word; elsewhere a refusal."""
    body, payload = exchange.read_json_text()
    handed = _handed_on("push", body, payload, parse_push(payload).model)
    if handed is not None:
        return handed
    raise NotSupported(_elsewhere("models cannot be pushed", "push from the machine that keeps the model"))


def create() -> Response:
    """An Ollama server's own word: the one that the new name says, else the one that has what it is made of; elsewhere a refusal."""
    body, payload = exchange.read_json_text()
    asked = parse_create(payload)
    handed = _made_of_another(body, payload, asked) if asked.source else _handed_on("create", body, payload, asked.model, is_new=True)
    if handed is not None:
        return handed
    raise NotSupported(_elsewhere("models cannot be created", "create it there; to give one a second name, use MODEL_MAPPING_FILE"))


def _made_of_another(body: bytes, payload: Payload, asked: CreateRequest) -> Response | None:
    """The answer of the server on which a model is made of another one; `None` where that is no Ollama server.

    Raises:
        InvalidRequest: they are to be on two servers, or the new name is not to be had.
    """
    wanted, given = exchange.named_upstream(asked.model), exchange.named_upstream(asked.source)
    if wanted and given and wanted != given:
        raise _elsewhere_made(given, wanted)
    home = exchange.source_of(_DIALECT, asked.source, wanted="" if given else wanted)
    if home is None:
        return None
    if wanted and wanted != home.upstream:
        raise _elsewhere_made(home.upstream, wanted)
    call = create_call(body, payload, exchange.new_name(home.upstream, asked.model), home.upstream_model)
    # Blobs are where they were sent to: on one replica.
    reach = Reach.ANY if asked.needs_blobs else Reach.ALL
    return exchange.hand_on("ollama.create", home, call, ProgressRelay, render_error, model=asked.model, changes_models=True, reach=reach)


def _elsewhere_made(source: str, wanted: str) -> InvalidRequest:
    return InvalidRequest(
        f"'from' is on {source}, and 'model' is to be on {wanted}: a model is made of one on its own server", param="from"
    )


def copy() -> Response:
    """An Ollama server's own word. Elsewhere a refusal; that there is no model to be copied is said first, as Ollama does."""
    body, payload = exchange.read_json_text()
    asked = parse_copy(payload)
    source = asked.source
    home = exchange.source_of(_DIALECT, source)
    if home is not None:
        wanted = exchange.named_upstream(asked.destination)
        if wanted and wanted != home.upstream:
            raise InvalidRequest(f"the model is on {home.upstream}, where its copy is made, too: not on {wanted}", param="destination")
        destination = exchange.new_name(home.upstream, asked.destination, param="destination")
        call = copy_call(body, payload, home.upstream_model, destination)
        return exchange.hand_on(
            "ollama.copy", home, call, ProgressRelay, render_copy_error, model=source, changes_models=True, reach=Reach.HOLDERS
        )
    exchange.find_model(source)
    raise NotSupported(_elsewhere("models cannot be copied", "to give one a second name, use MODEL_MAPPING_FILE"))


def delete() -> Response:
    """An Ollama server's own word. Elsewhere a refusal; that there is no such model is said first, as Ollama does."""
    body, payload = exchange.read_json_text()
    model = parse_delete(payload).model
    handed = _handed_on("delete", body, payload, model, method="DELETE", reach=Reach.HOLDERS)
    if handed is not None:
        return handed
    exchange.find_model(model)
    raise NotSupported(_elsewhere("models cannot be deleted", "delete it there"))


def blob(digest: str) -> Response:
    """An Ollama server's own word. Elsewhere blobs are refused before they are sent: clients ask with HEAD whether one must be uploaded."""
    algorithm, hexadecimal = digest[:7], digest[7:].lower()
    if algorithm not in ("sha256:", "sha256-") or len(hexadecimal) != _DIGEST_HEX or not set(hexadecimal) <= set("0123456789abcdef"):
        raise InvalidRequest("invalid digest format")
    home = exchange.home_of(_DIALECT)
    if home is not None:
        call = blob_call(digest, exchange.upload() if request.method == "POST" else None)
        return exchange.hand_on("ollama.blobs", home, call, ProgressRelay, render_error)
    raise NotSupported(_elsewhere("blobs cannot be stored", "add the model there"))


def _handed_on(
    word: str, body: bytes, payload: Payload, model: str, *, method: str = "POST", reach: Reach = Reach.ANY, is_new: bool = False
) -> Response | None:
    """The answer of the Ollama server that has the model of that very name, or is to get it; `None` where there is none."""
    home = exchange.keeper_of(_DIALECT, model, is_new=is_new)
    if home is None:
        return None
    call = model_call(word, body, payload, home.upstream_model, method=method)
    return exchange.hand_on(f"ollama.{word}", home, call, ProgressRelay, render_error, model=model, changes_models=True, reach=reach)


def web_service(name: str) -> Response:
    """Refuses the service `name`."""
    exchange.read_json()
    raise NotSupported(f"{name} is a service of ollama.com and not part of this server; ask https://ollama.com/api/{name} directly")


def _elsewhere(refusal: str, instead: str) -> str:
    return f"{refusal} here: that takes an Ollama server; {instead}"


def _fixed(body: bytes, status: int = 200) -> Callable[..., Response]:
    """A view that always answers the same."""

    def view(**_: str) -> Response:
        return exchange.json_reply(body, status)

    return view


def _endpoints() -> list[tuple[str, list[str]]]:
    """The URLs of the mount that serves the current request, with their methods. Blueprints of one mount share the name before `_`."""
    mount = (request.blueprint or "").rpartition("_")[0]
    return [
        (rule.rule, sorted((rule.methods or set()) - {"OPTIONS"}))
        for rule in current_app.url_map.iter_rules()
        if rule.endpoint.startswith(f"{mount}_")
    ]
