"""Tasks as a test tells of them: register, run, wait, look, read what they said."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import Any

from .berth import REGION, Berth
from .poll import eventually

Json = dict[str, Any]


def container(name: str = "app", script: str | None = None, **members: Any) -> Json:
    """A container definition: busybox with little memory, which runs `script`."""
    command = {} if script is None else {"command": ["sh", "-c", script]}
    return {"name": name, "image": "busybox", "memory": 64, **command, **members}


# As process 1 a shell without a trap ignores SIGTERM.
SLEEPS = "trap 'exit 0' TERM; sleep 100000 & wait"


def logs_to(group: str, prefix: str | None = "e2e", **options: str) -> Json:
    """A log configuration for the awslogs driver."""
    prefixed = {} if prefix is None else {"awslogs-stream-prefix": prefix}
    return {"logDriver": "awslogs", "options": {"awslogs-group": group, "awslogs-region": REGION, **prefixed, **options}}


def fetch(url: str) -> str | None:
    """The page at `url`, or nothing if nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read().decode()
    except (OSError, urllib.error.URLError):
        return None


class Story:
    """The tasks of one test. Its family and log group bear the test's name."""

    def __init__(self, berth: Berth, name: str) -> None:
        self.berth = berth
        self.ecs = berth.client("ecs")
        self.logs = berth.client("logs")
        self.family = re.sub("[^A-Za-z0-9_-]+", "-", name).strip("-")
        self.group = f"/e2e/{self.family}"
        self._started: list[str] = []

    # Definitions

    def register(self, *containers: Json, **members: Any) -> str:
        """Registers the next revision of the test's family and returns its ARN."""
        made = self.ecs.register_task_definition(family=self.family, containerDefinitions=list(containers), **members)
        return made["taskDefinition"]["taskDefinitionArn"]

    def make_group(self) -> str:
        """The test's log group, which is made unless it is there."""
        try:
            self.logs.create_log_group(logGroupName=self.group)
        except self.logs.exceptions.ResourceAlreadyExistsException:
            pass
        return self.group

    def subnet(self) -> str:
        """The subnet of the machine's zone."""
        zone = [{"Name": "availability-zone", "Values": [f"{REGION}a"]}]
        return self.berth.client("ec2").describe_subnets(Filters=zone)["Subnets"][0]["SubnetId"]

    def network(self) -> Json:
        """A network configuration for RunTask."""
        return {"awsvpcConfiguration": {"subnets": [self.subnet()]}}

    # Tasks

    def run(self, definition: str, **members: Any) -> Json:
        """Runs one task."""
        answer = self.ecs.run_task(taskDefinition=definition, **members)
        self._started += [task["taskArn"] for task in answer["tasks"]]
        assert answer["failures"] == []
        assert len(answer["tasks"]) == members.get("count", 1)
        return answer["tasks"][0]

    def start(self, *containers: Json, launch: Json | None = None, **members: Any) -> Json:
        """Registers, runs and waits until the task is RUNNING."""
        return self.running(self.run(self.register(*containers, **members), **(launch or {})))

    def describe(self, task: Json | str) -> Json:
        """The task as it is now."""
        arn = task if isinstance(task, str) else task["taskArn"]
        answer = self.ecs.describe_tasks(tasks=[arn])
        assert answer["failures"] == []
        return answer["tasks"][0]

    def running(self, task: Json) -> Json:
        """The task once it is RUNNING."""
        now = self._at(task, "RUNNING")
        assert now["lastStatus"] == "RUNNING", f"{now.get('stopCode')}: {now.get('stoppedReason')}; {now['containers']}"
        return now

    def stopped(self, task: Json) -> Json:
        """The task once it is STOPPED."""
        return self._at(task, "STOPPED")

    def _at(self, task: Json, status: str) -> Json:
        now: Json = {}

        def reached() -> bool:
            now.update(self.describe(task))
            return now["lastStatus"] in (status, "STOPPED")

        try:
            eventually(f"the task is {status}", reached)
        except AssertionError as late:
            raise AssertionError(f"{late}; it is {now}") from None
        return now

    def stop(self, task: Json, reason: str | None = None) -> Json:
        """Stops a task and waits for its end."""
        self.ecs.stop_task(task=task["taskArn"], **({} if reason is None else {"reason": reason}))
        return self.stopped(task)

    def end(self) -> None:
        """Stops what still runs."""
        going = [arn for arn in self._started if self.describe(arn)["lastStatus"] != "STOPPED"]
        for arn in going:
            self.ecs.stop_task(task=arn)
        for arn in going:
            self.stopped({"taskArn": arn})

    # What containers said

    def finish(self, *containers: Json, launch: Json | None = None, **members: Any) -> tuple[Json, dict[str, list[str]]]:
        """Runs a task to its end; what each of its containers said comes with it."""
        group = self.make_group()
        logged = [{**one, "logConfiguration": logs_to(group)} for one in containers]
        task = self.stopped(self.run(self.register(*logged, **members), **(launch or {})))
        return task, {one["name"]: self.lines(task, one["name"]) for one in containers}

    def lines(self, task: Json, name: str = "app") -> list[str]:
        """Every line of a container's log."""
        stream = f"e2e/{name}/{task['taskArn'].rpartition('/')[2]}"
        return lines_of(self.logs, self.group, stream)


def lines_of(logs: Any, group: str, stream: str) -> list[str]:
    """Every line of a log stream, page by page, as clients read them: until the token stays the same."""
    lines: list[str] = []
    token: Json = {}
    while True:
        page = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **token)
        lines += [event["message"] for event in page["events"]]
        if page["nextForwardToken"] == token.get("nextToken"):
            return lines
        token = {"nextToken": page["nextForwardToken"]}


def part(task: Json, name: str = "app") -> Json:
    """The container of this name."""
    (found,) = (one for one in task["containers"] if one["name"] == name)
    return found


def exit_codes(task: Json) -> dict[str, int | None]:
    """Exit codes by the containers' names."""
    return {one["name"]: one.get("exitCode") for one in task["containers"]}


def address_of(task: Json) -> str:
    """The address of a task in awsvpc mode."""
    return task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
