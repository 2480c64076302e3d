"""A Berth under attack: tasks that must stand through everything, and what may be on its host beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .. import host
from ..berth import ACCOUNT, Berth
from ..poll import eventually
from ..story import Json, Story, address_of, container, exit_codes, fetch, logs_to, part
from .errands import PATIENCE_S
from .machine import traces

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
        bridge["silent"] = True  # it has no log
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

    def strangers(self, standing: list[Json]) -> list[str]:
        """What is on the host or in the API and belongs to no task that stands, and what of those is missing; once all has
        settled."""
        answer: list[str] = []

        def settled() -> bool:
            answer[:] = self._differences([one.task for one in self.pillars] + standing)
            return not answer

        try:
            eventually("nothing else is there", settled, PATIENCE_S)
        except AssertionError:
            pass  # the differences tell
        return answer

    def _differences(self, standing: list[Json]) -> list[str]:
        listed = self.story.ecs.list_tasks()["taskArns"]
        wanted = {"tasks of the API": {task["taskArn"] for task in standing}, **expected(standing)}
        found = {"tasks of the API": set(listed), **traces(self.berth)}
        told = []
        for kind, names in wanted.items():
            there = found[kind]
            if kind == "loggers":
                there = counted(name.split()[0] for name in there)
                names = counted(names)
            told += [f"{kind}: {name} is there" for name in sorted(there - names)]
            told += [f"{kind}: {name} is missing" for name in sorted(names - there)]
        return told

    def connected(self) -> None:
        """Waits until all programs are at work."""
        self.berth.server.assert_alive()
        self._eventually("the server is healthy", self.berth.is_healthy)
        self._eventually("containerd answers", self.berth.has_containerd)
        self._eventually("the agent is connected", self.berth.is_connected)

    def _eventually(self, what: str, probe: Callable[[], bool]) -> None:
        def so() -> bool:
            self.berth.agent.assert_alive()
            return probe()

        eventually(what, so, PATIENCE_S)

    def finish(self) -> None:
        """The long-lived tasks end as if nothing had been."""
        ended = [self.story.stop(one.task) for one in self.pillars]
        assert [exit_codes(task)["app"] for task in ended] == [0, 0, 0]
        ticks = once(self.story.lines(ended[2]))
        assert ticks == [f"tick {number}" for number in range(1, len(ticks) + 1)], "no line is lost"
        assert len(ticks) > 10
        self.berth.down()


def expected(standing: list[Json]) -> dict[str, set[str]]:
    """What tasks that run have on their host, as `traces` names it. Those with `silent` have no log."""
    own = [(task, one) for task in standing for one in task["containers"]]
    ids = {one["runtimeId"] for _, one in own}
    tasks = {task["taskArn"].rpartition("/")[2] for task in standing}
    logged = {one["runtimeId"] for task, one in own if not task.get("silent")}
    return {
        "running containers": ids,
        "containers": ids,
        "root file systems": ids,
        "files": ids,
        "spools": logged,
        "loggers": logged,
        "control groups": tasks,
        "shims": {task["containers"][0]["runtimeId"] for task in standing},
    }


def counted(names: Iterable[str]) -> set[str]:
    """Names with the number of their repetitions, so that a second of a kind is a difference."""
    all_names = list(names)
    return {f"{name} ({all_names.count(name)} times)" for name in all_names}


def once(lines: list[str]) -> list[str]:
    """Lines without repetitions. As with CloudWatch Logs, a line comes twice if its taker dies before it can say so."""
    return list(dict.fromkeys(lines))
