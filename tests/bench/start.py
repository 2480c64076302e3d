"""How long a task takes from the RunTask call until it is RUNNING, beside `ctr run -d` of the same unpacked image.

Run by `cargo xtask bench start`, which builds the release binary first. Both sides take turns in one run, on the same
containerd, so that their ratio means something on any machine. Figures are milliseconds.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("BERTH", str(ROOT / "target/release/berth"))
sys.path.insert(0, str(ROOT / "tests/e2e"))

from support import host  # noqa: E402
from support.berth import Berth  # noqa: E402
from support.images import Registry  # noqa: E402

IMAGE = "docker.io/library/busybox:latest"
SLEEP = ["sleep", "3600"]


class Bench:
    def __init__(self, berth: Berth) -> None:
        self.berth = berth
        self.ecs = berth.client("ecs")
        subnets = berth.client("ec2").describe_subnets()["Subnets"]
        here = [one["SubnetId"] for one in subnets if one["AvailabilityZone"].endswith("a")]
        self.network = {"awsvpcConfiguration": {"subnets": here}}

    def define(self, mode: str) -> str:
        container = {"name": "main", "image": "busybox", "command": SLEEP, "memory": 16, "stopTimeout": 2}
        self.ecs.register_task_definition(family=f"bench-{mode}", networkMode=mode, containerDefinitions=[container])
        return f"bench-{mode}"

    def run(self, family: str, count: int = 1) -> list[str]:
        network = {"networkConfiguration": self.network} if family.endswith("awsvpc") else {}
        answer = self.ecs.run_task(taskDefinition=family, count=count, **network)
        assert not answer["failures"], answer["failures"]
        return [task["taskArn"] for task in answer["tasks"]]

    def await_running(self, tasks: list[str]) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            seen = self.ecs.describe_tasks(tasks=tasks)["tasks"]
            statuses = {task["lastStatus"] for task in seen}
            assert "STOPPED" not in statuses, [task.get("stoppedReason") for task in seen]
            if statuses == {"RUNNING"}:
                return
        raise AssertionError("the tasks do not run")

    def stop(self, tasks: list[str]) -> None:
        for task in tasks:
            self.ecs.stop_task(task=task)
        self.ecs.get_waiter("tasks_stopped").wait(tasks=tasks, WaiterConfig={"Delay": 1, "MaxAttempts": 120})

    def one(self, family: str) -> float:
        begun = time.perf_counter()
        tasks = self.run(family)
        self.await_running(tasks)
        took = time.perf_counter() - begun
        self.stop(tasks)
        return took * 1000

    def many(self, family: str, count: int) -> float:
        begun = time.perf_counter()
        tasks = self.run(family, count)
        self.await_running(tasks)
        took = time.perf_counter() - begun
        self.stop(tasks)
        return took * 1000

    # The same without Berth

    def ctr(self, *arguments: str) -> None:
        socket, namespace = str(self.berth.containerd_socket()), host.namespace_of(self.berth.data_dir)
        command = ["ctr", "--address", socket, "--namespace", namespace, *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def ctr_run(self) -> str:
        name = f"bench-{uuid.uuid4().hex[:12]}"
        self.ctr("run", "--detach", IMAGE, name, *SLEEP)
        return name

    def ctr_remove(self, name: str) -> None:
        self.ctr("tasks", "rm", "--force", name)
        self.ctr("containers", "rm", name)

    def ctr_one(self) -> float:
        begun = time.perf_counter()
        name = self.ctr_run()
        took = time.perf_counter() - begun
        self.ctr_remove(name)
        return took * 1000

    def ctr_many(self, count: int) -> float:
        begun = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            names = list(pool.map(lambda _: self.ctr_run(), range(count)))
        took = time.perf_counter() - begun
        for name in names:
            self.ctr_remove(name)
        return took * 1000

    def call(self) -> float:
        begun = time.perf_counter()
        self.ecs.list_clusters()
        return (time.perf_counter() - begun) * 1000


def summary(samples: list[float]) -> dict[str, float]:
    ordered = sorted(samples)
    return {"p50": round(statistics.median(ordered), 1), "p90": round(ordered[int(len(ordered) * 0.9)], 1), "n": len(ordered)}


def measure(bench: Bench, rounds: int, parallel: int) -> dict[str, object]:
    modes = ["host", "bridge", "awsvpc"]
    families = {mode: bench.define(mode) for mode in modes}
    bench.one(families["host"])  # pulls the image
    single: dict[str, list[float]] = {mode: [] for mode in [*modes, "ctr"]}
    for _ in range(rounds):
        for mode in modes:
            single[mode].append(bench.one(families[mode]))
        single["ctr"].append(bench.ctr_one())
    together: dict[str, list[float]] = {"host": [], "ctr": []}
    for _ in range(max(3, rounds // 5)):
        together["host"].append(bench.many(families["host"], parallel))
        together["ctr"].append(bench.ctr_many(parallel))
    calls = [bench.call() for _ in range(100)]
    one, many = ({name: summary(samples) for name, samples in group.items()} for group in (single, together))
    return {
        "one at a time": one,
        "ratio to ctr": {mode: round(one[mode]["p50"] / one["ctr"]["p50"], 2) for mode in modes},
        f"{parallel} at once": many,
        f"ratio to ctr, {parallel} at once": round(many["host"]["p50"] / many["ctr"]["p50"], 2),
        "a ListClusters call by the same client": summary(calls),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--parallel", type=int, default=10, help="at most 10: one RunTask call")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as directory:
        registry = Registry.start(Path(directory) / "registry")
        berth = Berth(Path(directory), registry).start()
        try:
            print(json.dumps(measure(Bench(berth), options.rounds, options.parallel), indent=2))
            berth.down()
        finally:
            berth.discard()
            registry.stop()


if __name__ == "__main__":
    main()
