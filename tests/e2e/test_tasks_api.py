"""RunTask, StopTask, ListTasks and DescribeTasks, member by member: what they take, show and refuse; waiters and paginators."""

from __future__ import annotations

import subprocess

import pytest
from botocore.exceptions import WaiterError

from support.berth import ACCOUNT, Berth, key_environment
from support.images import ROOT
from support.story import SLEEPS, Story, container, part
from test_calls import NOWHERE, REGION, refused

INVALID = "InvalidParameterException"
FARGATE_SIZE = "No Fargate configuration exists for given values."


@pytest.fixture
def ecs(berth: Berth):
    """ECS in a region without machines."""
    client = berth.client("ecs", REGION)
    client.create_cluster()
    return client


# RunTask


@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        ({"startedBy": "x" * 129}, INVALID, "startedBy longer than 128."),
        ({"referenceId": "x" * 1025}, INVALID, "referenceId longer than 1024."),
        ({"group": "x" * 256}, INVALID, "group longer than 255."),
        ({"group": "service:web"}, INVALID, "Invalid group: service:web. The prefixes family: and service: are reserved."),
        ({"group": "family:other"}, INVALID, "Invalid group: family:other. The prefixes family: and service: are reserved."),
        ({"clientToken": "x" * 65}, INVALID, "clientToken longer than 64."),
        ({"clientToken": ""}, INVALID, "clientToken must have 1 to 64 characters in the range of 33 to 126."),
        ({"clientToken": "a b"}, INVALID, "clientToken must have 1 to 64 characters in the range of 33 to 126."),
        ({"propagateTags": "SERVICE"}, INVALID, "Propagate tags should be one of [TASK_DEFINITION,NONE]"),
        ({"tags": [{"key": "aws:x", "value": "y"}]}, INVALID, None),
        ({"tags": [{"key": str(n), "value": ""} for n in range(51)]}, INVALID, None),
        ({"count": 0}, INVALID, "count must be between 1 and 10."),
        ({"count": 11}, INVALID, "count must be between 1 and 10."),
    ],
)
def test_a_member_that_cannot_be_is_refused(ecs, members: dict, code: str, text: str | None):
    made = ecs.register_task_definition(family="members", containerDefinitions=[container()])["taskDefinition"]
    refusal = refused(ecs.run_task, taskDefinition=made["taskDefinitionArn"], **members)
    assert refusal[0] == code
    assert text is None or refusal[1] == text


def test_tags_come_from_the_call_the_definition_and_ecs(story: Story):
    own = [{"key": "a", "value": "call"}, {"key": "b", "value": "call"}]
    definition = story.register(container(script=SLEEPS), tags=[{"key": "a", "value": "definition"}, {"key": "c", "value": "definition"}])
    plain = story.run(definition, tags=own, propagateTags="NONE")
    assert {tag["key"]: tag["value"] for tag in plain["tags"]} == {"a": "call", "b": "call"}
    whole = story.run(definition, tags=own, propagateTags="TASK_DEFINITION", enableECSManagedTags=True)
    expected = {"a": "call", "b": "call", "c": "definition", "aws:ecs:clusterName": "default"}
    assert {tag["key"]: tag["value"] for tag in whole["tags"]} == expected
    arn = whole["taskArn"]
    (shown,) = story.ecs.describe_tasks(tasks=[arn], include=["TAGS"])["tasks"]
    assert {tag["key"]: tag["value"] for tag in shown["tags"]} == expected
    assert story.ecs.describe_tasks(tasks=[arn])["tasks"][0]["tags"] == []


def test_a_client_token_means_the_call_and_not_its_bytes(story: Story):
    definition = story.register(container(script=SLEEPS))
    first = story.run(definition, clientToken="meaning", startedBy="me")
    again = story.ecs.run_task(cluster="default", count=1, tags=[], taskDefinition=definition, clientToken="meaning", startedBy="me")
    assert [task["taskArn"] for task in again["tasks"]] == [first["taskArn"]]
    with pytest.raises(story.ecs.exceptions.ConflictException) as caught:
        story.ecs.run_task(taskDefinition=definition, clientToken="meaning", startedBy="you")
    assert caught.value.response["resourceIds"] == [first["taskArn"]]
    story.berth.kill_server()
    story.berth.start_server()
    after = story.ecs.run_task(taskDefinition=definition, clientToken="meaning", startedBy="me")
    assert [task["taskArn"] for task in after["tasks"]] == [first["taskArn"]], "a token outlives the control plane"


# ListTasks


def test_lists_by_every_filter(story: Story):
    definition = story.register(container(script=SLEEPS))
    mine = story.running(story.run(definition, startedBy=story.family))
    arn, machine = mine["taskArn"], mine["containerInstanceArn"]

    def listed(**filters: str) -> bool:
        return arn in story.ecs.list_tasks(**filters)["taskArns"]

    assert listed(startedBy=story.family) and listed(startedBy=story.family, desiredStatus="RUNNING")
    assert listed(family=story.family, containerInstance=machine, launchType="EC2", desiredStatus="RUNNING")
    assert listed(containerInstance=machine.rpartition("/")[2])
    assert not listed(family=story.family, launchType="EXTERNAL")
    assert not listed(containerInstance=NOWHERE)
    assert not listed(family="nobody")
    assert not listed(startedBy=story.family, desiredStatus="STOPPED")
    assert story.ecs.list_tasks(desiredStatus="PENDING")["taskArns"] == [], "no task is wanted to be PENDING"
    story.stop(mine)
    assert listed(startedBy=story.family, desiredStatus="STOPPED")
    assert not listed(startedBy=story.family)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"startedBy": "a", "family": "f"}, (INVALID, "cannot specify startedBy with other arguments")),
        ({"startedBy": "a", "launchType": "EC2"}, (INVALID, "cannot specify startedBy with other arguments")),
        ({"startedBy": "a", "containerInstance": NOWHERE}, (INVALID, "cannot specify startedBy with other arguments")),
        ({"startedBy": "a", "serviceName": "s"}, (INVALID, "cannot specify startedBy with other arguments")),
        ({"serviceName": "nobody"}, ("ServiceNotFoundException", "Service not found.")),
        ({"daemonName": "nobody"}, ("DaemonNotFoundException", "Daemon not found.")),
        ({"containerInstance": "?"}, (INVALID, "Invalid identifier: ?")),
        ({"family": "a b"}, (INVALID, "Invalid identifier: a b")),
        ({"desiredStatus": "GONE"}, (INVALID, "Invalid value for desiredStatus: GONE")),
        ({"launchType": "BALLOON"}, (INVALID, "Invalid value for launchType: BALLOON")),
        ({"maxResults": 0}, (INVALID, "maxResults must be between 1 and 100.")),
        ({"maxResults": 101}, (INVALID, "maxResults must be between 1 and 100.")),
        ({"nextToken": "made up"}, (INVALID, "Invalid token made up")),
    ],
    ids=str,
)
def test_a_list_that_cannot_be_is_refused(ecs, filters: dict, expected: tuple[str, str]):
    assert refused(ecs.list_tasks, **filters) == expected


def test_lists_come_in_pages(story: Story):
    definition = story.register(container(script=SLEEPS, memory=8))
    wanted = {story.run(definition, startedBy=story.family)["taskArn"] for _ in range(5)}
    pages = story.ecs.get_paginator("list_tasks").paginate(startedBy=story.family, PaginationConfig={"PageSize": 2})
    sizes, seen = [], []
    for page in pages:
        sizes.append(len(page["taskArns"]))
        seen += page["taskArns"]
    assert sizes == [2, 2, 1]
    assert set(seen) == wanted and len(seen) == len(wanted)


# StopTask and DescribeTasks


def test_a_task_is_stopped_by_its_id_or_its_arn(story: Story):
    definition = story.register(container(script=SLEEPS))
    for name in ("id", "arn"):
        task = story.run(definition)
        arn = task["taskArn"]
        told = story.ecs.stop_task(task=arn.rpartition("/")[2] if name == "id" else arn, reason="r" * 1024)["task"]
        assert (told["desiredStatus"], told["stopCode"], told["stoppedReason"]) == ("STOPPED", "UserInitiated", "r" * 1024)
        assert told["version"] > task["version"]
        assert told["stoppingAt"] >= told["createdAt"]
        story.stopped(task)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"task": NOWHERE}, "The referenced task was not found."),
        ({"task": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/default/{NOWHERE}"}, "The referenced task was not found."),
        ({"task": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/other/{NOWHERE}"}, "The referenced task was not found."),
        ({"task": "nonsense"}, "taskId length should be one of [32,36]"),
    ],
)
def test_a_stop_that_cannot_be_is_refused(ecs, members: dict, text: str):
    assert refused(ecs.stop_task, **members) == (INVALID, text)


def test_a_stop_in_the_wrong_cluster_finds_no_task(story: Story):
    story.ecs.create_cluster(clusterName="elsewhere")
    task = story.start(container(script=SLEEPS))
    for name in (task["taskArn"], task["taskArn"].rpartition("/")[2]):
        refusal = refused(story.ecs.stop_task, cluster="elsewhere", task=name)
        assert refusal == (INVALID, "The referenced task was not found.")
    assert refused(story.ecs.stop_task, task=task["taskArn"], reason="r" * 1025) == (INVALID, "reason longer than 1024.")
    assert story.describe(task)["desiredStatus"] == "RUNNING"


def test_what_is_described_and_what_is_not_there(story: Story):
    task = story.running(story.run(story.register(container(script=SLEEPS))))
    elsewhere = task["taskArn"].replace("task/default/", "task/other/")
    answer = story.ecs.describe_tasks(tasks=[task["taskArn"], NOWHERE, elsewhere])
    assert [one["taskArn"] for one in answer["tasks"]] == [task["taskArn"]]
    prefix = task["taskArn"].rpartition("/")[0]
    missing = {(failure["arn"], failure["reason"]) for failure in answer["failures"]}
    assert missing == {(f"{prefix}/{NOWHERE}", "MISSING"), (elsewhere, "MISSING")}
    refusal = refused(story.ecs.describe_tasks, tasks=[NOWHERE], include=["EVERYTHING"])
    assert refusal == (INVALID, "include should be one of [TAGS]")
    assert refused(story.ecs.describe_tasks, tasks=["nonsense"]) == (INVALID, "taskId length should be one of [32,36]")
    assert [one["name"] for one in task["attributes"]] == ["ecs.cpu-architecture"]
    assert (task["connectivity"], task["healthStatus"]) == ("CONNECTED", "UNKNOWN")
    assert task["createdAt"] <= task["connectivityAt"] <= task["startedAt"]
    assert "ephemeralStorage" not in task and "fargateEphemeralStorage" not in task
    assert part(task)["healthStatus"] == "UNKNOWN"


def test_a_fargate_task_shows_its_platform_and_storage(story: Story):
    size = {"cpu": "256", "memory": "512", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"]}
    definition = story.register(container(script=SLEEPS), executionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/execution", **size)
    launch = {"launchType": "FARGATE", "networkConfiguration": story.network()}
    task = story.running(story.run(definition, **launch, overrides={"cpu": "512", "memory": "1024"}))
    assert (task["cpu"], task["memory"]) == ("512", "1024")
    assert (task["platformVersion"], task["platformFamily"]) == ("1.4.0", "Linux")
    assert task["ephemeralStorage"] == task["fargateEphemeralStorage"] == {"sizeInGiB": 20}
    assert [one["name"] for one in task["attributes"]] == ["ecs.cpu-architecture"]
    assert (task["connectivity"], "containerInstanceArn" in task) == ("CONNECTED", False)
    for members, text in (({"cpu": "300"}, "Invalid 'cpu' setting for task."), ({"memory": "4096"}, FARGATE_SIZE)):
        assert refused(story.ecs.run_task, taskDefinition=definition, **launch, overrides=members) == (INVALID, text)


# Waiters


def test_boto3_waits_for_tasks(story: Story):
    quick = {"WaiterConfig": {"Delay": 1, "MaxAttempts": 60}}
    task = story.run(story.register(container(script=SLEEPS)))
    story.ecs.get_waiter("tasks_running").wait(tasks=[task["taskArn"]], **quick)
    story.ecs.stop_task(task=task["taskArn"])
    story.ecs.get_waiter("tasks_stopped").wait(tasks=[task["taskArn"]], **quick)
    for gone in (task["taskArn"], NOWHERE):
        with pytest.raises(WaiterError) as caught:
            story.ecs.get_waiter("tasks_running").wait(tasks=[gone], **quick)
        assert "terminal failure state" in str(caught.value)


def test_the_command_line_waits_for_tasks(story: Story):
    task = story.run(story.register(container(script=SLEEPS)))

    def aws(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(ROOT / "target/venv/bin/aws"), "ecs", *words],
            env={**key_environment(), "AWS_ENDPOINT_URL": story.berth.endpoint, "AWS_DEFAULT_REGION": "us-east-1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert aws("wait", "tasks-running", "--tasks", task["taskArn"]).returncode == 0
    stopped = aws("stop-task", "--task", task["taskArn"], "--reason", "enough", "--query", "task.stoppedReason", "--output", "text")
    assert (stopped.returncode, stopped.stdout.strip()) == (0, "enough")
    assert aws("wait", "tasks-stopped", "--tasks", task["taskArn"]).returncode == 0
    listed = aws("list-tasks", "--family", story.family, "--desired-status", "STOPPED", "--query", "taskArns[0]", "--output", "text")
    assert listed.stdout.strip() == task["taskArn"]
