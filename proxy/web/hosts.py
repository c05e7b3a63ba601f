"""Which `Host` a request may name while we listen on loopback only.

A web page can give its own name the address 127.0.0.1 and then talk to us as if we were its server; its browser sends that name as `Host`.
So names that are not local are refused (routes.go allowedHostsMiddleware). Addresses cannot be used in this way.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

Verdict = Literal["name", "address", "foreign"]

_LOCAL_ENDINGS = (".localhost", ".local", ".internal")
_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_REMEMBERED = 256


class HostGuard:
    """Judges `Host` headers; remembers the last few hundred verdicts."""

    def __init__(self, allowed_names: Iterable[str]) -> None:
        self._names = frozenset({"", "localhost", socket.gethostname().lower(), *map(_without_port, allowed_names)})
        self.judge = lru_cache(_REMEMBERED)(self._judge)

    def _judge(self, header: str) -> Verdict:
        """Whether the header holds a name that is local or allowed, an address that is local or private, or neither."""
        host = _without_port(header)
        if host in self._names or host.endswith(_LOCAL_ENDINGS):
            return "name"
        address = _address(host)
        return "address" if address is not None and self._is_near(address) else "foreign"

    def _is_near(self, address: IPv4Address | IPv6Address) -> bool:
        return address.is_loopback or address.is_unspecified or any(address in net for net in _PRIVATE) or address in _own_addresses()


def make_host_guard(bound_to: str, allowed_names: Iterable[str]) -> HostGuard | None:
    """The guard for a server that listens on `bound_to`; `None` when other machines can reach it, which may call it what they like."""
    address = _address(bound_to.strip("[]"))
    is_loopback = address.is_loopback if address is not None else bound_to.lower() == "localhost"
    return HostGuard(allowed_names) if is_loopback else None


def _without_port(host: str) -> str:
    host = host.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@cache
def _own_addresses() -> frozenset[IPv4Address | IPv6Address]:
    """The addresses of this machine. They are looked up when the first Host is an address that is not private."""
    import psutil  # noqa: PLC0415 (most are never asked for such an address)

    entries = (entry for addresses in psutil.net_if_addrs().values() for entry in addresses)
    return frozenset(ip_address(entry.address) for entry in entries if entry.family in (socket.AF_INET, socket.AF_INET6))
