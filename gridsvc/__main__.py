"""`gridsvc` and `python -m gridsvc`."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with its code."""
    from gridsvc.cli.root import run

    run()


if __name__ == "__main__":
    main()
