"""Volumes: what containers of a task share and keep, seen from inside and on the host; and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from support.berth import Berth
from support.model import sample
from support.poll import eventually
from support.refusals import refused
from support.story import SLEEPS, Story, container, exit_codes
from test_definitions import ECS, FARGATE, REGION

VOLUME = ECS.shape_for("Volume")


def mount(volume: str, path: str, read_only: bool = False) -> dict[str, Any]:
    return {"sourceVolume": volume, "containerPath": path, "readOnly": read_only}


def docker(name: str, **members: Any) -> dict[str, Any]:
    return {"name": name, "dockerVolumeConfiguration": members}


def directories(story: Story, kind: str) -> Path:
    """Where the agent keeps volumes of this kind: `tasks` or `shared`."""
    return story.berth.data_dir / "agent/volumes" / kind


def of_task(story: Story, task: dict[str, Any]) -> Path:
    return directories(story, "tasks") / task["taskArn"].rpartition("/")[2]


@pytest.mark.parametrize("volume", [{"name": "data"}, {"name": "data", "host": {}}, docker("data"), docker("data", scope="task", driver="local")])
def test_what_one_container_writes_another_reads(story: Story, volume: dict[str, Any]):
    writer = container("writer", "umask; echo hello > /out/deep.txt", essential=False, mountPoints=[mount("data", "/out")])
    reader = container(
        script="cat /in/deep.txt; touch /in/x 2>&1; stat -c %a /in",
        dependsOn=[{"containerName": "writer", "condition": "SUCCESS"}],
        mountPoints=[mount("data", "/in", True)],
    )
    task, said = story.finish(reader, writer, volumes=[volume])
    assert said["app"] == ["hello", "touch: /in/x: Read-only file system", "755"], task
    assert not of_task(story, task).exists(), "it ends with the task"


def test_a_volume_is_there_as_long_as_its_task(story: Story):
    volumes = [{"name": "a"}, docker("b", labels={"team": "web"})]
    points = [mount("a", "/a"), mount("b", "/b")]
    task = story.start(container(script="echo one > /a/f; " + SLEEPS, mountPoints=points), volumes=volumes)
    place = of_task(story, task)
    eventually("the container has written", lambda: (place / "a/_data/f").exists())
    assert (place / "a/_data/f").read_text() == "one\n"
    assert (place / "b/labels.json").read_text() == '{"team":"web"}'
    assert place.parent.parent.stat().st_mode & 0o777 == 0o700
    story.stop(task)
    assert not place.exists()


def test_containers_take_over_the_volumes_of_others(story: Story):
    """Also those that the others have taken over themselves; the source starts first, though it is listed last."""
    reads = container(
        script="cat /data/f; touch /data/x 2>&1; cat /own/f 2>&1; awk '$2 == \"/data\" {print $4}' /proc/mounts | grep -o ^ro",
        volumesFrom=[{"sourceContainer": "middle", "readOnly": True}],
        mountPoints=[mount("own", "/own")],
    )
    middle = container("middle", "until [ -e /data/f ]; do sleep 0.1; done", essential=False, volumesFrom=[{"sourceContainer": "source"}])
    source = container("source", "echo shared > /data/f", essential=False, mountPoints=[mount("data", "/data"), mount("other", "/own")])
    reads["dependsOn"] = [{"containerName": "middle", "condition": "SUCCESS"}]
    task, said = story.finish(reads, middle, source, volumes=[{"name": "data"}, {"name": "own"}, {"name": "other"}])
    wanted = ["shared", "touch: /data/x: Read-only file system", "cat: can't open '/own/f': No such file or directory", "ro"]
    assert said["app"] == wanted, task


def test_a_path_of_the_host_is_seen_on_both_sides(story: Story, tmp_path: Path):
    (tmp_path / "given").write_text("from the host\n")
    volumes = [
        {"name": "there", "host": {"sourcePath": str(tmp_path)}},
        {"name": "made", "host": {"sourcePath": str(tmp_path / "new/deep")}},
        {"name": "file", "host": {"sourcePath": str(tmp_path / "given")}},
    ]
    script = "cat /host/given /etc/given; echo written > /host/back; echo new > /made/f; ls /bin2 2>&1 | head -n 1; touch /host/inner/x 2>&1"
    points = [mount("there", "/host"), mount("made", "/made"), mount("file", "/etc/given", True), mount("made", "/host/inner", True)]
    task, said = story.finish(container(script=script, mountPoints=points), volumes=volumes)
    missing = "ls: /bin2: No such file or directory"
    assert said["app"] == ["from the host", "from the host", missing, "touch: /host/inner/x: Read-only file system"], task
    assert (tmp_path / "back").read_text() == "written\n"
    assert (tmp_path / "new/deep/f").read_text() == "new\n", "what is not there is made, and kept"


def test_a_shared_volume_outlives_its_tasks(story: Story):
    name = story.family[-60:]
    shared = docker(name, scope="shared", autoprovision=True)
    counts = container(script="echo x >> /all/f; wc -l < /all/f", mountPoints=[mount(name, "/all")])
    try:
        said = [story.finish(counts, volumes=[shared])[1]["app"] for _ in range(2)]
        assert said == [["1"], ["2"]]
        _, known = story.finish(counts, volumes=[docker(name, scope="shared", autoprovision=False)])
        assert known["app"] == ["3"], "what is there needs no leave to be made"
    finally:
        shutil.rmtree(directories(story, "shared") / name)


def test_a_shared_volume_that_is_not_there_is_not_made_without_leave(story: Story):
    task, _ = story.finish(container(mountPoints=[mount("nowhere", "/all")]), volumes=[docker("nowhere", scope="shared")])
    reason = "CannotCreateVolumeError: there is no shared volume nowhere on this machine, and autoprovision is not true"
    assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", reason)
    assert exit_codes(task) == {"app": None}
    assert not (directories(story, "shared") / "nowhere").exists()


def test_a_new_volume_takes_over_what_the_image_has(story: Story, tmp_path: Path):
    """As with Docker: names, owners, rights and links; not so a path of the host."""
    points = [mount("new", "/etc"), mount("host", "/var"), mount("none", "/not/there")]
    script = "ls -A /etc > /tmp/l; grep -cx passwd /tmp/l; head -n 1 /etc/passwd; stat -c %a /etc; ls -A /var /not/there | grep -v :"
    task, said = story.finish(
        container(script=script, mountPoints=points),
        volumes=[{"name": "new"}, {"name": "host", "host": {"sourcePath": str(tmp_path)}}, {"name": "none"}],
    )
    _, plain = story.finish(container(script="stat -c %a /etc; head -n 1 /etc/passwd"))
    mode, root = plain["app"]
    assert [line for line in said["app"] if line] == ["1", root, mode], (task, "nothing of the image is in a path of the host")


def test_volumes_are_found_again_by_a_new_agent(story: Story):
    """Killed on any line, the agent that comes after it goes on: the volume stays, and goes with its task."""
    berth = story.berth
    task = story.start(container(script="echo kept > /a/f; " + SLEEPS, mountPoints=[mount("a", "/a")]), volumes=[{"name": "a"}])
    place = of_task(story, task)
    eventually("the container has written", lambda: (place / "a/_data/f").exists())
    stray = directories(story, "tasks") / ("0" * 32)
    (stray / "x/_data").mkdir(parents=True)
    berth.kill_agent()
    berth.start_agent()
    eventually("what belongs to no task is gone", lambda: not stray.exists())
    assert (place / "a/_data/f").read_text() == "kept\n"
    story.stop(task)
    assert not place.exists()


def test_links_in_a_volume_lead_no_mount_out_of_the_container(story: Story, tmp_path: Path):
    """A container plants a link to a path of the host where the next one has a volume."""
    (tmp_path / "secret").write_text("of the host\n")
    shared = docker(story.family[-60:], scope="shared", autoprovision=True)
    name = shared["name"]
    points = [mount(name, "/all"), mount("own", "/all/inner")]
    try:
        story.finish(container(script=f"ln -s {tmp_path} /all/inner", mountPoints=points[:1]), volumes=[shared])
        task, said = story.finish(
            container(script="cat /all/inner/secret 2>/dev/null; echo x > /all/inner/f", mountPoints=points),
            volumes=[shared, {"name": "own"}],
        )
    finally:
        shutil.rmtree(directories(story, "shared") / name)
    assert said["app"] == [], task
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]


def test_down_removes_volumes_and_keeps_paths_of_the_host(own_berth: Berth, tmp_path: Path):
    own_berth.start()
    story = Story(own_berth, "volumes-down")
    volumes = [docker("all", scope="shared", autoprovision=True), {"name": "host", "host": {"sourcePath": str(tmp_path)}}]
    points = [mount("all", "/all"), mount("host", "/host")]
    task, _ = story.finish(container(script="touch /all/f /host/f", mountPoints=points), volumes=volumes)
    assert exit_codes(task) == {"app": 0}, task
    assert (directories(story, "shared") / "all/_data/f").exists()
    own_berth.down()
    assert not directories(story, "shared").parent.exists()
    assert (tmp_path / "f").exists()


POINT = {"mountPoints": [mount("v", "/v")]}
REFUSED: dict[str, tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any], str]] = {
    "unknown": ([], POINT, {}, "Unknown volume 'v'."),
    "no-volume": ([], {"mountPoints": [{"containerPath": "/v"}]}, {}, "Unknown volume 'null'."),
    "twice": ([{"name": "v"}, {"name": "v"}], {}, {}, "Volume names must be unique, but 'v' is there twice."),
    "name": ([{"name": "a b"}], {}, {}, "Invalid volume name: a b"),
    "nameless": ([{"host": {}}], {}, {}, "Invalid volume name: "),
    "kinds": (
        [{"name": "v", "host": {"sourcePath": "/srv"}, "dockerVolumeConfiguration": {}}],
        {},
        {},
        "When the volume parameter is specified, only one volume configuration type should be used.",
    ),
    "host-path": ([{"name": "v", "host": {"sourcePath": "srv"}}], {}, {}, "Invalid 'host.sourcePath' setting for volumes: srv"),
    "scope": ([docker("v", scope="global")], {}, {}, "Invalid value for dockerVolumeConfiguration.scope: global"),
    "path": (
        [{"name": "v"}],
        {"mountPoints": [mount("v", "v")]},
        {},
        "Invalid setting for container 'app'. The 'containerPath' cannot be 'v'.",
    ),
    "root": (
        [{"name": "v"}],
        {"mountPoints": [mount("v", "/")]},
        {},
        "Invalid setting for container 'app'. The 'containerPath' cannot be '/'.",
    ),
    "path-twice": (
        [{"name": "v"}],
        {"mountPoints": [mount("v", "/v"), mount("v", "/v/")]},
        {},
        "Invalid setting for container 'app'. The 'containerPath' /v/ is there twice.",
    ),
    "container": ([], {"volumesFrom": [{"sourceContainer": "db"}]}, {}, "Unknown container 'db'."),
    "fargate-host": (
        [{"name": "v", "host": {"sourcePath": "/srv"}}],
        {},
        FARGATE,
        "Fargate compatible task definitions do not support sourcePath",
    ),
    "fargate-docker": (
        [docker("v", scope="task")],
        {},
        FARGATE,
        "Fargate compatible task definitions do not support dockerVolumeConfiguration",
    ),
}


@pytest.fixture
def ecs(berth):
    """ECS in a region where nobody else registers anything."""
    return berth.client("ecs", REGION)


@pytest.mark.parametrize("case", REFUSED)
def test_volumes_that_cannot_be_are_refused(ecs, case: str):
    volumes, asked, members, text = REFUSED[case]
    request = {"family": "volumes-refused", "containerDefinitions": [container(**asked)], "volumes": volumes, **members}
    assert refused(ecs.register_task_definition, **request) == ("ClientException", text)


UNBUILT = {
    **{name: {name: sample(VOLUME.members[name], whole=True)} for name in sorted(set(VOLUME.members) - {"name", "host", "dockerVolumeConfiguration"})},
    "dockerVolumeConfiguration.driver rexray": {"dockerVolumeConfiguration": {"driver": "rexray"}},
    "dockerVolumeConfiguration.driverOpts.type": {"dockerVolumeConfiguration": {"driverOpts": {"type": "nfs"}}},
}


@pytest.mark.parametrize("member", UNBUILT)
def test_volumes_that_are_not_built_are_kept_and_not_run(ecs, member: str):
    volume = {"name": "far", **UNBUILT[member]}
    made = ecs.register_task_definition(family="volumes-unbuilt", containerDefinitions=[container()], volumes=[volume])["taskDefinition"]
    assert {name: made["volumes"][0][name] for name in volume if name != "dockerVolumeConfiguration"} == {
        name: value for name, value in volume.items() if name != "dockerVolumeConfiguration"
    }
    code, text = refused(ecs.run_task, taskDefinition=made["taskDefinitionArn"])
    assert (code, text) == ("UnsupportedFeatureException", f"Berth does not carry out 'volumes.{member}' of task definitions yet.")


def test_machines_say_that_they_have_docker_volumes(story: Story):
    definition = story.register(container(), volumes=[docker("v")])
    asked = story.ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]["requiresAttributes"]
    assert {"name": "com.amazonaws.ecs.capability.docker-plugin.local"} in asked
