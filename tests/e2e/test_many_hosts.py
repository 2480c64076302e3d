"""Three hosts in two zones: each joins with a one-time token over TLS, acts with a key of its own, and gets its share of tasks."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from conftest import _Place
from support import host
from support.berth import REGION, key_environment, run
from support.fleet import GATEWAY, Fleet, Host
from support.images import Registry
from support.poll import eventually
from support.story import SLEEPS, Json, Story, container

ZONES = {"be2e1": f"{REGION}a", "be2e2": f"{REGION}b", "be2e3": f"{REGION}b"}
# Ninety tasks start and end on a machine that does other things as well.
PATIENCE_S = 240.0


@pytest.fixture(scope="module")
def fleet(registry: Registry) -> Iterator[Fleet]:
    """Three hosts that have joined: one in the first zone, two in the second."""
    with _Place() as directory:
        fleet = Fleet(directory, registry)
        try:
            fleet.start_server("--tls", "--listen", f"{GATEWAY}:443")
            for zone, disk, rack in (("a", "ssd", "1"), ("b", "ssd", "2"), ("b", "hdd", "2")):
                fleet.add(f"{REGION}{zone}", disk=disk, rack=rack).join(fleet.token())
            yield fleet
        finally:
            fleet.discard()


@pytest.fixture
def story(fleet: Fleet, request: pytest.FixtureRequest) -> Iterator[Story]:
    """Tasks of one test, all of which are over afterwards."""
    telling = Story(fleet, request.node.name)
    yield telling
    clear(telling)


def clear(story: Story) -> None:
    """Stops all tasks and waits until the hosts are empty."""
    for task in story._started:
        story.ecs.stop_task(task=task)
    eventually("all tasks are over", lambda: not story.ecs.list_tasks()["taskArns"], PATIENCE_S)


def light(story: Story, **members: object) -> str:
    """A definition of a task that costs next to nothing."""
    return story.register(container(script=SLEEPS, **{"memory": 8, **members}), networkMode="host")


def run_many(story: Story, definition: str, count: int, **members: object) -> None:
    """Runs tasks, ten at a time, all of which must find a place."""
    for at in range(0, count, 10):
        story.run(definition, count=min(10, count - at), **members)


def tasks(story: Story) -> list[Json]:
    arns = story._started
    pages = [story.ecs.describe_tasks(tasks=arns[at : at + 100])["tasks"] for at in range(0, len(arns), 100)]
    return [task for page in pages for task in page]


def all_running(story: Story) -> list[Json]:
    def running() -> list[Json]:
        now = tasks(story)
        ended = [task for task in now if task["lastStatus"] == "STOPPED"]
        assert not ended, [(task["stoppedReason"], task["containers"][0].get("reason")) for task in ended]
        return now if all(task["lastStatus"] == "RUNNING" for task in now) else []

    return eventually("all tasks run", running, PATIENCE_S)


def per_host(fleet: Fleet, running: list[Json]) -> dict[str, int]:
    """How many tasks each host has, as the API tells; containerd must tell the same."""
    names = {one.arn(): one.name for one in fleet.hosts}
    told = Counter(names[task["containerInstanceArn"]] for task in running)
    assert {one.name: len(containers(one)) for one in fleet.hosts} == {one.name: told[one.name] for one in fleet.hosts}
    return {one.name: told[one.name] for one in fleet.hosts}


def containers(one: Host) -> list[str]:
    """The running containers of a host, as containerd tells."""
    chosen = (one.data_dir / "agent/containerd/chosen-socket").read_text().strip()
    command = ["ctr", "--address", chosen, "--namespace", host.namespace_of(one.data_dir), "tasks", "ls"]
    lines = subprocess.check_output(command, text=True, timeout=60).splitlines()[1:]
    return [line.split()[0] for line in lines if line.split()[2] == "RUNNING"]


# Joining


def test_hosts_show_their_zones_and_attributes(fleet: Fleet):
    ecs = fleet.client("ecs")
    found = ecs.describe_container_instances(containerInstances=[one.arn() for one in fleet.hosts])["containerInstances"]
    attributes = [{one["name"]: one.get("value") for one in instance["attributes"]} for instance in found]
    assert [one["ecs.availability-zone"] for one in attributes] == list(ZONES.values())
    assert [(one["disk"], one["rack"]) for one in attributes] == [("ssd", "1"), ("ssd", "2"), ("hdd", "2")]
    assert [instance["agentConnected"] for instance in found] == [True] * 3


def test_agents_are_sent_to_port_443_without_naming_it(fleet: Fleet):
    """Amazon's own agent opens its sockets over TLS there only."""
    answer = fleet.client("ecs").discover_poll_endpoint()
    assert (answer["endpoint"], answer["telemetryEndpoint"]) == (f"https://{GATEWAY}/acs", f"https://{GATEWAY}/tcs")
    assert f"https://{GATEWAY}/acs" in fleet.hosts[0].log.read_text()


def test_a_token_is_good_for_one_host_once(fleet: Fleet):
    token = fleet.token()
    first, second = fleet.add(f"{REGION}a"), fleet.add(f"{REGION}a")
    try:
        first.join(token)
        second.launch("--server", fleet.endpoint, "--join", token)
        assert second.agent.wait() == 1
        assert "used before" in second.agent.tail()
        # The same command line goes on with the key that the host has.
        first.kill()
        first.join(token)
    finally:
        leave(fleet, first, second)


def leave(fleet: Fleet, *hosts: Host) -> None:
    for one in hosts:
        fleet.hosts.remove(one)
        arn = one.arn()
        one.discard()
        if arn:
            fleet.client("ecs").deregister_container_instance(containerInstance=arn, force=True)


def refused(fleet: Fleet, *options: str) -> str:
    """What an agent says that cannot join."""
    one = fleet.add(f"{REGION}a")
    try:
        one.launch(*options)
        assert one.agent.wait() == 1
        return one.agent.tail()
    finally:
        leave(fleet, one)


def test_tokens_that_are_worth_nothing(fleet: Fleet):
    expired = fleet.token("--expires-in", "1s")
    eventually("it has expired", lambda: "expired" in run("join-token", "--data-dir", fleet.data_dir, "--list").stdout)
    assert "has expired" in refused(fleet, "--server", fleet.endpoint, "--join", expired)
    revoked = fleet.token()
    gone = run("join-token", "--data-dir", fleet.data_dir, "--revoke", revoked.split(".")[1])
    assert gone.returncode == 0, gone.stderr
    assert "no such join token" in refused(fleet, "--server", fleet.endpoint, "--join", revoked)
    blue = fleet.token("--cluster", "blue")
    assert "for the cluster blue alone" in refused(fleet, "--server", fleet.endpoint, "--join", blue)
    assert "no join token" in refused(fleet, "--server", fleet.endpoint, "--join", "nonsense")


def test_a_first_join_that_failed_leaves_nothing_in_the_way(fleet: Fleet):
    one = fleet.add(f"{REGION}a")

    def fails(*options: str) -> list[str]:
        one.launch(*options)
        assert one.agent.wait() == 1, one.agent.tail()
        return sorted(path.name for path in one.data_dir.iterdir())

    try:
        nowhere = fleet.endpoint.replace(GATEWAY, f"{GATEWAY}:1")
        before = fails("--server", nowhere, "--join", fleet.token())
        assert "join.json" not in before and "instance.json" not in before
        # What a control plane refuses is forgotten; what it may have taken is kept for the next try.
        worthless = fleet.token().rsplit(".", 2)
        refused = fails("--server", fleet.endpoint, "--join", ".".join([worthless[0], "0" * len(worthless[1]), worthless[2]]))
        assert "no such join token" in one.agent.tail()
        assert [name for name in refused if "join" in name] == []
        assert not (one.data_dir / "agent").exists()
        one.join(fleet.token())
        assert not (one.data_dir / "join-pending.json").exists()
    finally:
        leave(fleet, one)


def test_a_control_plane_with_another_authority_is_told_nothing(fleet: Fleet):
    token = fleet.token()
    pieces = token.split(".")
    other = ".".join([*pieces[:3], "0" * 64])
    assert "its authority is another one" in refused(fleet, "--server", fleet.endpoint, "--join", other)
    plain = fleet.endpoint.replace("https://", "http://")
    assert "serves over TLS" in refused(fleet, "--server", plain, "--join", token)
    open_token = ".".join([*pieces[:3], "public"])
    assert "certificate" in refused(fleet, "--server", fleet.endpoint, "--join", open_token), "nobody else knows this authority"
    assert "in the clear" in refused(fleet, "--server", plain, "--join", open_token)


def test_tokens_are_listed_without_their_secrets(fleet: Fleet):
    token = fleet.token("--cluster", "blue")
    said = run("join-token", "--data-dir", fleet.data_dir, "--list", env=key_environment()).stdout
    _, token_id, secret, _ = token.split(".")
    line = next(line for line in said.splitlines() if line.startswith(token_id))
    assert "blue" in line and line.endswith("unused")
    assert secret not in said
    assert said.count("used for AKIA") >= 3


def test_plain_http_is_refused_where_others_can_listen(fleet: Fleet, tmp_path):
    done = run("server", "--data-dir", tmp_path, "--listen", f"{GATEWAY}:0", env=key_environment())
    assert done.returncode == 1
    assert "--insecure-http" in done.stderr


# Keys


def key_of(one: Host) -> dict[str, str]:
    key = json.loads((one.data_dir / "join.json").read_text())["key"]
    return {f"aws_{name}": value for name, value in key.items()}


def test_a_hosts_key_is_narrow(fleet: Fleet):
    first, second = fleet.hosts[:2]
    ecs, logs = (fleet.client(service, **key_of(first)) for service in ("ecs", "logs"))
    arn = f"arn:aws:sts::012345678910:assumed-role/berth-agent/{key_of(first)['aws_access_key_id']}"
    assert fleet.client("sts", **key_of(first)).get_caller_identity()["Arn"] == arn
    calls = {
        "ecs:ListClusters": lambda: ecs.list_clusters(),
        "ecs:RunTask": lambda: ecs.run_task(taskDefinition="x"),
        "ecs:ListContainerInstances": lambda: ecs.list_container_instances(),
        "ecs:DeregisterContainerInstance": lambda: ecs.deregister_container_instance(containerInstance=second.arn(), force=True),
        "ecs:RegisterContainerInstance": lambda: ecs.register_container_instance(cluster="other"),
        "logs:DescribeLogGroups": lambda: logs.describe_log_groups(),
        "logs:GetLogEvents": lambda: logs.get_log_events(logGroupName="a", logStreamName="b"),
    }
    for action, call in calls.items():
        with pytest.raises(ClientError) as raised:
            call()
        error = raised.value.response["Error"]
        assert error["Code"] == "AccessDeniedException", action
        text = f"User: {arn} is not authorized to perform: {action} because no identity-based policy allows the {action} action"
        assert error["Message"] == text
    assert len(fleet.connected()) == 3


def knock(fleet: Fleet, one: Host, instance: str | None, path: str) -> int:
    """Asks for a socket of `instance` with the key of a host: the status of the answer."""
    key = key_of(one)
    query = f"cluster=default&containerInstance={instance}" if path == "tcs" else f"clusterArn=default&containerInstanceArn={instance}"
    request = AWSRequest("GET", f"{fleet.endpoint}/{path}/ws?{query.replace(':', '%3A').replace('/', '%2F')}")
    credentials = Credentials(key["aws_access_key_id"], key["aws_secret_access_key"])
    SigV4Auth(credentials, "ecs", REGION).add_auth(request)
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="}
    connection = http.client.HTTPSConnection(GATEWAY, fleet.port, timeout=10, context=ssl.create_default_context(cafile=fleet.authority))
    connection.request("GET", request.url.removeprefix(fleet.endpoint), headers={**dict(request.headers), **upgrade})
    answer = connection.getresponse()
    if answer.status != 101:
        assert "AccessDeniedException" in answer.read().decode()
    connection.close()
    return answer.status


def test_a_host_opens_no_socket_of_another(fleet: Fleet):
    first, second = fleet.hosts[:2]
    for path in ("acs", "tcs"):
        assert knock(fleet, first, second.arn(), path) == 403, path
    assert knock(fleet, first, first.arn(), "tcs") == 101


def test_a_host_that_leaves_takes_its_key_along(fleet: Fleet):
    one = fleet.add(f"{REGION}a")
    try:
        one.join(fleet.token())
        key, arn = key_of(one), one.arn()
        fleet.client("ecs").deregister_container_instance(containerInstance=arn)
        with pytest.raises(ClientError) as raised:
            fleet.client("sts", **key).get_caller_identity()
        assert raised.value.response["Error"]["Code"] == "InvalidClientTokenId"
        one.kill()
        # With another token it comes back, as a new container instance.
        one.join(fleet.token())
        assert one.arn() != arn
    finally:
        leave(fleet, one)


def test_keys_survive_the_control_plane_and_their_secrets_are_not_in_its_store(fleet: Fleet):
    fleet.kill_server()
    secrets = [key_of(one)["aws_secret_access_key"].encode() for one in fleet.hosts]
    files = [path for path in (fleet.data_dir / "server").rglob("*") if path.is_file()]
    assert any(key_of(fleet.hosts[0])["aws_access_key_id"].encode() in path.read_bytes() for path in files)
    assert not any(secret in path.read_bytes() for path in files for secret in secrets)
    fleet.start_server("--tls", "--listen", f"{GATEWAY}:443")
    for one in fleet.hosts:
        assert fleet.client("sts", **key_of(one)).get_caller_identity()["Account"] == "012345678910"
    before = [one.log.read_text().count("connected to the control plane") for one in fleet.hosts]
    eventually(
        "all agents are back",
        lambda: all(one.log.read_text().count("connected to the control plane") > count for one, count in zip(fleet.hosts, before, strict=True))
        or all(f"https://{GATEWAY}/acs" in one.log.read_text() for one in fleet.hosts) and len(fleet.connected()) == 3,
    )


# Ninety tasks


def test_spreading_over_zones(fleet: Fleet, story: Story):
    spread = [{"type": "spread", "field": "attribute:ecs.availability-zone"}]
    run_many(story, light(story), 90, placementStrategy=spread)
    running = all_running(story)
    assert Counter(task["availabilityZone"] for task in running) == {f"{REGION}a": 45, f"{REGION}b": 45}
    assert per_host(fleet, running)["be2e1"] == 45


def test_spreading_over_instances(fleet: Fleet, story: Story):
    run_many(story, light(story), 90, placementStrategy=[{"type": "spread", "field": "instanceId"}])
    assert per_host(fleet, all_running(story)) == {"be2e1": 30, "be2e2": 30, "be2e3": 30}


def test_spreading_over_zones_and_then_over_instances(fleet: Fleet, story: Story):
    fields = ("attribute:ecs.availability-zone", "instanceId")
    run_many(story, light(story), 40, placementStrategy=[{"type": "spread", "field": field} for field in fields])
    assert per_host(fleet, all_running(story)) == {"be2e1": 20, "be2e2": 10, "be2e3": 10}


def test_packing_fills_one_host_after_the_other_and_then_says_what_is_missing(fleet: Fleet, story: Story):
    ecs = fleet.client("ecs")
    found = ecs.describe_container_instances(containerInstances=[one.arn() for one in fleet.hosts])["containerInstances"]
    memory = {one["name"]: one["integerValue"] for one in found[0]["remainingResources"] if "integerValue" in one}["MEMORY"]
    # A thirtieth of a host each, most of which is only reserved.
    definition = light(story, memory=memory // 30, memoryReservation=memory // 30)
    counts = []
    for _ in range(3):
        run_many(story, definition, 30, placementStrategy=[{"type": "binpack", "field": "memory"}])
        counts.append(sorted(per_host(fleet, all_running(story)).values()))
    assert counts == [[0, 0, 30], [0, 30, 30], [30, 30, 30]]
    full = ecs.run_task(taskDefinition=definition, placementStrategy=[{"type": "binpack", "field": "memory"}])
    assert full["tasks"] == []
    assert {(failure["arn"], failure["reason"]) for failure in full["failures"]} == {(one.arn(), "RESOURCE:MEMORY") for one in fleet.hosts}


# Constraints


def test_distinct_instances(fleet: Fleet, story: Story):
    definition, distinct = light(story), [{"type": "distinctInstance"}]
    answer = story.ecs.run_task(taskDefinition=definition, count=4, placementConstraints=distinct)
    story._started += [task["taskArn"] for task in answer["tasks"]]
    assert len(answer["tasks"]) == 3 and answer["failures"]
    assert per_host(fleet, all_running(story)) == {"be2e1": 1, "be2e2": 1, "be2e3": 1}


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("attribute:disk == ssd", {"be2e1", "be2e2"}),
        ("attribute:disk == hdd", {"be2e3"}),
        ("attribute:rack == 2 and not(attribute:disk == hdd)", {"be2e2"}),
        (f"attribute:ecs.availability-zone in [{REGION}a, {REGION}c]", {"be2e1"}),
    ],
)
def test_members_of_an_expression(fleet: Fleet, story: Story, expression: str, wanted: set[str]):
    constraint = [{"type": "memberOf", "expression": expression}]
    spread = [{"type": "spread", "field": "instanceId"}]
    run_many(story, light(story), 6, placementConstraints=constraint, placementStrategy=spread)
    counts = per_host(fleet, all_running(story))
    assert {name for name, count in counts.items() if count} == wanted
    assert set(counts.values()) - {0} == {6 // len(wanted)}


def test_spreading_over_an_attribute_of_ones_own(fleet: Fleet, story: Story):
    run_many(story, light(story), 30, placementStrategy=[{"type": "spread", "field": "attribute:rack"}])
    counts = per_host(fleet, all_running(story))
    assert (counts["be2e1"], counts["be2e2"] + counts["be2e3"]) == (15, 15)


def test_no_member_is_a_failure(fleet: Fleet, story: Story):
    constraint = [{"type": "memberOf", "expression": "attribute:disk == tape"}]
    answer = story.ecs.run_task(taskDefinition=light(story), placementConstraints=constraint)
    assert answer["tasks"] == []
    assert {failure["reason"] for failure in answer["failures"]} == {"MemberOf placement constraint unsatisfied."}


# Silence


def test_a_host_without_network_shows_as_disconnected_and_its_tasks_go_on(fleet: Fleet, story: Story):
    definition = light(story)
    run_many(story, definition, 3, placementStrategy=[{"type": "spread", "field": "instanceId"}])
    all_running(story)
    lost = fleet.hosts[2]
    lost.unplug()
    try:
        # Heartbeats every 20 s, one minute of silence, and the grace for a return.
        eventually("the host is disconnected", lambda: lost.arn() not in fleet.connected(), 120)
        assert len(fleet.connected()) == 2
        assert len(containers(lost)) == 1
        answer = story.ecs.run_task(
            taskDefinition=definition, placementConstraints=[{"type": "memberOf", "expression": "attribute:disk == hdd"}]
        )
        assert [failure["reason"] for failure in answer["failures"] if failure.get("arn") == lost.arn()] == ["AGENT"]
    finally:
        lost.plug_in()
    eventually("the host is back", lambda: lost.arn() in fleet.connected(), 180)
    assert per_host(fleet, all_running(story)) == {"be2e1": 1, "be2e2": 1, "be2e3": 1}
