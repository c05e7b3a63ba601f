"""Chaos: the gateway under steady load while its upstreams are killed, frozen, and made to lie, and while it is itself
stopped and reloaded.

`python -m chaos --help` tells what there is to run; `docs/reliability.md` tells what is counted. This package sees the gateway from outside
only: its configuration, its APIs, its processes. It is no part of the wheel, and nothing in `proxy` may import it.
"""
