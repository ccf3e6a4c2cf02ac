"""Short rows sorted by networks: what is compared, which columns meet, and the kernels of calls."""
