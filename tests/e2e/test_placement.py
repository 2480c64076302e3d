"""The machine: what it brought, what is left of it, and why a task does not fit."""

from __future__ import annotations

import platform

import pytest
from botocore.exceptions import ClientError

from support.berth import REGION
from support.images import free_port
from support.story import SLEEPS, Json, Story, container, part


def machine(story: Story) -> Json:
    """The container instance."""
    arns = story.ecs.list_container_instances()["containerInstanceArns"]
    (found,) = story.ecs.describe_container_instances(containerInstances=arns)["containerInstances"]
    return found


def amount(machine: Json, name: str, kind: str = "remainingResources") -> int:
    """How much of a resource a machine has."""
    (found,) = (one for one in machine[kind] if one["name"] == name)
    return found["integerValue"]


def taken_ports(machine: Json) -> list[str]:
    (found,) = (one for one in machine["remainingResources"] if one["name"] == "PORTS")
    return found["stringSetValue"]


def test_the_machine_tells_what_it_is(story: Story):
    found = machine(story)
    assert (found["status"], found["agentConnected"]) == ("ACTIVE", True)
    attributes = {one["name"]: one.get("value") for one in found["attributes"]}
    assert attributes["ecs.availability-zone"] == f"{REGION}a"
    assert attributes["ecs.os-type"] == "linux"
    assert attributes["ecs.cpu-architecture"] == {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    assert set(attributes["berth.launch-types"].split(",")) == {"EC2", "FARGATE", "EXTERNAL"}
    assert "ecs.capability.task-eni" in attributes
    assert amount(found, "CPU", "registeredResources") % 1024 == 0
    assert "22" in taken_ports(found)


def test_a_running_task_takes_what_it_reserves(story: Story):
    before, port = machine(story), free_port()
    mapping = {"containerPort": 80, "hostPort": port}
    task = story.start(container(script=SLEEPS, cpu=100, memory=50, portMappings=[mapping]))
    during = machine(story)
    assert amount(before, "CPU") - amount(during, "CPU") == 100
    assert amount(before, "MEMORY") - amount(during, "MEMORY") == 50
    assert str(port) in taken_ports(during)
    assert during["runningTasksCount"] == before["runningTasksCount"] + 1
    story.stop(task)
    after = machine(story)
    assert (after["remainingResources"], after["runningTasksCount"]) == (before["remainingResources"], before["runningTasksCount"])


@pytest.mark.parametrize(
    ("members", "task", "reason"),
    [
        ({"memory": 4_000_000}, {}, "RESOURCE:MEMORY"),
        ({"cpu": 1_000_000}, {}, "RESOURCE:CPU"),
        ({"portMappings": [{"containerPort": 80, "hostPort": 22}]}, {}, "RESOURCE:PORTS"),
        ({}, {"runtimePlatform": {"cpuArchitecture": "ARM64" if platform.machine() == "x86_64" else "X86_64"}}, "ATTRIBUTE"),
    ],
    ids=["memory", "cpu", "ports", "architecture"],
)
def test_what_does_not_fit_is_a_failure_that_says_why(story: Story, members: Json, task: Json, reason: str):
    definition = story.register({**container(), **members}, **task)
    answer = story.ecs.run_task(taskDefinition=definition)
    assert answer["tasks"] == []
    assert answer["failures"] == [{"arn": machine(story)["containerInstanceArn"], "reason": reason}]


def test_a_zone_without_machines_has_no_place(story: Story):
    ec2 = story.berth.client("ec2")
    elsewhere = [{"Name": "availability-zone", "Values": [f"{REGION}b"]}]
    (subnet,) = ec2.describe_subnets(Filters=elsewhere)["Subnets"]
    network = {"awsvpcConfiguration": {"subnets": [subnet["SubnetId"]]}}
    definition = story.register(container(), networkMode="awsvpc")
    answer = story.ecs.run_task(taskDefinition=definition, networkConfiguration=network)
    assert answer["tasks"] == []
    assert [one["reason"] for one in answer["failures"]] == ["LOCATION"]


def test_as_many_run_as_fit_and_the_rest_are_failures(story: Story):
    mapping = {"containerPort": 80, "hostPort": free_port()}
    definition = story.register(container(script=SLEEPS, portMappings=[mapping]))
    answer = story.ecs.run_task(taskDefinition=definition, count=2)
    (task,) = answer["tasks"]
    assert [one["reason"] for one in answer["failures"]] == ["RESOURCE:PORTS"]
    story.stop(story.running(task))
    second = story.run(definition)
    assert part(story.running(second))["networkBindings"][0]["hostPort"] == mapping["hostPort"]


def test_a_machine_with_tasks_is_not_let_go(story: Story):
    story.start(container(script=SLEEPS))
    with pytest.raises(ClientError) as caught:
        story.ecs.deregister_container_instance(containerInstance=machine(story)["containerInstanceArn"])
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
    assert caught.value.response["Error"]["Message"] == "Found running tasks on the instance."
    assert machine(story)["status"] == "ACTIVE"


def test_a_cluster_with_machines_is_not_deleted(story: Story):
    with pytest.raises(story.ecs.exceptions.ClusterContainsContainerInstancesException):
        story.ecs.delete_cluster(cluster="default")
