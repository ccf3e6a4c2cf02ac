"""`python -m tinytorch`: the command line."""

from tinytorch.cli.main import main

if __name__ == "__main__":
    main()
