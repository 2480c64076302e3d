"""What clients were told, and what was found to be wrong: the figures of a crash test."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

# Whatever else is called changes nothing.
MUTATIONS = ("RunTask", "StopTask", "RegisterTaskDefinition", "DeregisterTaskDefinition", "CreateLogGroup")
# Acknowledged and not there; there and nobody's; run more often than asked for; ended otherwise; lines missing.
WRONGS = ("lost", "orphans", "double runs", "wrong ends", "broken logs")


class Ledger:
    """Counts acknowledged calls, kills and everything that is wrong. All threads of a crash test write to it."""

    def __init__(self) -> None:
        self.acknowledged: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.found: list[str] = []
        self.seen: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._listener: Callable[[str], None] | None = None

    def listen(self, client: Any) -> None:
        """Counts the calls that `client` has acknowledged from now on."""
        client.meta.events.register("after-call", self._after_call)

    def on_acknowledgement(self, listener: Callable[[str], None] | None) -> None:
        """Calls `listener` with the name of a call in the very moment in which it is acknowledged, in the caller's thread."""
        self._listener = listener

    def _after_call(self, http_response: Any, model: Any, **_: Any) -> None:
        if http_response.status_code != 200 or model.name not in MUTATIONS:
            return
        with self._lock:
            self.acknowledged[model.name] += 1
        if listener := self._listener:
            listener(model.name)

    def killed(self, victims: list[str]) -> None:
        """Notes that these were killed together."""
        with self._lock:
            self.kills[" + ".join(victims)] += 1

    def saw(self, what: str, count: int = 1) -> None:
        """Notes something that was compared."""
        with self._lock:
            self.seen[what] += count

    def accuse(self, wrong: str, what: str, count: int = 1) -> None:
        """Notes something that is wrong, by its kind."""
        assert wrong in WRONGS
        with self._lock:
            self.wrong[wrong] += count
            self.found.append(f"{wrong}: {what}")

    def expect(self, is_right: bool, wrong: str, what: str) -> bool:
        """Accuses unless it is right."""
        if not is_right:
            self.accuse(wrong, what)
        return is_right

    def figures(self, **further: Any) -> str:
        """All figures, for people and programs."""
        return json.dumps(
            {
                "acknowledged calls": self.acknowledged.total(),
                **{f"acknowledged {name}": count for name, count in sorted(self.acknowledged.items())},
                "kills": self.kills.total(),
                **{f"kills of {name}": count for name, count in sorted(self.kills.items())},
                **dict(sorted(self.seen.items())),
                **{wrong: self.wrong[wrong] for wrong in WRONGS},
                **further,
            },
            indent=2,
        )
