"""`make_session`: the one requests Session of a worker. It keeps no cookies, reads no environment, follows no redirect, retries nothing."""

from __future__ import annotations

import logging
import ssl
from http.cookiejar import DefaultCookiePolicy

import requests
import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

from proxy import __version__
from proxy.settings import Transport
from proxy.upstream.adapter import UpstreamAdapter
from proxy.upstream.fast import FastAdapter

_ADAPTERS: dict[Transport, type[UpstreamAdapter]] = {"fast": FastAdapter, "urllib3": UpstreamAdapter}

_log = logging.getLogger("proxy.upstream")


def make_session(
    *,
    pool_size: int,
    ca_bundle: str = "",
    verify: bool = True,
    proxy: str = "",
    send_timeout_s: float = 120.0,
    transport: Transport = "fast",
) -> requests.Session:
    """A session for all greenlets of a worker.

    Args:
        pool_size: how many idle connections to one host are kept; more than that may be open.
        ca_bundle: PEM file of the authorities to trust, `""` for the usual ones.
        verify: `False` accepts every certificate.
        proxy: URL of an HTTP proxy, `""` for none.
        send_timeout_s: a request must have been sent within this time.
        transport: who speaks HTTP over the connections.
    """
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.headers.update({"User-Agent": f"ollama-openai-proxy/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"})
    session.verify = verify
    if proxy:
        session.proxies = {"http": proxy, "https": proxy}
    adapter = _ADAPTERS[transport](pool_size, _tls_context(ca_bundle, verify=verify), send_timeout_s)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


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
