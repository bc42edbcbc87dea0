"""The wheels that the product's Dockerfile asks pip for, fetched by this machine's pip with its own configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"
PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux2014", "manylinux_2_17")


def lock() -> str:
    """Changes with what is to be downloaded."""
    return REQUIREMENTS.read_text()


def download(directory: Path, machine: str = "x86_64") -> None:
    """Put what requirements.txt names into the new directory, for Python 3.15 of the official image."""
    directory.mkdir()
    target = ["--python-version=3.15", "--implementation=cp", *(f"--platform={name}_{machine}" for name in PLATFORMS)]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--require-hashes", *target]
    subprocess.run([*pip, "--dest", str(directory), "--requirement", str(REQUIREMENTS)], check=True)
