"""What a setting may be: marshmallow fields that turn a variable's text, or a value of the configuration file, into what it means.

Each message says what the value must be, and completes the sentence "<VARIABLE> ...". None repeats the value, which may hold a secret.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Callable
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

import orjson
from marshmallow import ValidationError, fields
from marshmallow.validate import Range

Field = fields.Field[Any]

LONGEST_S: Final = 365 * 24 * 60 * 60
_SHORTEST_INTERVAL_S = 0.1
_PRINTABLE = re.compile(r"[\x21-\x7e]*")
_THREE_NUMBERS = re.compile(r"\d+\.\d+\.\d+")
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+")
_DOTTED_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_TLS_OPTIONS = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"}
_REDIS_OPTIONS = {"redis": {"db"}, "rediss": {"db"} | _TLS_OPTIONS, "unix": {"db"}}
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9._*-]+)(?::(?P<port>\d{1,5}|\*))?", re.IGNORECASE)


def whole_number(least: int, most: int | None = None) -> Field:
    """A whole number from `least` to `most`."""
    wanted = f"must be a whole number, {least} or more" if most is None else f"must be a whole number from {least} to {most}"
    return _WholeNumber(error_messages=_always(wanted), validate=Range(least, most, error=wanted))


class _WholeNumber(fields.Integer):
    """marshmallow's own cuts 80.5 down to 80, which a file can hold and a variable cannot."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, float):
            raise self.make_error("invalid")
        return super()._validated(value)


def seconds(*, may_be_zero: bool = False) -> Field:
    """A span of time in seconds. One that is longer than clocks and timers can wait for would fail in the middle of a request."""
    wanted = "must be a number of seconds, 0 or more" if may_be_zero else "must be a number of seconds, more than 0"
    too_long = f"must be a number of seconds, {LONGEST_S} (a year) or less"
    in_range = [Range(0, min_inclusive=may_be_zero, error=wanted), Range(max=LONGEST_S, error=too_long)]
    return fields.Float(error_messages=_always(wanted), validate=in_range)


def interval() -> Field:
    """Seconds from one time that something is done to the next, not so few that nothing else gets done; 0 for never."""
    wanted = "must be a number of seconds, 0.1 or more, or 0"

    def check(value: float) -> None:
        if value and value < _SHORTEST_INTERVAL_S:
            raise ValidationError(wanted)

    in_range = [Range(0, error=wanted), Range(max=LONGEST_S, error=f"must be a number of seconds, {LONGEST_S} (a year) or less")]
    return fields.Float(error_messages=_always(wanted), validate=[*in_range, check])


def flag() -> Field:
    """`true` or `false`, in the spellings that people use."""
    return fields.Boolean(error_messages=_always("must be true or false"))


def text() -> Field:
    """Any text, without the blanks around it."""
    return _read_by(str)


def one_of(*words: str) -> Field:
    """One of `words`; upper and lower case are the same."""
    by_lower_case = {word.lower(): word for word in words}

    def read(value: str) -> str:
        if value.lower() not in by_lower_case:
            raise ValidationError(f"must be one of {', '.join(words)}")
        return by_lower_case[value.lower()]

    return _read_by(read)


def secret() -> Field:
    """A key that travels in a header: a line break or a letter outside ASCII would end in a trace that shows the key."""

    def read(value: str) -> str:
        if not _PRINTABLE.fullmatch(value):
            raise ValidationError("must be one word of printable ASCII characters")
        return value

    return _read_by(read)


def http_url(
    *, example: str, may_hold_query: bool = False, may_hold_credentials: bool = False, place_for_key: str = "OPENAI_API_KEY"
) -> Field:
    """An absolute http or https URL, without its last slashes. Credentials in it are refused, because URLs show up in logs."""

    def read(value: str) -> str:
        parts = _url_parts(value, wanted=f"must be an http:// or https:// URL with a host, such as {example}")
        if parts.username is not None and not may_hold_credentials:
            raise ValidationError(f"must not hold a user name or a password; a key belongs in {place_for_key}")
        if "#" in value or ("?" in value and not may_hold_query):
            raise ValidationError(f"must end with its path{' or its query' if may_hold_query else ''}")
        return urlunsplit(parts._replace(path=parts.path.rstrip("/")))

    return _read_by(read)


def redis_url() -> Field:
    """Where a Redis is, for redis-py, which would take anything in its query for one of its own options."""
    wanted = "must be a redis://, rediss:// or unix:// URL, such as redis://:password@10.0.0.5:6379/0 or unix:///run/redis.sock"

    def read(value: str) -> str:
        try:
            parts = urlsplit(value)
            usable = _PRINTABLE.fullmatch(value) and _is_redis_place(parts)
        except ValueError:
            usable = False
        if not usable:
            raise ValidationError(wanted)
        if strangers := {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - _REDIS_OPTIONS[parts.scheme]:
            raise ValidationError(
                f"must have no {min(strangers)} in its query; it may have {', '.join(sorted(_REDIS_OPTIONS[parts.scheme]))}"
            )
        if find_spec("redis") is None:
            raise ValidationError("needs the Python package redis, which is not installed: install the gateway with its extra `redis`")
        return value

    return _read_by(read)


def _is_redis_place(parts: SplitResult) -> bool:
    if parts.scheme == "unix":
        return parts.path.startswith("/") and len(parts.path) > 1 and not parts.hostname
    has_place = parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and parts.port != 0 and not parts.fragment
    return has_place and re.fullmatch(r"(?:/\d*)?", parts.path) is not None


def key_prefix() -> Field:
    """What keys in a Redis that others use too begin with."""

    def read(value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9._:-]+", value):
            raise ValidationError("must be one word of letters, digits and . _ : -")
        return value

    return _read_by(read)


def _url_parts(url: str, wanted: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        # Only a look at `port` raises for a port that is none.
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and _PRINTABLE.fullmatch(url)
    except ValueError:
        usable = False
    if not usable:
        raise ValidationError(wanted)
    return parts


def host() -> Field:
    """An address to listen on, or a name for one."""

    def read(value: str) -> str:
        address = value.removeprefix("[").removesuffix("]")
        if not _HOST_NAME.fullmatch(address) and not _is_network(address):
            raise ValidationError("must be an address or a host name without a port, such as 0.0.0.0, 127.0.0.1 or ::")
        return address

    return _read_by(read)


def trusted_addresses() -> Field:
    """A comma list of IP addresses and networks, or `*`, in the form in which gunicorn takes it."""

    wanted = "must be a comma list of IP addresses and networks, or *"

    def read(value: object) -> str:
        entries = _entries(value, wanted)
        if entries != ("*",) and not all(_is_network(entry) for entry in entries):
            raise ValidationError(wanted)
        return ",".join(entries)

    return fields.Function(deserialize=read)


def _is_network(value: str) -> bool:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        return False
    return True


def three_numbers() -> Field:
    """A version that every client can compare: some read nothing but numbers and dots."""

    def read(value: str) -> str:
        if not _THREE_NUMBERS.fullmatch(value):
            raise ValidationError("must be three numbers with dots between them, such as 0.33.0")
        return value

    return _read_by(read)


def web_origins() -> Field:
    """A comma list of what browsers send as `Origin`, as a tuple; in each one `*` may stand for any text, as in Ollama's OLLAMA_ORIGINS."""
    wanted = (
        "must be a comma list of web origins, such as https://app.example or http://localhost:*, with one * in each at most; or *; or null"
    )
    return _comma_list(str, _is_origin, wanted)


def _is_origin(value: str) -> bool:
    if value in {"*", "null"}:
        return True
    found = _ORIGIN.fullmatch(value)
    return found is not None and value.count("*") <= 1 and int((found["port"] or "1").replace("*", "1")) in range(1, 65536)


def host_names() -> Field:
    """A comma list of names and IP addresses, as a tuple; the brackets of IPv6 addresses are taken off."""
    wanted = "must be a comma list of host names and IP addresses, without scheme and port, each in full: * stands for nothing here"
    return _comma_list(lambda entry: entry.removeprefix("[").removesuffix("]"), _is_host, wanted)


def _is_host(value: str) -> bool:
    return _DOTTED_NAME.fullmatch(value) is not None or (_is_network(value) and "/" not in value)


def _comma_list(tidy: Callable[[str], str], is_right: Callable[[str], bool], wanted: str) -> Field:
    """Words with commas between them, or a ready list of them."""

    def read(value: object) -> tuple[str, ...]:
        entries = tuple(map(tidy, _entries(value, wanted)))
        if not all(map(is_right, entries)):
            raise ValidationError(wanted)
        return entries

    return fields.Function(deserialize=read)


def _entries(value: object, wanted: str) -> tuple[str, ...]:
    """The words of a comma list, or of a list that is ready."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValidationError(wanted)
    return tuple(entry for entry in (part.strip() for part in parts) if entry)


def json_object_file(*, of: type, wanted: str) -> Field:
    """The path of a file that holds a JSON object whose values are all of the type `of`."""

    def read(path: str) -> str:
        content = _read_json(path, wanted)
        if not isinstance(content, dict) or not all(isinstance(value, of) for value in content.values()):
            raise ValidationError(f"must name a file with {wanted}; {path} holds something else")
        return path

    return _read_by(read)


def _read_json(path: str, wanted: str) -> object:
    try:
        return orjson.loads(Path(path).read_bytes())
    except OSError as error:
        raise ValidationError(f"must name a file with {wanted}; {path} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise ValidationError(f"must name a file with {wanted}; {path} is not JSON: {error}") from error


def certificate_file() -> Field:
    """The path of a file of PEM certificates."""

    def read(path: str) -> str:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        except ssl.SSLError as error:
            raise ValidationError(f"must name a file of PEM certificates; {path} holds none") from error
        except OSError as error:
            raise ValidationError(f"must name a file of PEM certificates; {path} cannot be read: {error.strerror}") from error
        return path

    return _read_by(read)


def _always(wanted: str) -> dict[str, str | list[Any] | dict[Any, Any]]:
    """The same words for all the ways in which a number can be none."""
    return {"invalid": wanted, "too_large": wanted, "special": wanted}


def _read_by(read: Callable[[str], Any]) -> Field:
    def read_text(value: object) -> Any:
        if not isinstance(value, str | PathLike):
            raise ValidationError("must be text, in quotes")
        return read(str(value).strip())

    return fields.Function(deserialize=read_text)
