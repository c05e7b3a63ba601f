"""Under which names documents go to Chat Completions. Pure.

OpenAI takes a document for what the ending of its name says, and refuses one without an ending: "Expected context stuffing file type to be
a supported format: .pdf but got none". What clients tell may be a title.
"""

from __future__ import annotations

from typing import Final

_UNNAMED: Final = "document"
# As long as names are on most disks.
_MAX_BYTES: Final = 255
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_ENDINGS: Final = {
    "application/pdf": ".pdf",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    f"{_OFFICE}wordprocessingml.document": ".docx",
    f"{_OFFICE}spreadsheetml.sheet": ".xlsx",
    f"{_OFFICE}presentationml.presentation": ".pptx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/rtf": ".rtf",
    "application/epub+zip": ".epub",
}


def file_name(told: str, mime: str) -> str:
    """The name or title `told`, not too long, with the ending of its type where that is known."""
    name, ending = told or _UNNAMED, _ENDINGS.get(mime, "")
    if ending and name.lower().endswith(ending):
        name, ending = name[: -len(ending)], name[-len(ending) :]
    kept = name.encode("utf-8", "replace")[: _MAX_BYTES - len(ending)]
    return kept.decode("utf-8", "ignore") + ending
