"""`berth up` and `berth down`: everything in one process on one host, and the host as it was before when it is over."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import host
from support.berth import ACCOUNT, KEY, Berth, Program, assert_nothing_left, environment, key_environment, run
from support.poll import eventually
from support.story import SLEEPS, Json, Story, container, exit_codes, fetch, part


class Up(Berth):
    """A `berth up`. Server and agent are one process here."""

    def start(self, *options: str) -> Up:
        self.server = self.launch(*options)
        eventually("the machine is connected", lambda: self.server.assert_alive() or (self.is_healthy() and self.is_connected()))
        return self

    def launch(self, *options: str, env: dict[str, str] | None = None) -> Program:
        """Starts the program and waits for nothing."""
        place = ("--data-dir", self.data_dir, "--listen", f"127.0.0.1:{self.port}")
        mirror = ("--registry-mirror", f"docker.io={self.registry.url}", "--account-id", ACCOUNT)
        return Program(self.directory / "server.log", "up", *place, *mirror, *options, env=env or key_environment())

    def end(self, how: signal.Signals) -> int:
        """Ends it and returns its exit status."""
        status = self.server.end(how)
        self.server = None
        return status


@pytest.fixture
def up(own_berth: Berth) -> Iterator[Up]:
    """A `berth up` that is not started yet."""
    berth = Up(own_berth.directory, own_berth.registry)
    try:
        yield berth
    finally:
        berth.discard()


def fill(up: Up) -> tuple[Story, list[Json]]:
    """Runs a task in each network mode."""
    story = Story(up, "filled")
    group = story.make_group()
    port = {"portMappings": [{"containerPort": 80}]}
    serving = {"name": "app", "image": "httpd:2.4", "memory": 64, **port}
    logged = container(script=f"echo begins; {SLEEPS}", logConfiguration={"logDriver": "awslogs", "options": logs(group)})
    tasks = [
        story.run(story.register(serving)),
        story.run(story.register(serving, networkMode="awsvpc"), networkConfiguration=story.network()),
        story.run(story.register(logged, networkMode="host")),
        story.run(story.register(container(script=SLEEPS), networkMode="none")),
    ]
    return story, [story.running(task) for task in tasks]


def logs(group: str) -> dict[str, str]:
    return {"awslogs-group": group, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "e2e"}


def address(task: Json) -> str:
    """Where the task's page is."""
    bindings = part(task)["networkBindings"]
    return f"http://127.0.0.1:{bindings[0]['hostPort']}/"


# Ending


def test_an_interrupt_stops_all_tasks_and_cleans_the_host(up: Up):
    story, tasks = fill(up.start())
    assert len(up.containers()) == 4
    assert up.end(signal.SIGINT) == 0
    assert_nothing_left(up.data_dir)
    up.start()
    ended = [story.describe(task) for task in tasks]
    assert {task["lastStatus"] for task in ended} == {"STOPPED"}
    assert all(task["stoppedReason"] and task["stopCode"] for task in ended)
    assert {exit_codes(task)["app"] for task in ended} == {0}
    assert up.containers() == {}
    up.down()


def test_termination_leaves_tasks_running_for_the_next_start(up: Up):
    story, tasks = fill(up.start())
    before = up.containers()
    assert len(before) == 4
    assert up.end(signal.SIGTERM) == 0
    assert {host.process(process.pid) for process in before.values()} == set(before.values())
    assert fetch(address(tasks[0])), "its page answers while no Berth runs"
    up.start()
    assert up.containers() == before, "the same processes"
    assert [story.describe(task)["lastStatus"] for task in tasks] == ["RUNNING"] * 4
    assert [part(story.describe(task))["runtimeId"] for task in tasks] == [part(task)["runtimeId"] for task in tasks]
    assert fetch(address(tasks[0]))
    assert exit_codes(story.stop(tasks[2])) == {"app": 0}
    assert story.lines(tasks[2]) == ["begins"]
    up.down()


def test_down_ends_a_berth_that_runs(up: Up):
    fill(up.start())
    program = up.server
    done = run("down", "--data-dir", up.data_dir)
    assert done.returncode == 0, done.stderr
    assert program.wait() == 0
    assert_nothing_left(up.data_dir)


def test_down_cleans_after_a_berth_that_was_killed(up: Up):
    story, tasks = fill(up.start())
    up.end(signal.SIGKILL)
    assert host.leftovers(up.data_dir)
    done = run("down", "--data-dir", up.data_dir)
    assert done.returncode == 0, done.stderr
    assert_nothing_left(up.data_dir)
    up.start()
    assert {story.describe(task)["lastStatus"] for task in tasks} == {"STOPPED"}
    up.down()


def test_down_where_nothing_is_says_so(up: Up):
    done = run("down", "--data-dir", up.data_dir)
    assert done.returncode == 0
    assert str(up.data_dir) in done.stdout
    assert not up.data_dir.exists()


def test_down_twice_is_as_good_as_once(up: Up):
    up.start()
    up.down()
    up.down()


# Starting


def test_a_data_directory_has_one_berth(up: Up):
    up.start()
    second = Up(up.directory, up.registry)
    program = second.launch()
    assert program.wait() == 1
    assert f"another Berth (process {up.server.pid}) runs on {up.data_dir}" in program.tail()
    up.server.assert_alive()
    up.down()


def test_a_port_that_is_taken_is_told(up: Up):
    with socket.create_server(("127.0.0.1", up.port)):
        program = up.launch()
        assert program.wait() == 1
    said = program.tail()
    assert f"127.0.0.1:{up.port}" in said
    assert "--listen" in said
    assert "panicked" not in said
    assert_nothing_left(up.data_dir)


def test_an_address_that_others_can_reach_must_be_wanted(up: Up):
    place = ("--data-dir", up.data_dir, "--listen", f"0.0.0.0:{up.port}")
    done = run("up", *place, env=key_environment())
    assert done.returncode == 1
    assert "--insecure-http" in done.stderr
    up.server = Program(up.directory / "server.log", "server", *place, "--insecure-http", env=key_environment())
    eventually("the server is healthy", lambda: up.server.assert_alive() or up.is_healthy())
    assert up.end(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--account-id", "12"), "twelve digits"),
        (("--region", "nowhere"), "us-east-1"),
        (("--listen", "4566"), "4566"),
        (("--registry-mirror", "docker.io"), "registry=url"),
        (("--access-key-id", "AKIA"), "--secret-access-key"),
        (("--launch-types", "EC2,MOON"), "EC2, FARGATE and EXTERNAL"),
        (("--bridge-cidr", "nonsense"), "nonsense"),
        (("--cluster", "a b"), "a b"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_wrong_option_is_explained(up: Up, option: tuple[str, str], words: str):
    options = {"--listen": f"127.0.0.1:{up.port}", **dict([option])}
    done = run("up", "--data-dir", up.data_dir, *(word for pair in options.items() for word in pair))
    assert done.returncode != 0
    assert words in done.stderr
    assert_nothing_left(up.data_dir)


# The key


def test_a_key_is_made_once_and_only_its_owner_can_read_it(up: Up):
    def start() -> None:
        place = ("--data-dir", up.data_dir, "--listen", f"127.0.0.1:{up.port}")
        up.server = Program(up.directory / "server.log", "server", *place, env=environment())
        eventually("the server is healthy", lambda: up.server.assert_alive() or up.is_healthy())

    def key() -> Json:
        path = up.data_dir / "administrator.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        return json.loads(path.read_text())

    start()
    made = key()
    assert stat.S_IMODE(up.data_dir.stat().st_mode) == 0o700
    assert made["access_key_id"].startswith("AKIA") and len(made["secret_access_key"]) == 40
    assert up.client("sts", **{f"aws_{name}": value for name, value in made.items()}).get_caller_identity()["Account"] == "000000000000"
    assert made["secret_access_key"] not in up.logs()
    assert up.end(signal.SIGTERM) == 0
    start()
    assert key() == made
    assert up.end(signal.SIGTERM) == 0


def test_secrets_are_readable_by_nobody_else(up: Up):
    up.start()
    secret = KEY["aws_secret_access_key"].encode()
    for top, _, files in os.walk(up.data_dir):
        for path in (Path(top) / name for name in files):
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 20 and secret in path.read_bytes():
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            assert secret not in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
    up.down()


# Reset, health, metrics


def post(up: Up, path: str) -> int:
    """The status of a plain POST."""
    try:
        with urllib.request.urlopen(urllib.request.Request(up.endpoint + path, method="POST"), timeout=150) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def test_reset_is_off_unless_it_was_allowed(up: Up):
    up.start()
    up.client("ecs").create_cluster(clusterName="kept")
    assert post(up, "/_berth/reset") == 403
    assert [one["clusterName"] for one in up.client("ecs").describe_clusters(clusters=["kept"])["clusters"]] == ["kept"]
    up.down()


def test_reset_stops_everything_and_wipes_all_state(up: Up):
    story, _ = fill(up.start("--allow-reset"))
    story.ecs.create_cluster(clusterName="wiped")
    assert post(up, "/_berth/reset") == 200
    assert up.containers() == {}
    assert story.ecs.list_task_definitions()["taskDefinitionArns"] == []
    assert story.logs.describe_log_groups()["logGroups"] == []
    assert not any(arn.endswith("/wiped") for arn in story.ecs.list_clusters()["clusterArns"])
    eventually("the machine is there again", up.is_connected)
    assert story.ecs.list_tasks()["taskArns"] == []
    again = Story(up, "again")
    assert exit_codes(again.stopped(again.run(again.register(container(script="exit 3"))))) == {"app": 3}
    up.down()


def test_health_and_metrics_are_there_for_machines(up: Up):
    up.start()
    with urllib.request.urlopen(f"{up.endpoint}/health", timeout=10) as answer:
        assert json.load(answer)["status"] == "ok"
    up.client("ecs").list_clusters()
    with urllib.request.urlopen(f"{up.endpoint}/metrics", timeout=10) as answer:
        metrics = answer.read().decode()
    assert 'berth_requests_total{service="ecs",operation="ListClusters",status="200"}' in metrics
    assert "berth_connected_agents 1" in metrics.splitlines()
    up.down()


def test_clients_are_pointed_at_the_region_of_the_machine(up: Up):
    up.server = up.launch("--region", "eu-west-3")
    eventually("it is healthy", lambda: up.server.assert_alive() or up.is_healthy())
    said = run("env", "--data-dir", up.data_dir).stdout.splitlines()
    assert "export AWS_REGION='eu-west-3'" in said
    assert f"export AWS_ENDPOINT_URL='{up.endpoint}'" in said
    up.down()
