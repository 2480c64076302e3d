"""Durable mutating calls and reads per second, beside etcd's puts on the same disk in the same run; memory idle and with 50 tasks.

Run by `cargo xtask bench api`, which builds the release binary and the load generator first. The load generator shares the
machine's cores with what it measures, on both sides. Times are microseconds, memory is MiB of resident pages.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("BERTH", str(ROOT / "target/release/berth"))
sys.path.insert(0, str(ROOT / "tests/e2e"))

from support.berth import ACCOUNT, KEY, Berth  # noqa: E402
from support.images import Registry, free_port  # noqa: E402
from support.poll import eventually  # noqa: E402

LOAD = ROOT / "target/release/examples/load"
OPERATIONS = ["register", "tag", "describe"]
CONNECTIONS = [1, 64]


def etcd_binary() -> str:
    """etcd from the path, or unpacked from its Debian package: installing that would start it as a service."""
    unpacked = ROOT / "target/etcd/usr/bin/etcd"
    if shutil.which("etcd") is None and not unpacked.exists():
        target = ROOT / "target/etcd"
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", "etcd-server"], cwd=target, check=True)
        subprocess.run(["dpkg-deb", "-x", *map(str, target.glob("*.deb")), str(target)], check=True)
    return shutil.which("etcd") or str(unpacked)


class Etcd:
    """One member on a data directory of its own."""

    def __init__(self, directory: Path) -> None:
        client, peer = free_port(), free_port()
        self.address = f"127.0.0.1:{client}"
        own, peers = f"http://{self.address}", f"http://127.0.0.1:{peer}"
        urls = ["--listen-client-urls", own, "--advertise-client-urls", own, "--listen-peer-urls", peers]
        with (directory / "etcd.log").open("wb") as log:
            command = [etcd_binary(), "--data-dir", str(directory / "etcd"), *urls, "--initial-advertise-peer-urls", peers]
            command += ["--initial-cluster", f"default={peers}", "--quota-backend-bytes", str(8 << 30)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually("etcd is healthy", self.is_healthy)

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/health", timeout=5) as answer:
                return json.load(answer)["health"] == "true"
        except OSError:
            return False

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)


def load(target: str, address: str, operation: str, connections: int, seconds: int) -> dict[str, float]:
    key = {"AWS_ACCESS_KEY_ID": KEY["aws_access_key_id"], "AWS_SECRET_ACCESS_KEY": KEY["aws_secret_access_key"]}
    command = [str(LOAD), target, address, operation, str(connections), str(seconds)]
    done = subprocess.run(command, env={**os.environ, **key, "BERTH_ACCOUNT_ID": ACCOUNT}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    answer = json.loads(done.stdout)
    assert answer["errors"] == 0, done.stderr.decode()
    return answer


def throughput(berth: Berth, etcd: Etcd, rounds: int, seconds: int) -> dict[str, object]:
    """Both sides take turns; the best round of each counts, as other work on the machine only ever takes away."""
    best: dict[str, dict[str, float]] = {}
    plane = f"127.0.0.1:{berth.port}"
    for _ in range(rounds):
        for connections in CONNECTIONS:
            turns = [("berth", plane, operation) for operation in OPERATIONS] + [("etcd", etcd.address, "put")]
            for target, address, operation in turns:
                name = f"{target} {operation}, {connections} connections"
                figures = load(target, address, operation, connections, seconds)
                if figures["per_second"] > best.get(name, {"per_second": 0})["per_second"]:
                    best[name] = figures
    ratios = {
        f"{operation} to etcd's put, {connections} connections": round(
            best[f"berth {operation}, {connections} connections"]["per_second"]
            / best[f"etcd put, {connections} connections"]["per_second"],
            2,
        )
        for connections in CONNECTIONS
        for operation in OPERATIONS
    }
    return {"calls": best, "ratios": ratios}


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return round(int(line.split()[1]) / 1024, 1)


def memory(berth: Berth, tasks: int) -> dict[str, float]:
    def both() -> dict[str, float]:
        return {"server": resident_mib(berth.server.pid), "agent": resident_mib(berth.agent.pid)}

    time.sleep(5)  # what starting allocates has been given back by then
    figures = {"idle": both()}
    ecs = berth.client("ecs")
    container = {"name": "main", "image": "busybox", "command": ["sleep", "3600"], "memory": 8, "stopTimeout": 2}
    ecs.register_task_definition(family="bench", networkMode="host", containerDefinitions=[container])
    arns: list[str] = []
    while len(arns) < tasks:
        answer = ecs.run_task(taskDefinition="bench", count=min(10, tasks - len(arns)))
        assert not answer["failures"], answer["failures"]
        arns += [task["taskArn"] for task in answer["tasks"]]
    ecs.get_waiter("tasks_running").wait(tasks=arns)
    time.sleep(5)
    figures[f"{tasks} tasks"] = both()
    for arn in arns:
        ecs.stop_task(task=arn)
    ecs.get_waiter("tasks_stopped").wait(tasks=arns)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each turn")
    parser.add_argument("--tasks", type=int, default=50)
    options = parser.parse_args()
    # Not below /tmp: that is memory on some machines, and both are measured with a disk.
    with tempfile.TemporaryDirectory(prefix="berth-bench-", dir="/var/tmp") as name:
        directory = Path(name)
        registry = Registry.start(directory / "registry")
        berth = Berth(directory, registry).start()
        etcd = Etcd(directory)
        try:
            figures = {"memory": memory(berth, options.tasks)}
            for number in range(64):
                berth.client("ecs").create_cluster(clusterName=f"bench-{number}")
            figures |= throughput(berth, etcd, options.rounds, options.seconds)
            print(json.dumps(figures, indent=2))
            berth.down()
        finally:
            etcd.end()
            berth.discard()
            registry.stop()


if __name__ == "__main__":
    main()
