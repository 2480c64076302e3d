"""Attributes of container instances: put, replaced, taken away, listed, refused. The instances are registered, but no agent runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config

from support.berth import ACCOUNT, Berth
from support.refusals import refused

REGION = "eu-north-1"
NOWHERE = "0123456789abcdef0123456789abcdef"
INVALID = "InvalidParameterException"
KIND = "container-instance"


@pytest.fixture
def ecs(berth: Berth):
    """ECS in a region of its own. What the client would refuse is left to the server."""
    client = berth.client("ecs", REGION, config=Config(parameter_validation=False))
    client.create_cluster(clusterName="racks")
    return client


@pytest.fixture
def instance(ecs) -> Iterator[str]:
    """A container instance that announces nothing but its system."""
    number = {"type": "INTEGER", "doubleValue": 0.0, "longValue": 0}
    resources = [{"name": "CPU", "integerValue": 1024, **number}, {"name": "MEMORY", "integerValue": 2048, **number}]
    made = ecs.register_container_instance(
        cluster="racks", totalResources=resources, attributes=[{"name": "ecs.os-type", "value": "linux"}]
    )
    arn = made["containerInstance"]["containerInstanceArn"]
    yield arn
    ecs.deregister_container_instance(cluster="racks", containerInstance=arn)


def attribute(target: str, name: str, value: str | None = None, **members: Any) -> dict[str, Any]:
    valued = {} if value is None else {"value": value}
    return {"name": name, "targetType": KIND, "targetId": target, **valued, **members}


def listed(ecs, **filters: Any) -> dict[str, str | None]:
    answer = ecs.list_attributes(cluster="racks", targetType=KIND, **filters)
    return {one["name"]: one.get("value") for one in answer["attributes"]}


def test_attributes_come_and_go(ecs, instance: str):
    put = ecs.put_attributes(cluster="racks", attributes=[attribute(instance, "rack", "7"), attribute(instance, "ssd")])
    assert put["attributes"] == [attribute(instance, "rack", "7"), attribute(instance, "ssd")]
    short = {"name": "rack", "value": "8 a@b:c/d\\e", "targetType": KIND, "targetId": instance.rpartition("/")[2]}
    ecs.put_attributes(cluster="racks", attributes=[short])
    ecs.put_attributes(cluster="racks", attributes=[{"name": "row", "value": "1", "targetId": instance}])
    assert listed(ecs) == {"ecs.os-type": "linux", "rack": "8 a@b:c/d\\e", "row": "1", "ssd": None}
    (described,) = ecs.describe_container_instances(cluster="racks", containerInstances=[instance])["containerInstances"]
    assert {"name": "row", "value": "1"} in described["attributes"]
    taken = ecs.delete_attributes(cluster="racks", attributes=[attribute(instance, "rack"), attribute(instance, "never")])
    assert [one["name"] for one in taken["attributes"]] == ["rack", "never"]
    assert listed(ecs) == {"ecs.os-type": "linux", "row": "1", "ssd": None}
    ecs.delete_attributes(cluster="racks", attributes=[attribute(instance, "row", "another value")])
    assert listed(ecs, attributeName="row") == {"row": "1"}


def test_attributes_are_listed_by_name_and_value_and_page_by_page(ecs, instance: str):
    ecs.put_attributes(cluster="racks", attributes=[attribute(instance, f"a{n}", str(n)) for n in range(5)])
    assert listed(ecs, attributeName="a3") == {"a3": "3"}
    assert listed(ecs, attributeName="a3", attributeValue="4") == {}
    assert listed(ecs, attributeName="ecs.os-type", attributeValue="linux") == {"ecs.os-type": "linux"}
    pages = ecs.get_paginator("list_attributes").paginate(cluster="racks", targetType=KIND, PaginationConfig={"PageSize": 2})
    assert [[one["name"] for one in page["attributes"]] for page in pages] == [["a0", "a1"], ["a2", "a3"], ["a4", "ecs.os-type"]]
    expected = (INVALID, "An attributeName must be specified when an attributeValue is specified.")
    assert refused(ecs.list_attributes, cluster="racks", targetType=KIND, attributeValue="3") == expected
    assert refused(ecs.list_attributes, cluster="racks", targetType="ship") == (INVALID, "Invalid value for targetType: ship")
    assert refused(ecs.list_attributes, cluster="racks", targetType=KIND, maxResults=101)[0] == INVALID
    assert refused(ecs.list_attributes, cluster="nobody", targetType=KIND) == ("ClusterNotFoundException", "Cluster not found.")


def test_ten_attributes_are_the_most(ecs, instance: str):
    ecs.put_attributes(cluster="racks", attributes=[attribute(instance, f"a{n}") for n in range(10)])
    ecs.put_attributes(cluster="racks", attributes=[attribute(instance, "a9", "replaced")])
    expected = ("AttributeLimitExceededException", "A resource can have at most 10 custom attributes.")
    assert refused(ecs.put_attributes, cluster="racks", attributes=[attribute(instance, "a10")]) == expected
    eleven = [attribute(instance, "a0")] * 11
    assert refused(ecs.put_attributes, cluster="racks", attributes=eleven) == (INVALID, "At most 10 attributes can be given.")
    assert len(listed(ecs)) == 11


BAD = {
    "empty-name": ({"name": ""}, "Invalid attribute name: "),
    "long-name": ({"name": "n" * 129}, f"Invalid attribute name: {'n' * 129}"),
    "alphabet": ({"name": "a b"}, "Invalid attribute name: a b"),
    "agents-own": ({"name": "ecs.os-type", "value": "windows"}, "Invalid attribute name: ecs.os-type"),
    "empty-value": ({"name": "a", "value": ""}, "Invalid attribute value: "),
    "long-value": ({"name": "a", "value": "v" * 129}, f"Invalid attribute value: {'v' * 129}"),
    "blank-ends": ({"name": "a", "value": " v"}, "Invalid attribute value:  v"),
    "value-alphabet": ({"name": "a", "value": "<"}, "Invalid attribute value: <"),
    "kind": ({"name": "a", "targetType": "ship"}, "Invalid value for targetType: ship"),
    "no-target": ({"name": "a", "targetId": ""}, "Attribute.targetId should not be null or empty."),
}


@pytest.mark.parametrize("case", BAD)
def test_a_faulty_attribute_is_refused_with_all_that_came_with_it(ecs, instance: str, case: str):
    members, text = BAD[case]
    faulty = {**attribute(instance, "a"), **members}
    for call in (ecs.put_attributes, ecs.delete_attributes):
        assert refused(call, cluster="racks", attributes=[attribute(instance, "good"), faulty]) == (INVALID, text)
    assert listed(ecs) == {"ecs.os-type": "linux"}


def test_an_attribute_needs_its_target(ecs, instance: str):
    short = {"name": "a", "targetId": instance.rpartition("/")[2]}
    expected = (INVALID, "Attribute.targetType must be specified when the short form of a target's ID is used.")
    assert refused(ecs.put_attributes, cluster="racks", attributes=[short]) == expected
    missing = ("TargetNotFoundException", "The specified target was not found.")
    elsewhere = f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/other/{NOWHERE}"
    for target in (NOWHERE, "no id", elsewhere):
        assert refused(ecs.put_attributes, cluster="racks", attributes=[attribute(target, "a")]) == missing
        assert refused(ecs.delete_attributes, cluster="racks", attributes=[attribute(target, "a")]) == missing
    nobody = ("ClusterNotFoundException", "Cluster not found.")
    assert refused(ecs.put_attributes, cluster="nobody", attributes=[attribute(instance, "a")]) == nobody
    assert refused(ecs.put_attributes, cluster="racks", attributes=[]) == (INVALID, "Attributes cannot be empty.")
