"""Every operation of ECS answers with a modelled shape or a modelled exception to a request built from its model.

The walk goes over botocore's model of the service, so that nothing can be left out of it by oversight. It keeps to a
region of its own, where what it makes disturbs nobody.
"""

from __future__ import annotations

import pytest
from botocore.session import Session

from support import raw
from support.berth import Berth
from support.model import assert_fits, call, json_of, sample

REGION = "ap-south-1"
_models = Session()
ECS = _models.get_service_model("ecs")
LOGS = _models.get_service_model("logs")
EC2 = _models.get_service_model("ec2")
STS = _models.get_service_model("sts")

ECS_BUILT = {
    "CreateCluster",
    "DeleteAccountSetting",
    "DeleteAttributes",
    "DeleteCluster",
    "DeleteTaskDefinitions",
    "DeregisterContainerInstance",
    "DeregisterTaskDefinition",
    "DescribeCapacityProviders",
    "DescribeClusters",
    "DescribeContainerInstances",
    "DescribeTaskDefinition",
    "DescribeTasks",
    "DiscoverPollEndpoint",
    "ListAccountSettings",
    "ListAttributes",
    "ListClusters",
    "ListContainerInstances",
    "ListTagsForResource",
    "ListTaskDefinitionFamilies",
    "ListTaskDefinitions",
    "ListTasks",
    "PutAccountSetting",
    "PutAccountSettingDefault",
    "PutAttributes",
    "PutClusterCapacityProviders",
    "RegisterContainerInstance",
    "RegisterTaskDefinition",
    "RunTask",
    "StartTask",
    "StopTask",
    "SubmitAttachmentStateChanges",
    "SubmitContainerStateChange",
    "SubmitTaskStateChange",
    "TagResource",
    "UntagResource",
    "UpdateCluster",
    "UpdateClusterSettings",
    "UpdateContainerAgent",
    "UpdateContainerInstancesState",
}
LOGS_BUILT = {
    "CreateLogGroup",
    "CreateLogStream",
    "DeleteLogGroup",
    "DeleteLogStream",
    "DeleteRetentionPolicy",
    "DescribeLogGroups",
    "DescribeLogStreams",
    "FilterLogEvents",
    "GetLogEvents",
    "PutLogEvents",
    "PutRetentionPolicy",
}
EC2_BUILT = {
    "DescribeAvailabilityZones",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSubnets",
    "DescribeVpcs",
}
EC2_UNBUILT = [name for name in EC2.operation_names if name not in EC2_BUILT]
EC2_SOME = EC2_UNBUILT[:: len(EC2_UNBUILT) // 20][:20]


def exceptions_of(service) -> set[str]:
    """The codes of all exceptions of a service."""
    return {shape.metadata.get("error", {}).get("code") or shape.name for shape in service.error_shapes}


def test_the_walk_covers_the_published_model():
    assert len(ECS.operation_names) == 88
    assert len(LOGS.operation_names) == 118
    assert len(EC2_SOME) == 20
    for service, built in ((ECS, ECS_BUILT), (LOGS, LOGS_BUILT), (EC2, EC2_BUILT)):
        assert built < set(service.operation_names)
    assert {"ClusterNotFoundException", "UnsupportedFeatureException"} < exceptions_of(ECS)


@pytest.mark.parametrize("whole", [False, True], ids=["minimal", "whole"])
@pytest.mark.parametrize("name", ECS.operation_names)
def test_an_ecs_operation_answers_as_its_model_says(berth: Berth, name: str, whole: bool):
    operation = ECS.operation_model(name)
    answer = call(berth.client("ecs", REGION), operation, sample(operation.input_shape, whole))
    if answer.error is None:
        assert answer.status == 200
        assert_fits(operation.output_shape, json_of(answer))
    else:
        assert 400 <= answer.status < 500, answer.error
        assert answer.code in exceptions_of(ECS), answer.error
        assert answer.message
    is_refused = answer.code == "UnsupportedFeatureException" and name in answer.message
    if name not in ECS_BUILT:
        assert is_refused, answer.error or answer.parsed
    elif not whole:
        assert not is_refused, answer.error


@pytest.mark.parametrize("name", LOGS.operation_names)
def test_a_logs_operation_is_built_or_unknown(berth: Berth, name: str):
    operation = LOGS.operation_model(name)
    answer = call(berth.client("logs", REGION), operation, sample(operation.input_shape))
    if name in LOGS_BUILT:
        if answer.error is None:
            assert_fits(operation.output_shape, json_of(answer))
        else:
            assert answer.status == 400
            assert answer.code in exceptions_of(LOGS), answer.error
    else:
        assert (answer.status, answer.code) == (400, "UnknownOperationException"), answer.error
        assert name in answer.message


@pytest.mark.parametrize("name", EC2_SOME)
def test_an_ec2_operation_that_is_not_built_says_so(berth: Berth, name: str):
    operation = EC2.operation_model(name)
    answer = call(berth.client("ec2", REGION), operation, sample(operation.input_shape) if operation.input_shape else {})
    assert (answer.status, answer.code) == (400, "UnsupportedOperation"), answer.error
    assert name in answer.message


@pytest.mark.parametrize("name", sorted(EC2_BUILT))
def test_a_built_ec2_operation_answers(berth: Berth, name: str):
    answer = call(berth.client("ec2", REGION), EC2.operation_model(name), {})
    assert answer.error is None
    assert answer.status == 200


@pytest.mark.parametrize("name", STS.operation_names)
def test_an_sts_operation_is_built_or_invalid(berth: Berth, name: str):
    operation = STS.operation_model(name)
    answer = call(berth.client("sts", REGION), operation, sample(operation.input_shape))
    if name == "GetCallerIdentity":
        assert answer.error is None
        assert answer.parsed["Account"] == "012345678910"
    elif operation.auth_type == "none" or operation.auth == ["smithy.api#noAuth"]:
        # SDKs do not sign these, and nobody unknown is told what there is.
        assert (answer.status, answer.code) == (403, "MissingAuthenticationToken")
    else:
        assert (answer.status, answer.code) == (400, "InvalidAction"), answer.error
        assert name in answer.message


def test_an_operation_that_aws_never_had_is_unknown(berth: Berth):
    reply = raw.ecs(berth, "ListNothing").send()
    assert (reply.status, reply.code) == (400, "UnknownOperationException")
