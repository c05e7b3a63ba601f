"""`images`: base64 of any kind, types told from the first bytes."""

from __future__ import annotations

from base64 import b64decode, b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.request import AudioPart, ImagePart
from proxy.dialects.ollama.media import media_part
from proxy.wire.media import sniffed_mime, standard_base64

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)


def encoded(data: bytes) -> str:
    return b64encode(data).decode()


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (JPEG, "image/jpeg"),
        (PNG, "image/png"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"BM\x36\0", "image/bmp"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypheix", "image/heic"),
        (b"\0\0\0\x18ftypmif1", "image/heic"),
        (b"\0\0\0\x18ftypavif", "image/avif"),
        (b"\0\0\0\x18ftypmp42", ""),
        (b"%PDF-1.7", "application/pdf"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\x10\0\0\0AVI ", ""),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90", "audio/mpeg"),
        (b"\xff\xf3\x90", "audio/mpeg"),
        (b"\xff\xe3\x18", "audio/mpeg"),
        (b"\xff\xfd\x90", "audio/mpeg"),
        *(
            (head, "")
            for head in (b"\xff\xfb", b"\xff\xfb\xf0", b"\xff\xfb\x9c", b"\xff\xeb\x90", b"\xff\xf1\x50", "Grüße".encode("utf-16"))
        ),
        (b"fLaC\0", "audio/flac"),
        (b"OggS\0", "audio/ogg"),
        (b"<svg xmlns", "image/svg+xml"),
        (b"\xef\xbb\xbf\n <?xml version", "image/svg+xml"),
        (b"", ""),
        (b"hello", ""),
    ],
)
def test_rule_1_10_types_are_sniffed(head: bytes, mime: str) -> None:
    assert sniffed_mime(head) == mime


def test_a_picture_keeps_its_bytes_and_gets_its_type() -> None:
    assert media_part(encoded(PNG)) == ImagePart(mime="image/png", data=encoded(PNG))


@pytest.mark.parametrize(
    ("data", "audio_format"),
    [(b"RIFF\x10\0\0\0WAVEfmt ", "wav"), (b"ID3\x04tag", "mp3"), (b"fLaC data", "flac"), (b"OggS data", "ogg")],
)
def test_sound_among_images_is_an_audio_part(data: bytes, audio_format: str) -> None:
    assert media_part(encoded(data)) == AudioPart(format=audio_format, data=encoded(data))


def test_unknown_bytes_are_called_jpeg_as_ollama_does() -> None:
    assert media_part(encoded(b"who knows")) == ImagePart(mime="image/jpeg", data=encoded(b"who knows"))


@pytest.mark.parametrize(("data", "word"), [(b"<svg/>", "SVG"), (b"<?xml ?><svg/>", "SVG"), (b"%PDF-1.4", "PDF")])
def test_what_is_no_picture_is_refused_by_name(data: bytes, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        media_part(encoded(data))


@pytest.mark.parametrize(
    "prefix", ["data:image/png;base64,", "data:;base64,", "DATA:image/png;charset=x;BASE64,", "data:image/jpeg;base64,"]
)
def test_rule_images_a_data_url_is_taken_and_its_type_sniffed(prefix: str) -> None:
    assert media_part(prefix + encoded(PNG)) == ImagePart(mime="image/png", data=encoded(PNG))


@given(st.binary(min_size=1, max_size=60))
def test_every_spelling_of_base64_gives_the_standard_one(data: bytes) -> None:
    standard = encoded(data)
    wrapped = "\r\n".join(standard[at : at + 5] for at in range(0, len(standard), 5)) + "\n"
    for spelling in (
        standard,
        standard.rstrip("="),
        urlsafe_b64encode(data).decode(),
        urlsafe_b64encode(data).decode().rstrip("="),
        wrapped,
    ):
        assert standard_base64(spelling) == standard


@pytest.mark.parametrize(
    ("text", "byte"),
    [
        ("data:image/png,abcd", 4),
        ("data:image/png;base64", 4),
        ("https://example.com/cat.png", 5),
        ("QUJD!", 4),
        ("QUJ\u00e9", 3),
        ("QUJDR", 4),
        ("QU\nJDR", 5),
        ("=QUJ", 0),
        ("Q===", 1),
        ("QQ=x", 3),
        ("QQ==QQ==", 4),
        ("QUI=Q", 4),
        ("data:image/png;base64,QU!", 24),
        ("QUI==", 4),
        ("QUJD====", 4),
        ("iVBORw0KGgp4eHh4====", 16),
        ("QUJDQ===", 5),
    ],
)
def test_fact_44_what_does_not_decode_is_refused_at_its_byte(text: str, byte: int) -> None:
    with pytest.raises(ValueError, match="illegal base64") as caught:
        standard_base64(text)
    assert str(caught.value) == f"illegal base64 data at input byte {byte}"


@pytest.mark.parametrize("text", ["", "data:image/png;base64,"])
def test_an_empty_picture_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        standard_base64(text)


@given(st.text(max_size=40))
def test_any_text_is_media_or_a_value_error(text: str) -> None:
    try:
        data = media_part(text).data
    except ValueError:
        return
    assert encoded(b64decode(data, validate=True))[:-4] == data[:-4]


@pytest.mark.parametrize(("text", "canonical"), [("QR==", "QQ=="), ("QUJDQUJ=", "QUJDQUI="), ("QR", "QQ=="), ("QUJDQUJ", "QUJDQUI=")])
def test_bits_left_over_in_the_last_digit_do_not_reach_strict_decoders(text: str, canonical: str) -> None:
    assert standard_base64(text) == canonical


@pytest.mark.parametrize("text", ["A" * 65536, "A" * 65532 + "AA==", "A" * 65536 + "AAA=", "A" * 200_000])
def test_long_pictures_are_read_as_short_ones(text: str) -> None:
    assert standard_base64(text) == text


@pytest.mark.parametrize(
    ("text", "byte"),
    [("A" * 65534 + "==" + "AAAA", 65536), ("A" * 65536 + "!AAA", 65536), ("A" * 65535 + "!AAAA", 65535), ("A" * 65536 + "=AAA", 65536)],
)
def test_what_is_wrong_in_a_long_picture_is_found(text: str, byte: int) -> None:
    with pytest.raises(ValueError, match=rf"^illegal base64 data at input byte {byte}$"):
        standard_base64(text)
