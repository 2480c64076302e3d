"""GPUs: task definitions ask for them, machines have them, and each is one container's at a time."""

from __future__ import annotations

from typing import Any

import pytest

from support.refusals import refused
from support.story import SLEEPS, Story, container

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
