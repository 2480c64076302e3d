"""Task definitions: registered, echoed to the letter, listed, deregistered; and refused in the words of ECS."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from botocore.session import Session

from support.berth import ACCOUNT, Berth
from support.images import ROOT
from support.model import sample
from support.refusals import refused
from support.story import container

REGION = "eu-north-1"
ECS = Session().get_service_model("ecs")
SAMPLE = json.loads((ROOT / "examples/sample-fargate-app/task-definition.json").read_text())


@pytest.fixture
def ecs(berth: Berth):
    """ECS in a region where nobody else registers anything."""
    return berth.client("ecs", REGION)


def register(ecs, family: str, *containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Registers a definition and returns it."""
    return ecs.register_task_definition(family=family, containerDefinitions=list(containers), **members)["taskDefinition"]


# Echo


def test_the_sample_registers_unchanged(ecs):
    made = ecs.register_task_definition(**SAMPLE)["taskDefinition"]
    assert made["taskDefinitionArn"] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/fargate-task-definition:1"
    (given,), (echoed,) = SAMPLE["containerDefinitions"], made["containerDefinitions"]
    assert {name: echoed[name] for name in given} == given
    for name in set(SAMPLE) - {"containerDefinitions"}:
        assert made[name] == SAMPLE[name], name
    assert (made["revision"], made["status"]) == (1, "ACTIVE")
    assert set(made["compatibilities"]) == {"EC2", "EXTERNAL", "FARGATE"}
    assert made["registeredBy"].startswith(f"arn:aws:iam::{ACCOUNT}:")
    assert {"name": "ecs.capability.task-eni"} in made["requiresAttributes"]
    described = ecs.describe_task_definition(taskDefinition="fargate-task-definition")["taskDefinition"]
    assert described == made


# What the model's samples cannot know: values that ECS checks at registration.
SENSIBLE_CONTAINER = {
    "resourceRequirements": [{"type": "GPU", "value": "2"}, {"type": "InferenceAccelerator", "value": "device_1"}],
    "name": "whole",
    "image": "busybox",
    "cpu": 10,
    "memory": 64,
    "memoryReservation": 32,
    "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": ""}],
    "portMappings": [
        {"containerPort": 80, "hostPort": 8080, "protocol": "tcp", "name": "web", "appProtocol": "http2"},
        {"containerPortRange": "9000-9010", "protocol": "udp"},
    ],
    "logConfiguration": {
        "logDriver": "awslogs",
        "options": {"awslogs-group": "g", "awslogs-region": REGION},
        "secretOptions": [{"name": "n", "valueFrom": "v"}],
    },
    "dependsOn": [{"containerName": "other", "condition": "START"}],
    "restartPolicy": {"enabled": True, "ignoredExitCodes": [1], "restartAttemptPeriod": 60},
    "healthCheck": {"command": ["CMD", "true"], "interval": 5, "timeout": 2, "retries": 1, "startPeriod": 1},
    "extraHosts": [{"hostname": "db", "ipAddress": "10.0.0.9"}],
    "dnsServers": ["10.0.0.2"],
    "ulimits": [{"name": "nofile", "softLimit": 10, "hardLimit": -1}],
    "systemControls": [{"namespace": "net.core.somaxconn", "value": "77"}],
    "linuxParameters": {
        "capabilities": {"add": ["NET_ADMIN"], "drop": []},
        "devices": [{"hostPath": "/dev/fuse", "containerPath": "/dev/mine", "permissions": ["read", "mknod"]}],
        "initProcessEnabled": False,
        "sharedMemorySize": 8,
        "tmpfs": [{"containerPath": "/scratch", "size": 5, "mountOptions": ["noexec"]}],
        "maxSwap": 0,
        "swappiness": 60,
    },
    "mountPoints": [{"sourceVolume": "v-host", "containerPath": "/logs", "readOnly": True}, {"sourceVolume": "v_plain", "containerPath": "/p"}],
    "volumesFrom": [{"sourceContainer": "other", "readOnly": True}],
}
DOCKER_VOLUME = {"autoprovision": True, "driver": "local", "driverOpts": {"o": "uid=1"}, "labels": {"team": "web"}}
EFS = {"fileSystemId": "fs-1", "rootDirectory": "/r", "transitEncryption": "ENABLED", "transitEncryptionPort": 2049}
VOLUMES = [
    {"name": "v_plain", "host": {}},
    {"name": "v-host", "host": {"sourcePath": "/srv"}},
    {"name": "docker", "dockerVolumeConfiguration": {"scope": "shared", **DOCKER_VOLUME}},
    {"name": "efs", "efsVolumeConfiguration": {**EFS, "authorizationConfig": {"accessPointId": "fsap-1", "iam": "ENABLED"}}},
    {"name": "launch", "configuredAtLaunch": True},
]
SENSIBLE_TASK = {
    "family": "whole",
    "networkMode": "bridge",
    "requiresCompatibilities": ["EC2"],
    "cpu": "256",
    "memory": "512",
    "taskRoleArn": f"arn:aws:iam::{ACCOUNT}:role/task",
    "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/execution",
    "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
    "placementConstraints": [{"type": "memberOf", "expression": "attribute:rack =~ r[0-9]+"}],
    "tags": [{"key": "team", "value": "harbour"}],
    "volumes": VOLUMES,
}
REQUEST = ECS.operation_model("RegisterTaskDefinition").input_shape
CONTAINER = ECS.shape_for("ContainerDefinition")


def whole_container() -> dict[str, Any]:
    """A container definition that has every member of the model."""
    return {**sample(CONTAINER, whole=True), **copy.deepcopy(SENSIBLE_CONTAINER)}


def whole_definition() -> dict[str, Any]:
    """A RegisterTaskDefinition request that has every member of the model."""
    whole = {**sample(REQUEST, whole=True), **copy.deepcopy(SENSIBLE_TASK)}
    return {**whole, "containerDefinitions": [whole_container(), container("other")]}


def test_every_member_of_the_model_is_echoed(ecs):
    request = whole_definition()
    assert set(request) == set(REQUEST.members)
    assert set(request["containerDefinitions"][0]) == set(CONTAINER.members)
    answer = ecs.register_task_definition(**request)
    made = answer["taskDefinition"]
    assert answer["tags"] == request.pop("tags")
    for name, value in request.pop("containerDefinitions")[0].items():
        assert made["containerDefinitions"][0][name] == value, name
    for name, value in request.items():
        assert made[name] == value, name
    described = ecs.describe_task_definition(taskDefinition="whole", include=["TAGS"])
    assert described["taskDefinition"] == made
    assert described["tags"] == answer["tags"]
    assert "tags" not in ecs.describe_task_definition(taskDefinition="whole")


@pytest.mark.parametrize("name", sorted(CONTAINER.members))
def test_a_container_member_is_echoed_alone(ecs, name: str):
    alone = {**container(), name: whole_container()[name]}
    echoed, _ = register(ecs, "alone", alone, container("other"), volumes=VOLUMES)["containerDefinitions"]
    assert {member: echoed[member] for member in alone} == alone


def test_what_was_left_out_is_echoed_as_ecs_fills_it_in(ecs):
    (echoed,) = register(ecs, "bare", {"name": "app", "image": "busybox", "memory": 64, "portMappings": [{"containerPort": 80}]})[
        "containerDefinitions"
    ]
    assert echoed == {
        "name": "app",
        "image": "busybox",
        "cpu": 0,
        "memory": 64,
        "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}],
        "essential": True,
        "environment": [],
        "mountPoints": [],
        "volumesFrom": [],
        "systemControls": [],
    }


@pytest.mark.parametrize("given", [{"cpu": "256", "memory": "512"}, {"cpu": ".25 vCPU", "memory": "0.5 GB"}, {"cpu": ".25 vcpu", "memory": "0.5GB"}])
def test_sizes_are_shown_in_units(ecs, given: dict[str, str]):
    made = register(ecs, "sizes", container(), **given)
    assert (made["cpu"], made["memory"]) == ("256", "512")


# Families and revisions


def test_a_family_counts_every_registration(ecs):
    revisions = [register(ecs, "counted", container())["revision"] for _ in range(3)]
    assert revisions == [1, 2, 3]
    gone = ecs.deregister_task_definition(taskDefinition="counted:3")["taskDefinition"]
    assert gone["status"] == "INACTIVE"
    assert gone["deregisteredAt"] >= gone["registeredAt"]
    assert register(ecs, "counted", container())["revision"] == 4


def test_a_bare_family_means_its_newest_active_revision(ecs):
    for _ in range(3):
        register(ecs, "newest", container())
    ecs.deregister_task_definition(taskDefinition="newest:3")
    described = ecs.describe_task_definition(taskDefinition="newest")["taskDefinition"]
    assert described["revision"] == 2
    assert ecs.describe_task_definition(taskDefinition=described["taskDefinitionArn"])["taskDefinition"] == described
    assert ecs.describe_task_definition(taskDefinition="newest:3")["taskDefinition"]["status"] == "INACTIVE"


def test_a_deregistered_definition_cannot_be_run(ecs):
    register(ecs, "retired", container())
    ecs.deregister_task_definition(taskDefinition="retired:1")
    ecs.create_cluster()
    assert refused(ecs.run_task, taskDefinition="retired:1") == ("ClientException", "TaskDefinition is inactive")
    assert refused(ecs.run_task, taskDefinition="retired")[0] == "ClientException"


def test_definitions_are_listed_page_by_page(ecs):
    wanted = [register(ecs, "listed", container())["taskDefinitionArn"] for _ in range(5)]
    pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix="listed", PaginationConfig={"PageSize": 2})
    assert [page["taskDefinitionArns"] for page in pages] == [wanted[:2], wanted[2:4], wanted[4:]]
    newest_first = ecs.list_task_definitions(familyPrefix="listed", sort="DESC")["taskDefinitionArns"]
    assert newest_first == wanted[::-1]
    ecs.deregister_task_definition(taskDefinition=wanted[1])
    assert wanted[1] not in ecs.list_task_definitions(familyPrefix="listed")["taskDefinitionArns"]
    assert ecs.list_task_definitions(familyPrefix="listed", status="INACTIVE")["taskDefinitionArns"] == [wanted[1]]


def test_families_are_listed_by_what_is_active_in_them(ecs):
    for family in ("fleet-a", "fleet-b"):
        register(ecs, family, container())
    ecs.deregister_task_definition(taskDefinition="fleet-a:1")

    def families(**filters: str) -> list[str]:
        return ecs.list_task_definition_families(familyPrefix="fleet-", **filters)["families"]

    assert families() == ["fleet-a", "fleet-b"]
    assert families(status="ALL") == ["fleet-a", "fleet-b"]
    assert families(status="ACTIVE") == ["fleet-b"]
    assert families(status="INACTIVE") == ["fleet-a"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nobody", ("ClientException", "Unable to describe task definition.")),
        ("nobody:7", ("ClientException", "Unable to describe task definition.")),
        ("nobody:x", ("InvalidParameterException", "Invalid revision number. Number: x")),
        ("nobody:-1", ("InvalidParameterException", "Invalid revision number. Number: -1")),
    ],
)
def test_what_does_not_exist_cannot_be_described(ecs, name: str, expected: tuple[str, str]):
    assert refused(ecs.describe_task_definition, taskDefinition=name) == expected


# Validation

FARGATE = {
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/execution",
}
AWSLOGS = {"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": REGION}}


def without(members: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in members.items() if key != name}


def ports(*mappings: dict[str, Any]) -> dict[str, Any]:
    return container(portMappings=list(mappings))


FAULTS = {
    # Sizes of FARGATE
    "fargate-cpu": ({**FARGATE, "cpu": "300"}, container(), "Invalid 'cpu' setting for task."),
    "fargate-no-cpu": (without(FARGATE, "cpu"), container(), "Invalid 'cpu' setting for task."),
    "fargate-no-memory": (without(FARGATE, "memory"), container(), "Invalid 'memory' setting for task."),
    "fargate-pair": ({**FARGATE, "memory": "3072"}, container(), "No Fargate configuration exists for given values."),
    "fargate-large-pair": (
        {**FARGATE, "cpu": "8192", "memory": "17408"},
        container(),
        "No Fargate configuration exists for given values.",
    ),
    # What FARGATE does not take
    "fargate-bridge": ({**FARGATE, "networkMode": "bridge"}, container(), "Fargate only supports network mode ‘awsvpc’."),
    "fargate-no-mode": (without(FARGATE, "networkMode"), container(), "Fargate only supports network mode ‘awsvpc’."),
    "fargate-host-pid": (
        {**FARGATE, "pidMode": "host"},
        container(),
        "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'.",
    ),
    "fargate-no-role": (
        without(FARGATE, "executionRoleArn"),
        container(logConfiguration=AWSLOGS),
        "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
    ),
    "fargate-ecr-without-role": (
        without(FARGATE, "executionRoleArn"),
        {**container(), "image": "012345678910.dkr.ecr.us-east-1.amazonaws.com/web:1"},
        "Fargate requires task definition to have execution role ARN to support ECR images.",
    ),
    "fargate-log-driver": (FARGATE, container(logConfiguration={"logDriver": "syslog"}), "syslog"),
    "fargate-privileged": (FARGATE, container(privileged=True), "'privileged'"),
    "fargate-links": (FARGATE, container(links=["other"]), "'links'"),
    "fargate-gpu": (FARGATE, container(resourceRequirements=[{"type": "GPU", "value": "1"}]), "'resourceRequirements'"),
    "fargate-stop-timeout": (FARGATE, container(stopTimeout=121), "'stopTimeout'"),
    "fargate-host-volume": (
        {**FARGATE, "volumes": [{"name": "v", "host": {"sourcePath": "/srv"}}]},
        container(),
        "Fargate compatible task definitions do not support sourcePath",
    ),
    "fargate-constraint": (
        {**FARGATE, "placementConstraints": [{"type": "memberOf", "expression": "attribute:a exists"}]},
        container(),
        "'placementConstraints'",
    ),
    # Containers
    "no-name": ({}, without(container(), "name"), "Container.name should not be null or empty."),
    "no-image": ({}, without(container(), "image"), "Container.image should not be null or empty."),
    "empty-image": ({}, container(image=""), "Container.image should not be null or empty."),
    "bad-name": ({}, container(name="a/b"), "a/b"),
    "no-memory": (
        {},
        without(container("web"), "memory"),
        "Invalid setting for container 'web'. At least one of 'memory' or 'memoryReservation' must be specified.",
    ),
    "little-memory": ({}, container(memory=4), "at least 6 MiB"),
    "reservation-above": ({}, container(memoryReservation=128), "memoryReservation"),
    "negative-cpu": ({}, container(cpu=-1), "negative"),
    "nothing-essential": ({}, container(essential=False), "essential"),
    "more-than-the-task": ({"memory": "32"}, container(), "'memory'"),
    "more-cpu-than-the-task": ({"cpu": "256"}, container(cpu=512), "'cpu'"),
    "nameless-variable": ({}, container(environment=[{"name": "", "value": "v"}]), "Environment variables must have names."),
    # Ports
    "awsvpc-ports": (
        {"networkMode": "awsvpc"},
        ports({"containerPort": 80, "hostPort": 8080}),
        "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
    ),
    "host-ports": (
        {"networkMode": "host"},
        ports({"containerPort": 80, "hostPort": 8080}),
        "When networkMode=host, the host ports and container ports in port mappings must match.",
    ),
    "none-ports": ({"networkMode": "none"}, ports({"containerPort": 80}), "When networkMode=none, there can be no port mappings."),
    "port-twice": ({}, ports({"containerPort": 80, "hostPort": 8080}, {"containerPort": 81, "hostPort": 8080}), "8080"),
    "port-zero": ({}, ports({"containerPort": 0}), "Invalid port"),
    "port-large": ({}, ports({"containerPort": 65536}), "Invalid port"),
    "port-protocol": ({}, ports({"containerPort": 80, "protocol": "sctp"}), "sctp"),
    # Logs
    "log-driver": ({}, container(logConfiguration={"logDriver": "pigeon"}), "pigeon"),
    "log-group": (
        {},
        container(logConfiguration={"logDriver": "awslogs", "options": {"awslogs-region": REGION}}),
        "Log driver awslogs requires options: awslogs-group",
    ),
    "log-option": (
        {},
        container(logConfiguration={"logDriver": "awslogs", "options": {**AWSLOGS["options"], "colour": "red"}}),
        "Log driver awslogs disallows options: colour",
    ),
    # The task
    "mode": ({"networkMode": "wormhole"}, container(), "wormhole"),
    "compatibility": ({"requiresCompatibilities": ["MOON"]}, container(), "MOON"),
    "role": ({"taskRoleArn": "not-an-arn"}, container(), "not-an-arn"),
    "platform": ({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}, container(), "WINDOWS"),
    "task-cpu": ({"cpu": "much"}, container(), "Invalid 'cpu' setting for task."),
    "task-memory": ({"memory": "-512"}, container(), "Invalid 'memory' setting for task."),
    "size": ({}, container(environment=[{"name": "LARGE", "value": "x" * 66_000}]), "65536 bytes"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_definition_is_refused(ecs, fault: str):
    members, faulty, text = FAULTS[fault]
    code, message = refused(ecs.register_task_definition, family="faulty", containerDefinitions=[faulty], **members)
    assert code == "ClientException"
    assert text in message
    assert "faulty" not in ecs.list_task_definition_families()["families"], "a refusal leaves nothing behind"


@pytest.mark.parametrize(
    ("family", "containers", "text"),
    [
        ("many", [container(f"c{number}") for number in range(11)], "1 to 10 containers"),
        ("none", [], "1 to 10 containers"),
        ("twins", [container("twin"), container("twin")], "'twin'"),
        ("sp ace", [container()], "Family"),
        ("x" * 256, [container()], "Family"),
        ("", [container()], "Family"),
    ],
    ids=["many", "none", "twins", "blank", "long", "empty"],
)
def test_a_faulty_whole_is_refused(ecs, family: str, containers: list[dict[str, Any]], text: str):
    code, message = refused(ecs.register_task_definition, family=family, containerDefinitions=containers)
    assert code == "ClientException"
    assert text in message


@pytest.mark.parametrize(
    ("cpu", "least", "most"),
    [("256", 512, 2048), ("512", 1024, 4096), ("1024", 2048, 8192), ("2048", 4096, 16384), ("4096", 8192, 30720)]
    + [("8192", 16384, 61440), ("16384", 32768, 122880)],
)
def test_the_sizes_of_fargate(ecs, cpu: str, least: int, most: int):
    for memory in (least, most):
        made = register(ecs, "fits", container(), **{**FARGATE, "cpu": cpu, "memory": str(memory)})
        assert (made["cpu"], made["memory"]) == (cpu, str(memory))
    for memory in (least // 2, most + 1024):
        size = {"cpu": cpu, "memory": str(memory)}
        request = {**FARGATE, **size, "containerDefinitions": [container()]}
        assert refused(ecs.register_task_definition, family="misfit", **request)[1].startswith("No Fargate configuration")


# Nothing is run without what it asked for

CONTAINER_BUILT = {
    "name",
    "image",
    "cpu",
    "memory",
    "memoryReservation",
    "portMappings",
    "essential",
    "entryPoint",
    "command",
    "environment",
    "stopTimeout",
    "user",
    "workingDirectory",
    "logConfiguration",
    "dependsOn",
    "startTimeout",
    "restartPolicy",
    "healthCheck",
    "resourceRequirements",
    "hostname",
    "extraHosts",
    "dnsServers",
    "dnsSearchDomains",
    "disableNetworking",
    "readonlyRootFilesystem",
    "privileged",
    "pseudoTerminal",
    "dockerSecurityOptions",
    "dockerLabels",
    "ulimits",
    "systemControls",
    "linuxParameters",
    "mountPoints",
    "volumesFrom",
}
TASK_BUILT = {
    "family",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "runtimePlatform",
    "placementConstraints",
    "tags",
    "volumes",
}
RUN = ECS.operation_model("RunTask").input_shape
RUN_BUILT = {
    "cluster",
    "taskDefinition",
    "count",
    "launchType",
    "platformVersion",
    "networkConfiguration",
    "group",
    "startedBy",
    "clientToken",
    "placementStrategy",
    "placementConstraints",
    "capacityProviderStrategy",
    "tags",
    "propagateTags",
    "enableECSManagedTags",
    "referenceId",
    "overrides",
}


def not_run(ecs, definition: dict[str, Any], member: str, **request: Any) -> None:
    """RunTask refuses the definition and names the member."""
    code, text = refused(ecs.run_task, taskDefinition=definition["taskDefinitionArn"], **request)
    assert code == "UnsupportedFeatureException"
    assert f"'{member}'" in text


@pytest.mark.parametrize("member", sorted(set(CONTAINER.members) - CONTAINER_BUILT))
def test_a_container_that_asks_for_what_is_not_built_is_not_run(ecs, member: str):
    definition = register(ecs, "unbuilt", {**container(), member: whole_container()[member]})
    not_run(ecs, definition, member)


@pytest.mark.parametrize(
    ("member", "asking"),
    [
        ("portMappings.containerPortRange", {"portMappings": [{"containerPortRange": "9000-9010"}]}),
        ("logConfiguration.secretOptions", {"logConfiguration": {**AWSLOGS, "secretOptions": [{"name": "n", "valueFrom": "v"}]}}),
        (
            "logConfiguration.options.awslogs-multiline-pattern",
            {"logConfiguration": {"logDriver": "awslogs", "options": {**AWSLOGS["options"], "awslogs-multiline-pattern": "^x"}}},
        ),
        ("logConfiguration.logDriver fluentd", {"logConfiguration": {"logDriver": "fluentd"}}),
    ],
)
def test_a_part_of_a_built_member_that_is_not_built_is_not_run(ecs, member: str, asking: dict[str, Any]):
    not_run(ecs, register(ecs, "unbuilt", {**container(), **asking}), member)


@pytest.mark.parametrize("member", sorted(set(REQUEST.members) - TASK_BUILT))
def test_a_task_that_asks_for_what_is_not_built_is_not_run(ecs, member: str):
    definition = register(ecs, "unbuilt", container(), **{member: whole_definition()[member]})
    not_run(ecs, definition, member)


@pytest.mark.parametrize("member", sorted(set(RUN.members) - RUN_BUILT))
def test_a_call_that_asks_for_what_is_not_built_is_refused(ecs, member: str):
    definition = register(ecs, "plain", container())
    asked = sample(RUN.members[member], whole=True)
    not_run(ecs, definition, member, **{member: asked})


@pytest.mark.parametrize("empty", [{"dependsOn": []}, {"interactive": False}, {"links": []}, {"privileged": False}, {"hostname": ""}, {"linuxParameters": {}}])
def test_what_asks_for_nothing_is_no_reason_to_refuse(ecs, empty: dict[str, Any]):
    definition = register(ecs, "modest", {**container(), **empty})
    ecs.create_cluster()
    code, _ = refused(ecs.run_task, taskDefinition=definition["taskDefinitionArn"])
    assert code == "InvalidParameterException", "all that is missing is a machine"
