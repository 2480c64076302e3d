"""`kill -9` of server and agent: containers run on, everything is found again, nothing that was acknowledged is lost.

The rounds are random; a failure prints their seed. BERTH_ROUNDS and BERTH_SEED repeat a run.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from support import host
from support.berth import ACCOUNT, Berth
from support.poll import eventually
from support.story import SLEEPS, Json, Story, address_of, container, exit_codes, fetch, logs_to, part

ROUNDS = int(os.environ.get("BERTH_ROUNDS", "20"))
SEED = int(os.environ.get("BERTH_SEED", random.SystemRandom().randrange(1 << 32)))

PAGE = "It works!"
TICKS = "trap 'exit 0' TERM; i=0; while :; do i=$((i + 1)); echo tick $i; sleep 0.05; done"
FARGATE = {
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/ecsTaskExecutionRole",
}
APACHE = {"name": "app", "image": "httpd:2.4", "memory": 64, "portMappings": [{"containerPort": 80}]}


@dataclass
class Pillar:
    """A task that must stand through everything."""

    task: Json
    url: str | None
    process: host.Process

    @property
    def runtime_id(self) -> str:
        return part(self.task)["runtimeId"]


class Siege:
    """A Berth with long-lived tasks on it, whose programs are killed."""

    def __init__(self, berth: Berth) -> None:
        self.berth = berth.start()
        self.story = Story(berth, "survival")
        group = self.story.make_group()
        self.logged = logs_to(group)
        fargate = self.running({**APACHE, "logConfiguration": self.logged}, FARGATE, launchType="FARGATE", networkConfiguration=self.story.network())
        bridge = self.running(APACHE, {}, launchType="EC2")
        ticker = self.running(container(script=TICKS, logConfiguration=self.logged), {"networkMode": "host"})
        processes = berth.containers()
        port = part(bridge)["networkBindings"][0]["hostPort"]
        urls = [f"http://{address_of(fargate)}/", f"http://127.0.0.1:{port}/", None]
        self.pillars = [
            Pillar(task, url, processes[part(task)["runtimeId"]]) for task, url in zip((fargate, bridge, ticker), urls)
        ]
        eventually("the pages answer", lambda: all(fetch(one.url) for one in self.pillars if one.url))

    def running(self, one: Json, members: Json, **launch: object) -> Json:
        return self.story.start(one, launch=launch, **members)

    def assert_pillars_stand(self) -> None:
        """The same processes run, and answer, whoever else lives."""
        for pillar in self.pillars:
            assert host.process(pillar.process.pid) == pillar.process, f"{pillar.task['taskArn']} was restarted or ended"
            if pillar.url:
                assert PAGE in (fetch(pillar.url) or ""), pillar.url

    def assert_pillars_are_known(self) -> None:
        """Berth tells what containerd knows: the same containers, each once."""
        running = self.berth.containers()
        for pillar in self.pillars:
            now = self.story.describe(pillar.task)
            assert (now["lastStatus"], now["desiredStatus"]) == ("RUNNING", "RUNNING")
            assert part(now)["runtimeId"] == pillar.runtime_id
            assert part(now)["networkBindings"] == part(pillar.task)["networkBindings"]
            assert now["startedAt"] == pillar.task["startedAt"]
            assert running[pillar.runtime_id] == pillar.process

    def assert_nothing_else_runs(self) -> None:
        """No container runs that no task accounts for."""
        wanted = {one.runtime_id for one in self.pillars}
        eventually("only the pillars run", lambda: set(self.berth.containers()) == wanted)

    def connected(self) -> None:
        """Waits until both programs are at work."""
        self.berth.server.assert_alive()
        self.berth.agent.assert_alive()
        eventually("the server is healthy", self.berth.is_healthy)
        eventually("the agent is connected", lambda: self.berth.agent.assert_alive() or self.berth.is_connected())

    def finish(self) -> None:
        """The long-lived tasks end as if nothing had been."""
        ended = [self.story.stop(one.task) for one in self.pillars]
        assert [exit_codes(task)["app"] for task in ended] == [0, 0, 0]
        ticks = once(self.story.lines(ended[2]))
        assert ticks == [f"tick {number}" for number in range(1, len(ticks) + 1)], "no line is lost"
        assert len(ticks) > 10
        self.berth.down()


def once(lines: list[str]) -> list[str]:
    """Lines without repetitions. As with CloudWatch Logs, a line comes twice if its taker dies before it can say so."""
    return list(dict.fromkeys(lines))


@pytest.fixture
def siege(own_berth: Berth) -> Iterator[Siege]:
    """A fresh Berth with three long-lived tasks."""
    yield Siege(own_berth)


# What may be going on while programs are killed. Each errand is repeated until it is acknowledged, as clients do.


@dataclass
class Errand:
    """Something that a client wants, with what must be true once it was acknowledged."""

    attempt: Callable[[], bool]
    verify: Callable[[], None]
    is_done: bool = False
    broken: list[BaseException] = field(default_factory=list)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        self._thread = threading.Thread(target=self._try)
        self._thread.start()

    def _try(self) -> None:
        try:
            self.is_done = self.attempt()
        except BotoCoreError:
            pass  # the server was killed before it answered: nobody knows what became of it
        except ClientError as refusal:
            if refusal.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
                self.broken.append(refusal)
        except BaseException as error:
            self.broken.append(error)

    def complete(self) -> None:
        """Waits for it, repeats it if need be, and looks at what came of it."""
        self._thread.join()

        def done() -> bool:
            if not self.is_done:
                self._try()
            assert not self.broken, self.broken
            return self.is_done

        eventually("the errand is acknowledged", done)
        self.verify()


class Errands:
    """Makes errands at random."""

    def __init__(self, siege: Siege, chance: random.Random) -> None:
        self.siege, self.story, self.chance = siege, siege.story, chance
        self._count = 0

    def some(self) -> Errand:
        """Any errand, ready to begin."""
        self._count += 1
        return self.chance.choice([self.run, self.run, self.stop, self.register])()

    def run(self) -> Errand:
        """Runs short tasks, which end with a code of their own."""
        code, count, seconds = self.chance.randrange(1, 100), self.chance.randrange(1, 4), self.chance.uniform(0, 1)
        script = f"cat /proc/sys/kernel/random/uuid; sleep {seconds:.2f}; echo last words; exit {code}"
        mode, launch = self.chance.choice([("bridge", {}), ("awsvpc", {"networkConfiguration": self.story.network()})])
        one = container(script=script, logConfiguration=self.siege.logged)
        definition = self.story.register(one, networkMode=mode)
        request = {"taskDefinition": definition, "count": count, "clientToken": f"errand-{self._count}", **launch}
        made: list[str] = []

        def attempt() -> bool:
            answer = self.story.ecs.run_task(**request)
            made[:] = [task["taskArn"] for task in answer["tasks"]]
            assert all(one["reason"] == "AGENT" for one in answer["failures"]), answer["failures"]
            return bool(made)

        def verify() -> None:
            again = self.story.ecs.run_task(**request)["tasks"]
            assert [task["taskArn"] for task in again] == made, "the token still means the same tasks"
            assert len(made) == count
            for arn in made:
                task = self.story.stopped({"taskArn": arn})
                assert exit_codes(task) == {"app": code}, task
                assert (task["stopCode"], task["stoppedReason"]) == ("EssentialContainerExited", "Essential container in task exited")
                lines = once(self.story.lines(task))
                assert len(lines) == 2 and lines[1] == "last words", f"{arn} did not run once: {lines}"

        return Errand(attempt, verify)

    def stop(self) -> Errand:
        """Stops a task that runs."""
        code = self.chance.randrange(1, 100)
        task = self.siege.running(container(script=f"trap 'exit {code}' TERM; sleep 1000 & wait"), {})

        def attempt() -> bool:
            self.story.ecs.stop_task(task=task["taskArn"], reason="errand")
            return True

        def verify() -> None:
            stopped = self.story.stopped(task)
            assert exit_codes(stopped) == {"app": code}
            assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "errand")

        return Errand(attempt, verify)

    def register(self) -> Errand:
        """Registers definitions as fast as it can until the server is gone."""
        family, acknowledged = f"journal-{self._count}", []
        end = time.monotonic() + 1

        def attempt() -> bool:
            while time.monotonic() < end or not acknowledged:
                answer = self.story.ecs.register_task_definition(family=family, containerDefinitions=[container()])
                acknowledged.append(answer["taskDefinition"]["taskDefinitionArn"])
            return True

        def verify() -> None:
            pages = self.story.ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family)
            listed = [arn for page in pages for arn in page["taskDefinitionArns"]]
            lost = set(acknowledged) - set(listed)
            assert not lost, f"acknowledged and lost: {lost}"

        return Errand(attempt, verify)


def test_everything_survives_random_kills(siege: Siege):
    print(f"BERTH_SEED={SEED} BERTH_ROUNDS={ROUNDS}")
    chance = random.Random(SEED)
    errands = Errands(siege, chance)
    berth = siege.berth
    kill = {"server": berth.kill_server, "agent": berth.kill_agent}
    launch = {"server": berth.launch_server, "agent": berth.launch_agent}
    for number in range(ROUNDS):
        victims = chance.choice([["server"], ["agent"], ["server", "agent"], ["agent", "server"]])
        before, during = chance.uniform(0, 0.7), chance.choice([0, chance.uniform(0, 1)])
        errand = errands.some()
        print(f"round {number}: {victims} die {before:.2f} s into it and are away for {during:.2f} s")
        errand.begin()
        time.sleep(before)
        for victim in victims:
            kill[victim]()
        siege.assert_pillars_stand()
        time.sleep(during)
        for victim in chance.sample(victims, len(victims)):
            launch[victim]()
        siege.connected()
        errand.complete()
        siege.assert_pillars_stand()
        siege.assert_pillars_are_known()
        siege.assert_nothing_else_runs()
    siege.finish()


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
