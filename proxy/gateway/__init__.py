"""The corridor: from a request to a `Reply`. Here, and only here, the order of the steps is known.

It is handed its upstreams and where names lead among them, and imports no dialect. It moves bytes between pure machines and the clients of
the upstreams:

    texts.py       parse -> route -> build -> send -> read -> render, as a stream or whole
    conversation.py  what of that is done for each destination
    several.py     several answers to one request, as one
    opening.py     a stream of an upstream, from its first bytes on
    embeddings.py  the same way for vectors
    relaying.py    route -> send the client's own bytes -> hand on the upstream's own bytes
    relayed.py     an upstream's own answer that has begun
    foreign.py     what is no answer of an upstream's
    forked.py      both: who of a chain gets the client's own bytes, and who what it means
    forked_wholes.py  the same for vectors and numbers of tokens
    lacking.py     what upstreams turned out not to have
    counting.py    parse -> route -> build -> send -> read, for a number of tokens
    wholes.py      an answer that is read at once: vectors, or a number of tokens
    handing_on.py  what only upstreams of the client's own language can do
    everywhere.py  that which all replicas of one are to do
    handed.py      one server's answer to it
    gathering.py   a question of which each upstream tells a part of the answer
    sent.py        what a client sent
    cutting.py     what is changed in requests and answers, where the upstream can't be told
    fallback.py    who is asked when a destination does not serve
    errands.py     what goes on behind a stream whose status was sent
    lists.py       the lists of models of all upstreams
    together.py    questions to all upstreams at once
    steps.py       what these ways share: the route, the repairs
"""

from proxy.gateway.corridor import Gateway
from proxy.gateway.sent import Sent
from proxy.gateway.steps import MAX_REPAIRS, Upstream, all_models, models_call

__all__ = ["MAX_REPAIRS", "Gateway", "Sent", "Upstream", "all_models", "models_call"]
