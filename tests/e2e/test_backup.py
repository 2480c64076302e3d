"""`berth backup`, `berth restore` and `berth store cat`: what is durable can be looked at, carried away and put back."""

from __future__ import annotations

import json
import signal
import stat
import threading
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from support.berth import Berth, environment, run
from support.poll import eventually
from support.story import SLEEPS, Json, Story, container, exit_codes, logs_to


def cat(berth: Berth, *options: str) -> list[Json]:
    """The rows that `berth store cat` prints."""
    done = run("store", "cat", "--data-dir", berth.data_dir, *options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def backup(berth: Berth, to: Path, *options: str) -> Path:
    done = run("backup", to, "--data-dir", berth.data_dir, *options)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.split(": ")[0])


def restored(berth: Berth, backup: Path, name: str) -> Berth:
    """Another Berth on a restored data directory: its control plane runs, and nothing else."""
    other = Berth(berth.directory / name, berth.registry)
    other.directory.mkdir()
    done = run("restore", backup, "--data-dir", other.data_dir)
    assert done.returncode == 0, done.stderr
    other.start_server()
    return other


def everything(berth: Berth) -> Json:
    """What the API of ECS shows."""
    ecs = berth.client("ecs")

    def pages(operation: str, member: str, **request: object) -> list[str]:
        return [one for page in ecs.get_paginator(operation).paginate(**request) for one in page[member]]

    definitions = pages("list_task_definitions", "taskDefinitionArns")
    tasks = [arn for status in ("RUNNING", "STOPPED") for arn in pages("list_tasks", "taskArns", desiredStatus=status)]
    instances = pages("list_container_instances", "containerInstanceArns")
    described = ecs.describe_tasks(tasks=tasks, include=["TAGS"])
    assert not described["failures"]
    return {
        "clusters": ecs.describe_clusters(clusters=pages("list_clusters", "clusterArns"))["clusters"],
        "definitions": [ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"] for arn in definitions],
        "tasks": described["tasks"],
        "instances": ecs.describe_container_instances(containerInstances=instances)["containerInstances"],
    }


class Load:
    """Clients that register definitions, run tasks and stop them, and know what was acknowledged."""

    def __init__(self, berth: Berth) -> None:
        self.berth, self.acknowledged, self.errors = berth, [], []
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(3)]
        for thread in self._threads:
            thread.start()

    def _work(self, number: int) -> None:
        ecs = self.berth.client("ecs")
        try:
            while not self._end.is_set():
                made = ecs.register_task_definition(family=f"load-{number}", containerDefinitions=[container(script=SLEEPS)])
                arn = made["taskDefinition"]["taskDefinitionArn"]
                self.acknowledged.append(("definition", arn))
                for task in ecs.run_task(taskDefinition=arn)["tasks"]:
                    self.acknowledged.append(("task", task["taskArn"]))
                    ecs.stop_task(task=task["taskArn"])
        except (ClientError, AssertionError) as error:
            self.errors.append(error)

    def end(self) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()
        assert not self.errors, self.errors


def test_a_backup_under_load_holds_all_that_was_acknowledged_and_one_at_rest_is_the_same_api(own_berth: Berth):
    berth = own_berth.start()
    story = Story(berth, "backed-up")
    logged = logs_to(story.make_group())
    kept = story.start(container(script=SLEEPS))
    past, _ = story.finish(container(script="echo last words; exit 7", logConfiguration=logged))
    gone = past["taskArn"].rsplit("/", 1)[1]

    def has_left() -> bool:
        return not any(row["key"].endswith(gone) for row in cat(berth, "--table", "ecs-tasks"))

    load = Load(berth)
    eventually("something was acknowledged", lambda: len(load.acknowledged) > 20)
    before = list(load.acknowledged)
    under_load = backup(berth, berth.directory / "under-load.backup")
    eventually("the load goes on", lambda: len(load.acknowledged) > len(before))
    load.end()
    assert stat.S_IMODE(under_load.stat().st_mode) == 0o600

    other = restored(berth, under_load, "loaded")
    try:
        shown = everything(other)
        definitions = {one["taskDefinitionArn"] for one in shown["definitions"]}
        tasks = {one["taskArn"] for one in shown["tasks"]}
        lost = [arn for kind, arn in before if arn not in (definitions if kind == "definition" else tasks)]
        assert not lost, f"acknowledged before the backup and lost: {lost}"
        assert kept["taskArn"] in tasks
        assert {one["taskDefinitionArn"] for one in shown["tasks"]} <= definitions, "whole, not torn"
        assert "panicked" not in other.logs()
    finally:
        other.discard()

    # A task that has left the state comes along, too.
    eventually("the task has left the state", has_left, patience_s=180)
    [row] = [row for row in cat(berth, "--table", "history") if row["key"].endswith(gone)]
    assert row["value"]["task"]["containers"][0]["exit_code"] == 7
    eventually("nothing moves any more", lambda: len(cat(berth, "--table", "ecs-tasks")) == 1, patience_s=240)
    at_rest = backup(berth, berth.directory, "--logs")
    assert at_rest.name.startswith("berth-") and at_rest.name.endswith("Z.backup")
    berth.kill_agent()  # on this host there is room for one
    shown = everything(berth)
    assert past["taskArn"] in {one["taskArn"] for one in shown["tasks"]}
    other = restored(berth, at_rest, "rested")
    try:
        assert everything(other) == shown
        assert exit_codes(Story(other, "backed-up").describe(past)) == {"app": 7}
        events = other.client("logs").filter_log_events(logGroupName=logged["options"]["awslogs-group"])["events"]
        assert [one["message"] for one in events] == ["last words"]
        assert (other.data_dir / "administrator.json").read_text() == (berth.data_dir / "administrator.json").read_text()
        # Agents have heard numbers of the epoch that was.
        [epoch], [before] = [cat(one, "--table", "control", "--key", "epoch") for one in (other, berth)]
        assert epoch["value"] > before["value"] + 60_000
    finally:
        other.discard()
    berth.start_agent()
    berth.down()


def test_the_store_is_readable_whether_the_server_runs_or_not(own_berth: Berth):
    own_berth.start_server()
    ecs = own_berth.client("ecs")
    ecs.create_cluster(clusterName="web", tags=[{"key": "team", "value": "blue"}])
    ecs.register_task_definition(family="web", containerDefinitions=[container()])
    running = cat(own_berth)
    assert {row["table"] for row in running} >= {"control", "ecs-clusters", "ecs-families", "ecs-task-definitions"}
    [cluster] = cat(own_berth, "--table", "ecs-clusters", "--key", "012345678910/us-east-1/web")
    assert cluster["value"]["key"]["name"] == "web"
    assert "blue" in json.dumps(cluster["value"]["tags"])
    assert own_berth.server.end(signal.SIGTERM) == 0
    assert cat(own_berth) == running
    refused = run("store", "cat", "--data-dir", own_berth.data_dir, "--table", "services")
    assert refused.returncode == 1
    assert "there is no table \"services\": the tables are control, ecs-clusters" in refused.stderr
    nowhere = run("store", "cat", "--data-dir", own_berth.directory / "nowhere")
    assert (nowhere.returncode, "no control plane has run on" in nowhere.stderr) == (1, True)
    assert not (own_berth.directory / "nowhere").exists()


def test_a_stopped_server_is_backed_up_as_well(own_berth: Berth):
    own_berth.start_server()
    own_berth.client("ecs").create_cluster(clusterName="web")
    own_berth.kill_server()  # it leaves its socket behind
    saved = backup(own_berth, own_berth.directory / "x.backup")
    other = restored(own_berth, saved, "other")
    try:
        assert [one.rsplit("/", 1)[1] for one in other.client("ecs").list_clusters()["clusterArns"]] == ["web"]
    finally:
        other.discard()


def changed(saved: bytes) -> dict[str, bytes]:
    middle = bytearray(saved)
    middle[len(saved) // 2] ^= 1
    return {
        "damaged": bytes(middle),
        "cut off": saved[: len(saved) // 2],
        "no backup of Berth": b"PK\x03\x04" + saved,
        "newer version": saved.replace(b"berth-backup 1", b"berth-backup 9", 1),
    }


def test_what_is_not_whole_is_not_restored(own_berth: Berth):
    own_berth.start_server()
    own_berth.client("ecs").create_cluster(clusterName="web")
    saved = backup(own_berth, own_berth.directory / "x.backup")
    target = own_berth.directory / "target"
    for what, content in changed(saved.read_bytes()).items():
        bad = own_berth.directory / "bad.backup"
        bad.write_bytes(content)
        refused = run("restore", bad, "--data-dir", target)
        assert refused.returncode == 1
        assert what in refused.stderr, refused.stderr
        assert not target.exists(), "nothing was written"
    target.mkdir()
    (target / "thesis.txt").write_text("mine")
    refused = run("restore", saved, "--data-dir", target)
    assert (refused.returncode, "is not empty" in refused.stderr) == (1, True)
    assert [one.name for one in target.iterdir()] == ["thesis.txt"]
    (target / "thesis.txt").unlink()
    assert run("restore", saved, "--data-dir", target).returncode == 0, "an empty directory will do"
    assert (target / "administrator.json").stat().st_mode & 0o777 == 0o600
    missing = run("restore", own_berth.directory / "none.backup", "--data-dir", own_berth.directory / "t2")
    assert (missing.returncode, "No such file" in missing.stderr) == (1, True)


@pytest.mark.parametrize("to", ["/proc/nowhere/x.backup", "/dev/full/x"])
def test_a_backup_that_cannot_be_written_says_so(own_berth: Berth, to: str):
    own_berth.start_server()
    refused = run("backup", to, "--data-dir", own_berth.data_dir, env=environment())
    assert refused.returncode == 1
    assert f"cannot write the backup {to}" in refused.stderr
