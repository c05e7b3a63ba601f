"""Why there is no connection to an upstream: its name, its port or its certificate. Looked at step by step, as with dig, nc and openssl."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from proxy.key_names import KeyNames
from proxy.upstream_settings import UpstreamSettings

Diagnosis = tuple[str, str]

# What a server says that misses the client's certificate, from the most recent TLS to older ones.
_CERTIFICATE_WANTED = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")
_LAST_WORD_S = 1.0
_NO_TLS = "If the server speaks no TLS on this port, write http:// instead of https://."


def why_unreachable(upstream: UpstreamSettings, names: KeyNames) -> Diagnosis:
    """What is wrong on the way to the upstream's first replica, and what to do about it."""
    if upstream.proxy:
        return "no answer through the proxy", f"Check {names.proxy}: is the proxy there, and may it connect to the server?"
    url = urlsplit(upstream.replicas[0].base_url)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    try:
        with socket.create_connection((host, port), upstream.timeouts.connect_s) as connection:
            return _why_no_answer(connection, host, upstream, names) if url.scheme == "https" else _silent()
    except socket.gaierror:
        return f"nobody knows the name {host}", f"Check the host in {names.base_url}, and the DNS of this machine or container."
    except ConnectionRefusedError:
        return (
            f"nothing listens on {host} port {port}",
            f"Is the server running? Check the port in {names.base_url}. In a container, localhost is the container itself.",
        )
    except OSError as error:
        return (
            f"no connection to {host} port {port}: {error.strerror or 'no answer in time'}",
            "Is the server on, and no firewall in between?",
        )


def _why_no_answer(connection: socket.socket, host: str, upstream: UpstreamSettings, names: KeyNames) -> Diagnosis:
    context = ssl.create_default_context(cafile=upstream.tls.ca_bundle or DEFAULT_CA_BUNDLE_PATH)
    if not upstream.tls.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if upstream.tls.client_cert:
        context.load_cert_chain(upstream.tls.client_cert, upstream.tls.client_key or None)
    try:
        with context.wrap_socket(connection, server_hostname=host) as secured:
            # With TLS 1.3 a server that misses the client's certificate says so after the handshake.
            secured.settimeout(_LAST_WORD_S)
            with suppress(TimeoutError):
                secured.recv(1)
            return _silent()
    except ssl.SSLCertVerificationError as error:
        return (
            f"TLS: the certificate is not trusted: {error.verify_message}",
            f"Put the authority that signed it into a PEM file, and name the file in {names.ca_bundle}.",
        )
    except ssl.SSLError as error:
        if any(word in (error.reason or "") for word in _CERTIFICATE_WANTED):
            return _refused_certificate(upstream)
        return f"TLS: {error.reason or error}", _NO_TLS
    except OSError as error:
        return f"TLS: {error.strerror or 'the handshake ended early'}", _NO_TLS


def _refused_certificate(upstream: UpstreamSettings) -> Diagnosis:
    key = f"upstreams.{upstream.name}.tls.client_cert"
    if upstream.tls.client_cert:
        return "TLS: the server does not accept the client certificate", f"Is the one in {key} signed by an authority that it trusts?"
    return "TLS: the server ends the handshake, as one does that wants a certificate of its client", f"Name one in {key}."


def _silent() -> Diagnosis:
    return "it takes connections, but does not answer", "Is it an HTTP server, or does it want https://? Its own log may tell."
