"""Why a value, a kernel, or two values beside each other are computed as they are."""
