"""`python -m dsrcheck` is `dsrcheck`."""

from dsrcheck.cli import main

if __name__ == "__main__":
    main()
