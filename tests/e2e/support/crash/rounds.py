"""Rounds of a crash test: who is killed when, and the comparison after each."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from dataclasses import dataclass

from .. import host
from ..berth import Berth
from ..story import Json, part
from .errands import Errands
from .ledger import Ledger
from .machine import containerd_pid
from .siege import Siege
from .witness import Witness

PROGRAMS = ("server", "agent", "containerd")
VICTIMS = [
    ["server"],
    ["agent"],
    ["containerd"],
    ["server", "agent"],
    ["agent", "containerd"],
    ["containerd", "server"],
    ["server", "agent", "containerd"],
]


class Broken(AssertionError):
    """Something is wrong after a round; the ledger tells what."""


@dataclass(frozen=True)
class Blow:
    """Programs that are killed together."""

    victims: list[str]
    # At a moment, unless a call of this name is acknowledged before.
    after_s: float
    after_call: str | None
    away_s: float

    def __str__(self) -> str:
        when = f"{self.after_s:.2f} s" if self.after_call is None else f"the end of {self.after_call}"
        return f"{' + '.join(self.victims)} at {when}, away {self.away_s:.2f} s"


def some_blow(chance: random.Random, is_second: bool) -> Blow:
    """A blow at random. A second one hits programs that are just coming back."""
    after_call = None if is_second else chance.choice([None, None, "RunTask", "StopTask", "RegisterTaskDefinition"])
    after_s = chance.uniform(0, 0.6 if is_second else 1.5)
    return Blow(chance.choice(VICTIMS), after_s, after_call, chance.choice([0.0, 0.0, chance.uniform(0, 1)]))


class Crash:
    """A crash test: a siege, and clients that go about their errands meanwhile."""

    def __init__(self, berth: Berth, seed: int) -> None:
        self.chance = random.Random(seed)
        self.ledger = Ledger()
        self.siege = Siege(berth)
        self.berth = berth
        self.witness = Witness()
        for service in ("ecs", "logs"):
            self.ledger.listen(berth.client(service))
        self.errands = Errands(self.siege.story, self.ledger, self.witness, self.chance)
        self.errands.logged = self.siege.logged
        self.recoveries_s: list[float] = []

    def round(self, number: int) -> None:
        """Clients at work, one or two blows, and the comparison."""
        blows = [some_blow(self.chance, False)] + [some_blow(self.chance, True)] * (self.chance.random() < 0.3)
        errands = [self.errands.some() for _ in range(self.chance.randrange(2, 5))]
        print(f"round {number}: {'; '.join(one.name for one in errands)} | {'; then '.join(map(str, blows))}", flush=True)
        pauses = [self.chance.uniform(0, 0.5) for _ in errands]
        strike = threading.Event()
        self._arm(blows[0], strike)
        for errand, pause_s in zip(errands, pauses):
            errand.begin(pause_s)
        for blow in blows:
            strike.wait(blow.after_s)
            self._strike(blow.victims)
            self.ledger.on_acknowledgement(None)
            self.ledger.killed(blow.victims)
            self.siege.assert_pillars_stand()
            time.sleep(blow.away_s)
            self._launch(blow.victims)
            strike.clear()
        begun = time.monotonic()
        self.siege.connected()
        self.recoveries_s.append(time.monotonic() - begun)
        for errand in errands:
            errand.complete()
        self._compare()

    def finish(self) -> None:
        """Everything that was ever acknowledged is there, all ends as if nothing had been, and nothing is left."""
        self.errands.verify_all()
        while self.errands.standing:
            errand = self.errands.stop()
            errand.begin(0)
            errand.complete()
        self._judge()
        self.siege.finish()

    def figures(self, **further: object) -> str:
        ordered = sorted(self.recoveries_s) or [0.0]
        median, longest = ordered[len(ordered) // 2], ordered[-1]
        return self.ledger.figures(**{"recovery s, median": round(median, 2), "recovery s, longest": round(longest, 2)}, **further)

    def close(self) -> None:
        self.witness.close()

    # Killing

    def _arm(self, blow: Blow, strike: threading.Event) -> None:
        """Has the programs killed in the moment in which the call is acknowledged, once."""

        def heard(name: str) -> None:
            if name == blow.after_call and not strike.is_set():
                self._strike(blow.victims)
                strike.set()

        self.ledger.on_acknowledgement(heard)

    def _strike(self, victims: list[str]) -> None:
        """Kills all of them at once. Who is dead already, is."""
        pids = [self._pid(victim) for victim in victims]
        for pid in filter(None, pids):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def _pid(self, victim: str) -> int | None:
        if victim == "containerd":
            return containerd_pid(self.berth)
        program = self.berth.server if victim == "server" else self.berth.agent
        return program.pid if program.is_alive() else None

    def _launch(self, victims: list[str]) -> None:
        """Starts who was killed, in any order. containerd is the agent's business."""
        for victim in self.chance.sample(victims, len(victims)):
            if victim == "server":
                self.berth.server.wait()
                self.berth.launch_server()
            elif victim == "agent":
                self.berth.agent.wait()
                self.berth.launch_agent()

    # Comparing

    def _compare(self) -> None:
        self.siege.assert_pillars_stand()
        self.siege.assert_pillars_are_known()
        standing = self.errands.standing
        for task in standing:
            self._compare_long(task)
        for stranger in self.siege.strangers(standing):
            missing = stranger.endswith("is missing")
            self.ledger.accuse("lost" if missing else "orphans", stranger)
        self.ledger.saw("containers compared", len(standing) + len(self.siege.pillars))
        self._judge()

    def _compare_long(self, task: Json) -> None:
        """It runs on in the same process."""
        now = self.siege.story.describe(task)
        process = task["process"]
        same = process is not None and host.process(process.pid) == process
        known = (now["lastStatus"], part(now)["runtimeId"]) == ("RUNNING", part(task)["runtimeId"])
        self.ledger.expect(same and known, "lost", f"a long task: {now['lastStatus']}, the same process: {same}")

    def _judge(self) -> None:
        if self.ledger.found:
            raise Broken("\n".join(self.ledger.found))
