# ruff: noqa: RUF001 - letters of many scripts are what is tested
"""Labels that no eye tells apart are one, and what nobody sees is refused by its name."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streaming.labels import BYTES_MAX, MARKS_MAX, RAW_BYTES_MAX, UnfitLabelError, named, normalised

SPACES = "\u00a0\u1680\u2000\u2003\u2009\u200a\u202f\u205f\u3000"
FORMATS = [
    *"\u00ad\u061c\u180e\u200b\u200e\u200f\u2060\u2061\u2064\u206a\u206f\ufeff\ufff9\ufffb\u202a\u202e\u2066\u2069",
    *"\U000e0001\U000e0020\U000e0061\U000e007f\U0001d173\U0001bca0\U00013430",
]
BLANKS = [*"\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\uffa0\ufff0", "\U000e01ef", "\U0001d159", "\U000e0fff"]
LEFT_OUT = [*"\x00\x1b\x7f\x85\u2028\u2029\ud800\udfff\ue000\uf8ff\ufdd0\ufffd\uffff", "\U0010ffff", "\U000f0000"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (unicodedata.normalize("NFD", "café"), "café"),
        ("\u212b", "\u00c5"),
        ("\u1112\u1161\u11ab", "한"),
        *((f"{space}red{space}{space}fox{space}", "red fox") for space in SPACES),
        ("  cat ", "cat"),
        ("T-shirt/top", "T-shirt/top"),
        ("1.5e-6", "1.5e-6"),
        ("ß", "ß"),
        ("ｃａｔ", "ｃａｔ"),
        ("２０", "２０"),
    ],
)
def test_one_spelling(text: str, label: str) -> None:
    assert normalised(text) == label


@pytest.mark.parametrize("label", [
    "می\u200cخواهم", "۲۰\u200cساله", "क्\u200dष", "क्\u200c", "അവന്\u200d", "👩\u200d🚀", "🏳\ufe0f\u200d🌈", "❤\ufe0f",
    "1\ufe0f\u20e3", "👍🏽", "🙂\u200d↔\ufe0f", "ᠠ\u180b", "שָׁלוֹם", "กุ้ง", "བསྒྲུབས", "Việt Nam",
    "#\ufe0f\u20e3", "no. 10\ufe0f\u20e3", "©\ufe0e", "↔\ufe0f",
])  # fmt: skip
def test_what_writing_needs_stays(label: str) -> None:
    assert normalised(label) == unicodedata.normalize("NFC", label)


@pytest.mark.parametrize("hidden", [*FORMATS, *BLANKS, *LEFT_OUT])
def test_what_nobody_sees_is_refused_by_its_name(hidden: str) -> None:
    for text in (f"cat{hidden}", f"{hidden}cat", f"cat{hidden}fish", hidden):
        with pytest.raises(UnfitLabelError) as caught:
            normalised(text)
        assert f"U+{ord(hidden):04X}" in str(caught.value)
        assert len(str(caught.value)) < 200
        str(caught.value).encode()  # fit for a header and a log, lone surrogates or not


@pytest.mark.parametrize(
    "text", ["\u200dcat", "cat\u200c", "cat \u200d fish", "a\u200d\u200db", "cat\ufe0f", "\ufe0f", "葛\U000e0100"]
)
def test_joiners_and_selectors_are_refused_where_they_do_nothing(text: str) -> None:
    with pytest.raises(UnfitLabelError, match=r"U\+(200[CD]|FE0F|E0100) "):
        normalised(text)


@pytest.mark.parametrize("selector", "\ufe0e\ufe0f")
@pytest.mark.parametrize("before", [*"7#*!?)-_½²Ⅷ٣２〇", *"+<=~×÷^´$€", "cat 7", "no. 10", "🏽"])
def test_a_selector_is_refused_where_it_changes_no_picture(before: str, selector: str) -> None:
    for text in (f"{before}{selector}", f"{before}{selector}cat", f"{before}{selector} \u20e3"):
        with pytest.raises(UnfitLabelError, match=r"U\+FE0[EF] VARIATION SELECTOR-1[56], which shows as nothing"):
            normalised(text)


def test_marks_need_a_letter_and_are_few() -> None:
    assert normalised("a" + "\u0324" * MARKS_MAX)
    with pytest.raises(UnfitLabelError, match=r"more than 8 marks"):
        normalised("a" + "\u0324" * (MARKS_MAX + 1))
    with pytest.raises(UnfitLabelError, match=r"U\+0301 COMBINING ACUTE ACCENT, which has no letter"):
        normalised(" \u0301a")


def test_length_counts_after_normalisation_and_has_a_limit_before() -> None:
    assert normalised("e\u0301" * 100) == "é" * 100
    assert normalised(" " * 1_000 + "a" * BYTES_MAX) == "a" * BYTES_MAX
    for text in ("a" * 201, "ä" * 101, "e\u0301" * 101, " " * RAW_BYTES_MAX + "a", "", " ", "\u3000"):
        with pytest.raises(UnfitLabelError):
            normalised(text)


def test_characters_of_coming_years_are_taken() -> None:
    unknown = next(chr(code) for code in range(0x1FAF9, 0x1FB00) if unicodedata.category(chr(code)) == "Cn")
    assert normalised(unknown) == unknown
    assert named(unknown) == f"U+{ord(unknown):04X}"


@given(st.text(st.characters(codec=None), max_size=40))
@example("a\u2000\u0301")
@example("क्\u200d")
def test_once_is_as_good_as_twice(text: str) -> None:
    try:
        label = normalised(text)
    except UnfitLabelError:
        return
    assert normalised(label) == label == unicodedata.normalize("NFC", label)
    assert 1 <= len(label.encode()) <= BYTES_MAX
    assert not label.startswith(" ")
    assert not label.endswith(" ")


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs", "Mn")), max_size=30))
def test_equal_texts_by_unicode_are_equal_labels(text: str) -> None:
    results = set()
    for form in ("NFC", "NFD"):
        try:
            results.add(normalised(unicodedata.normalize(form, text)))
        except UnfitLabelError:
            results.add(None)
    assert len(results) == 1


@pytest.mark.parametrize("label", ["wow \u203c\ufe0f", "\u2049\ufe0f", "\u3030\ufe0f", "\u303d\ufe0f"])
def test_punctuation_that_is_a_picture_keeps_its_selector(label):
    assert normalised(label) == label
