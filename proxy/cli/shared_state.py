"""Whether the Redis that workers are to share what they know through is there, and takes what they write."""

from __future__ import annotations

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from proxy.cli.examination import Finding
from proxy.settings import Settings
from proxy.upstream.shared.link import place_of

# Longer than workers wait: whoever asks here wants to know why.
_PATIENCE_S = 3.0
_QUESTION = "redis"


def examine_redis(settings: Settings) -> Finding:
    """What is found at REDIS_URL."""
    place = place_of(settings.redis_url)
    client: Redis = Redis.from_url(
        settings.redis_url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S, retry=Retry(NoBackoff(), 0)
    )
    try:
        client.set(f"{settings.redis_prefix}:check", 1, ex=1)
    except (AuthenticationError, NoPermissionError):
        return _failed(f"{place} lets nobody in by this user and password", "Check the user and the password in REDIS_URL.")
    except (RedisTimeoutError, TimeoutError):
        return _failed(f"no answer from {place} within {_PATIENCE_S:g} s", "Check host and port in REDIS_URL, and firewalls.")
    except ResponseError as error:
        return _failed(f"{place} takes nothing: {error}", "Check the database in REDIS_URL, and whether that Redis may be written.")
    except (RedisError, OSError) as error:
        return _failed(f"no connection to {place}: {error}", "Is Redis running? Check host and port in REDIS_URL.")
    finally:
        client.close()
    return Finding(_QUESTION, "ok", f"{place} takes what workers share")


def _failed(finding: str, hint: str) -> Finding:
    return Finding(_QUESTION, "failed", finding, hint)
