"""The comparison with a golden file fails when it should, and says how to accept a new text."""

import pytest

from tests.goldens import check_golden


def test_equal_text_passes(tmp_path):
    check_golden(tmp_path / "a.txt", "λ = 1\n", update=True)
    check_golden(tmp_path / "a.txt", "λ = 1\n", update=False)


def test_different_text_fails_and_names_the_flag(tmp_path):
    check_golden(tmp_path / "a.txt", "old\n", update=True)
    with pytest.raises(AssertionError, match=r"a\.txt differs.*--update-goldens"):
        check_golden(tmp_path / "a.txt", "new\n", update=False)


def test_missing_file_fails_and_is_not_written(tmp_path):
    with pytest.raises(AssertionError, match=r"does not exist yet.*--update-goldens"):
        check_golden(tmp_path / "a.txt", "new\n", update=False)
    assert list(tmp_path.iterdir()) == []


def test_update_makes_the_folder(tmp_path):
    check_golden(tmp_path / "deep" / "a.txt", "new\n", update=True)
    assert (tmp_path / "deep" / "a.txt").read_text() == "new\n"
