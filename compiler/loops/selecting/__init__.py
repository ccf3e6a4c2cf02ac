"""A few elements of long rows: their keys, and the kernels of calls that seek among them."""
