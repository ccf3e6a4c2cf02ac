"""Order, kernels and in-place marks; lifetimes laid out as offsets in one slab of memory."""
