"""Where the official schemas and corpora are read from: one setting, never copied into the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def standards_dir() -> Path:
    """The folder of official schemas and examples (CGT_STANDARDS, default `../shared/standards`)."""
    return Path(os.environ.get("CGT_STANDARDS", ROOT / ".." / "shared" / "standards")).resolve()


def corpora_dir() -> Path:
    """The folder of other people's messages (CGT_CORPORA, default `corpora` beside the standards)."""
    return Path(os.environ.get("CGT_CORPORA", standards_dir().parent / "corpora")).resolve()


def need(path: Path) -> Path:
    """The path, or a skip that says what is missing."""
    if not path.exists():
        pytest.skip(f"not here: {path} (set CGT_STANDARDS to the folder of official schemas)")
    return path
