"""What clients do while programs are killed. Each errand is repeated until it is acknowledged, as clients do, and knows
what must be true from then on."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from ..poll import eventually
from ..story import Json, Story, container, exit_codes, part
from .ledger import Ledger
from .witness import Witness

# A machine that builds and tests at once, and restarts that wait for each other.
PATIENCE_S = 150.0
MODES = ("host", "bridge", "awsvpc")
TASK_MISSING = "a task that was acknowledged is not there"


@dataclass
class Errand:
    """Something that a client wants, with what must be true once it was acknowledged."""

    name: str
    attempt: Callable[[], bool]
    verify: Callable[[], None]
    is_done: bool = False
    broken: list[BaseException] = field(default_factory=list)
    _thread: threading.Thread | None = None

    def begin(self, pause_s: float) -> None:
        """Begins after a pause, in a thread of its own."""
        self._thread = threading.Thread(target=self._first, args=(pause_s,))
        self._thread.start()

    def _first(self, pause_s: float) -> None:
        time.sleep(pause_s)
        self._try()

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
            assert not self.broken, (self.name, self.broken)
            return self.is_done

        eventually(f"{self.name} is acknowledged", done, PATIENCE_S)
        self.verify()


class Errands:
    """Makes errands at random, and keeps the tasks that run on between the rounds."""

    def __init__(self, story: Story, ledger: Ledger, witness: Witness, chance: random.Random) -> None:
        self.story, self.ledger, self.witness, self.chance = story, ledger, witness, chance
        self.logged: Json = {}
        self.network = story.network()
        self.standing: list[Json] = []
        self.promised: set[str] = set()
        self.deregistered: set[str] = set()
        self.tokens: dict[str, tuple[Json, list[str]]] = {}
        self.tasks: dict[str, int | None] = {}
        self._count = 0

    def some(self) -> Errand:
        """Any errand, ready to begin."""
        self._count += 1
        kinds = [self.short, self.short, self.hurried, self.forgotten, self.register]
        kinds += [self.stop] * min(2, len(self.standing)) if len(self.standing) > 1 else []
        kinds += [self.long] * (4 - len(self.standing))
        return self.chance.choice(kinds)()

    # The kinds

    def short(self) -> Errand:
        """Short tasks, each of two containers, which end with a code of their own."""
        code, count = self.chance.randrange(1, 100), self.chance.randrange(1, 4)
        request = self._request(f"sleep {self.chance.uniform(0, 1):.2f}; echo last words; exit {code}", count=count, twins=True)
        made: list[str] = []

        def verify() -> None:
            self._same_token(request, made)
            for arn in made:
                self._ended(arn, code, ("EssentialContainerExited", "Essential container in task exited"))
            self._each_ran_once(request["startedBy"], made, 2)

        return Errand("running short tasks", lambda: self._run(request, made), verify)

    def hurried(self) -> Errand:
        """A task that is stopped as soon as its start was acknowledged."""
        code = self.chance.randrange(1, 100)
        request = self._request(f"trap 'echo last words; exit {code}' TERM; sleep 1000 & wait", stopTimeout=2)
        pause_s = self.chance.choice([0, self.chance.uniform(0, 0.3)])
        made: list[str] = []

        def attempt() -> bool:
            if not made and not self._run(request, made):
                return False
            time.sleep(pause_s)
            self.story.ecs.stop_task(task=made[0], reason="in a hurry")
            return True

        def verify() -> None:
            self._same_token(request, made)
            self._stopped_by_user(made[0], "in a hurry", {code, 137, None})
            self._each_ran_once(request["startedBy"], made, 1, at_least=0)

        return Errand("stopping a task at its start", attempt, verify)

    def forgotten(self) -> Errand:
        """Tasks of a call that is never repeated: all of them are there or none."""
        count = self.chance.randrange(1, 4)
        request = self._request("echo last words; exit 3", count=count)
        del request["clientToken"]
        told: list[str] = []

        def attempt() -> bool:
            try:
                answer = self.story.ecs.run_task(**request)
                told[:] = [task["taskArn"] for task in answer["tasks"]]
            except BotoCoreError:
                pass
            except ClientError as refusal:
                if refusal.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
                    raise
            return True

        def verify() -> None:
            found = self._started_by(request["startedBy"])
            self.ledger.expect(set(told) <= set(found), "lost", f"{TASK_MISSING}: {set(told) - set(found)}")
            self.ledger.expect(len(found) in (0, count) or bool(told), "lost", f"{len(found)} of {count} tasks of one call are there")
            for arn in found:
                self._ended(arn, 3, ("EssentialContainerExited", "Essential container in task exited"))
            self._each_ran_once(request["startedBy"], found, 1)

        return Errand("running tasks without a second attempt", attempt, verify)

    def long(self) -> Errand:
        """A task that runs on until some later round."""
        code = self.chance.randrange(1, 100)
        script = f"trap 'echo last words; exit {code}' TERM; i=0; while :; do i=$((i + 1)); echo tick $i; sleep 0.2 & wait; done"
        request = self._request(script)
        made: list[str] = []

        def verify() -> None:
            self._same_token(request, made)
            task = self._reached(made[0], "RUNNING")
            if self.ledger.expect(task["lastStatus"] == "RUNNING", "wrong ends", f"a task that should run: {_short(task)}"):
                process = self.story.berth.containers().get(part(task)["runtimeId"])
                self.standing.append({**task, "code": code, "process": process, "startedBy": request["startedBy"]})

        return Errand("running a long task", lambda: self._run(request, made), verify)

    def stop(self) -> Errand:
        """The end of a long task."""
        task = self.standing.pop(self.chance.randrange(len(self.standing)))

        def attempt() -> bool:
            self.story.ecs.stop_task(task=task["taskArn"], reason="errand")
            return True

        def verify() -> None:
            self._stopped_by_user(task["taskArn"], "errand", {task["code"]})
            self._each_ran_once(task["startedBy"], [task["taskArn"]], 1)

        return Errand("stopping a long task", attempt, verify)

    def register(self) -> Errand:
        """Registers and deregisters definitions as fast as it can until the server is gone."""
        family, acknowledged, inactive = f"journal-{self._count}", [], []
        until = time.monotonic() + 1.5

        def attempt() -> bool:
            while time.monotonic() < until or not acknowledged:
                made = self.story.ecs.register_task_definition(family=family, containerDefinitions=[container()])
                acknowledged.append(made["taskDefinition"]["taskDefinitionArn"])
                if len(acknowledged) % 4 == 0:
                    self.story.ecs.deregister_task_definition(taskDefinition=acknowledged[-1])
                    inactive.append(acknowledged[-1])
            return True

        def verify() -> None:
            self.promised.update(acknowledged)
            self.deregistered.update(inactive)
            listed = self._listed(family, "ACTIVE") | self._listed(family, "INACTIVE")
            lost = set(acknowledged) - listed
            self.ledger.expect(not lost, "lost", f"definitions that were acknowledged: {lost}")
            active = set(inactive) & self._listed(family, "ACTIVE")
            self.ledger.expect(not active, "lost", f"deregistrations that were acknowledged: {active}")

        return Errand("registering definitions", attempt, verify)

    # At the end of all rounds

    def verify_all(self) -> None:
        """Everything that was ever acknowledged is still there."""
        for request, made in self.tokens.values():
            self._same_token(request, made)
        known = sorted(self.tasks)
        for at in range(0, len(known), 100):
            answer = self.story.ecs.describe_tasks(tasks=known[at : at + 100])
            for failure in answer["failures"]:
                self.ledger.accuse("lost", f"{TASK_MISSING}: {failure}")
            for task in answer["tasks"]:
                code = self.tasks[task["taskArn"]]
                told = exit_codes(task)["app"]
                self.ledger.expect(told == code, "wrong ends", f"the exit code {code} became {told}: {_short(task)}")
        for arn in sorted(self.promised):
            status = self.story.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["status"]
            wanted = "INACTIVE" if arn in self.deregistered else "ACTIVE"
            allowed = (wanted, "INACTIVE") if arn not in self.deregistered else (wanted,)
            self.ledger.expect(status in allowed, "lost", f"{arn} is {status} and was acknowledged as {wanted}")
        self.ledger.saw("definitions compared", len(self.promised))

    # What they are made of

    def _request(self, script: str, count: int = 1, twins: bool = False, **members: object) -> Json:
        """A RunTask request for a new definition in any network mode, whose containers tell the witness of their start."""
        family, mode = f"errand-{self._count}", self.chance.choice(MODES)
        begins = f"mark=$(cat /proc/sys/kernel/random/uuid); echo start $mark; {self.witness.words(mode, family)}; "
        parts = [container(script=begins + script, logConfiguration=self.logged, **members)]
        if twins:
            waits = "trap 'exit 0' TERM; sleep 1000 & wait"
            check = {"command": ["CMD-SHELL", "true"], "interval": 5}
            side = container("side", begins + waits, essential=False, stopTimeout=2, logConfiguration=self.logged, healthCheck=check)
            parts[0]["dependsOn"] = [{"containerName": "side", "condition": self.chance.choice(["START", "HEALTHY"])}]
            parts.append(side)
        definition = self._registered(family, mode, parts)
        network = {"networkConfiguration": self.network} if mode == "awsvpc" else {}
        return {"taskDefinition": definition, "count": count, "startedBy": family, "clientToken": family, **network}

    def _registered(self, family: str, mode: str, parts: list[Json]) -> str:
        made = self.story.ecs.register_task_definition(family=family, networkMode=mode, containerDefinitions=parts)
        arn = made["taskDefinition"]["taskDefinitionArn"]
        self.promised.add(arn)
        return arn

    def _run(self, request: Json, made: list[str]) -> bool:
        answer = self.story.ecs.run_task(**request)
        made[:] = [task["taskArn"] for task in answer["tasks"]]
        assert all(one["reason"] == "AGENT" for one in answer["failures"]), answer["failures"]
        if made:
            self.tokens[request["clientToken"]] = (request, list(made))
        return bool(made)

    def _same_token(self, request: Json, made: list[str]) -> None:
        again = [task["taskArn"] for task in self.story.ecs.run_task(**request)["tasks"]]
        self.ledger.expect(again == made, "double runs", f"the token {request['clientToken']} meant {made} and means {again}")

    def _started_by(self, started_by: str) -> list[str]:
        statuses = ("RUNNING", "STOPPED")
        pages = [self.story.ecs.list_tasks(startedBy=started_by, desiredStatus=status)["taskArns"] for status in statuses]
        return sorted({arn for page in pages for arn in page})

    def _listed(self, family: str, status: str) -> set[str]:
        pages = self.story.ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family, status=status)
        return {arn for page in pages for arn in page["taskDefinitionArns"]}

    def _reached(self, arn: str, status: str) -> Json:
        """The task once it is there, or has stopped."""
        now: Json = {}

        def there() -> bool:
            answer = self.story.ecs.describe_tasks(tasks=[arn])
            if not answer["tasks"]:
                self.ledger.accuse("lost", f"{TASK_MISSING}: {answer['failures']}")
                raise AssertionError(TASK_MISSING)
            now.update(answer["tasks"][0])
            return now["lastStatus"] in (status, "STOPPED")

        try:
            eventually(f"the task is {status}", there, PATIENCE_S)
        except AssertionError as late:
            raise AssertionError(f"{late}; it is {now}") from None
        return now

    def _ended(self, arn: str, code: int, why: tuple[str, str]) -> None:
        """The task ended of its own accord, and everything that it said is there."""
        task = self._reached(arn, "STOPPED")
        self.tasks[arn] = code
        told = (task.get("stopCode"), task.get("stoppedReason"))
        self.ledger.expect(exit_codes(task)["app"] == code, "wrong ends", f"not exit code {code}: {_short(task)}")
        self.ledger.expect(told == why, "wrong ends", f"not {why}: {_short(task)}")
        self._said(task)

    def _stopped_by_user(self, arn: str, reason: str, codes: set[int | None]) -> None:
        task = self._reached(arn, "STOPPED")
        told = exit_codes(task)["app"]
        self.tasks[arn] = told
        self.ledger.expect(told in codes, "wrong ends", f"none of the exit codes {codes}: {_short(task)}")
        why = (task.get("stopCode"), task.get("stoppedReason"))
        self.ledger.expect(why == ("UserInitiated", reason), "wrong ends", f"not stopped by its user: {_short(task)}")
        if told is not None and told != 137:
            self._said(task)

    def _said(self, task: Json) -> None:
        """From the first line to the last none is missing. A line may come twice, as with CloudWatch Logs. Before the first
        one there may be what runc says when it is killed before it has made the container: it writes to the same pipe."""
        lines = self.story.lines(task)
        once = list(dict.fromkeys(lines))
        own = next((at for at, line in enumerate(once) if line.startswith("start ")), 0)
        self.ledger.saw("log lines of runc", own)
        once = once[own:]
        self.ledger.saw("log lines", len(once))
        self.ledger.saw("log lines told twice", len(lines) - len(once))
        starts = [line for line in once if line.startswith("start ")]
        self.ledger.expect(len(starts) <= 1, "double runs", f"{task['taskArn']} began {len(starts)} times: {once}")
        ticks = [line for line in once if line.startswith("tick ")]
        whole = starts[:1] + [f"tick {number}" for number in range(1, len(ticks) + 1)] + ["last words"]
        self.ledger.expect(once == whole, "broken logs", f"{task['taskArn']} said {once[:2]} .. {once[-3:]}, {len(once)} lines")

    def _each_ran_once(self, family: str, made: list[str], containers: int, at_least: int | None = None) -> None:
        """The witness heard of as many starts as there are containers."""
        most = len(made) * containers
        least = most if at_least is None else at_least
        starts = set(self.witness.heard(family))
        self.ledger.saw("starts witnessed", len(starts))
        self.ledger.expect(len(starts) <= most, "double runs", f"{family}: {len(starts)} starts of {most} containers")
        # A second container of a task whose first one ended early may never have been started.
        least = min(least, len(made)) if containers > 1 else least
        self.ledger.expect(len(starts) >= least, "lost", f"{family}: {len(starts)} starts of {most} containers")


def _short(task: Json) -> Json:
    kept = ("taskArn", "lastStatus", "desiredStatus", "stopCode", "stoppedReason")
    parts = [{key: one.get(key) for key in ("name", "lastStatus", "exitCode", "reason")} for one in task["containers"]]
    return {**{key: task.get(key) for key in kept}, "containers": parts}
