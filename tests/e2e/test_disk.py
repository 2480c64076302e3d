"""Disks that are full, that became read-only, whose files are damaged: a clear message, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from support.berth import Berth
from support.poll import eventually
from support.story import container

UNWRITABLE = 74
SIZE_MIB = 48


class Disk:
    """A small file system in memory, on which a control plane's data lie."""

    def __init__(self, berth: Berth) -> None:
        self.berth, self.place = berth, berth.data_dir
        self.place.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(self.place))

    def _mount(self, *arguments: str) -> None:
        subprocess.run(["mount", *arguments], check=True)

    def remount(self, how: str) -> None:
        self._mount("-o", f"remount,{how}", str(self.place))

    @property
    def filler(self) -> Path:
        return self.place / "filler"

    def fill(self, leaving_kib: int) -> None:
        """Leaves so much free and no more."""
        self.filler.unlink(missing_ok=True)
        stats = os.statvfs(self.place)
        length = stats.f_bavail * stats.f_frsize - leaving_kib * 1024
        with self.filler.open("wb") as filler:
            for _ in range(length // 4096):
                filler.write(bytes(4096))

    def take_away(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)


@pytest.fixture
def disk(own_berth: Berth) -> Iterator[Disk]:
    made = Disk(own_berth)
    try:
        yield made
    finally:
        if own_berth.server is not None and own_berth.server.is_alive():
            own_berth.kill_server()
        made.take_away()


def refusal(call, **request) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def register_until_it_ends(berth: Berth) -> list[str]:
    """Registers definitions until the server is gone. What was acknowledged."""
    ecs, acknowledged = berth.client("ecs"), []
    padding = {"dockerLabels": {f"label-{number}": "x" * 1000 for number in range(20)}}
    for _ in range(20_000):
        try:
            made = ecs.register_task_definition(family="filling", containerDefinitions=[{**container(), **padding}])
        except BotoCoreError:
            return acknowledged
        acknowledged.append(made["taskDefinition"]["taskDefinitionArn"])
    raise AssertionError("the disk is never full")


def known(berth: Berth) -> set[str]:
    pages = berth.client("ecs").get_paginator("list_task_definitions").paginate(familyPrefix="filling")
    return {arn for page in pages for arn in page["taskDefinitionArns"]}


def assert_ended_clearly(berth: Berth) -> None:
    assert berth.server.wait() == UNWRITABLE
    log = berth.server.tail()
    assert "data could not be written" in log and f"ending with code {UNWRITABLE}" in log, log
    assert "panicked" not in log, log
    berth.server = None


def test_below_the_floor_nothing_new_is_taken_in_and_the_rest_works(disk: Disk):
    berth = disk.berth
    berth.start_server()
    ecs, logs = berth.client("ecs"), berth.client("logs")
    ecs.create_cluster(clusterName="old")
    definition = ecs.register_task_definition(family="web", containerDefinitions=[container()])
    logs.create_log_group(logGroupName="old")
    disk.fill(leaving_kib=1024)

    def is_low() -> bool:
        try:
            ecs.create_cluster(clusterName="new")
        except ClientError as error:
            return error.response["Error"]["Code"] == "ServerException"
        return False

    eventually("creations are refused", is_low)
    text = "The control plane has too little free disk space to take in anything new. Stopping and deleting works."
    low = (500, "ServerException", text)
    assert refusal(ecs.create_cluster, clusterName="new") == low
    assert refusal(ecs.register_task_definition, family="web", containerDefinitions=[container()]) == low
    assert refusal(ecs.run_task, taskDefinition="web") == low
    arn = definition["taskDefinition"]["taskDefinitionArn"]
    assert refusal(ecs.tag_resource, resourceArn=arn, tags=[{"key": "a", "value": "b"}]) == low
    status, code, _ = refusal(logs.create_log_group, logGroupName="new")
    assert (status, code) == (503, "ServiceUnavailableException")
    assert refusal(ecs.stop_task, cluster="old", task="0" * 32)[1] == "InvalidParameterException", "it is let through"
    assert ecs.list_clusters()["clusterArns"]
    ecs.deregister_task_definition(taskDefinition=arn)
    ecs.delete_cluster(cluster="old")
    logs.delete_log_group(logGroupName="old")
    assert "disk space is low" in berth.server.tail()
    # A restart does not open the door.
    berth.kill_server()
    berth.start_server()
    assert refusal(ecs.create_cluster, clusterName="new") == low
    disk.filler.unlink()
    eventually("there is room again", lambda: not is_low())
    assert "there is disk space again" in berth.server.tail()


def test_a_full_disk_ends_the_server_and_nothing_acknowledged_is_lost(disk: Disk):
    berth = disk.berth
    berth.start_server("--min-free-mib", "0")
    disk.fill(leaving_kib=2048)
    acknowledged = register_until_it_ends(berth)
    assert acknowledged
    assert_ended_clearly(berth)
    # It says so again for as long as the disk is full, or it comes up; it never loses anything.
    disk.filler.unlink()
    berth.start_server()
    assert set(acknowledged) <= known(berth)
    berth.client("ecs").create_cluster(clusterName="after")


def test_a_disk_that_becomes_read_only_ends_the_server_and_keeps_it_from_starting(disk: Disk):
    berth = disk.berth
    berth.start_server()
    ecs = berth.client("ecs")
    made = [ecs.register_task_definition(family="filling", containerDefinitions=[container()]) for _ in range(3)]
    acknowledged = {one["taskDefinition"]["taskDefinitionArn"] for one in made}
    # What is open for writing keeps a file system from becoming read-only; the kernel does it to a disk that fails.
    berth.kill_server()
    disk.remount("ro")
    berth.launch_server()
    assert berth.server.wait() == 1
    assert "Read-only file system" in berth.server.tail() and "panicked" not in berth.server.tail()
    disk.remount("rw")
    berth.start_server()
    assert known(berth) == acknowledged


def test_damaged_files_are_told_and_left_alone(own_berth: Berth):
    berth = own_berth
    berth.start_server()
    ecs = berth.client("ecs")
    for number in range(20):
        ecs.register_task_definition(family=f"f{number}", containerDefinitions=[container()])
    berth.server.end(signal.SIGTERM)
    state, whole = berth.data_dir / "server/state", berth.directory / "whole"
    shutil.copytree(state, whole)
    told = 0
    for file in sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file()):
        shutil.rmtree(state)
        shutil.copytree(whole, state)
        bad = bytearray((whole / file).read_bytes())
        written = len(bad.rstrip(b"\0"))
        if not written:
            continue
        bad[written // 2] ^= 0x55
        (state / file).write_bytes(bad)
        (berth.directory / "server.log").unlink()
        berth.launch_server()
        eventually("it is up or has ended", lambda: not berth.server.is_alive() or berth.is_healthy())
        if berth.server.is_alive():
            # What was changed says nothing that counts.
            assert len(ecs.list_task_definitions()["taskDefinitionArns"]) == 20, file
            berth.server.end(signal.SIGTERM)
            continue
        log = berth.server.tail()
        assert berth.server.wait() == 1, log
        assert "panicked" not in log, log
        assert re.search(r"damaged|cannot be read|newer version", log), f"{file}: {log}"
        told += 1
    assert told, "no damage was noticed"
    shutil.rmtree(state)
    shutil.copytree(whole, state)
    berth.start_server()
    assert len(ecs.list_task_definitions()["taskDefinitionArns"]) == 20
