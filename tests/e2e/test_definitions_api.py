"""The end of task definitions: deregistered, deleted, gone; and what lists and refusals say meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config

from support.berth import ACCOUNT, Berth
from support.poll import eventually
from support.refusals import refused
from support.story import SLEEPS, Story, container

REGION = "eu-north-1"
ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/"
INVALID = "InvalidParameterException"
UNKNOWN = "The specified task definition does not exist. Specify a valid account, family, revision and try again."
NO_NAME = "The specified task definition identifier is invalid. Specify a valid name or ARN and try again."
ACTIVE = "The specified task definition is still in ACTIVE status. Please deregister the target and try again."


@pytest.fixture
def ecs(berth: Berth):
    """ECS in a region without machines."""
    return berth.client("ecs", REGION, config=Config(parameter_validation=False))


def register(ecs, family: str, **members: Any) -> str:
    made = ecs.register_task_definition(family=family, containerDefinitions=[container()], **members)
    return made["taskDefinition"]["taskDefinitionArn"]


def retire(ecs, arn: str) -> str:
    """Deregisters a revision."""
    assert ecs.deregister_task_definition(taskDefinition=arn)["taskDefinition"]["status"] == "INACTIVE"
    return arn


def is_gone(ecs, arn: str) -> bool:
    try:
        assert ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["status"] == "DELETE_IN_PROGRESS"
    except ecs.exceptions.ClientException as unknown:
        assert unknown.response["Error"]["Message"] == "Unable to describe task definition."
        return True
    return False


def test_a_revision_is_deleted_and_its_number_never_used_again(ecs):
    first, second = register(ecs, "ends"), register(ecs, "ends")
    retire(ecs, first)
    answer = ecs.delete_task_definitions(taskDefinitions=[first])
    assert answer["failures"] == []
    (deleted,) = answer["taskDefinitions"]
    assert (deleted["taskDefinitionArn"], deleted["status"]) == (first, "DELETE_IN_PROGRESS")
    assert deleted["registeredAt"] <= deleted["deregisteredAt"] <= deleted["deleteRequestedAt"]
    assert ecs.delete_task_definitions(taskDefinitions=["ends:1"])["taskDefinitions"] == [deleted], "once more is the same as once"
    assert ecs.describe_task_definition(taskDefinition="ends:1")["taskDefinition"] == deleted
    assert ecs.describe_task_definition(taskDefinition="ends")["taskDefinition"]["taskDefinitionArn"] == second

    def listed(status: str) -> list[str]:
        return ecs.list_task_definitions(familyPrefix="ends", status=status)["taskDefinitionArns"]

    assert (listed("ACTIVE"), listed("INACTIVE"), listed("DELETE_IN_PROGRESS")) == ([second], [], [first])
    assert refused(ecs.run_task, taskDefinition=first) == ("ClientException", "TaskDefinition is inactive")
    eventually("the revision is gone", lambda: is_gone(ecs, first))
    assert listed("DELETE_IN_PROGRESS") == []
    assert refused(ecs.deregister_task_definition, taskDefinition=first) == ("ClientException", "Unable to describe task definition.")
    ecs.delete_task_definitions(taskDefinitions=[retire(ecs, second)])
    eventually("the other revision is gone", lambda: is_gone(ecs, second))
    assert ecs.list_task_definition_families(familyPrefix="ends")["families"] == []
    assert register(ecs, "ends") == f"{ARN}ends:3"


def test_what_cannot_be_deleted_is_a_failure(ecs):
    active, old = register(ecs, "kept"), retire(ecs, register(ecs, "kept"))
    foreign = f"arn:aws:ecs:{REGION}:999999999999:task-definition/kept:1"
    wanted = [active, old, "kept", "kept:9", "kept:x", "a b", foreign, old]
    answer = ecs.delete_task_definitions(taskDefinitions=wanted)
    assert [one["taskDefinitionArn"] for one in answer["taskDefinitions"]] == [old]
    assert answer["failures"] == [
        {"arn": active, "reason": ACTIVE},
        {"arn": "kept", "reason": NO_NAME},
        {"arn": "kept:9", "reason": UNKNOWN},
        {"arn": "kept:x", "reason": NO_NAME},
        {"arn": "a b", "reason": NO_NAME},
        {"arn": foreign, "reason": UNKNOWN},
    ]
    assert refused(ecs.delete_task_definitions, taskDefinitions=[]) == (INVALID, "Task definitions cannot be empty.")
    expected = (INVALID, "At most 10 task definitions can be given.")
    assert refused(ecs.delete_task_definitions, taskDefinitions=[old] * 11) == expected
    assert ecs.describe_task_definition(taskDefinition=active)["taskDefinition"]["status"] == "ACTIVE"


def test_families_are_listed_by_whether_they_are_in_use(ecs):
    register(ecs, "fam-used")
    retire(ecs, register(ecs, "fam-left"))
    retire(ecs, register(ecs, "fam-used"))

    def listed(**members: Any) -> list[str]:
        paginator = ecs.get_paginator("list_task_definition_families")
        pages = paginator.paginate(familyPrefix="fam-", PaginationConfig={"PageSize": 1}, **members)
        return [family for page in pages for family in page["families"]]

    assert listed() == listed(status="ALL") == ["fam-left", "fam-used"]
    assert (listed(status="ACTIVE"), listed(status="INACTIVE")) == (["fam-used"], ["fam-left"])
    for status in ("DELETE_IN_PROGRESS", "NONE"):
        assert refused(ecs.list_task_definition_families, status=status) == (INVALID, f"Invalid value for status: {status}")
    assert refused(ecs.list_task_definitions, status="ALL") == (INVALID, "Invalid value for status: ALL")
    assert refused(ecs.list_task_definitions, sort="UP") == (INVALID, "Invalid value for sort: UP")


def test_revisions_are_listed_page_by_page_in_both_orders(ecs):
    made = [register(ecs, family) for family in ("pages", "pages", "pages-more", "pages")]
    made.sort(key=lambda arn: (arn.rpartition(":")[0], int(arn.rpartition(":")[2])))

    def listed(**members: Any) -> list[str]:
        pages = ecs.get_paginator("list_task_definitions").paginate(PaginationConfig={"PageSize": 2}, **members)
        return [arn for page in pages for arn in page["taskDefinitionArns"] if "/pages" in arn]

    assert listed() == listed(sort="ASC") == made
    assert listed(sort="DESC") == made[::-1]
    assert listed(familyPrefix="pages-more") == [f"{ARN}pages-more:1"], "the prefix is a whole family"


def test_a_definition_stays_for_the_tasks_that_it_has(story: Story):
    arn = story.register(container(script=SLEEPS))
    task = story.running(story.run(arn))
    story.ecs.deregister_task_definition(taskDefinition=arn)
    story.ecs.delete_task_definitions(taskDefinitions=[arn])
    assert refused(story.ecs.run_task, taskDefinition=arn) == ("ClientException", "TaskDefinition is inactive")
    assert story.describe(task)["lastStatus"] == "RUNNING"
    assert story.stop(task)["containers"][0]["image"] == "busybox"
    assert story.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["status"] == "DELETE_IN_PROGRESS"
