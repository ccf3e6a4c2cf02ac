"""Rows sorted by networks, side by side or alone: what is compared, which columns meet, and the kernels."""
