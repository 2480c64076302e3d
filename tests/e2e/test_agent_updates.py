"""UpdateContainerAgent: the operator offers a release of Amazon's agent, and machines that run an older one become it."""

from __future__ import annotations

from typing import Any

import pytest

from support.berth import REGION, Berth
from support.poll import eventually
from support.refusals import refused
from support.stock import StockAgent

LOCATION = "https://there/ecs-agent-1.106.0.tar"
SHA256 = "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08"
OFFER = ("--agent-update", "1.106.0", "--agent-update-url", LOCATION, "--agent-update-sha256", SHA256)
RESOURCES = [{"name": "CPU", "type": "INTEGER", "integerValue": 2048}, {"name": "MEMORY", "type": "INTEGER", "integerValue": 3900}]


@pytest.fixture
def offering(own_berth: Berth) -> Berth:
    """A control plane that offers a release."""
    own_berth.start_server(*OFFER)
    return own_berth


class Machine:
    """A machine with Amazon's agent."""

    def __init__(self, berth: Berth) -> None:
        self.berth = berth
        joined = self.ecs.register_container_instance(cluster="default", totalResources=RESOURCES)
        self.arn = joined["containerInstance"]["containerInstanceArn"]

    @property
    def ecs(self):
        return self.berth.client("ecs")

    def connect(self, version: str) -> StockAgent:
        agent = StockAgent(self.berth, "default", self.arn, version, REGION)
        agent.hear("TaskManifestMessage")
        return agent

    def shown(self) -> dict[str, Any]:
        (found,) = self.ecs.describe_container_instances(containerInstances=[self.arn])["containerInstances"]
        return found

    def update(self) -> str:
        return self.ecs.update_container_agent(containerInstance=self.arn)["containerInstance"]["agentUpdateStatus"]

    def refusal(self) -> tuple[str, str]:
        return refused(self.ecs.update_container_agent, containerInstance=self.arn)

    def shows(self, status: str) -> None:
        eventually(f"the update is {status}", lambda: self.shown().get("agentUpdateStatus") == status)


def test_an_agent_is_updated_across_a_crash_of_the_control_plane(offering: Berth):
    machine = Machine(offering)
    with machine.connect("1.105.1") as agent:
        assert "agentUpdateStatus" not in machine.shown()
        assert machine.update() == "PENDING"
        stage = agent.hear("StageUpdateMessage")
        assert stage["updateInfo"] == {"location": LOCATION, "signature": SHA256.lower()}
        assert machine.shown()["agentUpdateStatus"] == "STAGING"
        code, text = machine.refusal()
        assert (code, text) == (
            "UpdateInProgressException",
            "An update of the container agent is already in progress on this container instance.",
        )
        agent.acknowledge(stage)
        agent.hear("PerformUpdateMessage")
        assert machine.shown()["agentUpdateStatus"] == "STAGED"
    offering.kill_server()
    offering.start_server()
    with machine.connect("1.105.1") as agent:
        # The agent has what it is told to fetch, and says so at once.
        agent.acknowledge(agent.hear("StageUpdateMessage"))
        perform = agent.hear("PerformUpdateMessage")
        assert perform["updateInfo"]["location"] == LOCATION
        agent.acknowledge(perform)
        machine.shows("UPDATING")
    with machine.connect("1.106.0"):
        machine.shows("UPDATED")
        assert machine.shown()["versionInfo"]["agentVersion"] == "1.106.0"


def test_an_agent_that_refuses_or_is_new_enough_is_not_updated(offering: Berth):
    machine = Machine(offering)
    with machine.connect("1.105.1") as agent:
        machine.update()
        agent.refuse(agent.hear("StageUpdateMessage"), "Updates are disabled")
        machine.shows("FAILED")
    newest = Machine(offering)
    with newest.connect("1.106.0"):
        eventually("its version is known", lambda: newest.shown()["versionInfo"].get("agentVersion"))
        expected = "There is no update available for your container agent."
        assert newest.refusal() == ("NoUpdateAvailableException", expected)


def test_berths_own_agent_is_updated_with_its_program(offering: Berth):
    offering.start_agent()
    ecs = offering.client("ecs")
    (arn,) = ecs.list_container_instances()["containerInstanceArns"]
    text = "There is no update available for your container agent: Berth's own agent is updated with its program."
    assert refused(ecs.update_container_agent, containerInstance=arn) == ("NoUpdateAvailableException", text)


@pytest.mark.parametrize(
    ("at", "bad", "why"),
    [
        (1, "newest", "a version is numbers between dots"),
        (3, "ftp://there", "begins with http:// or https://"),
        (5, "12", "a SHA-256 has 64 hexadecimal digits"),
    ],
)
def test_what_agents_could_not_use_is_not_offered(own_berth: Berth, at: int, bad: str, why: str):
    own_berth.launch_server(*OFFER[:at], bad, *OFFER[at + 1 :])
    assert own_berth.server.wait() != 0
    assert why in own_berth.server.tail()
