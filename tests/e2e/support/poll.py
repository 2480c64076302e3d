"""Waiting without guessing: ask again until it is so, within a generous bound. Nothing here judges how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Long enough for a machine that builds and tests at once. Reaching it is always a failure.
PATIENCE_S = 60.0
PAUSE_S = 0.05


def eventually(what: str, probe: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """The first truthy answer of `probe`. Its last answer is told when none comes; an error of the probe ends the wait."""
    deadline = time.monotonic() + patience_s
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {patience_s:.0f} s; the last answer was {answer!r}")
        time.sleep(PAUSE_S)
