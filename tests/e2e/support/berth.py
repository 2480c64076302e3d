"""A Berth under test: `berth server` and `berth agent` as two processes on a data directory of their own."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import botocore
from botocore.config import Config

from . import host
from .images import ROOT, Registry, free_port
from .poll import eventually

BINARY = Path(os.environ.get("BERTH", ROOT / "target/debug/berth"))
ACCOUNT = "012345678910"
REGION = "us-east-1"
KEY = {"aws_access_key_id": "AKIABERTHEXAMPLE0001", "aws_secret_access_key": "e2e/secret+key/that/is/in/no/other/place"}

# A client that tells what happened: no second attempts behind the test's back.
_ONCE = Config(
    retries={"total_max_attempts": 1},
    connect_timeout=10,
    read_timeout=60,
    inject_host_prefix=False,
    parameter_validation=True,
)


def environment(**extra: str) -> dict[str, str]:
    """This process's environment without anything that AWS clients or Berth would take from it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BERTH"))}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", **extra}


def key_environment() -> dict[str, str]:
    """An environment that holds the administrator's key."""
    return environment(AWS_ACCESS_KEY_ID=KEY["aws_access_key_id"], AWS_SECRET_ACCESS_KEY=KEY["aws_secret_access_key"])


def run(
    *arguments: str | Path, env: dict[str, str] | None = None, within: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """One command of the binary, to its end."""
    command = [*within, str(BINARY), *map(str, arguments)]
    return subprocess.run(command, env=env or environment(), capture_output=True, text=True, timeout=300, check=False)


class Program:
    """A running `berth ...`."""

    def __init__(self, log: Path, *arguments: str | Path, env: dict[str, str], within: tuple[str, ...] = ()) -> None:
        """`within` is a command that runs it elsewhere and becomes it."""
        self.log = log
        self.arguments = [*within, str(BINARY), *map(str, arguments)]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                self.arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def assert_alive(self) -> None:
        assert self.is_alive(), f"{self} ended with {self.process.returncode}:\n{self.tail()}"

    def end(self, how: signal.Signals) -> int:
        """Signals it and returns its exit status."""
        self.process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        try:
            return self.process.wait(timeout=180)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} does not end:\n{self.tail()}") from None

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])

    def __str__(self) -> str:
        return f"`{' '.join(self.arguments[:2])}` (process {self.pid})"


class Berth:
    """A control plane and an agent, which can be ended and started one by one."""

    def __init__(self, directory: Path, registry: Registry) -> None:
        self.directory = directory
        self.data_dir = directory / "data"
        self.registry = registry
        self.address = "127.0.0.1"
        self.port = free_port()
        self.server: Program | None = None
        self.agent: Program | None = None
        self.authority: Path | None = None
        """The only authority that clients trust, if the endpoint has TLS."""
        self.agent_options: tuple[str | Path, ...] = ()
        """Further options of the agent."""
        self._clients: dict[tuple[str, str], object] = {}

    @property
    def endpoint(self) -> str:
        return f"{'https' if self.authority else 'http'}://{self.address}:{self.port}"

    # Starting and ending

    def start(self) -> Berth:
        self.start_server()
        self.start_agent()
        return self

    def start_server(self, *options: str) -> None:
        self.launch_server(*options)
        eventually("the server is healthy", lambda: self.server.assert_alive() or self.is_healthy())

    def launch_server(self, *options: str) -> None:
        """Starts the server and waits for nothing."""
        address = ("--listen", f"{self.address}:{self.port}", "--account-id", ACCOUNT)
        place = ("--data-dir", self.data_dir)
        self.server = Program(self.directory / "server.log", "server", *place, *address, *options, env=key_environment())

    def start_agent(self) -> None:
        self.launch_agent()
        eventually("the agent is connected", lambda: self.agent.assert_alive() or self.is_connected())

    def launch_agent(self) -> None:
        """Starts the agent and waits for nothing."""
        mirror = ("--registry-mirror", f"docker.io={self.registry.url}")
        place = ("--data-dir", self.data_dir, "--endpoint", self.endpoint)
        options = (*mirror, *self.agent_options)
        self.agent = Program(self.directory / "agent.log", "agent", *place, *options, env=key_environment())

    def kill(self) -> None:
        """Ends both without a warning."""
        self.kill_server()
        self.kill_agent()

    def kill_server(self) -> None:
        self.server.end(signal.SIGKILL)
        self.server = None

    def kill_agent(self) -> None:
        self.agent.end(signal.SIGKILL)
        self.agent = None

    def down(self) -> None:
        """`berth down`, after which nothing may be left on the host."""
        done = run("down", "--data-dir", self.data_dir)
        assert done.returncode == 0, f"berth down failed: {done.stdout}{done.stderr}\n{self.logs()}"
        for program in filter(None, (self.server, self.agent)):
            program.wait()
        self.server = self.agent = None
        assert_nothing_left(self.data_dir)
        assert "panicked" not in self.logs(), self.logs()

    def discard(self) -> None:
        """Ends what runs, whatever state it is in, and removes the directory. For teardown after `down` or a failure."""
        for program in filter(None, (self.server, self.agent)):
            if program.is_alive():
                program.end(signal.SIGKILL)
        if self.data_dir.exists() and host.leftovers(self.data_dir):
            run("down", "--data-dir", self.data_dir)
        shutil.rmtree(self.data_dir, ignore_errors=True)

    # Looking

    def is_healthy(self) -> bool:
        try:
            return self.get("/health") == 200
        # Also an authority that is not written yet is one.
        except OSError:
            return False

    def is_connected(self) -> bool:
        """Whether the newest registered machine is connected."""
        ecs = self.client("ecs")
        try:
            arns = ecs.list_container_instances()["containerInstanceArns"]
        except ecs.exceptions.ClusterNotFoundException:
            return False
        if not arns:
            return False
        found = ecs.describe_container_instances(containerInstances=arns)
        return [one["agentConnected"] for one in found["containerInstances"]] == [True]

    def get(self, path: str) -> int:
        """The status of a plain GET."""
        try:
            context = ssl.create_default_context(cafile=self.authority) if self.authority else None
            with urllib.request.urlopen(self.endpoint + path, timeout=10, context=context) as answer:
                return answer.status
        except urllib.error.HTTPError as refusal:
            return refusal.code

    def client(self, service: str, region: str = REGION, config: Config | None = None, **key: str):
        """A boto3 client of this Berth with the administrator's key, or with another one."""
        if config is None and not key:
            known = self._clients.get((service, region))
            if known is None:
                known = self._clients[service, region] = self._client(service, region, _ONCE, KEY)
            return known
        return self._client(service, region, _ONCE.merge(config) if config else _ONCE, {**KEY, **key})

    def _client(self, service: str, region: str, config: Config, key: dict[str, str]):
        session = boto3.Session(botocore_session=botocore.session.Session(session_vars={"profile": (None, None, None, None)}))
        verify = str(self.authority) if self.authority else None
        return session.client(service, region_name=region, endpoint_url=self.endpoint, verify=verify, config=config, **key)

    def logs(self) -> str:
        tails = []
        for log in sorted(self.directory.glob("*.log")):
            tails.append(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-60:]))
        return "\n".join(tails)

    # The containers themselves

    def containers(self) -> dict[str, host.Process]:
        """Runtime ids of all running containers with their processes, as containerd tells, not Berth."""
        listing = self.ctr("tasks", "ls").splitlines()[1:]
        running = [line.split() for line in listing if line.split()[2] == "RUNNING"]
        processes = {runtime_id: host.process(int(pid)) for runtime_id, pid, _ in running}
        return {runtime_id: process for runtime_id, process in processes.items() if process}

    def has_containerd(self) -> bool:
        """Whether the containerd that the agent has chosen answers."""
        return subprocess.run(self._ctr("version"), capture_output=True, timeout=60, check=False).returncode == 0

    def ctr(self, *arguments: str) -> str:
        """What `ctr` says of the containerd that the agent uses."""
        return subprocess.check_output(self._ctr(*arguments), text=True, timeout=60)

    def _ctr(self, *arguments: str) -> list[str]:
        return ["ctr", "--address", str(self.containerd_socket()), "--namespace", host.namespace_of(self.data_dir), *arguments]

    def containerd_socket(self) -> Path:
        """The socket that the agent has chosen."""
        chosen = self.data_dir / "agent/containerd/chosen-socket"
        # After a restart a machine counts as connected before its agent is there.
        eventually("the agent has chosen its containerd", chosen.exists)
        return Path(chosen.read_text().strip())


def assert_nothing_left(data_dir: Path) -> None:
    """The kernel takes interfaces away a moment after their namespaces."""
    deadline = time.monotonic() + 20
    while (left := host.leftovers(data_dir)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, "left on the host: " + ", ".join(left)
