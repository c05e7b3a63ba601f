"""`make_session`: the one requests Session of a worker. It keeps no cookies, reads no environment, follows no redirect, retries nothing."""

from __future__ import annotations

import logging
import ssl
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

from proxy import __version__
from proxy.upstream.connection import SOCKET_OPTIONS, pool_classes

_MAX_KNOWN_URLS = 256

_log = logging.getLogger("proxy.upstream")


def make_session(
    *, pool_size: int, ca_bundle: str = "", verify: bool = True, proxy: str = "", send_timeout_s: float = 120.0
) -> requests.Session:
    """A session for all greenlets of a worker.

    Args:
        pool_size: how many idle connections to one host are kept; more than that may be open.
        ca_bundle: PEM file of the authorities to trust, `""` for the usual ones.
        verify: `False` accepts every certificate.
        proxy: URL of an HTTP proxy, `""` for none.
        send_timeout_s: a request must have been sent within this time.
    """
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.headers.update({"User-Agent": f"ollama-openai-proxy/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"})
    session.verify = verify
    if proxy:
        session.proxies = {"http": proxy, "https": proxy}
    adapter = UpstreamAdapter(pool_size, _tls_context(ca_bundle, verify=verify), send_timeout_s)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


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


def _tls_context(ca_bundle: str, *, verify: bool) -> ssl.SSLContext:
    context = create_urllib3_context()
    if verify:
        context.load_verify_locations(ca_bundle or DEFAULT_CA_BUNDLE_PATH)
        return context
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _log.warning("The upstream's certificate is not checked (DISABLE_SSL_VERIFICATION): anyone on the way can read the key and all texts")
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # They would come with each request; the line above says it once.
    return context
