# ruff: noqa: RUF001 - letters that look like others are what this is about
"""Names that a person takes for one another: a letter off, another case, other blanks, letters of another script.

Such a name may be a slip, and may be meant: `forg` beside `frog`, `bear` beside `pear`. Nobody but a person can tell,
so a new label near to a class waits for one. What is not near, because streams are full of it: names that differ in a
digit (`cat1`, `cat2`), and short words that differ in a letter (`cat`, `rat`; `size l`, `size s`).
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping

WORD_MIN = 4
"""Letters of a word below which another letter makes another word."""
LONG = 64
"""Characters of a name above which no letter is looked for: each would take as many entries as it has characters."""

# Lower-case letters by what they are taken for. Fullwidth, mathematical and Roman-numeral ones are told by NFKC.
_ALIKE: Mapping[str, str] = {
    "a": "аαɑ",
    "b": "вь",
    "c": "сϲ",
    "d": "ԁ",
    "e": "еє",
    "g": "ɡց",
    "h": "һнհ",
    "i": "іιıɩ",
    "j": "јϳ",
    "k": "кκ",
    "l": "ӏ1|ǀ",
    "m": "м",
    "n": "пηոռ",
    "o": "оοօ0σ",
    "p": "рρ",
    "q": "ԛզ",
    "r": "гꭇ",
    "s": "ѕ",
    "t": "тτ",
    "u": "υսц",
    "v": "ѵν",
    "w": "ԝωѡ",
    "x": "хχ",
    "y": "уγү",
    "z": "ᴢ",
}
# Capitals whose small forms are taken for something else, or that are taken for small letters themselves.
_CAPITALS: Mapping[str, str] = {
    "A": "АΑᎪ",
    "B": "ВΒᏴ",
    "C": "СᏟ",
    "D": "ᎠꓓⅮ",
    "E": "ЕΕᎬ",
    "F": "Ϝꓝ",
    "G": "ԌᏀ",
    "H": "НΗᎻ",
    "J": "ЈᎫ",
    "K": "КΚᏦ",
    "L": "Ꮮꓡ",
    "M": "МΜᎷ",
    "N": "Νꓠ",
    "O": "ОΟՕ",
    "P": "РΡᏢ",
    "R": "ᎡᏒ",
    "S": "ЅՏᏚ",
    "T": "ТΤᎢ",
    "U": "Սꓴ",
    "V": "ᏙѴ",
    "W": "ᎳԜ",
    "X": "ХΧꓫ",
    "Y": "УΥҮᎩ",
    "Z": "ΖᏃ",
    "l": "IІΙӀᏆ",
}
_LOWER = {ord(other): letter for letter, others in _ALIKE.items() for other in others}
_UPPER = {ord(other): letter for letter, others in _CAPITALS.items() for other in others}
_SINGLE = {code: letter for code, letter in (_LOWER | _UPPER).items() if code > 0x7F}
_SELECTORS = frozenset([0x180B, 0x180C, 0x180D, 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
_QUOTES = "\"'`´‘’‚‛“”„‟«»‹›"


def spelt_now(name: str) -> str:
    """Return how records spell a label today; states from before hold names as they were sent."""
    return " ".join(unicodedata.normalize("NFC", name).split())


SAME_MAX = 2
"""Names kept of those that look the same: one that is not the name asked for is among two."""


class NearNames:
    """Finds, among names, one that another is near to. A lookup costs the same among few and many."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names: dict[str, list[str]] = defaultdict(list)
        self._variants: dict[str, list[str]] = defaultdict(list)
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Take in one more."""
        for key in _keys(name):
            if name not in (same := self._names[key]) and len(same) < SAME_MAX:
                same.append(name)
        word = _words(name)
        for variant in _variants(word):
            self._variants[variant].append(name)

    def near(self, name: str) -> str | None:
        """Return the first name taken in that `name` is near to, other than itself; None where there is none."""
        for key in _keys(name):
            for other in self._names.get(key, ()):
                if other != name:
                    return other
        word = _words(name)
        for variant in _variants(word):
            for other in self._variants.get(variant, ()):
                if other != name and _letter_off(word, _words(other)):
                    return other
        return None


def near(one: str, other: str) -> bool:
    """Tell whether a person may take one name for the other."""
    return NearNames([other]).near(one) is not None


def _keys(name: str) -> tuple[str, ...]:
    """Return what is equal for names that differ in case, blanks and look-alikes only, as seen and as meant."""
    plain = _seen(name).strip(_QUOTES + " ")
    if len(plain) <= 1:  # "a" and "A", "0" and "O" are classes of whoever reads handwriting
        return (plain.translate(_SINGLE),)
    joined = _joined(plain) or plain
    return (joined.casefold(), "\0" + joined.translate(_UPPER).casefold().translate(_LOWER))


def _seen(name: str) -> str:
    """Return the plain letters of a name, without what nobody sees: older states and buffers hold some."""
    plain = unicodedata.normalize("NFKC", name)
    return plain if plain.isascii() else "".join(one for one in plain if not _is_unseen(one))


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or ord(character) in _SELECTORS


def _joined(text: str) -> str:
    """Leave out what separates words, but between digits: `1-2` is not `12`."""
    kept: list[str] = []
    parts = "".join(" " if _separates(one) else one for one in text).split()
    for part in parts:
        if kept and kept[-1][-1].isdigit() and part[0].isdigit():
            kept.append(" ")
        kept.append(part)
    return "".join(kept)


def _separates(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Pd", "Pc")


def _words(name: str) -> str:
    folded = _seen(name).casefold()
    return " ".join("".join(" " if _separates(one) else one for one in folded).split())


def _variants(word: str) -> list[str]:
    """Return the word, and what is left of it without one character: words an edit apart have one of them in common."""
    if len(word) > LONG:
        return []
    return list(dict.fromkeys([word, *(word[:index] + word[index + 1 :] for index in range(len(word)))]))


def _letter_off(one: str, other: str) -> bool:
    """Tell whether one letter was left out, put in, taken for another, or changed places with its neighbour."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    left, right = one[start : len(one) - end], other[start : len(other) - end]
    swapped = len(left) == len(right) == 2 and left == right[::-1]
    if not swapped and max(len(left), len(right)) != 1:
        return False
    if not all(letter.isalpha() for letter in left + right):
        return False
    short = min(len(_word_at(one, start, len(left))), len(_word_at(other, start, len(right))))
    return short >= (WORD_MIN - 1 if _is_slight(one, other, start, left + right) else WORD_MIN)


def _is_slight(one: str, other: str, start: int, changed: str) -> bool:
    """Tell whether an edit is one that people make in short words, too: a doubled letter, a plural."""
    longer = max(one, other, key=len)
    if len(one) == len(other):
        return False
    doubled = changed in (longer[start - 1 : start], longer[start + 1 : start + 2])
    return doubled or (changed == "s" and longer[start + 1 : start + 2] in ("", " "))


def _word_at(text: str, start: int, length: int) -> str:
    """Return the letters around a place, up to what is none."""
    first, last = start, start + length
    while first > 0 and text[first - 1].isalpha():
        first -= 1
    while last < len(text) and text[last].isalpha():
        last += 1
    return text[first:last]
