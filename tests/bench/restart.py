"""How long a control plane takes to serve again on a store with many tasks, and how much memory a task takes.

Run by `cargo xtask bench restart`, which builds the release binaries first. The store is made by the brain itself
(`crates/server/examples/fill.rs`): running tasks of two containers, fifty on an instance. Time runs from the start of the
process to the first signed DescribeTasks that is answered; memory is what is resident then, less that of a server on an
empty store.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("BERTH", str(ROOT / "target/release/berth"))
sys.path.insert(0, str(ROOT / "tests/e2e"))

from botocore.exceptions import BotoCoreError  # noqa: E402

from support.berth import Berth  # noqa: E402

FILL = ROOT / "target/release/examples/fill"


def resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("the process is gone")


def start(directory: Path, task: str | None) -> tuple[float, int]:
    """Seconds to the first answer, and KiB of memory."""
    berth = Berth(directory, registry=None)
    ecs = berth.client("ecs")
    begun = time.perf_counter()
    berth.launch_server()
    while True:
        try:
            answer = ecs.describe_tasks(tasks=[task]) if task else ecs.list_clusters()
            break
        except BotoCoreError:
            berth.server.assert_alive()
            time.sleep(0.005)
    took = time.perf_counter() - begun
    assert not task or answer["tasks"][0]["lastStatus"] == "RUNNING", answer
    memory = resident_kib(berth.server.pid)
    berth.server.end(signal.SIGTERM)
    return took, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="berth-bench-"))
    try:
        (directory / "empty").mkdir()
        _, empty = start(directory / "empty", None)
        full = directory / "full"
        (full / "data/server").mkdir(parents=True)
        begun = time.perf_counter()
        made = subprocess.run([FILL, full / "data/server/state", str(options.tasks)], check=True, capture_output=True, text=True)
        print(f"filled with {options.tasks} tasks in {time.perf_counter() - begun:.1f} s")
        for number in range(options.rounds):
            took, memory = start(full, made.stdout.strip())
            each = (memory - empty) * 1024 / options.tasks
            print(f"start {number + 1}: serving after {took:.2f} s, {memory / 1024:.0f} MiB resident ({empty / 1024:.0f} MiB empty), {each:.0f} bytes per task")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
