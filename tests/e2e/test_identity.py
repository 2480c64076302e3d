"""Who calls, and from which region: every request is signed, or refused with AWS's codes in the words of its protocol."""

from __future__ import annotations

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from support import raw
from support.berth import ACCOUNT, Berth

# A harmless call of each family of protocols.
CALLS = {
    "ecs": lambda client: client.list_clusters(),
    "logs": lambda client: client.describe_log_groups(),
    "sts": lambda client: client.get_caller_identity(),
    "ec2": lambda client: client.describe_vpcs(),
}
JSON, QUERY, EC2 = ("ecs", "logs"), ("sts",), ("ec2",)


def refusal(call, client) -> tuple[int, str, str]:
    """Status, code and text of the refusal of a call."""
    with pytest.raises(ClientError) as caught:
        call(client)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["RequestId"]
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def by_family(json: tuple[int, str], query: tuple[int, str], ec2: tuple[int, str]):
    """Every service with what its family answers."""
    families = [(JSON, json), (QUERY, query), (EC2, ec2)]
    return pytest.mark.parametrize(
        ("service", "expected"), [pytest.param(name, one, id=name) for names, one in families for name in names]
    )


@pytest.mark.parametrize("service", CALLS)
def test_the_administrator_is_known(berth: Berth, service: str):
    assert CALLS[service](berth.client(service))["ResponseMetadata"]["HTTPStatusCode"] == 200


@by_family((400, "InvalidSignatureException"), (403, "SignatureDoesNotMatch"), (401, "AuthFailure"))
def test_a_wrong_secret_is_refused(berth: Berth, service: str, expected: tuple[int, str]):
    client = berth.client(service, aws_secret_access_key="not the secret")
    status, code, text = refusal(CALLS[service], client)
    assert (status, code) == expected
    if service in JSON + QUERY:
        assert text.startswith("The request signature we calculated does not match the signature you provided.")


@by_family((400, "UnrecognizedClientException"), (403, "InvalidClientTokenId"), (401, "AuthFailure"))
def test_a_foreign_key_is_refused(berth: Berth, service: str, expected: tuple[int, str]):
    client = berth.client(service, aws_access_key_id="AKIAIOSFODNN7EXAMPLE")
    status, code, text = refusal(CALLS[service], client)
    assert (status, code) == expected
    if service in JSON + QUERY:
        assert text == "The security token included in the request is invalid."


@by_family((400, "UnrecognizedClientException"), (403, "InvalidClientTokenId"), (401, "AuthFailure"))
def test_a_session_token_that_nobody_gave_out_is_refused(berth: Berth, service: str, expected: tuple[int, str]):
    client = berth.client(service, aws_session_token="FwoGZXIvYXdzEBYaD")
    assert refusal(CALLS[service], client)[:2] == expected


@by_family((400, "InvalidSignatureException"), (403, "SignatureDoesNotMatch"), (400, "RequestExpired"))
def test_a_stale_clock_is_refused(berth: Berth, service: str, expected: tuple[int, str]):
    with raw.clock_off_by(-600):
        status, code, text = refusal(CALLS[service], berth.client(service))
    assert (status, code) == expected
    assert text.startswith("Signature expired: " if service in JSON + QUERY else "Request has expired.")


@by_family((400, "InvalidSignatureException"), (403, "SignatureDoesNotMatch"), (401, "AuthFailure"))
def test_a_clock_that_is_fast_is_refused(berth: Berth, service: str, expected: tuple[int, str]):
    with raw.clock_off_by(600):
        status, code, text = refusal(CALLS[service], berth.client(service))
    assert (status, code) == expected
    if service in JSON + QUERY:
        assert text.startswith("Signature not yet current: ")


@pytest.mark.parametrize("seconds", [-240, 240])
def test_a_clock_that_is_a_little_wrong_is_borne(berth: Berth, seconds: int):
    with raw.clock_off_by(seconds):
        berth.client("ecs").list_clusters()


@by_family((400, "MissingAuthenticationTokenException"), (403, "MissingAuthenticationToken"), (403, "MissingAuthenticationToken"))
def test_an_unsigned_request_is_refused(berth: Berth, service: str, expected: tuple[int, str]):
    client = berth.client(service, config=Config(signature_version=UNSIGNED))
    status, code, text = refusal(CALLS[service], client)
    assert (status, code) == expected
    assert text == "Request is missing Authentication Token"


@pytest.mark.parametrize("region", ["nowhere", "US-EAST-1", "us-east-1a", "us_east_1"])
def test_a_region_that_is_no_region_is_refused(berth: Berth, region: str):
    reply = raw.ecs(berth, "ListClusters", region=region).send()
    assert (reply.status, reply.code) == (400, "InvalidSignatureException")
    assert "Credential should be scoped to a valid region." in reply.message


def test_a_signature_for_another_service_is_not_good_for_ecs(berth: Berth):
    reply = raw.ecs(berth, "ListClusters", service="logs").send()
    assert reply.status == 400
    assert reply.code == "UnknownOperationException"


def test_a_body_that_was_changed_on_its_way_is_refused(berth: Berth):
    request = raw.ecs(berth, "CreateCluster", b'{"clusterName":"mine"}')
    request.body = b'{"clusterName":"evil"}'
    reply = request.send()
    assert (reply.status, reply.code) == (400, "InvalidSignatureException")
    (failure,) = berth.client("ecs").describe_clusters(clusters=["evil"])["failures"]
    assert failure["reason"] == "MISSING"


def test_a_target_that_was_changed_on_its_way_is_refused(berth: Berth):
    request = raw.ecs(berth, "ListClusters")
    request.headers["X-Amz-Target"] = f"{raw.ECS_TARGET}.DeleteCluster"
    reply = request.send()
    assert (reply.status, reply.code) == (400, "InvalidSignatureException")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Basic dXNlcjpwYXNz", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host;x-amz-date;x-amz-target, Signature=00", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 " + "x" * 20_000, "IncompleteSignatureException"),
    ],
    ids=["basic", "empty", "short-credential", "long"],
)
def test_a_header_that_is_no_signature_is_refused(berth: Berth, header: str, code: str):
    request = raw.ecs(berth, "ListClusters")
    request.headers["Authorization"] = header
    reply = request.send()
    assert (reply.status, reply.code) == (400, code)


def test_the_caller_learns_who_they_are(berth: Berth):
    me = berth.client("sts").get_caller_identity()
    assert me["Account"] == ACCOUNT
    assert me["Arn"].startswith(f"arn:aws:iam::{ACCOUNT}:")


def test_every_region_has_resources_of_its_own(berth: Berth):
    ireland, mars = berth.client("ecs", "eu-west-1"), berth.client("ecs", "mars-north-1")
    made = ireland.create_cluster(clusterName="only-there")["cluster"]
    assert made["clusterArn"] == f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/only-there"
    assert made["clusterArn"] in ireland.list_clusters()["clusterArns"]
    for elsewhere in (mars, berth.client("ecs")):
        assert made["clusterArn"] not in elsewhere.list_clusters()["clusterArns"]
        (failure,) = elsewhere.describe_clusters(clusters=["only-there"])["failures"]
        assert failure["reason"] == "MISSING"
    ireland.delete_cluster(cluster="only-there")


def test_regions_have_networks_of_their_own(berth: Berth):
    def vpc(region: str) -> str:
        (found,) = berth.client("ec2", region).describe_vpcs()["Vpcs"]
        assert found["CidrBlock"] == "172.31.0.0/16"
        assert found["IsDefault"]
        return found["VpcId"]

    assert vpc("eu-west-1") == vpc("eu-west-1")
    assert vpc("eu-west-1") != vpc("us-east-1")
    zones = berth.client("ec2", "eu-west-1").describe_availability_zones()["AvailabilityZones"]
    subnets = berth.client("ec2", "eu-west-1").describe_subnets()["Subnets"]
    assert sorted(one["AvailabilityZone"] for one in subnets) == sorted(one["ZoneName"] for one in zones)
    assert all(one["ZoneName"].startswith("eu-west-1") for one in zones)
