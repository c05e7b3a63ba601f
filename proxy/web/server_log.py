"""gunicorn's own log, without its access lines: `proxy.access` has better ones.

The gunicorn master reads this module: it may import nothing but gunicorn's logger.
"""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger


class ErrorLog(Logger):  # type: ignore[misc] # gunicorn has no types
    """What gunicorn says of itself and of connections."""

    def access(self, *_: Any) -> None:
        """Writes nothing. gunicorn would gather some fifty facts of each request for a logger that is off (3 % of a whole answer)."""
