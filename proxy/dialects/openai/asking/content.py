"""The `content` of a message: a text, or typed parts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from proxy.canonical.request import AudioPart, FilePart, ImagePart, ReasoningPart, RefusalPart, TextPart
from proxy.dialects.openai.asking.media import attachment, picture, sound
from proxy.dialects.openai.asking.row import Row, empty_array, missing, rows_of, unsupported, wrong_type, wrong_value

ContentPart = TextPart | ImagePart | AudioPart | FilePart | RefusalPart | ReasoningPart
PartReader = Callable[[Row], ContentPart]

# What comes unasked, and what only OpenAI's latest models know.
_DETAILS: Final = {"auto": "", "original": "high"}


def read_content(value: Any, place: str, readers: Mapping[str, PartReader]) -> tuple[ContentPart, ...]:
    """The parts of `value`, which stands at `place`; empty texts are left out. Raises `InvalidRequest`.

    Args:
        readers: how parts are read, by their `type`.
    """
    if type(value) is str:
        return (TextPart(value),) if value else ()
    if value is None:
        return ()
    if type(value) is not list:
        raise wrong_type(place, "a string or an array of objects", value)
    parts = [_part(row, readers) for row in rows_of(value, place)]
    return tuple(part for part in parts if not isinstance(part, TextPart) or part.text)


def required_content(row: Row, readers: Mapping[str, PartReader]) -> tuple[ContentPart, ...]:
    """The parts of the `content` of who has nothing else to say: the text may be empty, but must be there. Raises `InvalidRequest`."""
    content = row.get("content")
    if content is None:
        raise missing(row.place("content"))
    if content == []:
        raise empty_array(row.place("content"))
    return read_content(content, row.place("content"), readers)


def _part(row: Row, readers: Mapping[str, PartReader]) -> ContentPart:
    kind = row.required_text("type")
    read = readers.get(kind)
    if read is None:
        raise wrong_value(row.place("type"), kind, readers)
    return read(row)


def read_text(row: Row) -> TextPart:
    """What is said."""
    return TextPart(row.present_text("text"), row.mapping("cache_control"))


def read_refusal(row: Row) -> RefusalPart:
    """What was said instead of an answer."""
    return RefusalPart(row.present_text("refusal"))


def _image(row: Row) -> ContentPart:
    hint = row.mapping("cache_control")
    given = row.get("image_url")
    if type(given) is str:  # as older clients write it
        return picture(given, row.place("image_url"), hint)
    image = row.row("image_url")
    return picture(image.required_text("url"), image.place("url"), hint, read_detail(image))


def read_detail(row: Row) -> str:
    """How closely to look at a picture, in the words that all servers know; `""` when that is left to the model."""
    detail = row.text("detail")
    return _DETAILS.get(detail, detail)


def read_audio(row: Row) -> AudioPart:
    """What is played."""
    audio = row.row("input_audio")
    return sound(audio.required_text("data"), audio.text("format"), audio.place("data"))


def _file(row: Row) -> ContentPart:
    file = row.row("file")
    if file.text("file_id"):
        raise unsupported(file.place("file_id"), "names a file that is stored elsewhere; send its content as 'file_data'")
    data = file.text("file_data")
    if not data:
        raise missing(file.place("file_data"))
    return attachment(data, file.text("filename"), file.place("file_data"), row.mapping("cache_control"))


def _thinking(row: Row) -> ReasoningPart:
    """What Mistral's clients give back of the thoughts: a text, or texts in a list."""
    given = row.get("thinking")
    if type(given) is list:
        return ReasoningPart("".join(part.text("text") for part in row.rows("thinking")))
    return ReasoningPart(row.text("thinking"))


CHAT_PARTS: Final[Mapping[str, PartReader]] = {
    "text": read_text,
    "image_url": _image,
    "input_audio": read_audio,
    "file": _file,
    "refusal": read_refusal,
    "thinking": _thinking,
}
"""The parts of messages to `/v1/chat/completions`."""
