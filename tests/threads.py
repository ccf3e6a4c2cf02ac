"""What is computed by one thread, by two and by three."""

import tinytorch as tt


def by_threads(call, counts=(1, 2, 3)):
    """What a call gives by each number of threads; there are as many afterwards as there were."""
    before = tt.get_num_threads()
    found = []
    try:
        for count in counts:
            tt.set_num_threads(count)
            found.append(call())
    finally:
        tt.set_num_threads(before)
    return found
