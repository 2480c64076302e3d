"""GPUs: task definitions ask for them, machines have them, and each is one container's at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.berth import Berth
from support.refusals import refused
from support.story import SLEEPS, Story, container, part

FARGATE = {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512"}
SHARED = {"type": "GPU", "sharingStrategy": {"nvidiaMps": {"memory": 512, "maxComputePercent": 50}}}


def gpus(value: str = "1") -> dict[str, str]:
    """What a container says that wants GPUs."""
    return {"type": "GPU", "value": value}


def needing(*requirements: dict[str, Any], name: str = "app", **members: Any) -> dict[str, Any]:
    """A container that sleeps and wants devices."""
    return container(name, script=SLEEPS, resourceRequirements=list(requirements), **members)


def overriding(*requirements: dict[str, Any]) -> dict[str, Any]:
    """What RunTask and StartTask take instead of the definition's devices."""
    return {"overrides": {"containerOverrides": [{"name": "app", "resourceRequirements": list(requirements)}]}}


# Definitions


@pytest.mark.parametrize(
    "requirements",
    [
        [gpus()],
        [gpus("ALL")],
        [SHARED],
        [{"type": "NeuronDevice", "value": "ALL"}],
        [{"type": "InferenceAccelerator", "value": "a"}, {"type": "InferenceAccelerator", "value": "b"}, gpus("16")],
    ],
    ids=["one", "all", "shared", "neuron", "several"],
)
def test_what_a_definition_asks_for_is_echoed(story: Story, requirements: list[dict[str, Any]]):
    made = story.ecs.describe_task_definition(taskDefinition=story.register(needing(*requirements)))["taskDefinition"]
    assert made["containerDefinitions"][0]["resourceRequirements"] == requirements
    assert made["compatibilities"] == ["EC2", "EXTERNAL"]


BAD = {
    "none": (gpus("0"), "Invalid value for resourceRequirements.value: 0"),
    "negative": (gpus("-1"), "Invalid value for resourceRequirements.value: -1"),
    "sign": (gpus("+1"), "Invalid value for resourceRequirements.value: +1"),
    "word": (gpus("many"), "Invalid value for resourceRequirements.value: many"),
    "empty": (gpus(""), "Invalid value for resourceRequirements.value: "),
    "missing": ({"type": "GPU"}, "Invalid value for resourceRequirements.value: "),
    "both": ({**SHARED, "value": "1"}, "Invalid value for resourceRequirements.value: 1"),
    "type": ({"type": "TPU", "value": "1"}, "Invalid value for resourceRequirements.type: TPU"),
    "neuron": ({"type": "NeuronDevice", "value": "1"}, "Invalid value for resourceRequirements.value: 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_devices_that_cannot_be_are_refused(story: Story, case: str):
    requirement, text = BAD[case]
    request = {"family": story.family, "containerDefinitions": [needing(requirement)]}
    assert refused(story.ecs.register_task_definition, **request) == ("ClientException", text)
    assert story.ecs.list_task_definitions(familyPrefix=story.family)["taskDefinitionArns"] == []
    definition = story.register(container())
    launch = {"taskDefinition": definition, **overriding(requirement)}
    assert refused(story.ecs.run_task, **launch) == ("InvalidParameterException", text)


def test_the_same_device_twice_is_refused(story: Story):
    request = {"family": story.family, "containerDefinitions": [needing(gpus(), gpus("ALL"))]}
    text = "Invalid setting for container 'app'. The resource requirement GPU is there twice."
    assert refused(story.ecs.register_task_definition, **request) == ("ClientException", text)
    definition = story.register(container())
    launch = {"taskDefinition": definition, **overriding(gpus(), gpus())}
    assert refused(story.ecs.run_task, **launch) == ("InvalidParameterException", text)


def test_fargate_has_no_gpus(story: Story):
    request = {"family": story.family, "containerDefinitions": [needing(gpus())], **FARGATE}
    code, text = refused(story.ecs.register_task_definition, **request)
    assert (code, "'resourceRequirements'" in text) == ("ClientException", True)
    definition = story.register(container(), **FARGATE)
    launch = {"taskDefinition": definition, "launchType": "FARGATE", "networkConfiguration": story.network()}
    code, again = refused(story.ecs.run_task, **launch, **overriding(gpus()))
    assert (code, again) == ("InvalidParameterException", text)


UNBUILT = {
    "resourceRequirements.sharingStrategy": SHARED,
    "resourceRequirements.type NeuronDevice": {"type": "NeuronDevice", "value": "ALL"},
    "resourceRequirements.type InferenceAccelerator": {"type": "InferenceAccelerator", "value": "a"},
}


@pytest.mark.parametrize("member", UNBUILT)
@pytest.mark.parametrize("how", ["definition", "overrides"])
def test_devices_that_are_not_shared_out_are_refused_by_name(story: Story, how: str, member: str):
    asks = how == "definition"
    definition = story.register(needing(UNBUILT[member]) if asks else container())
    launch = {"taskDefinition": definition, **({} if asks else overriding(UNBUILT[member]))}
    text = f"Berth does not carry out '{member}' yet, which container 'app' asks for."
    assert refused(story.ecs.run_task, **launch) == ("UnsupportedFeatureException", text)
    somewhere = {"containerInstances": ["0" * 32]}
    assert refused(story.ecs.start_task, **launch, **somewhere) == ("UnsupportedFeatureException", text)


# Machines without GPUs


def test_a_machine_without_gpus_takes_no_task_that_wants_one(story: Story):
    (here,) = story.ecs.list_container_instances()["containerInstanceArns"]
    failure = [{"arn": here, "reason": "RESOURCE:GPU"}]
    definition = story.register(needing(gpus()))
    for call, where in ((story.ecs.run_task, {}), (story.ecs.start_task, {"containerInstances": [here]})):
        answer = call(taskDefinition=definition, **where)
        assert (answer["tasks"], answer["failures"]) == ([], failure)
    plain = story.register(container(script=SLEEPS))
    for value in ("1", "ALL"):
        answer = story.ecs.run_task(taskDefinition=plain, **overriding(gpus(value)))
        assert (answer["tasks"], answer["failures"]) == ([], failure)


# A machine with GPUs: devices that every host has, under names that only a CDI file gives them

GPUS = [f"GPU-00000000-0000-4000-8000-00000000000{number}" for number in (1, 2)]
CDI = {
    "cdiVersion": "0.6.0",
    "kind": "nvidia.com/gpu",
    "devices": [
        {"name": name, "containerEdits": {"deviceNodes": [{"path": f"/dev/fakegpu{number}", "hostPath": path}]}}
        for number, path in ((0, "/dev/zero"), (1, "/dev/full"))
        for name in (str(number), GPUS[number])
    ]
    + [{"name": "all", "containerEdits": {}}],
    "containerEdits": {
        "env": ["NVIDIA_VISIBLE_DEVICES=void", "FAKE_DRIVER=1"],
        "mounts": [{"hostPath": "/proc/self/exe", "containerPath": "/driver", "options": ["ro", "bind"]}],
        "additionalGids": [44],
    },
}
# Reads from its GPU, and says what it has.
LOOKS = "head -c 1 /dev/fakegpu0 >/dev/null || exit 9; id -G; ls /dev | grep fake; wc -c </driver"


@pytest.fixture
def cdi(tmp_path: Path) -> Path:
    """A directory with a CDI file of two GPUs."""
    file = json.loads(json.dumps(CDI).replace("/proc/self/exe", os.path.realpath("/bin/sh")))
    (tmp_path / "fake.json").write_text(json.dumps(file))
    return tmp_path


@pytest.fixture
def rich(own_berth: Berth, cdi: Path, request: pytest.FixtureRequest) -> Iterator[Story]:
    """A story on a Berth whose machine has two GPUs."""
    own_berth.agent_options = ("--cdi-dir", cdi)
    own_berth.start()
    telling = Story(own_berth, request.node.name)
    yield telling
    telling.end()
    own_berth.down()


def left(story: Story, kind: str = "remainingResources") -> list[str]:
    """The GPUs that the machine has left, or has."""
    (arn,) = story.ecs.list_container_instances()["containerInstanceArns"]
    (found,) = story.ecs.describe_container_instances(containerInstances=[arn])["containerInstances"]
    (gpu,) = [one for one in found[kind] if one["name"] == "GPU"]
    assert gpu["type"] == "STRINGSET"
    return gpu["stringSetValue"]


def inside(story: Story, task: dict[str, Any], name: str = "app") -> tuple[list[str], dict[str, str]]:
    """The fake GPUs of a container and its environment, seen from the host."""
    process = Path(f"/proc/{story.berth.containers()[part(task, name)['runtimeId']].pid}")
    nodes = sorted(one for one in os.listdir(process / "root/dev") if one.startswith("fake"))
    entries = (process / "environ").read_text().split("\0")
    return nodes, dict(entry.split("=", 1) for entry in entries if entry)


def test_each_task_sees_its_own_gpu_and_nothing_else(rich: Story):
    assert left(rich) == left(rich, "registeredResources") == GPUS
    definition = rich.register(needing(gpus()))
    tasks = [rich.running(rich.run(definition)) for _ in range(2)]
    assert [part(task)["gpuIds"] for task in tasks] == [[gpu] for gpu in GPUS]
    for number, task in enumerate(tasks):
        nodes, environment = inside(rich, task)
        assert nodes == [f"fakegpu{number}"]
        assert (environment["NVIDIA_VISIBLE_DEVICES"], environment["FAKE_DRIVER"]) == (GPUS[number], "1")
    assert left(rich) == []
    third = rich.ecs.run_task(taskDefinition=definition)
    assert ([one["reason"] for one in third["failures"]], third["tasks"]) == (["RESOURCE:GPU"], [])
    plain = rich.start(container("plain", script=SLEEPS))
    nodes, environment = inside(rich, plain, "plain")
    assert (nodes, "NVIDIA_VISIBLE_DEVICES" in environment, "gpuIds" in part(plain, "plain")) == ([], False, False)
    over = rich.stop(tasks[0])
    assert part(over)["gpuIds"] == [GPUS[0]]
    assert left(rich) == [GPUS[0]]
    again = rich.running(rich.run(definition))
    assert part(again)["gpuIds"] == [GPUS[0]]


def test_containers_of_a_task_share_out_what_overrides_say(rich: Story):
    both = rich.start(needing(gpus()), needing(gpus(), name="side"), networkMode="host")
    assert (part(both)["gpuIds"], part(both, "side")["gpuIds"]) == ([GPUS[0]], [GPUS[1]])
    assert (inside(rich, both)[0], inside(rich, both, "side")[0]) == (["fakegpu0"], ["fakegpu1"])
    rich.stop(both)
    (here,) = rich.ecs.list_container_instances()["containerInstanceArns"]
    definition = rich.register(needing(gpus()))
    where = {"taskDefinition": definition, "containerInstances": [here], **overriding(gpus("ALL"))}
    started = rich.running(rich.ecs.start_task(**where)["tasks"][0])
    assert part(started)["gpuIds"] == GPUS
    assert started["overrides"]["containerOverrides"][0]["resourceRequirements"] == [gpus("ALL")]
    nodes, environment = inside(rich, started)
    assert (nodes, environment["NVIDIA_VISIBLE_DEVICES"]) == (["fakegpu0", "fakegpu1"], ",".join(GPUS))
    rich.stop(started)
    _, said = rich.finish(container(script=LOOKS, resourceRequirements=[gpus()]))
    groups, device, size = said["app"]
    assert ("44" in groups.split(), device) == (True, "fakegpu0")
    assert int(size) == os.path.getsize("/bin/sh")


def test_gpus_stay_with_their_tasks_when_everything_is_killed(rich: Story, cdi: Path):
    definition = rich.register(needing(gpus()))
    task = rich.running(rich.run(definition))
    process = rich.berth.containers()[part(task)["runtimeId"]]
    rich.berth.kill()
    # The vendor's tool writes the file anew.
    file = json.loads((cdi / "fake.json").read_text())
    (cdi / "fake.json").unlink()
    (cdi / "fake.yaml").write_text(json.dumps({**file, "devices": file["devices"][:-1]}))
    rich.berth.start()
    assert part(rich.describe(task))["gpuIds"] == [GPUS[0]]
    assert rich.berth.containers()[part(task)["runtimeId"]] == process
    assert left(rich) == [GPUS[1]]
    other = rich.running(rich.run(definition))
    assert (part(other)["gpuIds"], inside(rich, other)[0]) == ([GPUS[1]], ["fakegpu1"])
    assert rich.ecs.run_task(taskDefinition=definition)["failures"][0]["reason"] == "RESOURCE:GPU"


def test_a_gpu_that_is_gone_is_told(rich: Story, cdi: Path):
    (cdi / "fake.json").unlink()
    over = rich.stopped(rich.run(rich.register(needing(gpus()))))
    assert over["stopCode"] == "TaskFailedToStart"
    text = f"CannotCreateContainerError: no CDI file of this machine describes the GPU {GPUS[0]}"
    assert part(over)["reason"] == text
    assert left(rich) == GPUS
