"""What the image runs."""


def main() -> None:
    raise SystemExit(1)
