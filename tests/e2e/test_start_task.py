"""StartTask: the caller names the machines."""

from __future__ import annotations

import platform

import pytest

from support.berth import ACCOUNT, REGION
from support.story import SLEEPS, Story, container, exit_codes
from test_calls import refused

NOWHERE = "0" * 32


@pytest.fixture
def here(story: Story) -> str:
    """The ARN of the machine."""
    (arn,) = story.ecs.list_container_instances()["containerInstanceArns"]
    return arn


def test_a_task_starts_on_the_machine_that_was_named(story: Story, here: str):
    definition = story.register(container(script="exit 1"), networkMode="bridge", tags=[{"key": "from", "value": "definition"}])
    answer = story.ecs.start_task(
        taskDefinition=definition,
        containerInstances=[here.rpartition("/")[2], here],
        startedBy="x" * 36,
        group="fleet",
        enableECSManagedTags=True,
        propagateTags="TASK_DEFINITION",
        tags=[{"key": "mine", "value": "yes"}],
        referenceId="r" * 1024,
        overrides={"containerOverrides": [{"name": "app", "command": ["sh", "-c", "exit 4"]}]},
    )
    assert answer["failures"] == []
    for started in answer["tasks"]:
        assert (started["containerInstanceArn"], started["launchType"]) == (here, "EC2")
        tags = {tag["key"]: tag["value"] for tag in started["tags"]}
        assert tags == {"from": "definition", "mine": "yes", "aws:ecs:clusterName": "default"}
        stopped = story.stopped(started)
        assert (stopped["startedBy"], stopped["group"]) == ("x" * 36, "fleet")
        assert exit_codes(stopped) == {"app": 4}


def test_a_task_with_an_interface_starts_on_the_machine_that_was_named(story: Story, here: str):
    definition = story.register(container(script=SLEEPS), networkMode="awsvpc")
    assert refused(story.ecs.start_task, taskDefinition=definition, containerInstances=[here]) == (
        "InvalidParameterException",
        "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    )
    answer = story.ecs.start_task(taskDefinition=definition, containerInstances=[here], networkConfiguration=story.network())
    story.stop(story.running(answer["tasks"][0]))


def test_each_machine_that_cannot_take_its_task_is_a_failure(story: Story, here: str):
    prefix = f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/default/"
    large = story.register(container(memory=1 << 30))
    answer = story.ecs.start_task(taskDefinition=large, containerInstances=[here, NOWHERE, "nonsense", prefix + "1" * 32])
    assert answer["tasks"] == []
    assert answer["failures"] == [
        {"arn": here, "reason": "RESOURCE:MEMORY"},
        {"arn": prefix + NOWHERE, "reason": "MISSING"},
        {"arn": prefix + "nonsense", "reason": "MISSING"},
        {"arn": prefix + "1" * 32, "reason": "MISSING"},
    ]
    foreign = "X86_64" if platform.machine() in ("arm64", "aarch64") else "ARM64"
    arm = story.register(container(), runtimePlatform={"cpuArchitecture": foreign})
    assert story.ecs.start_task(taskDefinition=arm, containerInstances=[here])["failures"] == [{"arn": here, "reason": "ATTRIBUTE"}]
    for protocol, reason in (("tcp", "RESOURCE:PORTS"), ("udp", "RESOURCE:PORTS_UDP")):
        port = {"containerPort": 80, "hostPort": 18_080, "protocol": protocol}
        fixed = story.register(container(script=SLEEPS, portMappings=[port]), networkMode="bridge")
        answer = story.ecs.start_task(taskDefinition=fixed, containerInstances=[here, here])
        assert (len(answer["tasks"]), answer["failures"]) == (1, [{"arn": here, "reason": reason}])
        story.stop(answer["tasks"][0])
    busy = story.register(container(script=SLEEPS, cpu=1 << 20))
    assert story.ecs.start_task(taskDefinition=busy, containerInstances=[here])["failures"] == [{"arn": here, "reason": "RESOURCE:CPU"}]


def test_a_draining_machine_takes_no_task(story: Story, here: str):
    definition = story.register(container(script=SLEEPS))
    story.ecs.update_container_instances_state(containerInstances=[here], status="DRAINING")
    try:
        answer = story.ecs.start_task(taskDefinition=definition, containerInstances=[here])
    finally:
        story.ecs.update_container_instances_state(containerInstances=[here], status="ACTIVE")
    assert (answer["tasks"], answer["failures"]) == ([], [{"arn": here, "reason": "INACTIVE"}])


@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        ({"containerInstances": []}, "InvalidParameterException", "Container instances cannot be empty."),
        ({"containerInstances": [NOWHERE] * 11}, "InvalidParameterException", "At most 10 container instances can be given."),
        ({"startedBy": "x" * 37}, "InvalidParameterException", "startedBy longer than 36."),
        ({"referenceId": "x" * 1025}, "InvalidParameterException", "referenceId longer than 1024."),
        ({"cluster": "nobody"}, "ClusterNotFoundException", "Cluster not found."),
        ({"taskDefinition": "nobody"}, "ClientException", "TaskDefinition not found."),
        ({"propagateTags": "SERVICE"}, "InvalidParameterException", "Propagate tags should be one of [TASK_DEFINITION,NONE]"),
        (
            {"enableExecuteCommand": True},
            "UnsupportedFeatureException",
            "Berth does not carry out 'enableExecuteCommand' of StartTask yet.",
        ),
    ],
)
def test_a_start_that_cannot_be_is_refused(story: Story, members: dict, code: str, text: str):
    definition = story.register(container())
    request = {"taskDefinition": definition, "containerInstances": [NOWHERE], **members}
    assert refused(story.ecs.start_task, **request) == (code, text)
