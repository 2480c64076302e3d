"""Clusters as a whole: settings, ExecuteCommand, Service Connect, capacity providers, and what their descriptions include."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config

from support.berth import ACCOUNT, Berth
from support.refusals import refused
from support.story import SLEEPS, Story, container

REGION = "af-south-1"
INVALID = "InvalidParameterException"
UNSUPPORTED = "UnsupportedFeatureException"
INCLUDE = ["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"]
COMMAND = {
    "kmsKeyId": "alias/exec",
    "logging": "OVERRIDE",
    "logConfiguration": {
        "cloudWatchLogGroupName": "/exec",
        "cloudWatchEncryptionEnabled": False,
        "s3BucketName": "exec",
        "s3EncryptionEnabled": True,
        "s3KeyPrefix": "out",
    },
}
BOTH = ["FARGATE", "FARGATE_SPOT"]
NOT_THERE = "The specified capacity provider does not exist. Specify a valid name or ARN and try again."
STRATEGY = "The specified capacity provider strategy"


@pytest.fixture
def ecs(berth: Berth):
    """ECS in a region without machines. What the client would refuse is left to the server."""
    return berth.client("ecs", REGION, config=Config(parameter_validation=False))


def described(ecs, name: str, *include: str) -> dict[str, Any]:
    (cluster,) = ecs.describe_clusters(clusters=[name], include=list(include))["clusters"]
    return cluster


def insights(value: str) -> list[dict[str, str]]:
    return [{"name": "containerInsights", "value": value}]


def share(provider: str, weight: int = 1, base: int = 0) -> dict[str, Any]:
    return {"capacityProvider": provider, "weight": weight, "base": base}


def test_a_cluster_is_made_with_all_that_can_be_said_of_it(ecs):
    made = ecs.create_cluster(
        clusterName="whole",
        settings=insights("enhanced"),
        configuration={"executeCommandConfiguration": COMMAND},
        capacityProviders=BOTH,
        defaultCapacityProviderStrategy=[share("FARGATE_SPOT", 3), share("FARGATE", 1, 2)],
        serviceConnectDefaults={"namespace": "shop"},
    )["cluster"]
    assert made["settings"] == insights("enhanced")
    assert made["configuration"] == {"executeCommandConfiguration": COMMAND}
    assert made["capacityProviders"] == BOTH
    assert made["defaultCapacityProviderStrategy"] == [share("FARGATE_SPOT", 3), share("FARGATE", 1, 2)]
    assert made["serviceConnectDefaults"] == {"namespace": "shop"}
    whole = described(ecs, "whole", *INCLUDE)
    assert {**made, "attachments": [], "statistics": whole["statistics"]} == whole
    assert ecs.create_cluster(clusterName="whole")["cluster"] == made, "less said is no other cluster"


def test_a_cluster_shows_what_is_included_only(ecs):
    ecs.create_cluster(clusterName="plain", configuration={"executeCommandConfiguration": {"logging": "NONE"}})
    plain = described(ecs, "plain")
    assert (plain["settings"], plain["statistics"], plain["tags"]) == ([], [], [])
    assert "configuration" not in plain
    assert "attachments" not in plain
    assert described(ecs, "plain", "SETTINGS")["settings"] == insights("disabled")
    assert described(ecs, "plain", "CONFIGURATIONS")["configuration"] == {"executeCommandConfiguration": {"logging": "NONE"}}
    assert described(ecs, "plain", "ATTACHMENTS")["attachments"] == []
    statistics = {one["name"]: one["value"] for one in described(ecs, "plain", "STATISTICS")["statistics"]}
    assert statistics["runningEC2TasksCount"] == statistics["pendingFargateTasksCount"] == "0"
    assert statistics["activeEC2ServiceCount"] == statistics["drainingFargateServiceCount"] == "0"
    expected = (INVALID, "include should be one of [ATTACHMENTS,CONFIGURATIONS,SETTINGS,STATISTICS,TAGS]")
    assert refused(ecs.describe_clusters, clusters=["plain"], include=["EVERYTHING"]) == expected


def test_another_cluster_of_the_same_name_is_refused(ecs):
    ecs.create_cluster(clusterName="once", settings=insights("enabled"))
    expected = (
        INVALID,
        "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
    )
    assert refused(ecs.create_cluster, clusterName="once", settings=insights("disabled")) == expected
    assert refused(ecs.create_cluster, clusterName="once", capacityProviders=["FARGATE"]) == expected
    ecs.delete_cluster(cluster="once")
    again = ecs.create_cluster(clusterName="once", capacityProviders=["FARGATE"])["cluster"]
    assert (again["status"], again["settings"], again["capacityProviders"]) == ("ACTIVE", insights("disabled"), ["FARGATE"])


def test_a_cluster_is_updated_in_parts(ecs):
    ecs.create_cluster(clusterName="parts", configuration={"executeCommandConfiguration": COMMAND})
    updated = ecs.update_cluster(cluster="parts", settings=insights("enabled"))["cluster"]
    assert updated["settings"] == insights("enabled")
    assert updated["configuration"] == {"executeCommandConfiguration": COMMAND}
    updated = ecs.update_cluster(
        cluster="parts",
        configuration={"executeCommandConfiguration": {"logging": "DEFAULT"}},
        serviceConnectDefaults={"namespace": "shop"},
    )["cluster"]
    assert updated["settings"] == insights("enabled")
    assert updated["configuration"] == {"executeCommandConfiguration": {"logging": "DEFAULT"}}
    assert updated["serviceConnectDefaults"] == {"namespace": "shop"}
    assert "serviceConnectDefaults" not in ecs.update_cluster(cluster="parts", serviceConnectDefaults={"namespace": ""})["cluster"]
    updated = ecs.update_cluster_settings(cluster=updated["clusterArn"], settings=insights("enhanced"))["cluster"]
    assert updated["settings"] == insights("enhanced")
    assert described(ecs, "parts", "SETTINGS")["settings"] == insights("enhanced")


COMMAND_FAULTS = {
    "word": ({"logging": "LOUD"}, "Invalid value for logging: LOUD"),
    "no-log": ({"logging": "OVERRIDE"}, "A log configuration must be specified when logging is set to OVERRIDE."),
    "unwanted-log": (
        {"logging": "NONE", "logConfiguration": {"s3BucketName": "b"}},
        "A log configuration can only be specified when logging is set to OVERRIDE.",
    ),
    "nowhere": (
        {"logging": "OVERRIDE", "logConfiguration": {"s3KeyPrefix": "b"}},
        "A log configuration must specify a CloudWatch log group or an S3 bucket.",
    ),
    "long-key": ({"kmsKeyId": "k" * 2049}, "kmsKeyId longer than 2048."),
    "long-bucket": ({"logging": "OVERRIDE", "logConfiguration": {"s3BucketName": "b" * 64}}, "s3BucketName longer than 63."),
}


@pytest.mark.parametrize("case", COMMAND_FAULTS)
def test_a_faulty_configuration_is_refused(ecs, case: str):
    command, text = COMMAND_FAULTS[case]
    ecs.create_cluster(clusterName="faultless")
    configuration = {"executeCommandConfiguration": command}
    assert refused(ecs.create_cluster, clusterName="never", configuration=configuration) == (INVALID, text)
    assert refused(ecs.update_cluster, cluster="faultless", configuration=configuration) == (INVALID, text)
    assert "configuration" not in described(ecs, "faultless", "CONFIGURATIONS")


def test_settings_have_names_and_values(ecs):
    ecs.create_cluster(clusterName="faultless")
    name = [{"name": "insights", "value": "enabled"}]
    for call in (ecs.update_cluster, ecs.update_cluster_settings):
        assert refused(call, cluster="faultless", settings=name) == (INVALID, "Invalid setting 'name'")
        assert refused(call, cluster="faultless", settings=insights("ENABLED")) == (INVALID, "Invalid setting 'value'")
        assert refused(call, cluster="nobody", settings=insights("enabled")) == ("ClusterNotFoundException", "Cluster not found.")
    assert refused(ecs.create_cluster, clusterName="never", settings=insights("on")) == (INVALID, "Invalid setting 'value'")


def test_managed_storage_is_refused(ecs):
    storage = {"managedStorageConfiguration": {"kmsKeyId": "key"}}
    expected = (UNSUPPORTED, "Berth does not carry out 'configuration.managedStorageConfiguration' of clusters yet.")
    assert refused(ecs.create_cluster, clusterName="never", configuration=storage) == expected


def test_every_account_has_two_capacity_providers(ecs):
    answer = ecs.describe_capacity_providers()
    assert [one["name"] for one in answer["capacityProviders"]] == BOTH
    assert answer["failures"] == []
    fargate = {
        "capacityProviderArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:capacity-provider/FARGATE",
        "name": "FARGATE",
        "status": "ACTIVE",
        "tags": [],
        "type": "FARGATE",
    }
    answer = ecs.describe_capacity_providers(capacityProviders=[fargate["capacityProviderArn"], "mine"], include=["TAGS"])
    assert answer["capacityProviders"] == [fargate]
    assert answer["failures"] == [{"arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:capacity-provider/mine", "reason": "MISSING"}]
    first = ecs.describe_capacity_providers(maxResults=1)
    second = ecs.describe_capacity_providers(maxResults=1, nextToken=first["nextToken"])
    assert [one["name"] for one in first["capacityProviders"] + second["capacityProviders"]] == BOTH
    assert "nextToken" not in second
    assert refused(ecs.describe_capacity_providers, maxResults=11) == (INVALID, "maxResults must be between 1 and 10.")
    assert refused(ecs.describe_capacity_providers, include=["ALL"]) == (INVALID, "include should be one of [TAGS]")


def test_a_cluster_is_given_its_capacity_providers(ecs):
    ecs.create_cluster(clusterName="providers")
    assert ecs.describe_capacity_providers(cluster="providers")["capacityProviders"] == []

    def put(providers: list[str], *strategy: dict[str, Any]) -> dict[str, Any]:
        request = {"capacityProviders": providers, "defaultCapacityProviderStrategy": list(strategy)}
        return ecs.put_cluster_capacity_providers(cluster="providers", **request)["cluster"]

    cluster = put(BOTH, share("FARGATE", 1, 2))
    assert (cluster["capacityProviders"], cluster["defaultCapacityProviderStrategy"]) == (BOTH, [share("FARGATE", 1, 2)])
    cluster = put(["FARGATE_SPOT"])
    assert (cluster["capacityProviders"], cluster["defaultCapacityProviderStrategy"]) == (["FARGATE_SPOT"], [])
    (found,) = ecs.describe_capacity_providers(cluster="providers")["capacityProviders"]
    assert found["name"] == "FARGATE_SPOT"


PROVIDER_FAULTS = {
    "unknown": (["mine"], [], NOT_THERE),
    "unknown-in-strategy": (["FARGATE"], [share("mine")], NOT_THERE),
    "not-associated": (
        ["FARGATE"],
        [share("FARGATE_SPOT")],
        f"{STRATEGY} cannot contain a capacity provider that is not associated with the cluster. "
        "Associate the capacity provider with the cluster and try again.",
    ),
    "twice": (
        ["FARGATE"],
        [share("FARGATE"), share("FARGATE")],
        f"{STRATEGY} cannot contain the same capacity provider more than once.",
    ),
    "two-bases": (
        BOTH,
        [share("FARGATE", base=1), share("FARGATE_SPOT", base=1)],
        f"{STRATEGY} can contain only one capacity provider with a base value.",
    ),
    "too-many": (BOTH, [share("FARGATE")] * 21, f"{STRATEGY} cannot contain more than 20 capacity providers."),
    "weight": (BOTH, [share("FARGATE", weight=1001)], "weight must be between 0 and 1000."),
    "base": (BOTH, [share("FARGATE", base=100_001)], "base must be between 0 and 100000."),
}


@pytest.mark.parametrize("case", PROVIDER_FAULTS)
def test_a_faulty_strategy_is_refused(ecs, case: str):
    providers, strategy, text = PROVIDER_FAULTS[case]
    ecs.create_cluster(clusterName="faultless")
    request = {"capacityProviders": providers, "defaultCapacityProviderStrategy": strategy}
    assert refused(ecs.put_cluster_capacity_providers, cluster="faultless", **request) == (INVALID, text)
    assert refused(ecs.create_cluster, clusterName="never", **request) == (INVALID, text)
    assert described(ecs, "faultless")["capacityProviders"] == []


def test_capacity_providers_of_ones_own_are_refused(ecs):
    auto_scaling = {"autoScalingGroupProvider": {"autoScalingGroupArn": "arn:aws:autoscaling:x"}}
    assert refused(ecs.create_capacity_provider, name="mine", **auto_scaling)[0] == UNSUPPORTED
    assert refused(ecs.update_capacity_provider, name="FARGATE", autoScalingGroupProvider={"managedDraining": "ENABLED"})[0] == UNSUPPORTED
    assert refused(ecs.delete_capacity_provider, capacityProvider="FARGATE")[0] == UNSUPPORTED


def test_statistics_count_by_launch_type(story: Story):
    def running() -> dict[str, int]:
        statistics = described(story.ecs, "default", "STATISTICS")["statistics"]
        return {one["name"]: int(one["value"]) for one in statistics}

    before = running()
    task = story.start(container(script=SLEEPS), launch={"launchType": "EXTERNAL"})
    assert running()["runningExternalTasksCount"] == before["runningExternalTasksCount"] + 1
    assert running()["runningEC2TasksCount"] == before["runningEC2TasksCount"]
    cluster = described(story.ecs, "default")
    assert cluster["runningTasksCount"] == sum(running()[f"running{kind}TasksCount"] for kind in ("EC2", "Fargate", "External"))
    story.stop(task)
    assert running() == before


@pytest.fixture
def far(story: Story) -> Iterator[dict[str, Any]]:
    """What a request needs to run a task by a strategy in the default cluster, which has both providers meanwhile."""
    put = story.ecs.put_cluster_capacity_providers
    put(cluster="default", capacityProviders=BOTH, defaultCapacityProviderStrategy=[share("FARGATE_SPOT")])
    definition = story.register(
        container(script=SLEEPS), networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512"
    )
    yield {"definition": definition, "networkConfiguration": story.network()}
    story.end()
    put(cluster="default", capacityProviders=[], defaultCapacityProviderStrategy=[])


def test_tasks_run_as_shares_of_capacity_providers(story: Story, far: dict[str, Any]):
    task = story.running(story.run(**far))
    assert (task["launchType"], task["capacityProviderName"]) == ("FARGATE", "FARGATE_SPOT")
    answer = story.ecs.run_task(
        taskDefinition=far["definition"],
        count=3,
        networkConfiguration=far["networkConfiguration"],
        capacityProviderStrategy=[share("FARGATE", 1, 1), share("FARGATE_SPOT", 2)],
    )
    names = [one["capacityProviderName"] for one in answer["tasks"]]
    assert sorted(names) == ["FARGATE", "FARGATE", "FARGATE_SPOT"]
    plain = story.run(**far, launchType="FARGATE")
    assert "capacityProviderName" not in plain
    in_use = ("ResourceInUseException", "The specified capacity provider is in use and cannot be removed.")
    request = {"capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": []}
    assert refused(story.ecs.put_cluster_capacity_providers, cluster="default", **request) == in_use
    for one in answer["tasks"]:
        story.stop(one)
    story.stop(task)
    story.stop(plain)


def test_a_strategy_that_cannot_be_followed_runs_nothing(story: Story, far: dict[str, Any]):
    def run(*strategy: dict[str, Any], **members: Any) -> tuple[str, str]:
        request = {"taskDefinition": far["definition"], "networkConfiguration": far["networkConfiguration"], **members}
        return refused(story.ecs.run_task, capacityProviderStrategy=list(strategy), **request)

    text = f"{STRATEGY} must contain at least one capacity provider with a weight value greater than zero."
    assert run(share("FARGATE", 0), share("FARGATE_SPOT", 0)) == (INVALID, text)
    assert run(share("mine")) == (INVALID, NOT_THERE)
    text = "Specify either Launch Type or Capacity Provider Strategy, but not both."
    assert run(share("FARGATE"), launchType="FARGATE") == (INVALID, text)
    story.ecs.create_cluster(clusterName="without")
    assert run(share("FARGATE"), cluster="without") == (INVALID, PROVIDER_FAULTS["not-associated"][2])
