"""Several hosts on one: network namespaces on a bridge, each with an agent of its own that has joined over TLS.

A host is a network namespace and a data directory. Kernel, processes and control groups are shared; everything that Berth makes
bears the name of its data directory, so that the agents do not meet.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
from pathlib import Path

from .berth import Berth, Program, environment, key_environment, run
from .images import Registry
from .poll import eventually

BRIDGE = "be2e0"
NETWORK = "10.213.77"
GATEWAY = f"{NETWORK}.1"


def ip(*words: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 or not check, f"ip {' '.join(words)}: {done.stderr}"


class Forwarder(socketserver.ThreadingTCPServer):
    """Lets hosts reach a port of this machine's loopback."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        self.target = ("127.0.0.1", port)
        super().__init__((GATEWAY, 0), _Forward)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{GATEWAY}:{self.server_address[1]}"


class _Forward(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with socket.create_connection(self.server.target) as target:
            there = threading.Thread(target=_copy, args=(self.request, target), daemon=True)
            there.start()
            _copy(target, self.request)
            there.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Host:
    """A host with an agent."""

    def __init__(self, fleet: Fleet, number: int, zone: str, **attributes: str) -> None:
        self.fleet = fleet
        self.name = f"be2e{number}"
        self.address = f"{NETWORK}.{10 + number}"
        self.data_dir = fleet.directory / f"m{number}"
        self.log = fleet.directory / f"m{number}.log"
        self.options = ["--zone", zone]
        for name, value in attributes.items():
            self.options += ["--attribute", f"{name}={value}"]
        self.agent: Program | None = None
        self._plug_in()

    @property
    def within(self) -> tuple[str, ...]:
        return ("nsenter", f"--net=/run/netns/{self.name}")

    def _plug_in(self) -> None:
        ip("netns", "add", self.name)
        ip("link", "add", f"{self.name}h", "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("link", "set", f"{self.name}h", "master", BRIDGE, "up")
        for words in (
            ("link", "set", "lo", "up"),
            ("address", "add", f"{self.address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("route", "add", "default", "via", GATEWAY),
        ):
            ip("-n", self.name, *words)

    def unplug(self) -> None:
        """The host loses its network: nothing is told, nothing comes back."""
        ip("link", "set", f"{self.name}h", "down")

    def plug_in(self) -> None:
        ip("link", "set", f"{self.name}h", "up")

    def launch(self, *options: str | Path) -> Program:
        """Starts the agent and waits for nothing."""
        place = ("--data-dir", self.data_dir, "--registry-mirror", f"docker.io={self.fleet.mirror.url}")
        self.agent = Program(self.log, "agent", *place, *self.options, *options, env=environment(), within=self.within)
        return self.agent

    def join(self, token: str) -> None:
        self.launch("--server", self.fleet.endpoint, "--join", token)
        eventually(f"{self.name} is connected", lambda: self.agent.assert_alive() or self.arn() in self.fleet.connected(), 120)

    def kill(self) -> None:
        """Ends the agent without a warning."""
        self.agent.end(signal.SIGKILL)

    def arn(self) -> str | None:
        """The container instance that this host is."""
        path = self.data_dir / "agent/instance.json"
        if not path.exists():
            return None
        return json.loads(path.read_text())["arn"]

    def discard(self) -> None:
        if self.agent is not None and self.agent.is_alive():
            self.agent.end(signal.SIGKILL)
        if self.data_dir.exists():
            run("down", "--data-dir", self.data_dir, within=self.within)
        ip("netns", "delete", self.name, check=False)
        ip("link", "delete", f"{self.name}h", check=False)
        shutil.rmtree(self.data_dir, ignore_errors=True)


class Fleet(Berth):
    """A control plane with TLS that other hosts can reach, and hosts."""

    def __init__(self, directory: Path, registry: Registry) -> None:
        super().__init__(directory, registry)
        self.address = GATEWAY
        self.authority = self.data_dir / "tls/ca.pem"
        self.hosts: list[Host] = []
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("address", "add", f"{GATEWAY}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        self.mirror = Forwarder(registry.port)

    def add(self, zone: str, **attributes: str) -> Host:
        host = Host(self, len(self.hosts) + 1, zone, **attributes)
        self.hosts.append(host)
        return host

    def token(self, *options: str) -> str:
        """What `berth join-token` prints."""
        made = run("join-token", "--data-dir", self.data_dir, *options, env=key_environment())
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def connected(self) -> list[str]:
        """The ARNs of the machines that are connected."""
        ecs = self.client("ecs")
        try:
            arns = ecs.list_container_instances()["containerInstanceArns"]
        except ecs.exceptions.ClusterNotFoundException:
            return []
        if not arns:
            return []
        found = ecs.describe_container_instances(containerInstances=arns)["containerInstances"]
        return [one["containerInstanceArn"] for one in found if one["agentConnected"]]

    def discard(self) -> None:
        for host in self.hosts:
            host.discard()
        super().discard()
        self.mirror.shutdown()
        self.mirror.server_close()
        ip("link", "delete", BRIDGE, check=False)
