"""`python -m tinytorch demo`."""

import sys

from tinytorch.demo import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
