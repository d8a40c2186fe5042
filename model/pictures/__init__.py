"""What the model sees of a picture: files to pixels of one size. Imports no torch, and nothing else of `model`."""

from model.pictures.decode import ImageDecoder
from model.pictures.errors import Refusal, RefusedPicture
from model.pictures.header import Format, Header
from model.pictures.preparing import INPUT, prepare
from model.pictures.sniff import sniff

__all__ = ["INPUT", "Format", "Header", "ImageDecoder", "Refusal", "RefusedPicture", "prepare", "sniff"]
