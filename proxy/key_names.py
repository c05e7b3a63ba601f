"""What the keys of an upstream are called where its operator would look for them: as they are written, else as their neighbours are."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.config_file import DEFAULT_NAME
from proxy.upstream_keys import KEY_BY_PATH
from proxy.upstream_settings import UpstreamSettings

_FLAT_NAMES = {"base_url": "OPENAI_API_BASE_URL", "api_key": "OPENAI_API_KEY"}


@dataclass(frozen=True, slots=True)
class KeyNames:
    """Names for advice about one upstream, the flat ones if nothing else is said.

    Attributes:
        set_key: the beginning of a sentence that goes on with a key.
    """

    base_url: str = "OPENAI_API_BASE_URL"
    api_key: str = "OPENAI_API_KEY"
    set_key: str = "Set OPENAI_API_KEY to"
    proxy: str = "UPSTREAM_PROXY"
    ca_bundle: str = "UPSTREAM_CA_BUNDLE"
    dialect: str = "UPSTREAM_DEFAULT_DIALECT"


def key_names_of(upstream: UpstreamSettings) -> KeyNames:
    """The names for `upstream`."""
    return KeyNames(
        base_url=_name(upstream, "base_url", "replicas"),
        api_key=_name_of_key(upstream),
        set_key=_set_key(upstream),
        proxy=_name(upstream, "proxy"),
        ca_bundle=_name(upstream, "tls.ca_bundle"),
        dialect=_name(upstream, "dialect"),
    )


def _set_key(upstream: UpstreamSettings) -> str:
    name = _name_of_key(upstream)
    return f"Let {name} lead to" if name.lower().endswith(("key_env", "key_file")) else f"Set {name} to"


def _name_of_key(upstream: UpstreamSettings) -> str:
    return _name(upstream, "api_key", "key_env", "key_file")


def _name(upstream: UpstreamSettings, *paths: str) -> str:
    """The name under which the first of `paths` that is set was written; where none is, the first in the way of the base URL."""
    places = {key.path: key.place for key in upstream.in_force}
    written = next((place.name for path in paths if (place := places.get(path))), "")
    if written or paths[0] == "base_url":
        return written or f"upstreams.{upstream.name}.base_url"
    key, base_url = KEY_BY_PATH[paths[0]], _name(upstream, "base_url", "replicas")
    if base_url == _FLAT_NAMES["base_url"]:
        return _FLAT_NAMES.get(key.path) or key.setting.upper() or f"UPSTREAM_{DEFAULT_NAME.upper()}_{key.variable}"
    if base_url.startswith("UPSTREAM_"):
        return base_url.removesuffix("BASE_URL") + key.variable
    return f"upstreams.{upstream.name}.{key.path}"
