"""What is sent in place of an image is named, with what to send instead."""

import base64
import gzip
import io
import json
import pickle
import random
import zipfile

import numpy as np
import pytest
from PIL import Image

from model.pictures.errors import Refusal, RefusedPicture
from model.pictures.sniff import sniff
from tests.support.images import encode, picture

JPEG, PNG, WEBP = (encode(picture(40, 30), kind) for kind in ("JPEG", "PNG", "WEBP"))
ARRAY = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)


def saved(write, **kind):
    stream = io.BytesIO()
    write(stream, **kind)
    return stream.getvalue()


def zipped(name):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, JPEG)
    return stream.getvalue()


def refused(data):
    with pytest.raises(RefusedPicture) as caught:
        sniff(data)
    return caught.value


def box(brand, *more):
    body = brand + b"\0\0\0\0" + b"".join(more)
    return (len(body) + 8).to_bytes(4, "big") + b"ftyp" + body + bytes(400)


STRANGERS = {
    "base64": (base64.b64encode(JPEG), "base64 of a JPEG"),
    "base64 in lines": (base64.encodebytes(PNG), "base64 of a PNG"),
    "base64 for URLs": (base64.urlsafe_b64encode(JPEG), "base64 of a JPEG"),
    "base64 in quotes": (json.dumps(base64.b64encode(WEBP).decode()).encode(), "quoted base64 of a WebP"),
    "base64 of something": (base64.b64encode(random.Random(0).randbytes(300)), "base64"),
    "a data URL": (b"data:image/png;base64," + base64.b64encode(PNG), "data URL of image/png"),
    "a data URL in quotes": (b'"data:image/jpeg;base64,' + base64.b64encode(JPEG) + b'"', "data URL"),
    "hexadecimal": (JPEG.hex().encode(), "hexadecimal text of a JPEG"),
    "Avro behind a registry": (
        b"\0\0\0\0\x2a" + b"\x06cat" + b"\x9c\x0f" + JPEG,
        "schema registry's prefix (schema 42",
    ),
    "a registry's prefix": (b"\0\0\x01\x86\xa1" + b"\x06cat\x9c\x0f" + bytes(range(1, 100)), "schema 100001"),
    "JSON behind a registry": (b"\0\0\0\0\x07" + json.dumps({"image": "x"}).encode(), "schema registry's prefix"),
    "Protobuf": (b"\x0a\x03cat\x12" + b"\xb6\x09" + JPEG, "an image begins at byte 8"),
    "JSON": (
        json.dumps({"label": "cat", "image": base64.b64encode(JPEG).decode()}).encode(),
        "JSON (with label, image)",
    ),
    "a JSON list": (json.dumps(ARRAY.tolist()).encode(), "text of an array"),
    "a long JSON": (json.dumps({"image": "A" * 100_000}).encode(), "JSON"),
    "pickle": (pickle.dumps(ARRAY), "pickle"),
    "npy": (saved(lambda stream: np.save(stream, ARRAY)), ".npy"),
    "npz": (saved(lambda stream: np.savez(stream, a=ARRAY)), ".npz"),
    "zip": (zipped("a.jpg"), "ZIP"),
    "raw RGB": (ARRAY.tobytes(), "raw pixels (32 x 32 of RGB)"),
    "raw grey": (ARRAY[:28, :28, 0].tobytes(), "raw pixels (28 x 28 of grey)"),
    "raw black": (bytes(64 * 64 * 3), "raw pixels (64 x 64 of RGB)"),
    "a camera's frame": (bytes(640 * 480 * 3), "raw pixels (307200 of RGB)"),
    "DICOM": (bytes(128) + b"DICM" + bytes(300), "DICOM"),
    "PDF": (saved(lambda stream: Image.new("RGB", (8, 8)).save(stream, "PDF")), "PDF"),
    "MP4": (box(b"isom", b"isom", b"mp42"), "MP4"),
    "gzip": (gzip.compress(JPEG), "gzip"),
    "an Avro container": (b"Obj\x01" + bytes(60), "Avro container"),
    "HTML": (b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>", "HTML page"),
    "XML": (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "XML"),
    "Python's text": (str(JPEG).encode(), "Python's text of bytes"),
    "a URL": (b"s3://bucket/cats/1.jpg", "URL"),
    "a path": (b"/data/cats/1 of 2.JPG\n", "name of a file"),
    "NumPy's text": (str(ARRAY).encode(), "text of an array"),
    "Pillow's text": (b"<PIL.Image.Image image mode=RGB size=8x8 at 0x7F>", "text of an array or a picture object"),
    "a JPEG as text": (JPEG.decode("utf-8", "replace").encode(), "turned into text and back"),
    "a JPEG as Latin-1": (JPEG.decode("latin-1").encode(), "turned into text and back"),
    "a PNG as Latin-1": (PNG.decode("latin-1").encode(), "turned into text and back"),
    "a form": (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nabc", "multipart form"),
    "a line before it": (b"\n" + PNG, "an image begins at byte 1"),
    "words": ("see attachment, größer".encode(), "text"),
    "one word": (b"hello", "text"),
    "a long word": (b"abcdefghijklmnopqrst", "text"),
    "nothing known": (b"\x01\x02\x03\x04\x05\x06\x07\x08\x09", "no image format begins with"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_what_is_no_image_is_named_with_what_to_send_instead(name):
    data, what = STRANGERS[name]
    found = refused(data)
    assert found.reason is Refusal.NOT_AN_IMAGE
    assert what in str(found)
    named, _, instead = str(found).partition(": ")
    assert re_imperative(instead), f"{named} | {instead}"
    assert len(str(found)) < 250
    assert "\n" not in str(found)


def re_imperative(text):
    return text.split()[0] in {"send", "decode", "encode", "give", "export", "fetch", "read", "look", "a"}


UNREAD = {
    "HEIC": box(b"heic", b"mif1", b"heic"),
    "HEIC of another main brand": box(b"mif1", b"miaf", b"heic"),
    "AVIF": box(b"avif", b"mif1"),
    "AVIF of another main brand": box(b"mif1", b"avif"),
    "HEIF": box(b"mif1", b"miaf"),
    "TIFF": saved(lambda stream: Image.new("RGB", (8, 8)).save(stream, "TIFF")),
    "BMP": saved(lambda stream: Image.new("RGB", (8, 8)).save(stream, "BMP")),
    "GIF": saved(lambda stream: Image.new("P", (8, 8)).save(stream, "GIF")),
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "JPEG XL": b"\xff\x0a" + bytes(50),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(50),
}


HOW = {"HEIC": "heif-convert in.heic", "HEIF": "heif-convert", "AVIF": "avifdec in.avif", "JPEG XL": "djxl in.jxl"}


@pytest.mark.parametrize("name", UNREAD)
def test_an_image_of_another_format_is_named(name):
    found = refused(UNREAD[name])
    assert found.reason is Refusal.UNSUPPORTED_FORMAT
    kind = name.partition(" of ")[0]
    said, _, how = str(found).partition("; ")
    assert said == f"{kind} is not read: convert the picture to JPEG, PNG or WebP and send that"
    assert (HOW[kind] in how) if kind in HOW else not how


@pytest.mark.parametrize("seed", range(300))
def test_any_bytes_get_a_short_sentence_and_no_error(seed):
    draw = random.Random(seed)
    start = draw.choice([data for data, _ in STRANGERS.values()])[: draw.randint(0, 60)]
    found = refused(start + draw.randbytes(draw.randint(0, 200)) or b"x")
    assert len(str(found)) < 250
