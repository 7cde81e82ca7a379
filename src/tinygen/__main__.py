"""`python -m tinygen` and the `tinygen` command: so small that even Ctrl-C during start-up ends well."""

import sys


def main() -> None:
    """Start the command line."""
    try:
        from tinygen.cli import main as start
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    start()


if __name__ == "__main__":
    main()
