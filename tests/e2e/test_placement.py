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


MEMBER_OF = {"type": "memberOf", "expression": "attribute:ecs.os-type == linux and agentConnected == true"}
NO_MEMBER = {"type": "memberOf", "expression": "attribute:ecs.availability-zone !~ .*"}
DISTINCT = {"type": "distinctInstance"}
SPREAD = [{"type": "spread", "field": "attribute:rack"}, {"type": "spread", "field": "host"}, {"type": "random"}]


def test_tasks_of_a_group_stand_on_distinct_machines(story: Story):
    family = story.register(container(script=SLEEPS))
    placement = {"placementConstraints": [DISTINCT, MEMBER_OF], "placementStrategy": SPREAD, "launchType": "EC2"}
    answer = story.ecs.run_task(taskDefinition=family, count=2, group=story.family, **placement)
    assert len(answer["tasks"]) == 1
    (failure,) = answer["failures"]
    assert failure["reason"] == "DistinctInstance placement constraint unsatisfied."
    assert failure["arn"] == answer["tasks"][0]["containerInstanceArn"]
    story.stop(story.running(answer["tasks"][0]))


def test_only_machines_that_are_meant_take_a_task(story: Story):
    family = story.register(container(script=SLEEPS))
    answer = story.ecs.run_task(taskDefinition=family, placementConstraints=[NO_MEMBER], launchType="EC2")
    assert answer["tasks"] == []
    assert [one["reason"] for one in answer["failures"]] == ["MemberOf placement constraint unsatisfied."]


def test_a_definition_says_which_machines_are_meant(story: Story):
    family = story.register(container(script=SLEEPS), placementConstraints=[NO_MEMBER])
    definition = story.ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
    assert definition["placementConstraints"] == [NO_MEMBER]
    answer = story.ecs.run_task(taskDefinition=family, launchType="EC2")
    assert [one["reason"] for one in answer["failures"]] == ["MemberOf placement constraint unsatisfied."]


@pytest.mark.parametrize(
    ("placement", "text"),
    [
        (
            {"placementConstraints": [{"type": "memberOf", "expression": "attribute:a ="}]},
            "Invalid expression 'attribute:a =': an operator is expected at character 13.",
        ),
        (
            {"placementConstraints": [{"type": "distinctInstance", "expression": ""}]},
            "distinctInstance expression should not be specified.",
        ),
        ({"placementConstraints": [MEMBER_OF] * 11}, "At most 10 placement constraints can be given."),
        ({"placementStrategy": SPREAD * 2}, "At most 5 placement strategies can be given."),
        ({"placementStrategy": [{"type": "spread", "field": "rack"}]}, "Invalid value for placementStrategy.field: rack"),
    ],
)
def test_a_placement_that_cannot_be_is_refused(story: Story, placement: Json, text: str):
    family = story.register(container(script=SLEEPS))
    with pytest.raises(ClientError) as refusal:
        story.ecs.run_task(taskDefinition=family, launchType="EC2", **placement)
    assert refusal.value.response["Error"]["Code"] == "InvalidParameterException"
    assert refusal.value.response["Error"]["Message"] == text


def test_a_definition_takes_no_other_constraint(story: Story):
    with pytest.raises(ClientError) as refusal:
        story.register(container(script=SLEEPS), placementConstraints=[DISTINCT])
    assert refusal.value.response["Error"]["Code"] == "ClientException"
    assert refusal.value.response["Error"]["Message"] == "constraint.type 'distinctInstance' is not supported."
