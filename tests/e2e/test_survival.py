"""`kill -9` of server, agent and containerd: containers run on, everything is found again, nothing that was acknowledged is
lost.

The rounds are random; a failure prints how to replay them. BERTH_ROUNDS and BERTH_SEED do so here.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from support import host
from support.berth import Berth
from support.crash.rounds import Crash
from support.crash.siege import Siege
from support.poll import eventually
from support.story import SLEEPS, container, exit_codes, part

ROUNDS = int(os.environ.get("BERTH_ROUNDS", "10"))
SEED = int(os.environ.get("BERTH_SEED", random.SystemRandom().randrange(1 << 32)))


@pytest.fixture
def siege(own_berth: Berth) -> Iterator[Siege]:
    """A fresh Berth with three long-lived tasks."""
    yield Siege(own_berth)


def test_everything_survives_random_kills(own_berth: Berth):
    print(f"replay: cargo xtask crash --seed {SEED} --rounds {ROUNDS}")
    crash = Crash(own_berth, SEED)
    try:
        for number in range(ROUNDS):
            crash.round(number)
        crash.finish()
    finally:
        print(crash.figures())
        crash.close()


def test_what_ended_while_nobody_looked_is_told_with_its_exit_code(siege: Siege):
    story, berth = siege.story, siege.berth
    short = container(script="sleep 1; echo last words; exit 7", logConfiguration=siege.logged)
    definitions = [story.register(short), story.register(container(script="sleep 1; exec tail /dev/zero", memory=16))]
    tasks = [story.running(story.run(definition)) for definition in definitions]
    processes = [berth.containers()[part(task)["runtimeId"]] for task in tasks]
    berth.kill()
    eventually("both have ended", lambda: not any(host.process(one.pid) == one for one in processes))
    berth.launch_agent()  # finds them without a server
    berth.launch_server()
    siege.connected()
    seven, killed = [story.stopped(task) for task in tasks]
    assert exit_codes(seven) == {"app": 7}
    assert story.lines(seven) == ["last words"]
    assert seven["executionStoppedAt"] <= seven["stoppedAt"]
    assert exit_codes(killed) == {"app": 137}
    assert part(killed)["reason"].startswith("OutOfMemoryError")
    siege.assert_pillars_are_known()
    siege.finish()


def test_a_stop_reaches_an_agent_that_was_away(siege: Siege):
    story, berth = siege.story, siege.berth
    task = siege.running(container(script=SLEEPS), {})
    berth.kill_agent()
    eventually("the agent is missed", lambda: not berth.is_connected())
    stopping = story.ecs.stop_task(task=task["taskArn"], reason="while it was away")["task"]
    assert (stopping["lastStatus"], stopping["desiredStatus"]) == ("RUNNING", "STOPPED")
    answer = story.ecs.run_task(taskDefinition=task["taskDefinitionArn"])
    assert (answer["tasks"], [one["reason"] for one in answer["failures"]]) == ([], ["AGENT"])
    berth.launch_agent()
    siege.connected()
    stopped = story.stopped(task)
    assert exit_codes(stopped) == {"app": 0}
    assert stopped["stoppedReason"] == "while it was away"
    siege.finish()


def test_containers_outlive_containerd(siege: Siege):
    pid_file = siege.berth.containerd_socket().with_name("containerd.pid")
    before = int(pid_file.read_text())
    os.kill(before, 9)
    siege.assert_pillars_stand()
    eventually("another containerd is there", lambda: int(pid_file.read_text()) != before and siege.berth.containerd_socket().exists())
    task, _ = siege.story.finish(container(script="exit 3"))
    assert exit_codes(task) == {"app": 3}
    siege.assert_pillars_are_known()
    siege.finish()
