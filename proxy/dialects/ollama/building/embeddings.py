"""How vectors are asked for. Pure."""

from __future__ import annotations

from proxy.canonical.catalog import EmbeddingsRequest
from proxy.routing import Route
from proxy.wire.json_body import dumps
from proxy.wire.messages import Purpose, UpstreamCall


def build_embeddings(request: EmbeddingsRequest, route: Route) -> UpstreamCall:
    """The call for vectors. Whether texts may be shortened is always said: Ollama does it unless it is told not to."""
    body = {"model": route.upstream_model, "input": request.inputs, "truncate": request.truncate}
    if request.dimensions is not None and route.profile.dimensions:
        body["dimensions"] = request.dimensions
    return UpstreamCall("/api/embed", dumps(body), route.upstream_model, purpose=Purpose.EXTRA)
