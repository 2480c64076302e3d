"""The task metadata endpoint from inside of containers: in every network mode a container's own documents, and nobody else's."""

from __future__ import annotations

import json
import re
import signal

import pytest

from support.berth import ACCOUNT, Berth
from support.images import Registry
from support.poll import eventually
from support.story import SLEEPS, Json, Story, container, logs_to, part

# busybox's wget shows the body of an answer only if it is none of a refusal, and the status only of a refusal.
ASK = 'ask() { wget -q -O - "$1" || echo; echo; }'
MODES = ["awsvpc", "bridge", "host"]


def launch(story: Story, mode: str) -> Json:
    """How a task of this network mode is run."""
    return {"networkConfiguration": story.network()} if mode == "awsvpc" else {}


def documents(lines: list[str]) -> list[Json]:
    """The JSON documents among what a container said."""
    return [json.loads(line) for line in lines if line.strip()]


@pytest.mark.parametrize("mode", MODES)
def test_a_container_reads_its_own_documents(story: Story, mode: str):
    script = f"{ASK}; U=$ECS_CONTAINER_METADATA_URI_V4; for p in '' /task /stats /task/stats; do ask $U$p; done; ask $ECS_CONTAINER_METADATA_URI/task"
    task, said = story.finish(container(script=script, cpu=10), networkMode=mode, launch=launch(story, mode))
    own, whole, stats, all_stats, version_3 = documents(said["app"])
    runtime_id = part(task)["runtimeId"]
    assert (own["DockerId"], own["Name"], own["Image"]) == (runtime_id, "app", "busybox")
    assert own["ContainerARN"] == part(task)["containerArn"]
    assert own["Limits"] == {"CPU": 10, "Memory": 64}
    assert own["KnownStatus"] in ("CREATED", "RUNNING")
    assert own["Labels"]["com.amazonaws.ecs.task-arn"] == task["taskArn"]
    assert re.fullmatch(rf"ecs-{story.family}-\d+-app-[0-9a-f]{{20}}", own["DockerName"])
    options = {"awslogs-group": story.group, "awslogs-region": "us-east-1", "awslogs-stream": f"e2e/app/{task['taskArn'].split('/')[-1]}"}
    assert (own["LogDriver"], own["LogOptions"]) == ("awslogs", options)
    assert own["Networks"][0]["NetworkMode"] == mode
    if mode == "awsvpc":
        (interface,) = part(task)["networkInterfaces"]
        assert own["Networks"][0]["IPv4Addresses"] == [interface["privateIpv4Address"]]
        assert own["Networks"][0]["SubnetGatewayIpv4Address"].endswith(".1/20")
    assert (whole["TaskARN"], whole["Family"], whole["LaunchType"]) == (task["taskArn"], story.family, "EC2")
    assert (whole["Cluster"], whole["AvailabilityZone"]) == ("default", "us-east-1a")
    assert [one["DockerId"] for one in whole["Containers"]] == [runtime_id]
    assert version_3["TaskARN"] == task["taskArn"] and "LaunchType" not in version_3
    assert (stats["id"], list(all_stats)) == (runtime_id, [runtime_id])
    assert 0 < stats["memory_stats"]["usage"] <= stats["memory_stats"]["limit"] == 64 << 20
    assert stats["cpu_stats"]["cpu_usage"]["total_usage"] >= stats["precpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert stats["cpu_stats"]["system_cpu_usage"] > stats["precpu_stats"]["system_cpu_usage"]
    assert stats["read"] > stats["preread"]
    assert ("networks" in stats) == (mode != "host")
    if mode != "host":
        assert stats["networks"]["eth0"]["rx_bytes"] > 0
        assert set(stats["network_rate_stats"]) == {"rx_bytes_per_sec", "tx_bytes_per_sec"}


def test_version_2_knows_a_task_by_its_address(story: Story):
    script = f"{ASK}; ask http://169.254.170.2/v2/metadata; ask http://169.254.170.2/v2/stats"
    task, said = story.finish(container(script=script), networkMode="awsvpc", launch=launch(story, "awsvpc"))
    whole, stats = documents(said["app"])
    assert whole["TaskARN"] == task["taskArn"]
    assert list(stats) == [part(task)["runtimeId"]]
    refused = "wget -O - http://169.254.170.2/v2/metadata 2>&1 | grep -o 'HTTP/1.1 ...'"
    for mode in ("bridge", "host"):
        assert story.finish(container(script=refused), networkMode=mode)[1]["app"] == ["HTTP/1.1 400"], mode


def test_the_environment_names_endpoint_and_region(story: Story):
    names = "ECS_ AWS_REGION AWS_DEFAULT_REGION AWS_EXECUTION_ENV".split()
    script = "env | grep -E '" + "|".join(f"^{name}" for name in names) + "' | sort"
    definition = [container(script=script), container("own", script, environment=[{"name": "AWS_REGION", "value": "mars-1"}])]
    _, said = story.finish(*definition)
    ids = set()
    for lines in said.values():
        found = dict(line.split("=", 1) for line in lines)
        ids |= {value.rpartition("/")[2] for name, value in found.items() if name.startswith("ECS_")}
        assert found["AWS_EXECUTION_ENV"] == "AWS_ECS_EC2"
        for name, path in {"ECS_CONTAINER_METADATA_URI": "v3", "ECS_CONTAINER_METADATA_URI_V4": "v4", "ECS_AGENT_URI": "api"}.items():
            assert re.fullmatch(rf"http://169\.254\.170\.2/{path}/[0-9a-f-]{{36}}", found[name])
    assert len(ids) == 2
    assert "AWS_REGION=us-east-1" in said["app"] and "AWS_DEFAULT_REGION=us-east-1" in said["app"]
    assert "AWS_REGION=mars-1" in said["own"] and not [line for line in said["own"] if line.startswith("AWS_DEFAULT")]


def test_nobody_reads_the_documents_of_another(story: Story):
    """Not even with the other's id, which it cannot guess: the source decides."""
    group = story.make_group()
    tells = container(script=f"echo $ECS_CONTAINER_METADATA_URI_V4; {SLEEPS}", logConfiguration=logs_to(group))
    victims = {mode: story.start(tells, networkMode=mode, launch=launch(story, mode)) for mode in MODES}
    uris = {mode: eventually("the container tells", lambda task=task: story.lines(task))[0] for mode, task in victims.items()}
    asks = "for u in " + " ".join(uris.values()) + "; do wget -O - $u/task 2>&1 | grep -o 'HTTP/1.1 ...' || echo got it; done"
    for mode in MODES:
        _, said = story.finish(container(script=asks), networkMode=mode, launch=launch(story, mode))
        # The host's network is one: its tasks have the same address.
        expected = ["got it" if mode == other == "host" else "HTTP/1.1 404" for other in uris]
        assert said["app"] == expected, mode
    guess = "wget -O - http://169.254.170.2/v4/00000000-0000-0000-0000-000000000000 2>&1 | grep -o 'HTTP/1.1 ...'"
    assert story.finish(container(script=guess))[1]["app"] == ["HTTP/1.1 404"]


def test_tags_come_with_the_task(story: Story):
    script = f"{ASK}; ask $ECS_CONTAINER_METADATA_URI_V4/taskWithTags"
    definition = story.register(container(script=script, logConfiguration=logs_to(story.make_group())))
    task = story.stopped(story.run(definition, tags=[{"key": "stage", "value": "test"}]))
    (whole,) = documents(story.lines(task))
    assert whole["TaskTags"] == {"stage": "test"}
    assert "Errors" not in whole and whole["ContainerInstanceTags"] == {}


def test_protection_and_faults_are_refused(story: Story):
    script = f"{ASK}; ask $ECS_AGENT_URI/task-protection/v1/state; wget -O - --post-data '{{}}' $ECS_AGENT_URI/fault/v1/network-latency/start 2>&1 | grep -o 'HTTP/1.1 ...' | sed 's/.*/\"&\"/'"
    task, said = story.finish(container(script=script))
    failure = {"Arn": task["taskArn"], "Detail": None, "Reason": "TASK_NOT_VALID"}
    assert documents(said["app"]) == [{"failure": failure}, "HTTP/1.1 400"]


@pytest.mark.parametrize("mode", MODES)
def test_opentelemetry_finds_out_where_it_runs(story: Story, registry: Registry, mode: str):
    """The resource detector for Python, from PyPI, in a container."""
    registry.add("otel")
    app = {"name": "app", "image": "otel", "memory": 256}
    task, said = story.finish(app, networkMode=mode, launch=launch(story, mode))
    (found,) = documents(said["app"])
    stream = f"e2e/app/{task['taskArn'].rpartition('/')[2]}"
    group_arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{story.group}"
    expected = {
        "cloud.provider": "aws",
        "cloud.platform": "aws_ecs",
        "container.id": part(task)["runtimeId"],
        "aws.ecs.container.arn": part(task)["containerArn"],
        "aws.ecs.cluster.arn": task["clusterArn"],
        "aws.ecs.launchtype": "ec2",
        "aws.ecs.task.arn": task["taskArn"],
        "aws.ecs.task.family": story.family,
        "aws.ecs.task.revision": task["taskDefinitionArn"].rpartition(":")[2],
        "aws.log.group.names": [story.group],
        "aws.log.group.arns": [group_arn],
        "aws.log.stream.names": [stream],
        "aws.log.stream.arns": [f"{group_arn}:log-stream:{stream}"],
    }
    assert {name: found.get(name) for name in expected} == expected


def test_the_endpoint_is_back_after_the_agents_death(own_berth: Berth):
    """Of the modes with networks of their own: the host's endpoint may be another Berth's."""
    own_berth.start()
    story = Story(own_berth, "back-again")
    script = f"{ASK}; while sleep 0.2; do ask $ECS_CONTAINER_METADATA_URI_V4/task; done"
    app = container(script=script, stopTimeout=1, logConfiguration=logs_to(story.make_group()))
    tasks = {mode: story.start(app, networkMode=mode, launch=launch(story, mode)) for mode in ("awsvpc", "bridge")}

    def told(task: Json) -> list[Json]:
        """What it could read; without an agent it could not."""
        return documents([line for line in story.lines(task) if line.startswith("{")])

    for mode, task in tasks.items():
        eventually(f"a document in mode {mode}", lambda task=task: told(task))
    own_berth.agent.end(signal.SIGKILL)
    own_berth.start_agent()
    counts = {mode: len(told(task)) for mode, task in tasks.items()}
    for mode, task in tasks.items():
        new = eventually(f"another document in mode {mode}", lambda task=task, mode=mode: told(task)[counts[mode] + 5 :])
        assert new[-1]["TaskARN"] == task["taskArn"]
    own_berth.down()
