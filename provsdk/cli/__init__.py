"""The command line. Loads nothing until it is run, and then only what the command needs."""

__all__ = ["main"]


def main() -> None:
    """Runs the command line and exits: 0 fine, 1 a finding, 2 wrong usage, 3 could not be carried out."""
    from provsdk.cli.app import run  # noqa: PLC0415 completion and `--version` need not load click before it is asked for

    run()
