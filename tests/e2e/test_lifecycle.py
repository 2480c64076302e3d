"""What containers wait for, when they are started again, and how their health is probed: with real containers, also when the
agent is killed in between.
"""

from __future__ import annotations

from typing import Any

import pytest

from support import host
from support.berth import Berth
from support.poll import eventually
from support.refusals import refused
from support.story import SLEEPS, Story, container, exit_codes, logs_to, part

# Clocks of containers are the machine's: what one says can be compared with what another one does.
NOW = "cut -d' ' -f1 /proc/uptime"
TELLS = f'echo began $({NOW}); trap "echo ended \\$({NOW}); exit 0" TERM; sleep 100000 & wait'


def on(name: str, condition: str = "START") -> dict[str, str]:
    return {"containerName": name, "condition": condition}


def when(story: Story, task: dict[str, Any], name: str, what: str) -> float:
    """When a container began or ended, as it said itself."""
    (line,) = [line for line in story.lines(task, name) if line.startswith(what)]
    return float(line.split()[1])


# Dependencies


def test_containers_start_in_order_and_stop_in_reverse(story: Story):
    group = story.make_group()

    def one(name: str, *depends_on: dict[str, str]) -> dict[str, Any]:
        return container(name, TELLS, dependsOn=list(depends_on), logConfiguration=logs_to(group))

    task = story.start(one("web", on("side"), on("base")), one("side", on("base")), one("base"))
    names = ["base", "side", "web"]
    eventually("all have begun", lambda: all(story.lines(task, name) for name in names))
    stopped = story.stop(task)
    assert exit_codes(stopped) == {"web": 0, "side": 0, "base": 0}
    began = [when(story, task, name, "began") for name in names]
    ended = [when(story, task, name, "ended") for name in reversed(names)]
    assert began == sorted(began) and ended == sorted(ended)


def test_a_container_waits_for_the_end_of_others(story: Story):
    task, said = story.finish(
        container("main", f"echo began $({NOW}); exit 0", dependsOn=[on("init", "SUCCESS"), on("other", "COMPLETE")]),
        container("init", f"sleep 1; echo ended $({NOW})", essential=False),
        container("other", f"sleep 2; echo ended $({NOW}); exit 3", essential=False),
    )
    assert exit_codes(task) == {"main": 0, "init": 0, "other": 3}
    assert task["stopCode"] == "EssentialContainerExited"
    moment = {name: float(lines[0].split()[1]) for name, lines in said.items()}
    assert max(moment["init"], moment["other"]) <= moment["main"]


def test_a_task_whose_dependency_fails_does_not_start(story: Story):
    task, said = story.finish(
        container("main", "echo never", dependsOn=[on("init", "SUCCESS")]), container("init", "exit 2", essential=False)
    )
    assert exit_codes(task) == {"main": 143, "init": 2}
    assert part(task, "main")["reason"] == (
        "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency "
        "[init(busybox) (STOPPED->STOPPED) - Exit: 2] for target [main(busybox) (PULLED->RUNNING)] as dependency did not exit "
        "successfully."
    )
    assert (task["stopCode"], "startedAt" in task, said["main"]) == ("TaskFailedToStart", False, [])


def test_waiting_ends_with_the_start_timeout(story: Story):
    task, said = story.finish(
        container("main", "echo never", dependsOn=[on("init", "COMPLETE")]),
        container("init", SLEEPS, essential=False, startTimeout=2),
    )
    assert exit_codes(task) == {"main": 143, "init": 0}
    assert part(task, "main")["reason"].endswith("for target [main(busybox) (PULLED->RUNNING)] has timed out.")
    assert said["main"] == []


def test_each_container_has_its_own_time_to_end(story: Story):
    task = story.start(
        container("web", "trap '' TERM; while :; do sleep 1; done", dependsOn=[on("db")], stopTimeout=2),
        container("db", SLEEPS, stopTimeout=600),
    )
    assert exit_codes(story.stop(task)) == {"web": 137, "db": 0}


def test_waiting_goes_on_after_the_agent_was_killed(own_berth: Berth):
    berth = own_berth.start()
    story = Story(berth, "waits")
    task = story.run(
        story.register(
            container("main", SLEEPS, dependsOn=[on("init", "SUCCESS"), on("db", "HEALTHY")]),
            container("init", "sleep 6", essential=False),
            container("db", SLEEPS, healthCheck={"command": ["CMD-SHELL", "true"], "interval": 5}),
        )
    )
    eventually("the first ones run", lambda: part(story.describe(task), "init")["lastStatus"] == "RUNNING")
    init = berth.containers()[part(story.describe(task), "init")["runtimeId"]]
    berth.kill_agent()
    eventually("the first one has ended", lambda: host.process(init.pid) != init)
    assert part(story.describe(task), "main")["lastStatus"] == "PENDING"
    berth.launch_agent()
    now = story.running(task)
    assert exit_codes(now) == {"main": None, "init": 0, "db": None}
    assert part(now, "db")["healthStatus"] == "HEALTHY"
    assert exit_codes(story.stop(task)) == {"main": 0, "init": 0, "db": 0}
    berth.down()


# Restarts

COUNTS = "echo x >> /count; n=$(wc -l < /count); echo run $n; "
# The shortest time that ECS allows.
AGAIN = {"enabled": True, "restartAttemptPeriod": 60, "ignoredExitCodes": [9]}


def test_a_container_that_ran_long_enough_is_started_again(story: Story):
    group = story.make_group()

    def one(name: str, script: str, **members: Any) -> dict[str, Any]:
        return container(name, COUNTS + script, restartPolicy=AGAIN, logConfiguration=logs_to(group), **members)

    task = story.start(
        one("main", "[ $n = 2 ] && exit 4; sleep 61; exit 1"),
        one("early", "exit 1", essential=False),
        one("ignored", "sleep 61; exit 9", essential=False),
    )
    eventually("the task has ended", lambda: story.describe(task)["lastStatus"] == "STOPPED", patience_s=180)
    stopped = story.describe(task)
    assert exit_codes(stopped) == {"main": 4, "early": 1, "ignored": 9}
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert story.lines(task, "main") == ["run 1", "run 2"]
    assert story.lines(task, "early") == story.lines(task, "ignored") == ["run 1"]


def test_a_container_that_ends_while_the_agent_is_dead_is_started_again(own_berth: Berth):
    berth = own_berth.start()
    story = Story(berth, "again")
    script = COUNTS + "trap 'exit 7' TERM; [ $n = 2 ] && { sleep 1000 & wait; }; sleep 61; exit 1"
    logs = logs_to(story.make_group())
    task = story.start(container("app", script, restartPolicy=AGAIN, logConfiguration=logs))
    first = berth.containers()[part(task)["runtimeId"]]
    berth.kill_agent()
    eventually("it has ended", lambda: host.process(first.pid) != first, patience_s=120)
    berth.launch_agent()
    eventually("it runs again", lambda: story.lines(task) == ["run 1", "run 2"])
    second = berth.containers()[part(task)["runtimeId"]]
    assert second != first
    berth.kill_agent()
    berth.launch_agent()
    eventually("the agent is back", berth.is_connected)
    now = story.describe(task)
    assert (now["lastStatus"], part(now)["lastStatus"], part(now)["runtimeId"]) == ("RUNNING", "RUNNING", part(task)["runtimeId"])
    assert berth.containers()[part(task)["runtimeId"]] == second, "it is not started a third time"
    assert exit_codes(story.stop(task)) == {"app": 7}
    assert story.lines(task) == ["run 1", "run 2"]
    berth.down()


# Health


def test_the_health_of_containers_is_shown_and_stops_nothing(story: Story):
    check = {"command": ["CMD", "test", "-e", "/well"], "interval": 5, "timeout": 2, "retries": 1}
    task = story.start(
        container("main", f"touch /well; sleep 12; rm /well; {SLEEPS}", healthCheck=check),
        container("side", SLEEPS, essential=False),
    )
    assert (task["healthStatus"], part(task, "main")["healthStatus"]) == ("UNKNOWN", "UNKNOWN")

    def health() -> tuple[str, str, str]:
        now = story.describe(task)
        return now["healthStatus"], part(now, "main")["healthStatus"], part(now, "side")["healthStatus"]

    eventually("it is well", lambda: health() == ("HEALTHY", "HEALTHY", "UNKNOWN"))
    eventually("it is not well", lambda: health() == ("UNHEALTHY", "UNHEALTHY", "UNKNOWN"))
    assert story.describe(task)["lastStatus"] == "RUNNING"
    assert exit_codes(story.stop(task)) == {"main": 0, "side": 0}


def test_a_probe_that_hangs_has_failed(story: Story):
    check = {"command": ["CMD-SHELL", "sleep 98765"], "interval": 5, "timeout": 2, "retries": 1}
    task = story.start(container(script=SLEEPS, healthCheck=check))
    eventually("it is not well", lambda: story.describe(task)["healthStatus"] == "UNHEALTHY")
    assert exit_codes(story.stop(task)) == {"app": 0}


def test_failures_in_the_start_period_do_not_count(story: Story):
    check = {"command": ["CMD-SHELL", "echo x >> /probes; [ $(wc -l < /probes) -gt 2 ]"], "interval": 5, "retries": 1}
    task = story.start(container(script=SLEEPS, healthCheck={**check, "startPeriod": 60}))
    seen = set()

    def healthy() -> bool:
        seen.add(story.describe(task)["healthStatus"])
        return "HEALTHY" in seen

    eventually("it is well", healthy)
    assert seen == {"UNKNOWN", "HEALTHY"}


# Registration

HEALTH = {"command": ["CMD-SHELL", "true"]}
SETTING = "Invalid setting for container 'app'. "


@pytest.mark.parametrize(
    ("containers", "text"),
    [
        ([container(dependsOn=[on("nobody")])], "Cannot depend on container + 'nobody' because it does not exist"),
        (
            [container(dependsOn=[on("b", "SUCCESS")]), container("b")],
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        ),
        (
            [container(dependsOn=[on("b", "COMPLETE")]), container("b")],
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        ),
        (
            [container(dependsOn=[on("b", "HEALTHY")]), container("b")],
            "A dependency container with HEALTHY condition must have health check configured",
        ),
        ([container(dependsOn=[on("b")]), container("b", dependsOn=[on("app")])], "Container dependencies should not have a cycle"),
        ([container(dependsOn=[on("b", "SOON")]), container("b")], "Invalid value for dependsOn.condition: SOON"),
        ([container(startTimeout=-1)], "Invalid value for startTimeout: it must not be negative."),
        ([container(restartPolicy={**AGAIN, "restartAttemptPeriod": 59})], SETTING + "The 'restartPolicy.restartAttemptPeriod' must be between 60 and 1800."),
        ([container(restartPolicy={**AGAIN, "ignoredExitCodes": list(range(51))})], SETTING + "A restart policy can ignore at most 50 exit codes."),
        ([container(healthCheck={"command": ["true"]})], SETTING + "The health check command must start with CMD or CMD-SHELL."),
        ([container(healthCheck={**HEALTH, "interval": 4})], SETTING + "The 'healthCheck.interval' must be between 5 and 300."),
        ([container(healthCheck={**HEALTH, "timeout": 61})], SETTING + "The 'healthCheck.timeout' must be between 2 and 60."),
        ([container(healthCheck={**HEALTH, "retries": 11})], SETTING + "The 'healthCheck.retries' must be between 1 and 10."),
        ([container(healthCheck={**HEALTH, "startPeriod": 301})], SETTING + "The 'healthCheck.startPeriod' must be between 0 and 300."),
    ],
)
def test_what_can_never_be_is_refused(berth: Berth, containers: list[dict[str, Any]], text: str):
    ecs = berth.client("ecs", "eu-north-1")
    assert refused(ecs.register_task_definition, family="faulty", containerDefinitions=containers) == ("ClientException", text)


def test_a_health_check_is_shown_with_what_holds_by_default(berth: Berth):
    ecs = berth.client("ecs", "eu-north-1")
    made = ecs.register_task_definition(family="checked", containerDefinitions=[container(healthCheck=HEALTH)])["taskDefinition"]
    assert made["containerDefinitions"][0]["healthCheck"] == {**HEALTH, "interval": 30, "timeout": 5, "retries": 3}
    assert {"name": "ecs.capability.container-health-check"} in made["requiresAttributes"]
