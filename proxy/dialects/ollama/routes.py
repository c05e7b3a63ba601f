"""The URLs of Ollama's API, and the root of the server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, Response, current_app, request

import proxy
from proxy.dialects.ollama import about
from proxy.dialects.ollama.catalogue import model_digest, render_ps, render_show, render_tags
from proxy.dialects.ollama.failures import render_copy_error, render_error, render_show_error
from proxy.dialects.ollama.ingress import CHAT, EMBED, EMBEDDINGS, GENERATE, NDJSON
from proxy.dialects.ollama.parsing import parse_copy, parse_create, parse_delete, parse_pull, parse_push, parse_show
from proxy.dialects.ollama.pulling import SUCCESS, missing_lines, pulled_lines, render_missing
from proxy.errors import InvalidRequest, ModelNotFound, NotSupported
from proxy.web import exchange
from proxy.web.blueprint import dialect_blueprint, route

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
    for endpoint in (CHAT, GENERATE):
        converse: Callable[[], Response] = partial(exchange.converse, endpoint)
        route(blueprint, f"/api/{endpoint.name.partition('.')[2]}", ["POST"], converse)
    route(blueprint, "/api/embed", ["POST"], partial(exchange.embed, EMBED))
    route(blueprint, "/api/embeddings", ["POST"], partial(exchange.embed, EMBEDDINGS))
    _add_management(blueprint)
    _add_account(blueprint)
    return blueprint


def _add_management(blueprint: Blueprint) -> None:
    route(blueprint, "/api/pull", ["POST"], pull)
    route(blueprint, "/api/push", ["POST"], push)
    route(blueprint, "/api/create", ["POST"], create)
    route(blueprint, "/api/copy", ["POST"], copy, render_copy_error)
    route(blueprint, "/api/delete", ["DELETE"], delete)
    route(blueprint, "/api/blobs/<digest>", ["POST", "HEAD"], blob)


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
    """The models that there are."""
    return exchange.json_reply(render_tags(exchange.models()))


def ps() -> Response:
    """The models that are loaded."""
    return exchange.json_reply(render_ps())


def show() -> Response:
    """What is known of one model."""
    asked = parse_show(exchange.read_json())
    found = exchange.find_model(asked.model, may_be_unlisted=True)
    return exchange.json_reply(render_show(asked, found.card, request.headers.get("User-Agent", "")))


def pull() -> Response:
    """Success for a model that is there. Like Ollama, a stream tells the lack of one in its second line, under status 200."""
    asked = parse_pull(exchange.read_json())
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
    """Refuses to push a model."""
    parse_push(exchange.read_json())
    raise NotSupported(_elsewhere("models cannot be pushed", "push from the machine that keeps the model"))


def create() -> Response:
    """Refuses to create a model."""
    parse_create(exchange.read_json())
    raise NotSupported(_elsewhere("models cannot be created", "create it there; to give one a second name, use MODEL_MAPPING_FILE"))


def copy() -> Response:
    """Refuses to copy a model; that there is none to be copied is said first, as Ollama does."""
    exchange.find_model(parse_copy(exchange.read_json()).source)
    raise NotSupported(_elsewhere("models cannot be copied", "to give one a second name, use MODEL_MAPPING_FILE"))


def delete() -> Response:
    """Refuses to delete a model; that there is none is said first, as Ollama does."""
    exchange.find_model(parse_delete(exchange.read_json()).model)
    raise NotSupported(_elsewhere("models cannot be deleted", "delete it there"))


def blob(digest: str) -> Response:
    """Refuses blobs before they are sent: clients ask with HEAD whether one must be uploaded."""
    algorithm, hexadecimal = digest[:7], digest[7:].lower()
    if algorithm not in ("sha256:", "sha256-") or len(hexadecimal) != _DIGEST_HEX or not set(hexadecimal) <= set("0123456789abcdef"):
        raise InvalidRequest("invalid digest format")
    raise NotSupported(_elsewhere("blobs cannot be stored", "add the model there"))


def web_service(name: str) -> Response:
    """Refuses the service `name`."""
    exchange.read_json()
    raise NotSupported(f"{name} is a service of ollama.com and not part of this server; ask https://ollama.com/api/{name} directly")


def _elsewhere(refusal: str, instead: str) -> str:
    return f"{refusal} here, for all models live on a remote OpenAI-compatible server; {instead}"


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
