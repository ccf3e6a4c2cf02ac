"""Data beside a model is read from the model's folder and from nowhere else."""

import os

import numpy as np
import pytest
from onnx import StringStringEntryProto, TensorProto

import tinytorch as tt
from tinytorch.onnx.reading.arrays import array_of

LARGE = np.arange(2**17, dtype=np.float32)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model" / "below").mkdir(parents=True)
    (tmp_path / "secret.bin").write_bytes(b"\0" * 64)
    (tmp_path / "model" / "w.bin").write_bytes(b"\0" * 8 + np.arange(4, dtype="<f4").tobytes())
    (tmp_path / "model" / "below" / "large.bin").write_bytes(LARGE.astype("<f4").tobytes())
    (tmp_path / "model" / "out").symlink_to(tmp_path / "secret.bin")
    (tmp_path / "model" / "circle").symlink_to(tmp_path / "model" / "circle")
    (tmp_path / "model" / "folders").symlink_to(tmp_path)
    (tmp_path / "model" / "inside").symlink_to(tmp_path / "model" / "w.bin")
    os.mkfifo(tmp_path / "model" / "pipe")
    return tmp_path / "model"


def external(*dims, **entries):
    tensor = TensorProto(name="w", data_type=1, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, value in entries.items():
        tensor.external_data.append(StringStringEntryProto(key=key, value=str(value)))
    return tensor


def test_a_part_of_a_file_is_read(folder):
    for location in ("w.bin", "./w.bin", "inside"):
        found = array_of(external(2, 2, location=location, offset=8, length=16), folder)
        np.testing.assert_array_equal(found, np.arange(4, dtype=np.float32).reshape(2, 2))


def test_a_large_file_is_mapped_and_never_written_to(folder):
    found = array_of(external(2**17, location="below/large.bin"), folder)
    assert isinstance(found, np.memmap)
    found[:] = 1
    np.testing.assert_array_equal(array_of(external(2**17, location="below/large.bin"), folder), LARGE)


@pytest.mark.parametrize(
    "location",
    [
        *("/etc/passwd", "../secret.bin", "below/../../secret.bin", "out", "folders/secret.bin", "circle"),
        *(
            "C:\\secret.bin",
            "\\\\host\\share\\x",
            "..\\secret.bin",
            "",
            ".",
            "below",
            "absent",
            "w.bin\0",
            "pipe",
        ),
        *("/dev/zero", "w.bin/x", "x" * 5000),
    ],
)
def test_other_places_are_refused_by_name_and_never_read(folder, location):
    with pytest.raises(tt.ModelError, match="tensor 'w' is "):
        array_of(external(4, location=location), folder)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"offset": 12}, r"the 16 bytes from 12 of .*', which has 24"),
        ({"offset": 10**17}, "which has 24"),
        ({"offset": 10**30}, "the offset '1000.*no number of bytes"),
        ({"offset": -4}, "the offset '-4'"),
        ({"offset": "٣"}, "the offset '٣'"),
        ({"length": 8}, "16 bytes by its type and extents, and 8 by its length"),
        ({"length": "0x10"}, "the length '0x10'"),
    ],
)
def test_offset_and_length_lie_within_the_file(folder, entries, message):
    with pytest.raises(tt.ModelError, match=message):
        array_of(external(4, location="w.bin", **entries), folder)


def test_an_entry_is_given_once_and_bytes_have_no_folder(folder):
    twice = external(4, location="w.bin")
    twice.external_data.append(StringStringEntryProto(key="location", value="other"))
    with pytest.raises(tt.ModelError, match="'location' of its external data twice"):
        array_of(twice, folder)
    with pytest.raises(tt.ModelError, match="fix: load the model by its path"):
        array_of(external(4, location="w.bin"), None)
