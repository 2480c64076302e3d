"""Tags of things that are there: added, changed, taken away, refused with the texts of ECS."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config

from support.berth import ACCOUNT, Berth
from support.refusals import refused
from support.story import SLEEPS, Story, container

REGION = "me-south-1"
ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:"
NOWHERE = "0123456789abcdef0123456789abcdef"
INVALID = "InvalidParameterException"


@pytest.fixture
def ecs(berth: Berth):
    """ECS in a region without machines, with one cluster and one definition."""
    client = berth.client("ecs", REGION, config=Config(parameter_validation=False))
    client.create_cluster(clusterName="fleet")
    return client


def tags(**pairs: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in pairs.items()]


def tags_of(ecs, arn: str) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in ecs.list_tags_for_resource(resourceArn=arn)["tags"]}


def test_tags_of_a_cluster_come_and_go(ecs):
    arn = ecs.create_cluster(clusterName="tagged", tags=tags(team="sea", env="prod"))["cluster"]["clusterArn"]
    ecs.tag_resource(resourceArn=arn, tags=tags(team="land", **{"cost center": "4711 / + = . _ : @ ü"}))
    assert tags_of(ecs, arn) == {"team": "land", "env": "prod", "cost center": "4711 / + = . _ : @ ü"}
    (described,) = ecs.describe_clusters(clusters=["tagged"], include=["TAGS"])["clusters"]
    assert {tag["key"] for tag in described["tags"]} == {"team", "env", "cost center"}
    ecs.untag_resource(resourceArn=arn, tagKeys=["env", "cost center", "never there"])
    assert tags_of(ecs, arn) == {"team": "land"}


def test_tags_of_a_definition_belong_to_its_revision(ecs):
    def register(**members: Any) -> str:
        made = ecs.register_task_definition(family="tags", containerDefinitions=[container()], **members)
        return made["taskDefinition"]["taskDefinitionArn"]

    first, second = register(tags=tags(a="1")), register()
    ecs.tag_resource(resourceArn=second, tags=tags(b="2"))
    assert (tags_of(ecs, first), tags_of(ecs, second)) == ({"a": "1"}, {"b": "2"})
    assert ecs.describe_task_definition(taskDefinition=second, include=["TAGS"])["tags"] == tags(b="2")
    ecs.deregister_task_definition(taskDefinition=first)
    expected = (INVALID, "The specified task definition is inactive. Specify an active task definition and try again.")
    assert refused(ecs.list_tags_for_resource, resourceArn=first) == expected


def test_fifty_tags_are_the_most(ecs):
    arn = ecs.create_cluster(clusterName="full")["cluster"]["clusterArn"]
    ecs.tag_resource(resourceArn=arn, tags=tags(**{f"k{n}": "" for n in range(50)}))
    ecs.tag_resource(resourceArn=arn, tags=tags(k0="another value"))
    expected = (INVALID, "The maximum number of tags that can be applied to a resource is 50.")
    assert refused(ecs.tag_resource, resourceArn=arn, tags=tags(k50="")) == expected
    assert tags_of(ecs, arn)["k0"] == "another value"
    assert len(tags_of(ecs, arn)) == 50


BAD_TAGS = {
    "reserved": (tags(**{"aws:owner": "x"}), "Invalid tag key: aws:owner"),
    "reserved-in-capitals": (tags(**{"AWS:owner": "x"}), "Invalid tag key: AWS:owner"),
    "empty-key": (tags(**{"": "x"}), "Invalid tag key: "),
    "long-key": (tags(**{"k" * 129: "x"}), f"Invalid tag key: {'k' * 129}"),
    "alphabet": (tags(**{"a!b": "x"}), "Invalid tag key: a!b"),
    "long-value": (tags(key="v" * 257), "Invalid value of the tag key."),
    "value-alphabet": (tags(key="<v>"), "Invalid value of the tag key."),
    "twice": (tags(key="a") + tags(key="b"), "Duplicate tag keys found: key"),
}


@pytest.mark.parametrize("case", BAD_TAGS)
def test_tags_are_checked_alike_wherever_they_are_given(ecs, case: str):
    given, text = BAD_TAGS[case]
    arn = f"{ARN}cluster/fleet"
    assert refused(ecs.tag_resource, resourceArn=arn, tags=given) == (INVALID, text)
    assert refused(ecs.create_cluster, clusterName="never", tags=given) == (INVALID, text)
    definition = {"family": "never", "containerDefinitions": [container()]}
    assert refused(ecs.register_task_definition, tags=given, **definition) == (INVALID, text)
    assert tags_of(ecs, arn) == {}
    assert ecs.describe_clusters(clusters=["never"])["clusters"] == []


MISSING = {
    "cluster": ("cluster/nobody", "ClusterNotFoundException", "Cluster not found."),
    "cluster-of-task": (f"task/nobody/{NOWHERE}", "ClusterNotFoundException", "Cluster not found."),
    "task": (
        f"task/fleet/{NOWHERE}",
        INVALID,
        "The specified task does not exist. Specify a valid task and try again.",
    ),
    "instance": (
        f"container-instance/fleet/{NOWHERE}",
        INVALID,
        "The specified container instance does not exist. Specify a valid container instance and try again.",
    ),
    "definition": (
        "task-definition/nobody:1",
        "ClientException",
        "The specified task definition does not exist. Specify a valid account, family, revision and try again.",
    ),
    "service": (
        "service/fleet/shop",
        INVALID,
        "The specified service does not exist. Specify a valid service and try again.",
    ),
    "short": (f"task/{NOWHERE}", INVALID, "Long arn format must be used for tagging operations"),
    "kind": ("ship/fleet", INVALID, f"Invalid identifier: {ARN}ship/fleet"),
}


@pytest.mark.parametrize("case", MISSING)
def test_what_is_not_there_has_no_tags(ecs, case: str):
    resource, code, text = MISSING[case]
    assert refused(ecs.tag_resource, resourceArn=ARN + resource, tags=tags(a="b")) == (code, text)
    assert refused(ecs.untag_resource, resourceArn=ARN + resource, tagKeys=["a"]) == (code, text)
    assert refused(ecs.list_tags_for_resource, resourceArn=ARN + resource) == (code, text)


def test_a_deleted_cluster_has_no_tags(ecs):
    arn = ecs.create_cluster(clusterName="gone", tags=tags(a="b"))["cluster"]["clusterArn"]
    ecs.delete_cluster(cluster=arn)
    expected = (INVALID, "The specified cluster is inactive. Specify an active cluster and try again.")
    assert refused(ecs.list_tags_for_resource, resourceArn=arn) == expected
    assert refused(ecs.tag_resource, resourceArn=arn, tags=tags(c="d")) == expected


def test_reserved_tags_cannot_be_taken_away(ecs):
    expected = (INVALID, "Invalid tag key: aws:ecs:clusterName")
    assert refused(ecs.untag_resource, resourceArn=f"{ARN}cluster/fleet", tagKeys=["aws:ecs:clusterName"]) == expected


def test_tags_of_a_running_task_and_its_machine(story: Story):
    ecs = story.ecs
    task = story.start(container(script=SLEEPS), launch={"tags": tags(a="1")})
    ecs.tag_resource(resourceArn=task["taskArn"], tags=tags(b="2"))
    assert tags_of(ecs, task["taskArn"]) == {"a": "1", "b": "2"}
    machine = task["containerInstanceArn"]
    ecs.tag_resource(resourceArn=machine, tags=tags(rack="7"))
    assert tags_of(ecs, machine)["rack"] == "7"
    ecs.untag_resource(resourceArn=machine, tagKeys=["rack"])
    assert "rack" not in tags_of(ecs, machine)
    story.stop(task)
    expected = (INVALID, "The specified task is stopped. Specify a running task and try again.")
    assert refused(ecs.tag_resource, resourceArn=task["taskArn"], tags=tags(c="3")) == expected
    assert refused(ecs.untag_resource, resourceArn=task["taskArn"], tagKeys=["a"]) == expected
    assert tags_of(ecs, task["taskArn"]) == {"a": "1", "b": "2"}, "they can be read as long as the task can"
