"""Quotas and rates that an operator sets: how much there may be, and how fast calls may come. They are off by default."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from support.berth import Berth
from support.refusals import refused
from support.story import container

CLIENT = "ClientException"
THROTTLED = ("ThrottlingException", "Rate exceeded")


def register(ecs) -> dict[str, Any]:
    number = {"type": "INTEGER", "doubleValue": 0.0, "longValue": 0}
    resources = [{"name": "CPU", "integerValue": 1024, **number}, {"name": "MEMORY", "integerValue": 2048, **number}]
    return {"cluster": "one", "totalResources": resources}


def test_quotas_hold_and_give_way_when_something_goes(own_berth: Berth):
    limits = {"clusters": 2, "instances-per-cluster": 1, "tasks-per-cluster": 0, "revisions-per-family": 2}
    own_berth.start_server(*(word for name, most in limits.items() for word in (f"--most-{name}", str(most))))
    ecs = own_berth.client("ecs")
    for name in ("one", "two"):
        ecs.create_cluster(clusterName=name)
    ecs.create_cluster(clusterName="one")
    assert refused(ecs.create_cluster, clusterName="three") == (CLIENT, "The maximum number of clusters has been reached.")
    ecs.delete_cluster(cluster="two")
    ecs.create_cluster(clusterName="three")
    definition = {"family": "app", "containerDefinitions": [container()]}
    for _ in range(2):
        ecs.register_task_definition(**definition)
    expected = (CLIENT, "The maximum number of revisions of the task definition family has been reached.")
    assert refused(ecs.register_task_definition, **definition) == expected
    machine = ecs.register_container_instance(**register(ecs))["containerInstance"]["containerInstanceArn"]
    expected = (CLIENT, "The maximum number of container instances in the cluster has been reached.")
    assert refused(ecs.register_container_instance, **register(ecs)) == expected
    expected = (CLIENT, "You've reached the limit on the number of tasks you can run concurrently")
    assert refused(ecs.run_task, cluster="one", taskDefinition="app") == expected
    assert refused(ecs.start_task, cluster="one", taskDefinition="app", containerInstances=[machine]) == expected
    ecs.deregister_container_instance(cluster="one", containerInstance=machine)
    ecs.register_container_instance(**register(ecs))


def test_calls_that_come_too_fast_are_throttled(own_berth: Berth):
    own_berth.start_server("--calls-per-second", "1", "--launches-per-minute", "3")
    ecs = own_berth.client("ecs")
    # Two calls in one second are enough; the other attempts are for a machine that is very slow.
    assert any(is_throttled(ecs) for _ in range(1000))
    assert own_berth.client("ecs", "eu-west-1").list_clusters()["clusterArns"] == [], "another region has its own rate"


def is_throttled(ecs) -> bool:
    """Calls, and tells whether that came too early."""
    try:
        ecs.list_clusters()
    except ClientError as error:
        assert (error.response["Error"]["Code"], error.response["Error"]["Message"]) == THROTTLED
        return True
    return False


def test_launches_that_come_too_fast_are_throttled(own_berth: Berth):
    own_berth.start_server("--launches-per-minute", "3")
    ecs = own_berth.client("ecs")
    ecs.register_task_definition(family="app", containerDefinitions=[container()])
    nobody = ("InvalidParameterException", "No Container Instances were found in your cluster.")
    assert refused(ecs.run_task, taskDefinition="app", count=3) == nobody
    assert refused(ecs.run_task, taskDefinition="app", count=3) == THROTTLED
    assert ecs.list_clusters()["clusterArns"] == [], "reads are no launches"
