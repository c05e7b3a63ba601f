"""The corridor: from a request to a `Reply`. Here, and only here, the order of the steps is known.

It is handed its upstream and its model map, and imports no dialect. It moves bytes between pure machines and the upstream client:

    texts.py       parse -> route -> build -> send -> read -> render, as a stream or whole
    embeddings.py  the same for vectors
    relaying.py    route -> send the client's own bytes -> hand on the upstream's own bytes
    steps.py       what these ways share: the route, the repairs, the fetching of whole bodies
"""

from proxy.gateway.corridor import Gateway
from proxy.gateway.steps import MAX_REPAIRS, MAX_WHOLE_BYTES, Upstream, models_call

__all__ = ["MAX_REPAIRS", "MAX_WHOLE_BYTES", "Gateway", "Upstream", "models_call"]
