"""Kills server, agent and containerd at random moments while tasks start and stop, and compares what was acknowledged with
what is there. Run by `cargo xtask crash`, which builds the binary first.

A seed repeats who does what and who is killed when; the machine decides the rest, so a failure may need several runs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("BERTH", str(ROOT / "target/debug/berth"))
sys.path.insert(0, str(ROOT / "tests/e2e"))

from support.berth import Berth  # noqa: E402
from support.crash.rounds import Crash  # noqa: E402
from support.images import Registry  # noqa: E402


def keep_log(berth: Berth) -> None:
    """Saves what is said by the program that logs into the data directory."""
    log = berth.data_dir / "agent/containerd/containerd.log"
    if log.exists():
        shutil.copy(log, berth.directory)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, with nothing left behind
    print(f"seed {options.seed}, {options.rounds} rounds", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="berth-crash-"))
    registry = Registry.start(directory / "registry")
    berth = Berth(directory, registry)
    crash, number, begun = None, 0, time.monotonic()
    try:
        crash = Crash(berth, options.seed)
        for number in range(options.rounds):
            crash.round(number)
        crash.finish()
        registry.stop()
        print(crash.figures(rounds=options.rounds, seed=options.seed, seconds=round(time.monotonic() - begun)))
        shutil.rmtree(directory)
        return 0
    except BaseException:
        traceback.print_exc()
        keep_log(berth)
        if crash:
            print(crash.figures(rounds=number, seed=options.seed, seconds=round(time.monotonic() - begun)))
        print(f"logs: {directory}/*.log\nreplay: cargo xtask crash --seed {options.seed} --rounds {number + 1}")
        return 1
    finally:
        if crash:
            crash.close()
        berth.discard()
        registry.stop()


if __name__ == "__main__":
    sys.exit(main())
