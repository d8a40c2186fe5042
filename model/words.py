"""How a number is said with its noun, everywhere alike."""


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun, as `1 window` and `2 windows`; `many` where that is not `one` with an s."""
    return f"{n} {one if n == 1 else many or f'{one}s'}"
