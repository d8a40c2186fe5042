"""Names that are safe as a folder, in a URL and for Triton."""

from pathlib import Path

import pytest

from model.publishing.layout import ModelPaths, check_model_name, parse_version


@pytest.mark.parametrize("name", ["default", "a", "Model-1.2_x", "7", "x" * 100])
def test_safe_names(name):
    assert check_model_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a b", "ä", "x" * 101, "a\n", "-rf"])
def test_unsafe_names(name):
    with pytest.raises(ValueError, match="model name"):
        ModelPaths(Path("models"), name)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1", 1),
        ("70", 70),
        ("0", None),
        ("01", None),
        ("-1", None),
        ("1.0", None),
        ("\u0661", None),
        ("1\n", None),
        ("", None),
    ],
)
def test_versions(text, version):
    assert parse_version(text) == version
