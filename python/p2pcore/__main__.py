"""`python -m p2pcore` is the command line."""

from p2pcore.cli import main

if __name__ == "__main__":
    main()
