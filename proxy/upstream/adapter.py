"""`UpstreamAdapter`: requests' adapter over our pools and connections. It sends as urllib3 does (`UPSTREAM_TRANSPORT=urllib3`)."""

from __future__ import annotations

import ssl
from typing import Any

from requests.adapters import HTTPAdapter

from proxy.upstream.connection import SOCKET_OPTIONS, pool_classes

_MAX_KNOWN_URLS = 256


class UpstreamAdapter(HTTPAdapter):
    """requests' adapter over our connections, with one TLS context and one look-up of the pool per URL.

    requests would read the file of authorities again for each connection, which stops all greenlets of a worker for 10 to 20 ms, and take
    the URL apart four times for each request.
    """

    def __init__(self, pool_size: int, tls_context: ssl.SSLContext, send_timeout_s: float) -> None:
        self._tls_context = tls_context
        self._pool_classes = pool_classes(send_timeout_s)
        self._pools: dict[str, Any] = {}
        super().__init__(pool_connections=8, pool_maxsize=pool_size, pool_block=False)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """Makes the pools that need no proxy."""
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._tls_context, socket_options=SOCKET_OPTIONS, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """The pools behind `proxy`."""
        if proxy not in self.proxy_manager:
            tls = {"ssl_context": self._tls_context, "proxy_ssl_context": self._tls_context}
            super().proxy_manager_for(proxy, **tls, **proxy_kwargs).pool_classes_by_scheme = self._pool_classes
        return self.proxy_manager[proxy]

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        """The pool for the request's URL. One session has one proxy, so that the URL says it all."""
        pool = self._pools.get(request.url)
        if pool is None:
            if len(self._pools) >= _MAX_KNOWN_URLS:
                self._pools.clear()
            pool = self._pools[request.url] = super().get_connection_with_tls_context(request, verify, proxies, cert)
        return pool

    def close(self) -> None:
        """Forgets all pools, which closes their connections."""
        self._pools.clear()
        super().close()

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """The key of a pool is its host; how certificates are checked is the context's business."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing: the context knows its authorities."""
