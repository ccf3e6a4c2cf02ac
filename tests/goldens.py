"""Texts that must not change by accident, kept beside the tests as files."""

from pathlib import Path

UPDATE_FLAG = "--update-goldens"


def check_golden(path: Path, text: str, *, update: bool) -> None:
    """Compare `text` with the file at `path`, or write it there when `update` is set.

    Raises AssertionError, naming the flag that accepts the new text, if the file is missing or differs.
    """
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        return
    accept = f"if the new text is right, run pytest with {UPDATE_FLAG} and read the diff before committing it"
    assert path.exists(), f"{path} does not exist yet; {accept}"
    assert text == path.read_text(encoding="utf-8"), f"{path} differs; {accept}"
