"""Account settings: made, inherited, taken back, listed, refused; and what they do to clusters."""

from __future__ import annotations

import pytest
from botocore.config import Config

from support.berth import ACCOUNT, Berth
from support.refusals import refused

INVALID = "InvalidParameterException"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
USUAL = {
    "awsvpcTrunking": "disabled",
    "containerInsights": "disabled",
    "containerInstanceLongArnFormat": "enabled",
    "defaultLogDriverMode": "non-blocking",
    "fargateEventWindows": "disabled",
    "fargateFIPSMode": "disabled",
    "fargateTaskRetirementWaitPeriod": "7",
    "guardDutyActivate": "off",
    "serviceLongArnFormat": "enabled",
    "tagResourceAuthorization": "on",
    "taskLongArnFormat": "enabled",
}


@pytest.fixture
def ecs(berth: Berth, request: pytest.FixtureRequest):
    """ECS in a region of the test's own. What the client would refuse is left to the server."""
    region = f"us-gov-{'east' if 'refused' in request.node.name else 'west'}-{1 + len(request.node.originalname) % 9}"
    client = berth.client("ecs", region, config=Config(parameter_validation=False))
    yield client
    for whom in (ROOT, ANN):
        for name in listed(client, principalArn=whom):
            client.delete_account_setting(name=name, principalArn=whom)


def listed(ecs, **filters) -> dict[str, str]:
    pages = ecs.get_paginator("list_account_settings").paginate(**filters)
    return {one["name"]: one["value"] for page in pages for one in page["settings"]}


def test_settings_are_made_inherited_and_taken_back(ecs):
    assert listed(ecs) == {}
    assert listed(ecs, effectiveSettings=True) == USUAL
    made = ecs.put_account_setting_default(name="containerInsights", value="enabled")["setting"]
    assert made == {"name": "containerInsights", "value": "enabled", "principalArn": ROOT, "type": "user"}
    made = ecs.put_account_setting(name="containerInsights", value="enhanced", principalArn=ANN)["setting"]
    assert made == {"name": "containerInsights", "value": "enhanced", "principalArn": ANN, "type": "user"}
    assert listed(ecs) == {"containerInsights": "enabled"}
    assert listed(ecs, principalArn=ANN) == {"containerInsights": "enhanced"}
    assert listed(ecs, principalArn=ANN, effectiveSettings=True) == {**USUAL, "containerInsights": "enhanced"}
    left = ecs.delete_account_setting(name="containerInsights", principalArn=ANN)["setting"]
    assert (left["value"], left["principalArn"]) == ("enabled", ROOT)
    assert listed(ecs, principalArn=ANN, effectiveSettings=True) == {**USUAL, "containerInsights": "enabled"}
    assert ecs.delete_account_setting(name="containerInsights")["setting"]["value"] == "disabled"
    assert listed(ecs, effectiveSettings=True) == USUAL


def test_settings_are_listed_by_name_and_value_and_page_by_page(ecs):
    ecs.put_account_setting(name="awsvpcTrunking", value="enabled")
    assert listed(ecs, name="awsvpcTrunking") == listed(ecs, name="awsvpcTrunking", value="enabled") == {"awsvpcTrunking": "enabled"}
    assert listed(ecs, name="awsvpcTrunking", value="disabled") == {}
    (managed,) = ecs.list_account_settings(name="guardDutyActivate", effectiveSettings=True)["settings"]
    assert managed["type"] == "aws_managed"
    first = ecs.list_account_settings(effectiveSettings=True)
    assert len(first["settings"]) == 10
    second = ecs.list_account_settings(effectiveSettings=True, nextToken=first["nextToken"])
    assert len(second["settings"]) == 1
    assert refused(ecs.list_account_settings, maxResults=11) == (INVALID, "maxResults must be between 1 and 10.")
    expected = (INVALID, "A name must be specified when a value is specified.")
    assert refused(ecs.list_account_settings, value="enabled") == expected
    assert refused(ecs.list_account_settings, name="nothing") == (INVALID, "Invalid setting 'name'")


def test_new_clusters_want_the_insights_of_the_account(ecs):
    ecs.create_cluster(clusterName="before")
    ecs.put_account_setting(name="containerInsights", value="enhanced")
    ecs.create_cluster(clusterName="after")
    ecs.create_cluster(clusterName="other", settings=[{"name": "containerInsights", "value": "disabled"}])
    found = ecs.describe_clusters(clusters=["before", "after", "other"], include=["SETTINGS"])["clusters"]
    assert [one["settings"][0]["value"] for one in found] == ["disabled", "enhanced", "disabled"]
    for name in ("before", "after", "other"):
        ecs.delete_cluster(cluster=name)


def test_settings_that_change_nothing_here_are_kept(ecs):
    for name, value in {
        "awsvpcTrunking": "enabled",
        "defaultLogDriverMode": "blocking",
        "fargateTaskRetirementWaitPeriod": "14",
        "tagResourceAuthorization": "off",
        "taskLongArnFormat": "enabled",
        "fargateFIPSMode": "disabled",
    }.items():
        assert ecs.put_account_setting(name=name, value=value)["setting"]["value"] == value
        assert listed(ecs, name=name) == {name: value}


REFUSED = {
    "name": ("nothing", "enabled", INVALID, "Invalid setting 'name'"),
    "value": ("containerInsights", "ENABLED", INVALID, "Invalid setting 'value'"),
    "days": ("fargateTaskRetirementWaitPeriod", "8", INVALID, "Invalid setting 'value'"),
    "long-tasks": ("taskLongArnFormat", "disabled", INVALID, "The account setting taskLongArnFormat cannot be disabled."),
    "long-services": ("serviceLongArnFormat", "disabled", INVALID, "The account setting serviceLongArnFormat cannot be disabled."),
    "guard-duty": ("guardDutyActivate", "on", INVALID, "The account setting guardDutyActivate is read-only."),
    "fips": (
        "fargateFIPSMode",
        "enabled",
        "UnsupportedFeatureException",
        "Berth does not carry out the account setting 'fargateFIPSMode' yet: it can only be 'disabled'.",
    ),
    "windows": (
        "fargateEventWindows",
        "enabled",
        "UnsupportedFeatureException",
        "Berth does not carry out the account setting 'fargateEventWindows' yet: it can only be 'disabled'.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_setting_that_cannot_be_is_refused(ecs, case: str):
    name, value, code, text = REFUSED[case]
    assert refused(ecs.put_account_setting, name=name, value=value) == (code, text)
    assert refused(ecs.put_account_setting_default, name=name, value=value) == (code, text)
    assert listed(ecs) == {}


def test_principals_are_of_the_account_and_refused_otherwise(ecs):
    for principal in ("ann", "arn:aws:iam::210987654321:root", f"arn:aws:iam::{ACCOUNT}:group/all"):
        expected = (INVALID, "Invalid setting 'principalArn'")
        assert refused(ecs.put_account_setting, name="awsvpcTrunking", value="enabled", principalArn=principal) == expected
        assert refused(ecs.delete_account_setting, name="awsvpcTrunking", principalArn=principal) == expected
        assert refused(ecs.list_account_settings, principalArn=principal) == expected
    expected = (INVALID, "The account setting fargateTaskRetirementWaitPeriod must be set by the root user.")
    period = {"name": "fargateTaskRetirementWaitPeriod", "value": "0"}
    assert refused(ecs.put_account_setting, principalArn=ANN, **period) == expected
    assert refused(ecs.delete_account_setting, name="nothing") == (INVALID, "Invalid setting 'name'")
