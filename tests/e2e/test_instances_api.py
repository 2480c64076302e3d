"""Container instances as the API has them: joined by hand, drained, let go, forgotten. No agent runs for them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.config import Config

from support import raw
from support.berth import ACCOUNT, Berth
from support.poll import eventually
from support.refusals import refused
from support.stock import StockAgent
from support.story import SLEEPS, Story, container

REGION = "eu-south-1"
ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:"
NOWHERE = "0123456789abcdef0123456789abcdef"
INVALID = "InvalidParameterException"
RESOURCES = [
    {"name": "CPU", "type": "INTEGER", "integerValue": 2048},
    {"name": "MEMORY", "type": "INTEGER", "integerValue": 3900},
    {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "2375"]},
    {"name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": []},
]


@pytest.fixture
def ecs(berth: Berth):
    """ECS in a region without agents."""
    return berth.client("ecs", REGION, config=Config(parameter_validation=False))


@pytest.fixture
def cluster(ecs, request: pytest.FixtureRequest) -> str:
    """A cluster of the test's own."""
    name = re.sub("[^a-z-]", "-", request.node.name)
    ecs.create_cluster(clusterName=name)
    return name


def join(ecs, cluster: str, **members: Any) -> dict[str, Any]:
    """Registers a machine."""
    members = {"totalResources": RESOURCES, **members}
    return ecs.register_container_instance(cluster=cluster, **members)["containerInstance"]


def arns(instances: list[dict[str, Any]]) -> list[str]:
    return [one["containerInstanceArn"] for one in instances]


def described(ecs, cluster: str, arn: str, **members: Any) -> dict[str, Any]:
    (found,) = ecs.describe_container_instances(cluster=cluster, containerInstances=[arn], **members)["containerInstances"]
    return found


def test_a_machine_that_joins_is_shown_as_it_is(ecs, cluster: str):
    devices = [{"id": "GPU-1", "type": "GPU"}, {"id": "0", "type": "NEURON_DEVICE"}]
    document = {"instanceId": "i-0123456789abcdef0", "instanceType": "g5.xlarge", "availabilityZone": f"{REGION}b", "imageId": "ami-1"}
    made = join(
        ecs,
        cluster,
        instanceIdentityDocument=json.dumps(document),
        attributes=[{"name": "rack", "value": "7"}],
        platformDevices=devices,
        versionInfo={"agentVersion": "1.105.1", "agentHash": "*abc", "dockerVersion": "DockerVersion: 27.0"},
        tags=[{"key": "team", "value": "sea"}],
    )
    assert made["containerInstanceArn"].startswith(f"{ARN}container-instance/{cluster}/")
    assert (made["status"], made["agentConnected"], made["version"]) == ("ACTIVE", False, 1)
    assert made["ec2InstanceId"] == "i-0123456789abcdef0"
    assert made["versionInfo"] == {"agentVersion": "1.105.1", "agentHash": "*abc", "dockerVersion": "DockerVersion: 27.0"}
    assert (made["runningTasksCount"], made["pendingTasksCount"], made["attachments"]) == (0, 0, [])
    assert made["tags"] == [{"key": "team", "value": "sea"}]
    attributes = {one["name"]: one.get("value") for one in made["attributes"]}
    assert attributes == {
        "rack": "7",
        "ecs.instance-type": "g5.xlarge",
        "ecs.ami-id": "ami-1",
        "ecs.availability-zone": f"{REGION}b",
    }
    shown = {one["name"]: one.get("stringSetValue") or one["integerValue"] for one in made["registeredResources"]}
    assert shown == {"CPU": 2048, "MEMORY": 3900, "PORTS": ["22", "2375"], "PORTS_UDP": 0, "GPU": ["GPU-1"]}
    assert made["remainingResources"] == made["registeredResources"]
    assert "agentUpdateStatus" not in made
    assert "capacityProviderName" not in made
    found = described(ecs, cluster, made["containerInstanceArn"], include=["TAGS"])
    assert found == made
    assert described(ecs, cluster, made["containerInstanceArn"])["tags"] == []


def test_the_same_token_is_the_same_machine(berth: Berth, cluster: str):
    """Only agents know the token: the public model does not have it."""

    def said(token: str) -> raw.Reply:
        body = json.dumps({"cluster": cluster, "totalResources": RESOURCES, "clientToken": token})
        return raw.ecs(berth, "RegisterContainerInstance", body.encode(), region=REGION).send()

    def joined(token: str) -> dict[str, Any]:
        return json.loads(said(token).body)["containerInstance"]

    first = joined("once")
    assert joined("once") == first
    assert joined("twice")["containerInstanceArn"] != first["containerInstanceArn"]
    refusal = said("x" * 65)
    assert (refusal.status, refusal.code) == (400, INVALID)
    assert refusal.message == "clientToken longer than 64."


def test_a_machine_comes_back_under_its_name(ecs, cluster: str):
    first = join(ecs, cluster, attributes=[{"name": "rack", "value": "7"}, {"name": "ecs.capability.old"}])
    more = [{**RESOURCES[0], "integerValue": 4096}, *RESOURCES[1:]]
    again = join(
        ecs,
        cluster,
        containerInstanceArn=first["containerInstanceArn"],
        totalResources=more,
        attributes=[{"name": "ecs.capability.new"}],
    )
    assert again["containerInstanceArn"] == first["containerInstanceArn"]
    assert again["version"] == 2
    assert again["registeredAt"] == first["registeredAt"]
    assert {one["name"] for one in again["attributes"]} == {"rack", "ecs.capability.new"}


def test_a_machine_cannot_come_back_as_one_of_another_type(ecs, cluster: str):
    first = join(ecs, cluster, instanceIdentityDocument=json.dumps({"instanceType": "t3.micro"}))
    arn = first["containerInstanceArn"]
    refusal = refused(
        ecs.register_container_instance,
        cluster=cluster,
        containerInstanceArn=arn,
        instanceIdentityDocument=json.dumps({"instanceType": "t3.large"}),
    )
    assert refusal == (
        "ClientException",
        "Container instance type changes are not supported. "
        f"Container instance {arn.rpartition('/')[2]} was previously registered as t3.micro.",
    )


REGISTRATION_REFUSALS = {
    "cluster": ({"cluster": "nobody"}, ("ClusterNotFoundException", "Cluster not found.")),
    "resource-twice": ({"totalResources": [RESOURCES[0], RESOURCES[0]]}, (INVALID, "Invalid value for the resource CPU.")),
    "port": (
        {"totalResources": [{"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["ssh"]}]},
        (INVALID, "Invalid value for the resource PORTS."),
    ),
    "negative": (
        {"totalResources": [{"name": "MEMORY", "type": "INTEGER", "integerValue": -1}]},
        (INVALID, "Invalid value for the resource MEMORY."),
    ),
    "device": ({"platformDevices": [{"id": "x", "type": "TPU"}]}, (INVALID, "Invalid value for the resource TPU x.")),
    "device-twice": ({"platformDevices": [{"id": "x", "type": "GPU"}] * 2}, (INVALID, "Invalid value for the resource GPU x.")),
    "identity": ({"instanceIdentityDocument": "{"}, (INVALID, "The instance identity document cannot be read.")),
    "tags": (
        {"tags": [{"key": f"k{number}", "value": ""} for number in range(51)]},
        (INVALID, "The maximum number of tags that can be applied to a resource is 50."),
    ),
    "other-cluster": (
        {"containerInstanceArn": f"{ARN}container-instance/other/{NOWHERE}"},
        (INVALID, f"Invalid identifier: {ARN}container-instance/other/{NOWHERE}"),
    ),
}


@pytest.mark.parametrize("case", REGISTRATION_REFUSALS)
def test_a_registration_that_cannot_be_is_refused(ecs, cluster: str, case: str):
    request, (code, text) = REGISTRATION_REFUSALS[case]
    refusal = refused(ecs.register_container_instance, **{"cluster": cluster, "totalResources": RESOURCES, **request})
    assert refusal[0] == code
    if case != "tags":
        assert refusal[1] == text
    assert ecs.list_container_instances(cluster=cluster)["containerInstanceArns"] == []


def test_the_default_cluster_springs_up_for_a_machine(berth: Berth):
    ecs = berth.client("ecs", "eu-south-2")
    made = ecs.register_container_instance(totalResources=RESOURCES)["containerInstance"]
    assert ecs.list_clusters()["clusterArns"] == [f"arn:aws:ecs:eu-south-2:{ACCOUNT}:cluster/default"]
    ecs.deregister_container_instance(containerInstance=made["containerInstanceArn"])
    ecs.delete_cluster(cluster="default")
    again = ecs.register_container_instance(totalResources=RESOURCES)["containerInstance"]
    assert again["containerInstanceArn"] in ecs.list_container_instances()["containerInstanceArns"]


def test_machines_drain_and_come_back(ecs, cluster: str):
    first, second = arns([join(ecs, cluster), join(ecs, cluster)])
    answer = ecs.update_container_instances_state(cluster=cluster, containerInstances=[first], status="DRAINING")
    assert answer["failures"] == []
    assert [(one["containerInstanceArn"], one["status"], one["version"]) for one in answer["containerInstances"]] == [(first, "DRAINING", 2)]
    assert described(ecs, cluster, first)["status"] == "DRAINING"

    def listed(**members: Any) -> set[str]:
        return set(ecs.list_container_instances(cluster=cluster, **members)["containerInstanceArns"])

    assert listed() == {first, second}
    assert (listed(status="ACTIVE"), listed(status="DRAINING")) == ({second}, {first})
    for status in ("REGISTERING", "DEREGISTERING", "REGISTRATION_FAILED", "INACTIVE"):
        assert listed(status=status) == set()
    (counted,) = ecs.describe_clusters(clusters=[cluster])["clusters"]
    assert counted["registeredContainerInstancesCount"] == 2
    ids = [first.rpartition("/")[2], second.rpartition("/")[2]]
    answer = ecs.update_container_instances_state(cluster=cluster, containerInstances=ids, status="ACTIVE")
    assert [(one["status"], one["version"]) for one in answer["containerInstances"]] == [("ACTIVE", 3), ("ACTIVE", 1)]


def test_what_cannot_be_drained_is_a_failure(ecs, cluster: str):
    first, gone = arns([join(ecs, cluster), join(ecs, cluster)])
    ecs.deregister_container_instance(cluster=cluster, containerInstance=gone)
    elsewhere = f"{ARN}container-instance/elsewhere/{NOWHERE}"
    wanted = [NOWHERE, first, gone, elsewhere, first]
    answer = ecs.update_container_instances_state(cluster=cluster, containerInstances=wanted, status="DRAINING")
    assert arns(answer["containerInstances"]) == [first]
    assert answer["failures"] == [
        {"arn": f"{ARN}container-instance/{cluster}/{NOWHERE}", "reason": "MISSING"},
        {"arn": gone, "reason": "INACTIVE"},
        {"arn": elsewhere, "reason": "MISSING"},
    ]


STATE_REFUSALS = {
    "inactive": ({"status": "INACTIVE"}, (INVALID, "Container instance status should be one of [ACTIVE, DRAINING]")),
    "unknown": ({"status": "ASLEEP"}, (INVALID, "Container instance status should be one of [ACTIVE, DRAINING]")),
    "none": ({"containerInstances": []}, (INVALID, "Container instances cannot be empty.")),
    "many": ({"containerInstances": [NOWHERE] * 11}, (INVALID, "instanceIds can have at most 10 items.")),
    "cluster": ({"cluster": "nobody"}, ("ClusterNotFoundException", "Cluster not found.")),
}


@pytest.mark.parametrize("case", STATE_REFUSALS)
def test_a_state_that_cannot_be_is_refused(ecs, cluster: str, case: str):
    arn = join(ecs, cluster)["containerInstanceArn"]
    request, expected = STATE_REFUSALS[case]
    request = {"cluster": cluster, "containerInstances": [arn], "status": "DRAINING", **request}
    assert refused(ecs.update_container_instances_state, **request) == expected
    assert described(ecs, cluster, arn)["status"] == "ACTIVE"


def test_machines_are_found_by_expressions(ecs, cluster: str):
    def rack(number: str) -> str:
        return join(ecs, cluster, attributes=[{"name": "rack", "value": number}])["containerInstanceArn"]

    seven, other, eight = rack("7"), rack("7"), rack("8")
    ecs.update_container_instances_state(cluster=cluster, containerInstances=[other], status="DRAINING")

    def found(expression: str, **members: Any) -> set[str]:
        pages = ecs.get_paginator("list_container_instances").paginate(
            cluster=cluster, filter=expression, PaginationConfig={"PageSize": 1}, **members
        )
        return {arn for page in pages for arn in page["containerInstanceArns"]}

    assert found("attribute:rack == 7") == {seven, other}
    assert found("attribute:rack == 7", status="ACTIVE") == {seven}
    assert found("attribute:rack in [8, 9] and agentConnected == false") == {eight}
    assert found("agentConnected == true") == set()
    assert found("") == {seven, other, eight}
    code, text = refused(ecs.list_container_instances, cluster=cluster, filter="attribute:rack ==")
    assert code == INVALID
    assert text.startswith("Invalid expression 'attribute:rack ==': ")


def test_machines_are_listed_page_by_page(ecs, cluster: str):
    joined = arns([join(ecs, cluster) for _ in range(5)])
    drained = joined[1:4]
    ecs.update_container_instances_state(cluster=cluster, containerInstances=drained, status="DRAINING")

    def pages(size: int, **members: Any) -> list[list[str]]:
        paginator = ecs.get_paginator("list_container_instances")
        paged = paginator.paginate(cluster=cluster, PaginationConfig={"PageSize": size}, **members)
        return [page["containerInstanceArns"] for page in paged]

    assert [len(page) for page in pages(2)] == [2, 2, 1]
    assert sorted(sum(pages(2), [])) == sorted(joined)
    assert [len(page) for page in pages(2, status="DRAINING")] == [2, 1]
    assert sorted(sum(pages(1, status="DRAINING"), [])) == sorted(drained)
    first = ecs.list_container_instances(cluster=cluster, maxResults=1, status="DRAINING")
    gone = first["containerInstanceArns"][0]
    ecs.deregister_container_instance(cluster=cluster, containerInstance=gone)
    rest = ecs.list_container_instances(cluster=cluster, status="DRAINING", nextToken=first["nextToken"])
    assert sorted(rest["containerInstanceArns"]) == sorted(set(drained) - {gone}), "a page goes on also when its last entry is gone"
    assert refused(ecs.list_container_instances, cluster=cluster, status="ASLEEP")[0] == INVALID
    assert refused(ecs.list_container_instances, cluster=cluster, maxResults=0)[0] == INVALID


def test_what_was_deregistered_can_still_be_described(ecs, cluster: str):
    arn = join(ecs, cluster)["containerInstanceArn"]
    left = ecs.deregister_container_instance(cluster=cluster, containerInstance=arn.rpartition("/")[2])["containerInstance"]
    assert (left["containerInstanceArn"], left["status"], left["agentConnected"]) == (arn, "INACTIVE", False)
    assert described(ecs, cluster, arn)["status"] == "INACTIVE"
    assert ecs.list_container_instances(cluster=cluster)["containerInstanceArns"] == []
    assert ecs.list_container_instances(cluster=cluster, status="INACTIVE")["containerInstanceArns"] == [arn]
    expected = (INVALID, "The referenced container instance was not found.")
    assert refused(ecs.deregister_container_instance, cluster=cluster, containerInstance=arn) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (NOWHERE, "The referenced container instance was not found."),
        ("nonsense", "Invalid identifier: nonsense"),
        (f"{ARN}container-instance/other/{NOWHERE}", f"Invalid identifier: {ARN}container-instance/other/{NOWHERE}"),
        (f"{ARN}task/default/{NOWHERE}", f"Invalid identifier: {ARN}task/default/{NOWHERE}"),
    ],
    ids=["unknown", "nonsense", "other-cluster", "task"],
)
def test_what_is_no_machine_cannot_be_deregistered(ecs, cluster: str, name: str, text: str):
    assert refused(ecs.deregister_container_instance, cluster=cluster, containerInstance=name) == (INVALID, text)


def test_unknown_machines_are_failures_when_described(ecs, cluster: str):
    arn = join(ecs, cluster)["containerInstanceArn"]
    elsewhere = f"{ARN}container-instance/elsewhere/{NOWHERE}"
    answer = ecs.describe_container_instances(cluster=cluster, containerInstances=[NOWHERE, arn, elsewhere])
    assert arns(answer["containerInstances"]) == [arn]
    assert answer["failures"] == [
        {"arn": f"{ARN}container-instance/{cluster}/{NOWHERE}", "reason": "MISSING"},
        {"arn": elsewhere, "reason": "MISSING"},
    ]
    expected = (INVALID, "At most 100 container instances can be given.")
    assert refused(ecs.describe_container_instances, cluster=cluster, containerInstances=[NOWHERE] * 101) == expected
    refusal = refused(ecs.describe_container_instances, cluster=cluster, containerInstances=[arn], include=["MOODS"])
    assert refusal == (INVALID, "include should be one of [CONTAINER_INSTANCE_HEALTH,TAGS]")


def test_a_cluster_with_machines_that_drain_is_not_deleted(ecs, cluster: str):
    arn = join(ecs, cluster)["containerInstanceArn"]
    ecs.update_container_instances_state(cluster=cluster, containerInstances=[arn], status="DRAINING")
    code, text = refused(ecs.delete_cluster, cluster=cluster)
    assert code == "ClusterContainsContainerInstancesException"
    assert text == "The Cluster cannot be deleted while Container Instances are active or draining."
    ecs.deregister_container_instance(cluster=cluster, containerInstance=arn)
    assert ecs.delete_cluster(cluster=cluster)["cluster"]["status"] == "INACTIVE"


def test_reports_about_what_nobody_knows_are_acknowledged(ecs, cluster: str):
    task = f"{ARN}task/{cluster}/{NOWHERE}"
    attachment = {"attachmentArn": f"{ARN}attachment/01234567-89ab-4def-8123-456789abcdef", "status": "ATTACHED"}
    known = {"acknowledgment": "ok"}

    def said(answer: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    assert said(ecs.submit_task_state_change(cluster=cluster, task=task, status="RUNNING")) == known
    assert said(ecs.submit_container_state_change(cluster=cluster, task=task, containerName="app", status="STOPPED")) == known
    assert said(ecs.submit_attachment_state_changes(cluster=cluster, attachments=[attachment])) == known


@pytest.mark.parametrize(
    ("call", "request_", "text"),
    [
        ("submit_task_state_change", {"task": NOWHERE, "status": "ASLEEP"}, "Invalid value for status: ASLEEP"),
        (
            "submit_container_state_change",
            {"task": NOWHERE, "containerName": "app", "status": "ASLEEP"},
            "Invalid value for containers.status: ASLEEP",
        ),
        (
            "submit_attachment_state_changes",
            {"attachments": [{"attachmentArn": f"{ARN}attachment/x", "status": "ASLEEP"}]},
            "Invalid value for attachments.status: ASLEEP",
        ),
        (
            "submit_attachment_state_changes",
            {"attachments": [{"attachmentArn": f"{ARN}attachment/x", "status": "ATTACHED"}]},
            f"Invalid identifier: {ARN}attachment/x",
        ),
    ],
    ids=["task", "container", "attachment-status", "attachment"],
)
def test_reports_that_cannot_be_read_are_refused(ecs, call: str, request_: dict[str, Any], text: str):
    assert refused(getattr(ecs, call), **request_) == (INVALID, text)


def test_an_agent_is_not_updated_without_an_offer(ecs, cluster: str):
    unknown = join(ecs, cluster)["containerInstanceArn"]
    known = join(ecs, cluster, versionInfo={"agentVersion": "1.105.1"})["containerInstanceArn"]

    def update(arn: str) -> tuple[str, str]:
        return refused(ecs.update_container_agent, cluster=cluster, containerInstance=arn)

    expected = "There is no update available for your container agent: the control plane offers none (--agent-update)."
    assert update(known) == ("NoUpdateAvailableException", expected)
    expected = "The version of the agent on the container instance is not known."
    assert update(unknown) == ("MissingVersionException", expected)
    assert update(NOWHERE) == (INVALID, "The referenced container instance was not found.")


def checks(machine: dict[str, Any]) -> dict[str, str]:
    return {check["type"]: check["status"] for check in machine["healthStatus"]["details"]}


def test_a_machine_whose_agent_never_came_is_not_judged(ecs, cluster: str):
    made = join(ecs, cluster)
    assert "healthStatus" not in described(ecs, cluster, made["containerInstanceArn"], include=["TAGS"])
    found = described(ecs, cluster, made["containerInstanceArn"], include=["CONTAINER_INSTANCE_HEALTH"])
    assert found["healthStatus"]["overallStatus"] == "INITIALIZING"
    assert checks(found) == {"CONTAINER_RUNTIME": "INITIALIZING", "AGENT_CONNECTIVITY": "INITIALIZING"}


def test_a_machine_tells_how_well_it_is(machine: Berth):
    ecs = machine.client("ecs")
    (arn,) = ecs.list_container_instances()["containerInstanceArns"]

    def looked_at() -> dict[str, Any] | None:
        found = described(ecs, "default", arn, include=["CONTAINER_INSTANCE_HEALTH"])
        return found if found["healthStatus"]["overallStatus"] == "OK" else None

    found = eventually("the machine is well", looked_at)
    assert checks(found) == {"CONTAINER_RUNTIME": "OK", "AGENT_CONNECTIVITY": "OK"}
    for check in found["healthStatus"]["details"]:
        assert found["registeredAt"] <= check["lastStatusChange"] <= check["lastUpdated"]


def test_a_machine_that_fell_silent_is_impaired(own_berth: Berth):
    own_berth.start_server()
    own_berth.start_agent()
    ecs = own_berth.client("ecs")
    (arn,) = ecs.list_container_instances()["containerInstanceArns"]
    own_berth.kill_agent()

    def impaired() -> dict[str, Any] | None:
        found = described(ecs, "default", arn, include=["CONTAINER_INSTANCE_HEALTH"])
        return found if found["healthStatus"]["overallStatus"] == "IMPAIRED" else None

    found = eventually("the machine is not heard any more", impaired)
    assert (found["agentConnected"], found["status"]) == (False, "ACTIVE")
    assert checks(found) == {"CONTAINER_RUNTIME": "INSUFFICIENT_DATA", "AGENT_CONNECTIVITY": "IMPAIRED"}


def test_a_machine_that_drains_leaves_its_tasks_alone(story: Story):
    (arn,) = story.ecs.list_container_instances()["containerInstanceArns"]
    task = story.start(container(script=SLEEPS))
    try:
        story.ecs.update_container_instances_state(containerInstances=[arn], status="DRAINING")
        found = described(story.ecs, "default", arn)
        assert (found["status"], found["agentConnected"]) == ("DRAINING", True)
        refusal = refused(story.ecs.run_task, taskDefinition=task["taskDefinitionArn"])
        assert refusal == (INVALID, "No Container Instances were found in your cluster.")
        assert story.describe(task)["desiredStatus"] == "RUNNING"
        assert story.stop(task)["lastStatus"] == "STOPPED", "it still reports"
    finally:
        story.ecs.update_container_instances_state(containerInstances=[arn], status="ACTIVE")
    story.running(story.run(task["taskDefinitionArn"]))


def test_a_machine_is_let_go_by_force_and_joins_again(own_berth: Berth):
    own_berth.start_server()
    own_berth.start_agent()
    story = Story(own_berth, "forced")
    (arn,) = story.ecs.list_container_instances()["containerInstanceArns"]
    task = story.start(container(script=SLEEPS))
    expected = (INVALID, "Found running tasks on the instance.")
    assert refused(story.ecs.deregister_container_instance, containerInstance=arn) == expected
    left = story.ecs.deregister_container_instance(containerInstance=arn, force=True)["containerInstance"]
    assert (left["status"], left["agentConnected"]) == ("INACTIVE", False)
    ended = story.stopped(task)
    assert ended["stopCode"] == "UserInitiated"
    assert ended["stoppedReason"] == "Container instance deregistration forced by user."
    assert ended["containers"][0]["exitCode"] == 0, "it was stopped in order"

    def back() -> list[str]:
        listed = story.ecs.list_container_instances(filter="agentConnected == true")["containerInstanceArns"]
        return [one for one in listed if one != arn]

    eventually("the machine has joined again, as a new one", back)
    refusal = ("ClientException", f"Container instance {arn.rpartition('/')[2]} is inactive.")
    assert refused(story.ecs.register_container_instance, containerInstanceArn=arn, totalResources=RESOURCES) == refusal
    assert described(story.ecs, "default", arn)["status"] == "INACTIVE"
    story.running(story.run(task["taskDefinitionArn"]))
    story.end()


def test_a_cluster_with_tasks_is_not_deleted(berth: Berth, ecs, cluster: str):
    arn = join(ecs, cluster)["containerInstanceArn"]
    ecs.register_task_definition(family="sleeper", containerDefinitions=[{"name": "app", "image": "busybox", "memory": 16}])
    with StockAgent(berth, cluster, arn, "1.105.1", REGION) as agent:
        (task,) = ecs.run_task(cluster=cluster, taskDefinition="sleeper")["tasks"]
        agent.acknowledge(agent.hear("PayloadMessage"))
        ecs.deregister_container_instance(cluster=cluster, containerInstance=arn, force=True)
        expected = ("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
        assert refused(ecs.delete_cluster, cluster=cluster) == expected
        ecs.submit_task_state_change(cluster=cluster, task=task["taskArn"], status="STOPPED")
    assert ecs.delete_cluster(cluster=cluster)["cluster"]["status"] == "INACTIVE"


def test_a_subnet_without_addresses_takes_no_more_tasks(berth: Berth, cluster: str):
    ecs = berth.client("ecs", "eu-south-1")
    room = [{"name": name, "type": "INTEGER", "integerValue": 1_000_000} for name in ("CPU", "MEMORY")]
    capable = [{"name": "ecs.capability.task-eni"}, {"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"}]
    arn = join(ecs, cluster, totalResources=room, attributes=capable)["containerInstanceArn"]
    ecs.register_task_definition(
        family="addressed", networkMode="awsvpc", containerDefinitions=[{"name": "app", "image": "busybox", "memory": 16}]
    )
    zone = [{"Name": "availability-zone", "Values": [f"{REGION}a"]}]
    (subnet,) = berth.client("ec2", REGION).describe_subnets(Filters=zone)["Subnets"]
    network = {"awsvpcConfiguration": {"subnets": [subnet["SubnetId"]]}}
    started = 0
    with StockAgent(berth, cluster, arn, "1.105.1", REGION) as agent:
        while True:
            answer = ecs.run_task(cluster=cluster, taskDefinition="addressed", count=10, networkConfiguration=network)
            started += len(answer["tasks"])
            if answer["tasks"]:
                agent.acknowledge(agent.hear("PayloadMessage"))
            if answer["failures"]:
                break
        assert answer["failures"] == [{"reason": "RESOURCE:ENI"}] * len(answer["failures"])
        # A subnet of 4096 addresses keeps five for itself.
        assert started <= subnet["AvailableIpAddressCount"] and started >= 4000
        ecs.deregister_container_instance(cluster=cluster, containerInstance=arn, force=True)


def test_agents_learn_where_their_sockets_are(berth: Berth, ecs, cluster: str):
    arn = join(ecs, cluster)["containerInstanceArn"]
    answer = ecs.discover_poll_endpoint(cluster=cluster, containerInstance=arn)
    assert (answer["endpoint"], answer["telemetryEndpoint"]) == (f"{berth.endpoint}/acs", f"{berth.endpoint}/tcs")
    with StockAgent(berth, cluster, arn, "1.105.1", REGION) as agent:
        assert agent.hear("TaskManifestMessage")["tasks"] == []
