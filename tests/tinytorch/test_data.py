"""The shipped digits are the published ones, in the shapes and units that the docstring promises."""

import hashlib

import numpy as np

from tinytorch.data import load_digits

PUBLISHED = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def test_shapes_and_types():
    images, labels = load_digits()
    assert (images.shape, images.dtype) == ((1797, 64), np.float32)
    assert (labels.shape, labels.dtype) == ((1797,), np.int64)
    assert images.flags.c_contiguous


def test_images_are_sixteenths_from_zero_to_one():
    images, _ = load_digits()
    assert (images.min(), images.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(images * 16, np.round(images * 16))


def test_class_counts():
    _, labels = load_digits()
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_every_value_is_the_published_one():
    images, labels = load_digits()
    raw = (images * 16).astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes()
    assert hashlib.sha256(raw).hexdigest() == PUBLISHED


def test_each_call_returns_arrays_of_its_own():
    first, first_labels = load_digits()
    first[:] = -1
    first_labels[:] = -1
    second, second_labels = load_digits()
    assert second.min() == 0.0
    assert second_labels.min() == 0
