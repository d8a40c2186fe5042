"""What a label is: one spelling for what no eye tells apart, and no characters that nobody sees.

`normalised` is the one truth of it: for records in either mode, for `tidemill push`, for `model.classes` and for names
given to commands. What it returned, it returns again.

- NFC: a composed and a decomposed "é" are one label (folders from macOS are decomposed).
- Every space (category Zs, as the no-break space) is a plain one; several in a row are one; at both ends there is none.
- Refused, with the code point named: control characters; line and paragraph separators; format characters (category
  Cf) but for joiners where writing needs them; other characters that show as nothing; private use, for no two fonts
  show the same; U+FFFD, for what stood there was lost before the record was sent; a label in quotation marks, for it is
  a JSON string whose header does not say so (Kafka Connect's and Spring's mappers write such).

Characters that this Python's Unicode does not know yet are taken: they may be the emoji of next year.
"""

import re
import unicodedata
from functools import lru_cache

BYTES_MAX = 200
"""Of UTF-8, after normalisation."""
RAW_BYTES_MAX = 2_000
"""Of UTF-8, before it: decomposed, padded or escaped labels are longer. What is longer still is not looked at."""
REMEMBERED = 4_096
"""Labels whose normal form is remembered: a stream has few, and each comes often."""
MARKS_MAX = 8
"""Combining marks in a row: more make a stack that nobody can read. Tibetan and Hebrew need four or five."""

_PLAIN = re.compile("[!-~]+(?: [!-~]+)*")
"""Nearly every label: printable ASCII, single spaces within."""
_SPACES = re.compile(" {2,}")
_JOINERS = "\u200c\u200d"
_VIRAMA = 9
"""Combining class of the marks after which a joiner chooses the form of the letter before, also where a word ends."""
# What categories do not tell: fillers and vowels that are letters or marks, but show as nothing; blank symbols; tags,
# and the code points that Unicode reserves for more of the kind.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U0001d159\U00016fe4\U000e0000-\U000e00ff"
    "\U000e01f0-\U000e0fff]"
)
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_EMOJI_SELECTORS = "\ufe0e\ufe0f"
_KEYCAP = "\u20e3"
_EMOJI_MARKS = "\u203c\u2049\u3030\u303d"
"""Punctuation that is a picture, too."""
_EMOJI_MATHS = re.compile("[\u2194\u25fb-\u25fe\u2934\u2935]")
"""The mathematical symbols (category Sm) that are also emoji, by Unicode's emoji-variation-sequences.txt."""
_MONGOLIAN = re.compile("[\u1800-\u18af]")
_MONGOLIAN_SELECTORS = "\u180b\u180c\u180d\u180f"
_REPLACEMENT = "\ufffd"
_INVISIBLE = "shows as nothing: a label with it looks like one without"
_QUOTED = (
    "the label stands in quotation marks, as a JSON string does: send it without, or with spring_json_header_types"
)
_FAULTS = {
    "Cc": "is a control character",
    "Cs": "is half of a character",
    "Co": "is of private use: it shows as something else, or nothing, elsewhere",
    "Zl": "ends a line",
    "Zp": "ends a paragraph",
}


class UnfitLabelError(ValueError):
    """The text cannot be a label; the message says why, for people."""


@lru_cache(maxsize=REMEMBERED)
def normalised(text: str) -> str:
    """Return the label that `text` means: 1 to BYTES_MAX bytes of UTF-8. Raises UnfitLabelError."""
    if len(text) <= BYTES_MAX and _PLAIN.fullmatch(text):
        return _unquoted(text)
    if len(text) > RAW_BYTES_MAX:
        raise UnfitLabelError(_too_long(len(text), "characters"))
    spaced = "".join(" " if unicodedata.category(one) == "Zs" else one for one in unicodedata.normalize("NFC", text))
    label = _SPACES.sub(" ", spaced).strip(" ")
    if not label:
        raise UnfitLabelError("the label is blank" if text else _too_long(0, "bytes"))
    for index, one in enumerate(label):
        if fault := _fault(label, index):
            raise UnfitLabelError(f"the label holds {named(one)}, which {fault}")
    size = len(label.encode())
    if size > BYTES_MAX:
        raise UnfitLabelError(_too_long(size, "bytes"))
    return _unquoted(label)


def _unquoted(label: str) -> str:
    """Refuse what a header mapper has written as a JSON string, where nothing says so: it would be a second class."""
    if len(label) > 1 and label[0] == label[-1] == '"':
        raise UnfitLabelError(_QUOTED)
    return label


def named(character: str) -> str:
    """Return a character as people look it up: `U+200B ZERO WIDTH SPACE`."""
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


def _too_long(size: int, unit: str) -> str:
    return f"the label is {size} {unit} long; 1 to {BYTES_MAX} bytes are allowed"


def _fault(label: str, index: int) -> str:
    """Return what is wrong with one character where it stands; empty when nothing is."""
    one = label[index]
    category = unicodedata.category(one)
    if category in _FAULTS:
        return _FAULTS[category]
    if one in _JOINERS:
        return "" if _joins(label, index) else "joins nothing here: it belongs between two letters"
    if category == "Cf" or _BLANK.match(one):
        return _INVISIBLE
    if one == _REPLACEMENT:
        return "stands for what was lost when the label was decoded wrongly"
    if category.startswith("M"):
        return _mark_fault(label, index)
    return "is no character" if ord(one) & 0xFFFE == 0xFFFE or "\ufdd0" <= one <= "\ufdef" else ""


def _joins(label: str, index: int) -> bool:
    """Tell whether a joiner stands where it changes what is seen: between letters or symbols, or after a virama."""
    before, after = label[:index][-1:], label[index + 1 :][:1]
    if before and unicodedata.combining(before) == _VIRAMA:
        return True
    return bool(before and after) and all(unicodedata.category(one)[0] in "LMNS" for one in (before, after))


def _mark_fault(label: str, index: int) -> str:
    one = label[index]
    if not index:
        return "has no letter before it to stand on"
    if one in _MONGOLIAN_SELECTORS:
        return "" if _MONGOLIAN.match(label[index - 1]) else _INVISIBLE
    if _SELECTORS.match(one):
        return "" if one in _EMOJI_SELECTORS and _chooses(label, index) else _INVISIBLE
    row = label[max(0, index - MARKS_MAX) : index + 1]
    if len(row) > MARKS_MAX and all(unicodedata.category(mark) in ("Mn", "Me") for mark in row):
        return f"is one of more than {MARKS_MAX} marks on one letter"
    return ""


def _chooses(label: str, index: int) -> bool:
    """Tell whether a selector chooses between a picture and a sign: after a symbol, or within a keycap (1, *, #)."""
    before = label[index - 1]
    category = unicodedata.category(before)
    if category[0] in "NP" and before not in _EMOJI_MARKS:
        return label[index + 1 :][:1] == _KEYCAP
    return category == "So" or before in _EMOJI_MARKS or bool(_EMOJI_MATHS.match(before))
