"""Presigned URLs: whoever has one may make its one call for as long as it says, with any client or none."""

from __future__ import annotations

import urllib.error
import urllib.request
from xml.etree import ElementTree

import pytest

from support import raw
from support.berth import ACCOUNT, Berth

WEEK_S = 7 * 24 * 60 * 60


def presigned(berth: Berth, service: str = "sts", operation: str = "get_caller_identity", expires_s: int = 60, **parameters) -> str:
    client = berth.client(service)
    return client.generate_presigned_url(operation, parameters, ExpiresIn=expires_s, HttpMethod="GET")


def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str]]:
    """Status, and the texts of the answer by the names of their elements."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=60) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    elements = ElementTree.fromstring(body).iter()
    return status, {element.tag.rpartition("}")[2]: element.text or "" for element in elements}


def refusal(url: str, headers: dict[str, str] | None = None) -> tuple[int, str, str]:
    status, texts = get(url, headers)
    return status, texts["Code"], texts["Message"]


@pytest.mark.parametrize("expires_s", [60, WEEK_S])
def test_a_presigned_url_says_who_made_it(berth: Berth, expires_s: int):
    status, texts = get(presigned(berth, expires_s=expires_s))
    assert (status, texts["Account"]) == (200, ACCOUNT)


def test_a_presigned_url_carries_parameters(berth: Berth):
    filters = [{"Name": "cidr", "Values": ["172.31.0.0/16"]}, {"Name": "is-default", "Values": ["true"]}]
    status, texts = get(presigned(berth, "ec2", "describe_vpcs", Filters=filters))
    assert (status, texts["cidrBlock"]) == (200, "172.31.0.0/16")


def test_a_presigned_url_ends(berth: Berth):
    with raw.clock_off_by(-61):
        status, code, text = refusal(presigned(berth))
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert text.startswith("Signature expired: ") and text.endswith(" - 1 min.)")
    with raw.clock_off_by(-59 * 60):
        assert get(presigned(berth, expires_s=3600))[0] == 200
        assert refusal(presigned(berth, "ec2", "describe_vpcs"))[:2] == (400, "RequestExpired")


def test_a_presigned_url_does_not_begin_in_the_future(berth: Berth):
    with raw.clock_off_by(600):
        status, code, text = refusal(presigned(berth, expires_s=3600))
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert text.startswith("Signature not yet current: ")


def test_nobody_presigns_for_longer_than_a_week(berth: Berth):
    status, code, text = refusal(presigned(berth, expires_s=WEEK_S + 1))
    assert (status, code) == (400, "IncompleteSignature")
    assert text == (
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
    )


def test_a_presigned_url_that_was_changed_is_refused(berth: Berth):
    url = presigned(berth)
    for wrong in [url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), url + "&DryRun=true", url + "0"]:
        assert refusal(wrong)[:2] == (403, "SignatureDoesNotMatch")
    status, code, text = refusal(url.partition("&X-Amz-Signature")[0])
    assert (status, code) == (400, "IncompleteSignature")
    assert text == "AWS query-string parameters must include 'X-Amz-Signature'. Re-examine the query-string parameters."


def test_a_request_is_signed_in_one_place(berth: Berth):
    status, code, text = refusal(presigned(berth), {"Authorization": "AWS4-HMAC-SHA256 Credential=a"})
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert text == "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
