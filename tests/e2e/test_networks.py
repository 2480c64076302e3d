"""The network modes: an own interface, the bridge with published ports, the host's network, and none."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from support.images import free_port
from support.poll import eventually
from support.story import SLEEPS, Json, Story, address_of, container, exit_codes, fetch, part

SERVES = "mkdir /www; echo 'served from {name}' >/www/index.html; exec httpd -f -p {port} -h /www"


def web(name: str = "web", port: int = 8080, **members: object) -> Json:
    """A container that serves one page. Its server knows no SIGTERM, so it gets little time to end."""
    return container(name, SERVES.format(name=name, port=port), stopTimeout=2, **members)


def eventually_served(url: str, name: str = "web") -> None:
    """The page of a container is at `url`."""
    assert eventually(f"{url} answers", lambda: fetch(url)) == f"served from {name}\n"


@pytest.mark.parametrize("launch_type", ["EC2", "EXTERNAL"])
def test_bridge_publishes_a_container_on_a_dynamic_port(story: Story, launch_type: str):
    task = story.start(web(portMappings=[{"containerPort": 8080}]), launch={"launchType": launch_type})
    (binding,) = part(task, "web")["networkBindings"]
    assert (binding["bindIP"], binding["containerPort"], binding["protocol"]) == ("0.0.0.0", 8080, "tcp")
    assert 49153 <= binding["hostPort"] <= 65535
    assert task["containerInstanceArn"] in story.ecs.list_container_instances()["containerInstanceArns"]
    assert (task["launchType"], task["attachments"]) == (launch_type, [])
    eventually_served(f"http://127.0.0.1:{binding['hostPort']}/")
    story.stop(task)
    assert fetch(f"http://127.0.0.1:{binding['hostPort']}/") is None


def test_bridge_publishes_fixed_ports(story: Story):
    tcp, udp = free_port(), free_port()
    mappings = [
        {"containerPort": 8080, "hostPort": tcp},
        {"containerPort": 9090, "hostPort": udp, "protocol": "udp"},
    ]
    task = story.start(web(portMappings=mappings))
    bindings = {(one["protocol"], one["containerPort"], one["hostPort"]) for one in part(task, "web")["networkBindings"]}
    assert bindings == {("tcp", 8080, tcp), ("udp", 9090, udp)}
    eventually_served(f"http://127.0.0.1:{tcp}/")
    # The image has no server of datagrams, so one is lent to the container's network.
    process = story.berth.containers()[part(task, "web")["runtimeId"]]
    server = subprocess.Popen(["nsenter", f"--net=/proc/{process.pid}/ns/net", sys.executable, "-c", ECHOES])
    try:
        assert eventually("the datagram comes back", lambda: echoed(udp, b"ahoy")) == b"ahoy"
    finally:
        server.kill()
        server.wait()


ECHOES = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 9090))
while True:
    server.sendto(*server.recvfrom(100))
"""


def echoed(port: int, datagram: bytes) -> bytes:
    """What a UDP port of loopback answers, or nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        try:
            client.connect(("127.0.0.1", port))
            client.send(datagram)
            return client.recv(100)
        except OSError:
            return b""


def test_two_tasks_on_the_bridge_do_not_collide(story: Story):
    definition = story.register(web(portMappings=[{"containerPort": 8080, "hostPort": 0}]))
    tasks = [story.running(story.run(definition)) for _ in range(2)]
    ports = {part(task, "web")["networkBindings"][0]["hostPort"] for task in tasks}
    assert len(ports) == 2
    for port in ports:
        eventually_served(f"http://127.0.0.1:{port}/")


def test_host_mode_serves_on_the_host_itself(story: Story):
    port = free_port()
    mapping = {"containerPort": port}
    task = story.start(web(port=port, portMappings=[mapping]), networkMode="host", launch={"launchType": "EC2"})
    (binding,) = part(task, "web")["networkBindings"]
    assert (binding["containerPort"], binding["hostPort"]) == (port, port)
    eventually_served(f"http://127.0.0.1:{port}/")
    story.stop(task)
    assert fetch(f"http://127.0.0.1:{port}/") is None


def test_mode_none_has_loopback_only(story: Story):
    _, said = story.finish(container(script="ls /sys/class/net; ping -c 1 -W 5 127.0.0.1 >/dev/null && echo alive"), networkMode="none")
    assert said["app"] == ["lo", "alive"]


def test_containers_of_an_awsvpc_task_share_localhost(story: Story):
    asks = "until wget -q -O - http://127.0.0.1:8080/; do sleep 0.1; done"
    task, said = story.finish(
        web(essential=False),
        container("client", asks),
        networkMode="awsvpc",
        launch={"networkConfiguration": story.network()},
    )
    assert said["client"][-1] == "served from web"
    assert exit_codes(task)["client"] == 0


def test_awsvpc_tasks_reach_each_other(story: Story):
    network = {"networkConfiguration": story.network()}
    server = story.start(web(), networkMode="awsvpc", launch=network)
    url = f"http://{address_of(server)}:8080/"
    eventually_served(url)
    asks = f"ip -4 -o addr show eth0 | tr -s ' ' | cut -d ' ' -f 4; wget -q -O - {url}"
    client, said = story.finish(container(script=asks), networkMode="awsvpc", launch=network)
    assert said["app"][0].split("/")[0] == address_of(client)
    assert address_of(client) != address_of(server)
    assert said["app"][1:] == ["served from web"]


def test_a_task_on_the_bridge_reaches_one_in_awsvpc_mode(story: Story):
    server = story.start(web(), networkMode="awsvpc", launch={"networkConfiguration": story.network()})
    url = f"http://{address_of(server)}:8080/"
    eventually_served(url)
    _, said = story.finish(container(script=f"wget -q -O - {url}"))
    assert said["app"] == ["served from web"]


def test_containers_know_their_host_names(story: Story):
    _, said = story.finish(container(script='grep -c "$(hostname)" /etc/hosts; cat /etc/resolv.conf >/dev/null && echo readable'))
    assert said["app"] == ["1", "readable"]


def test_addresses_are_given_back(story: Story):
    network = story.network()

    def free() -> int:
        subnets = story.berth.client("ec2").describe_subnets(SubnetIds=[story.subnet()])
        return subnets["Subnets"][0]["AvailableIpAddressCount"]

    before = free()
    task = story.start(container(script=SLEEPS), networkMode="awsvpc", launch={"networkConfiguration": network})
    assert free() == before - 1
    story.stop(task)
    assert free() == before
