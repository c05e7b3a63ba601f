"""What a key of an upstream may be, beside what settings may be: lists, tables, replicas, secrets, certificates.

As in `setting_types`, each message completes the sentence "<key> ...", and none repeats the value, which may hold a secret.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.validate import Range

from proxy.setting_types import Field, http_url, secret

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]+")
# Words with underscores between them: keys do not look like that.
_VARIABLE = re.compile(r"(?=.{1,64}$)[A-Z][A-Z0-9]{0,19}(?:_[A-Z0-9]{1,19})*")
# They frame the message, or are about how we read the answer.
_OUR_HEADERS = frozenset(
    {"accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host", "keep-alive"}
    | {"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)


def upstream_name(name: str) -> str:
    """`name`, if an upstream may be called so: it is part of model names, variables and metrics. Raises `ValidationError`."""
    if not _NAME.fullmatch(name):
        raise ValidationError("must be called by at most 63 lower-case letters, digits, - and _, of which the first is a letter or a digit")
    return name


def check_model_name(name: str) -> None:
    """Raises `ValidationError` unless a request can name a model so."""
    if not name.strip():
        raise ValidationError("must have a name before the =: no request names a model by nothing")


def base_url() -> Field:
    """The address of one replica."""
    return http_url(example="https://api.openai.com/v1", may_hold_query=True, place_for_key="api_key, key_env or key_file")


def share() -> Field:
    """A replica's share, beside those of others; not necessarily a whole number."""
    wanted = "must be a number, more than 0 and at most 1000"
    messages: dict[str, Any] = dict.fromkeys(("invalid", "too_large", "special"), wanted)
    return fields.Float(error_messages=messages, validate=Range(0, 1000, min_inclusive=False, error=wanted))


def word() -> Field:
    """A text that is not empty."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValidationError("must be text, in quotes, and not empty")
        return value.strip()

    return fields.Function(deserialize=read)


def or_empty(kind: Field) -> Field:
    """What `kind` is, or an empty text: that is how a file unsets what would be inherited."""
    return fields.Function(deserialize=lambda value: "" if value == "" else kind.deserialize(value))


def several(each: Field, wanted: str = "") -> Field:
    """A list, or one alone, as a tuple. Problems are told by the position in the list, from 0.

    Args:
        wanted: what is said of one alone that is wrong; `""` for what `each` says.
    """
    listed: Field = fields.List(each)

    def read(value: object) -> tuple[Any, ...]:
        if isinstance(value, list | tuple):
            return tuple(listed.deserialize(value))
        try:
            return (each.deserialize(value),)
        except ValidationError as error:
            raise ValidationError(wanted or error.messages) from error

    return fields.Function(deserialize=read)


def table_of(value_kind: Field, wanted: str, check_name: Callable[[str], None] = lambda _: None) -> Field:
    """A table whose values are all of one kind, by names that its writer chose. Problems are told by the name."""

    def read(table: object) -> dict[str, Any]:
        if not isinstance(table, Mapping):
            raise ValidationError(wanted)
        values: dict[str, Any] = {}
        problems: dict[str, Any] = {}
        for name, value in table.items():
            try:
                check_name(name)
                values[name] = value_kind.deserialize(value)
            except ValidationError as error:
                problems[name] = error.messages
        if problems:
            raise ValidationError(problems)
        return values

    return fields.Function(deserialize=read)


def headers() -> Field:
    """A table of header names and values that a request may hold besides our own."""

    def check_name(name: str) -> None:
        if not _HEADER_NAME.fullmatch(name):
            raise ValidationError("must be called as a header can be")
        if name.lower() in _OUR_HEADERS:
            raise ValidationError("must be left to the gateway")

    def read(value: object) -> str:
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value.strip()):
            raise ValidationError("must be text in quotes, of printable ASCII characters")
        return value.strip()

    return table_of(fields.Function(deserialize=read), 'must be a table of names and values, such as {"X-Team" = "search"}', check_name)


class _ReplicaSchema(Schema):
    """One entry of the long form."""

    class Meta:
        unknown = RAISE

    error_messages = {  # noqa: RUF012 (an instance variable for mypy, as marshmallow declares it)
        "unknown": "is unknown: a replica has base_url and weight",
        "type": 'must be a table, such as {base_url = "http://127.0.0.1:8000/v1", weight = 2}',
    }

    base_url = fields.Function(
        deserialize=base_url().deserialize, required=True, error_messages={"required": "must say where the replica is"}
    )
    weight = share()


_REPLICAS = _ReplicaSchema(many=True)


def replicas() -> Field:
    """A list of tables with `base_url`, and `weight` if it is not the upstream's."""

    def read(value: object) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not value:
            raise ValidationError('must be a list of tables, such as [{base_url = "http://127.0.0.1:8000/v1", weight = 2}]')
        loaded: list[dict[str, Any]] = _REPLICAS.load(value)
        return loaded

    return fields.Function(deserialize=read)


def read_secret(text: str | None) -> str:
    """A key, without what stands around it. Where it came from is in no message: some write the key itself there.

    Raises:
        ValidationError: there is none, or it cannot travel in a header.
    """
    if text is None or not text.strip():
        raise ValidationError("must lead to a key, and leads to nothing")
    try:
        key: str = secret().deserialize(text)
    except ValidationError as error:
        raise ValidationError(f"must lead to a key, which {error.messages[0]}") from error
    return key


def text_of_variable(name: str, variables: Mapping[str, str]) -> str | None:
    """What the variable holds. Raises `ValidationError` when there is none; its name is in the message, unless it may be the key itself."""
    text = variables.get(name)
    if text is None and _VARIABLE.fullmatch(name):
        raise ValidationError(f"must name a variable that holds a key; {name} is not set")
    return text


def text_of_file(path: str) -> str:
    """What is in the file. Its path is in no message, as in `read_secret`. Raises `ValidationError`."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValidationError(f"must name a file that holds a key; it cannot be read: {error.strerror}") from error
    except ValueError as error:  # No text, or no path.
        raise ValidationError("must name a file that holds a key as text") from error


def check_certificate(certificate: str, key: str) -> None:
    """Raises `ValidationError` unless the PEM files hold a certificate and its private key; `key` is empty when one file holds both."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key or None, password=lambda: "")
    except ssl.SSLError as error:
        raise ValidationError(
            "must name a PEM file with a certificate and its private key (without a passphrase), or tls.client_key must name the key's"
        ) from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no path"
        raise ValidationError(f"must name a PEM file, and so must tls.client_key, if it is set; one cannot be read: {why}") from error
