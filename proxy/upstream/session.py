"""`make_session`: a worker's one requests Session for a replica. It keeps no cookies, reads no environment, follows no redirect, retries
nothing.
"""

from __future__ import annotations

import logging
import ssl
from functools import cache
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
    tls: ssl.SSLContext | None = None,
    proxy: str = "",
    send_timeout_s: float = 120.0,
    transport: Transport = "fast",
) -> requests.Session:
    """A session for all greenlets of a worker.

    Args:
        pool_size: how many idle connections to one host are kept; more than that may be open.
        ca_bundle: PEM file of the authorities to trust, `""` for the usual ones.
        verify: `False` accepts every certificate.
        tls: in place of both, what `make_tls_context` made for several sessions.
        proxy: URL of an HTTP proxy, `""` for none.
        send_timeout_s: a request must have been sent within this time.
        transport: who speaks HTTP over the connections.
    """
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.headers.update({"User-Agent": f"ollama-openai-proxy/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"})
    context = tls or make_tls_context(ca_bundle, verify=verify)
    session.verify = context.verify_mode != ssl.CERT_NONE
    if proxy:
        session.proxies = {"http": proxy, "https": proxy}
    adapter = _ADAPTERS[transport](pool_size, context, send_timeout_s)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def make_tls_context(ca_bundle: str = "", client_cert: str = "", client_key: str = "", *, verify: bool = True) -> ssl.SSLContext:
    """How both sides prove who they are, for any number of sessions. All that say nothing of it share one: to read the file of the usual
    authorities takes 10 to 20 ms.

    Args:
        client_cert: PEM file of the certificate that is shown to the upstream, `""` for none.
        client_key: PEM file of its private key, `""` when the same file holds both.

    Raises:
        RuntimeError: gevent has changed `ssl` after urllib3 took from it what it needs.
    """
    _refuse_late_patch()
    return _usual_context() if verify and not (ca_bundle or client_cert) else _context(ca_bundle, client_cert, client_key, verify=verify)


@cache
def _usual_context() -> ssl.SSLContext:
    return _context("", "", "", verify=True)


def _context(ca_bundle: str, client_cert: str, client_key: str, *, verify: bool) -> ssl.SSLContext:
    context = create_urllib3_context()
    if client_cert:
        context.load_cert_chain(client_cert, client_key or None)
    if verify:
        context.load_verify_locations(ca_bundle or DEFAULT_CA_BUNDLE_PATH)
        return context
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _log.warning("The upstream's certificate is not checked (DISABLE_SSL_VERIFICATION): anyone on the way can read the key and all texts")
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # They would come with each request; the line above says it once.
    return context


def _refuse_late_patch() -> None:
    """Who loads an app, forks, and lets gevent patch the worker then, would hear of a RecursionError deep in `ssl`, at each request."""
    if ssl.SSLContext.__module__.startswith("gevent") and urllib3.util.ssl_.SSLContext is not ssl.SSLContext:
        raise RuntimeError(
            "gevent has patched ssl after this app was loaded, which leaves urllib3 without TLS: serve the app without --preload, "
            "or begin gunicorn's configuration file with: from gevent import monkey; monkey.patch_all()"
        )
