"""Overrides of RunTask: what containers see of them, what tasks reserve and show, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.limits import Limits
from support.story import SLEEPS, Story, container, logs_to, part


def overriding(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The `overrides` of a call."""
    return {"overrides": {"containerOverrides": list(containers), **members}}


def variables(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def refused(call, **request: Any) -> tuple[str, str]:
    """Code and text of the refusal of a call."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_a_container_runs_what_the_overrides_say(story: Story):
    logged = {"logConfiguration": logs_to(story.make_group())}
    definition = story.register(container(script="echo plain", environment=variables(SHIP="old", PORT="80"), **logged))
    script = "echo overridden $SHIP $PORT $CREW"
    change = {"name": "app", "command": ["sh", "-c", script], "environment": variables(SHIP="new", CREW="7")}
    task = story.stopped(story.run(definition, **overriding(change)))
    assert story.lines(task) == ["overridden new 80 7"]
    (shown,) = task["overrides"]["containerOverrides"]
    assert shown == change
    # The definition itself is as it was.
    again = story.stopped(story.run(definition))
    assert story.lines(again) == ["plain"]
    assert again["overrides"] == {"containerOverrides": [{"name": "app"}], "inferenceAcceleratorOverrides": []}


def test_sizes_reach_the_kernel_and_the_machine(story: Story):
    definition = story.register(container(script=SLEEPS, cpu=64), container("side", SLEEPS), cpu="256", memory="256")
    (machine,) = story.ecs.list_container_instances()["containerInstanceArns"]

    def left() -> dict[str, int]:
        (one,) = story.ecs.describe_container_instances(containerInstances=[machine])["containerInstances"]
        return {each["name"]: each["integerValue"] for each in one["remainingResources"] if each["type"] == "INTEGER"}

    before = left()
    change = {"name": "app", "cpu": 128, "memory": 80, "memoryReservation": 48}
    task = story.running(story.run(definition, **overriding(change, cpu="512", memory="0.25 GB")))
    assert (task["cpu"], task["memory"]) == ("512", "256")
    assert (task["overrides"]["cpu"], task["overrides"]["memory"]) == ("512", "256")
    assert task["overrides"]["containerOverrides"] == [change, {"name": "side"}]
    assert (part(task)["cpu"], part(task)["memory"], part(task)["memoryReservation"]) == ("128", "80", "48")
    after = left()
    assert (before["CPU"] - after["CPU"], before["MEMORY"] - after["MEMORY"]) == (512, 256)
    limits = Limits(story.berth.containers()[part(task)["runtimeId"]].pid)
    assert limits.memory() == 80 << 20
    assert limits.shares() == limits.shares_of(128)
    assert (limits.parent().memory(), limits.parent().quota_percent()) == (256 << 20, 50)


def test_overrides_hold_when_everything_was_restarted(story: Story):
    definition = story.register(container(script=SLEEPS))
    change = {"name": "app", "command": ["sh", "-c", SLEEPS], "environment": variables(A="b")}
    task = story.running(story.run(definition, **overriding(change)))
    story.berth.kill_server()
    story.berth.start_server()
    now = story.running(task)
    assert now["overrides"]["containerOverrides"] == [change]
    assert part(now)["runtimeId"] == part(task)["runtimeId"]


REFUSALS = {
    "unknown": (
        {"containerOverrides": [{"name": "nobody", "command": ["x"]}]},
        "Override for container named nobody is not a container in the TaskDefinition.",
    ),
    "nameless": ({"containerOverrides": [{"command": ["x"]}]}, "Container override name should not be null or empty."),
    "twice": (
        {"containerOverrides": [{"name": "app"}, {"name": "app", "cpu": 1}]},
        "Override for container named app is there twice.",
    ),
    "long": (
        {"containerOverrides": [{"name": "app", "environment": [{"name": "A", "value": "x" * 8192}]}]},
        "Container Overrides length must be at most 8192",
    ),
    "cpu": ({"cpu": "many"}, "Invalid 'cpu' setting for task."),
    "memory": ({"memory": "0"}, "Invalid 'memory' setting for task."),
    "role": ({"executionRoleArn": "nonsense"}, "Invalid role ARN: nonsense"),
    "too-small": (
        {"containerOverrides": [{"name": "app", "memory": 3}]},
        "Invalid setting for container 'app'. A container needs at least 6 MiB of memory.",
    ),
    "reservation": (
        {"containerOverrides": [{"name": "app", "memoryReservation": 65}]},
        "Invalid setting for container 'app'. The 'memoryReservation' must not be larger than the 'memory'.",
    ),
    "gpu": (
        {"containerOverrides": [{"name": "app", "resourceRequirements": [{"type": "GPU", "value": "0"}]}]},
        "Invalid value for resourceRequirements.value: 0",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
@pytest.mark.parametrize("call", ["run_task", "start_task"])
def test_overrides_that_cannot_be_are_refused(story: Story, call: str, case: str):
    overrides, text = REFUSALS[case]
    definition = story.register(container())
    where = {"containerInstances": ["0" * 32]} if call == "start_task" else {}
    refusal = refused(getattr(story.ecs, call), taskDefinition=definition, overrides=overrides, **where)
    assert refusal == ("InvalidParameterException", text)
    assert story.ecs.list_tasks(family=story.family)["taskArns"] == []


def test_overrides_of_exactly_the_limit_are_taken(story: Story):
    definition = story.register(container(script="exit 0"))
    frame = '{"containerOverrides":[{"name":"app","environment":[{"name":"A","value":""}]}]}'
    change = {"name": "app", "environment": variables(A="x" * (8192 - len(frame)))}
    story.stopped(story.run(definition, **overriding(change)))
    longer = {"name": "app", "environment": variables(A="x" * (8193 - len(frame)))}
    assert refused(story.ecs.run_task, taskDefinition=definition, **overriding(longer))[1].endswith("at most 8192")


UNBUILT = {
    "overrides.taskRoleArn": {"taskRoleArn": "arn:aws:iam::012345678910:role/x"},
    "overrides.ephemeralStorage": {"ephemeralStorage": {"sizeInGiB": 30}},
    "overrides.inferenceAcceleratorOverrides": {"inferenceAcceleratorOverrides": [{"deviceName": "d", "deviceType": "t"}]},
    "overrides.containerOverrides.environmentFiles": {
        "containerOverrides": [{"name": "app", "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/x.env"}]}]
    },
}


@pytest.mark.parametrize("member", UNBUILT)
@pytest.mark.parametrize("operation", ["RunTask", "StartTask"])
def test_an_override_that_is_not_carried_out_is_refused_by_name(story: Story, operation: str, member: str):
    definition = story.register(container())
    call = story.ecs.run_task if operation == "RunTask" else story.ecs.start_task
    where = {} if operation == "RunTask" else {"containerInstances": ["0" * 32]}
    refusal = refused(call, taskDefinition=definition, overrides=UNBUILT[member], **where)
    assert refusal == ("UnsupportedFeatureException", f"Berth does not carry out '{member}' of {operation} yet.")
