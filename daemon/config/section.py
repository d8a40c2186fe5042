"""What every section of the configuration has in common, and the types that several of them use."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from streaming.labels import UnfitLabelError, normalised


class Section(BaseModel):
    """A frozen group of keys. An unknown key is an error; a key's docstring says what it means."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


def shaped(pattern: str, right: str, *, max_length: int | None = None) -> Any:
    """Return the constraint that a text fits `pattern`; `right` says in words what does."""
    return Field(pattern=pattern, max_length=max_length, json_schema_extra={"right": right})


def as_label(name: str) -> tuple[str, str]:
    """Return the label that a name means, as records are read, and why it can be none; the name itself then."""
    try:
        return normalised(name), ""
    except UnfitLabelError as error:
        return name, str(error)


NAME_WORDS = "letters, digits, dots, dashes and underscores, beginning with a letter or digit, 100 at most"

Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Bytes = Annotated[int, Field(ge=1, le=1_000_000_000_000_000)]
Seconds = Annotated[float, Field(gt=0, le=31_536_000, allow_inf_nan=False)]
Label = Annotated[
    str, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"), AfterValidator(lambda name: as_label(name)[0])
]
Name = Annotated[str, shaped(r"^[A-Za-z0-9][A-Za-z0-9._-]*$", NAME_WORDS, max_length=100)]
