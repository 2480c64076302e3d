"""Clusters and calls about tasks where no machine is: names, pages, failures and refusals."""

from __future__ import annotations

from typing import Any

import pytest

from support.berth import ACCOUNT, Berth
from support.refusals import refused
from support.story import container

REGION = "sa-east-1"
NOWHERE = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def ecs(berth: Berth):
    """ECS in a region without machines."""
    client = berth.client("ecs", REGION)
    client.create_cluster()
    return client


def register(ecs, family: str, **members: Any) -> str:
    """Registers a definition of one container."""
    made = ecs.register_task_definition(family=family, containerDefinitions=[container()], **members)
    return made["taskDefinition"]["taskDefinitionArn"]


def test_a_cluster_lives_and_ends(ecs):
    made = ecs.create_cluster(clusterName="harbour", tags=[{"key": "team", "value": "sea"}])["cluster"]
    assert made["clusterArn"] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/harbour"
    assert (made["status"], made["tags"]) == ("ACTIVE", [{"key": "team", "value": "sea"}])
    assert (made["runningTasksCount"], made["pendingTasksCount"], made["registeredContainerInstancesCount"]) == (0, 0, 0)
    assert ecs.create_cluster(clusterName="harbour")["cluster"]["clusterArn"] == made["clusterArn"], "creating is idempotent"
    (described,) = ecs.describe_clusters(clusters=["harbour"], include=["SETTINGS", "TAGS"])["clusters"]
    assert described == made
    assert ecs.delete_cluster(cluster=made["clusterArn"])["cluster"]["status"] == "INACTIVE"
    assert made["clusterArn"] not in ecs.list_clusters()["clusterArns"]
    (described,) = ecs.describe_clusters(clusters=["harbour"])["clusters"]
    assert described["status"] == "INACTIVE"
    assert refused(ecs.list_tasks, cluster="harbour") == ("ClusterNotFoundException", "Cluster not found.")


def test_the_default_cluster_is_meant_when_none_is_named(ecs):
    (described,) = ecs.describe_clusters()["clusters"]
    assert described["clusterName"] == "default"


def test_unknown_clusters_are_failures_when_described(ecs):
    answer = ecs.describe_clusters(clusters=["default", "nobody"])
    assert [one["clusterName"] for one in answer["clusters"]] == ["default"]
    assert answer["failures"] == [{"arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/nobody", "reason": "MISSING"}]


@pytest.mark.parametrize("name", ["a b", "x" * 256, "ünï"])
def test_a_cluster_needs_a_fitting_name(ecs, name: str):
    assert refused(ecs.create_cluster, clusterName=name)[0] == "InvalidParameterException"


def test_clusters_are_listed_page_by_page(berth: Berth):
    ecs = berth.client("ecs", "sa-west-1")
    wanted = [ecs.create_cluster(clusterName=f"c{number}")["cluster"]["clusterArn"] for number in range(5)]
    pages = [page["clusterArns"] for page in ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 2})]
    assert pages == [wanted[:2], wanted[2:4], wanted[4:]]
    assert refused(ecs.list_clusters, nextToken="made up")[0] == "InvalidParameterException"
    assert refused(ecs.list_clusters, maxResults=101)[0] == "InvalidParameterException"


RUN_REFUSALS = {
    "no-machines": ({}, {}, "InvalidParameterException", "No Container Instances were found in your cluster."),
    "no-network": (
        {"networkMode": "awsvpc"},
        {},
        "InvalidParameterException",
        "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    ),
    "unwanted-network": (
        {},
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}},
        "InvalidParameterException",
        "Network Configuration is not valid",
    ),
    "unknown-subnet": (
        {"networkMode": "awsvpc"},
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0123456789abcdef0"]}}},
        "InvalidParameterException",
        "subnet-0123456789abcdef0",
    ),
    "not-for-fargate": (
        {},
        {"launchType": "FARGATE"},
        "InvalidParameterException",
        "Task definition does not support launch_type FARGATE.",
    ),
    "both": (
        {},
        {"launchType": "EC2", "capacityProviderStrategy": [{"capacityProvider": "p"}]},
        "InvalidParameterException",
        "Specify either Launch Type or Capacity Provider Strategy, but not both.",
    ),
    "platform": ({}, {"platformVersion": "9.9.9"}, "PlatformUnknownException", ""),
    "platform-of-windows": (
        {"networkMode": "awsvpc", "cpu": "256", "memory": "512"},
        {"launchType": "FARGATE", "platformVersion": "1.0.0"},
        "PlatformTaskDefinitionIncompatibilityException",
        "The specified platform does not satisfy the task definition's required capabilities.",
    ),
    "too-many": ({}, {"count": 11}, "InvalidParameterException", "between 1 and 10"),
    "none": ({}, {"count": 0}, "InvalidParameterException", "between 1 and 10"),
    "started-by": ({}, {"startedBy": "x" * 129}, "InvalidParameterException", "128"),
    "token": ({}, {"clientToken": "x" * 65}, "InvalidParameterException", "64"),
    "launch-type": ({}, {"launchType": "BALLOON"}, "InvalidParameterException", "BALLOON"),
    "cluster": ({}, {"cluster": "arn:aws:ecs:eu-west-1:012345678910:cluster/default"}, "InvalidParameterException", "another"),
}


@pytest.mark.parametrize("case", RUN_REFUSALS)
def test_a_run_that_cannot_be_is_refused(ecs, case: str):
    members, request, code, text = RUN_REFUSALS[case]
    definition = register(ecs, f"run-{case}", **members)
    refusal = refused(ecs.run_task, taskDefinition=definition, **request)
    assert refusal[0] == code
    assert text in refusal[1]
    assert ecs.list_tasks()["taskArns"] == []


def test_fargate_without_machines_is_a_matter_of_capacity(ecs, berth: Berth):
    role = f"arn:aws:iam::{ACCOUNT}:role/execution"
    size = {"cpu": "256", "memory": "512", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"]}
    definition = register(ecs, "capacity", executionRoleArn=role, **size)
    subnet = berth.client("ec2", REGION).describe_subnets()["Subnets"][0]["SubnetId"]
    network = {"awsvpcConfiguration": {"subnets": [subnet]}}
    answer = ecs.run_task(taskDefinition=definition, launchType="FARGATE", networkConfiguration=network)
    assert answer["tasks"] == []
    assert answer["failures"]


@pytest.mark.parametrize(
    ("call", "request_", "expected"),
    [
        ("describe_tasks", {"tasks": []}, ("InvalidParameterException", "Tasks cannot be empty.")),
        ("describe_tasks", {"tasks": [NOWHERE], "cluster": "nobody"}, ("ClusterNotFoundException", "Cluster not found.")),
        ("describe_tasks", {"tasks": [NOWHERE] * 101}, ("InvalidParameterException", "At most 100 tasks can be given.")),
        ("stop_task", {"task": NOWHERE}, ("InvalidParameterException", "The referenced task was not found.")),
        ("stop_task", {"task": "?"}, ("InvalidParameterException", "taskId length should be one of [32,36]")),
        ("list_tasks", {"cluster": "nobody"}, ("ClusterNotFoundException", "Cluster not found.")),
        ("delete_cluster", {"cluster": "nobody"}, ("ClusterNotFoundException", "Cluster not found.")),
        ("run_task", {"taskDefinition": "nobody"}, ("ClientException", "TaskDefinition not found.")),
        ("deregister_task_definition", {"taskDefinition": "nobody:1"}, ("ClientException", "")),
        ("describe_container_instances", {"containerInstances": []}, ("InvalidParameterException", "cannot be empty")),
        ("list_container_instances", {"cluster": "nobody"}, ("ClusterNotFoundException", "Cluster not found.")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_exist_is_refused(ecs, call: str, request_: dict[str, Any], expected: tuple[str, str]):
    code, text = refused(getattr(ecs, call), **request_)
    assert code == expected[0]
    assert expected[1] in text


def test_unknown_tasks_are_failures_when_described(ecs):
    answer = ecs.describe_tasks(tasks=[NOWHERE])
    assert answer["tasks"] == []
    assert answer["failures"] == [{"arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/default/{NOWHERE}", "reason": "MISSING"}]
