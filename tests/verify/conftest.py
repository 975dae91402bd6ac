"""`pytest tests/verify -m slow --rounds 10` kills less often."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=100, help="how often test_kill kills the hub")
