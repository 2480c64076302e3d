"""The lives of tasks: how they begin, what their containers are given, and how, why and with which codes they end."""

from __future__ import annotations

import re

import pytest

from support import host
from support.berth import ACCOUNT
from support.images import refusing_registry
from support.limits import Limits
from support.poll import eventually
from support.story import SLEEPS, Story, container, exit_codes, fetch, logs_to, part

FARGATE = {
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/ecsTaskExecutionRole",
}


# Ends


@pytest.mark.parametrize("code", [0, 7, 255])
def test_the_exit_code_of_an_essential_container_ends_its_task(story: Story, code: int):
    task, _ = story.finish(container(script=f"exit {code}"))
    assert exit_codes(task) == {"app": code}
    assert (task["stopCode"], task["stoppedReason"]) == ("EssentialContainerExited", "Essential container in task exited")
    moments = [task[name] for name in ("createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppedAt")]
    assert moments == sorted(moments)
    assert task["startedAt"] and task["executionStoppedAt"] <= task["stoppedAt"]


def test_a_container_that_handles_sigterm_ends_in_its_own_way(story: Story):
    task = story.start(
        container(script="trap 'echo bye; exit 3' TERM; echo ready; sleep 1000 & wait", logConfiguration=logs_to(story.make_group()))
    )
    eventually("it is ready", lambda: story.lines(task) == ["ready"])
    stopped = story.stop(task, "shift is over")
    assert exit_codes(stopped) == {"app": 3}
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "shift is over")
    assert story.lines(stopped) == ["ready", "bye"]


def test_a_container_that_ignores_sigterm_is_killed_after_its_stop_timeout(story: Story):
    task = story.start(container(script="trap '' TERM; while :; do sleep 1; done", stopTimeout=2))
    stopped = story.stop(task)
    assert exit_codes(stopped) == {"app": 137}
    assert stopped["stoppedReason"] == "Task stopped by user"


def test_a_container_that_needs_too_much_memory_is_killed(story: Story):
    task, _ = story.finish(container(script="exec tail /dev/zero", memory=16))
    assert exit_codes(task) == {"app": 137}
    assert part(task)["reason"] == "OutOfMemoryError: Container killed due to memory usage"
    assert task["stopCode"] == "EssentialContainerExited"


def test_the_limit_of_the_task_counts_for_all_its_containers(story: Story):
    task, _ = story.finish({**container(script="exec tail /dev/zero"), "memory": 32}, memory="32")
    assert exit_codes(task) == {"app": 137}
    assert part(task)["reason"].startswith("OutOfMemoryError")


def test_a_task_goes_on_without_a_container_that_is_not_essential(story: Story):
    task = story.start(container("main", SLEEPS), container("helper", "exit 5", essential=False))
    eventually("the helper has ended", lambda: part(story.describe(task), "helper")["lastStatus"] == "STOPPED")
    now = story.describe(task)
    assert (now["lastStatus"], part(now, "main")["lastStatus"]) == ("RUNNING", "RUNNING")
    assert part(now, "helper")["exitCode"] == 5
    assert exit_codes(story.stop(task)) == {"main": 0, "helper": 5}


def test_the_end_of_an_essential_container_stops_the_others(story: Story):
    task, said = story.finish(
        container("main", "sleep 1; exit 4"), container("other", "trap 'echo told; exit 6' TERM; sleep 1000 & wait")
    )
    assert exit_codes(task) == {"main": 4, "other": 6}
    assert task["stopCode"] == "EssentialContainerExited"
    assert said["other"] == ["told"]


def test_a_task_may_be_stopped_before_it_runs(story: Story):
    definition = story.register(container(script=SLEEPS))
    task = story.run(definition)
    stopped = story.stop(task, "changed my mind")
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "changed my mind")
    assert {one["lastStatus"] for one in stopped["containers"]} == {"STOPPED"}


def test_stopping_twice_changes_nothing(story: Story):
    task = story.start(container(script=SLEEPS))
    stopped = story.stop(task, "first")
    again = story.ecs.stop_task(task=task["taskArn"], reason="second")["task"]
    assert again["stoppedReason"] == stopped["stoppedReason"] == "first"


# Failures to start


def test_an_image_that_is_nowhere_cannot_be_pulled(story: Story):
    task = story.stopped(story.run(story.register({**container(), "image": "nobody/nothing:1"})))
    assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", "Task failed to start")
    words = "CannotPullImageManifestError: Error response from daemon: (manifest|name) unknown: .+"
    assert re.fullmatch(words, part(task)["reason"])
    assert "startedAt" not in task
    assert exit_codes(task) == {"app": None}


def test_a_registry_that_asks_for_credentials_is_told_in_the_documented_words(story: Story):
    with refusing_registry(401, {"code": "UNAUTHORIZED", "message": "authentication required"}) as address:
        image = f"{address}/private/app:1"
        task = story.stopped(story.run(story.register({**container(), "image": image})))
        definition = story.register({**container(), "image": image}, **FARGATE)
        on_fargate = story.stopped(story.run(definition, launchType="FARGATE", networkConfiguration=story.network()))
    assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", "Task failed to start")
    assert part(task)["reason"] == (
        "CannotPullImageManifestError: Error response from daemon: unauthorized: authentication required"
    )
    assert on_fargate["stopCode"] == "TaskFailedToStart"
    assert on_fargate["stoppedReason"] == (
        f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: "
        "pull access denied, repository does not exist or may require authorization: "
        "server message: unauthorized: authentication required"
    )


def test_on_fargate_the_task_tells_why_its_image_cannot_be_pulled(story: Story):
    definition = story.register({**container(), "image": "nobody/nothing:1"}, **FARGATE)
    task = story.stopped(story.run(definition, launchType="FARGATE", networkConfiguration=story.network()))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError: ")


def test_a_program_that_is_not_in_the_image_cannot_be_started(story: Story):
    task = story.stopped(story.run(story.register({**container(), "command": ["/no/such/program"]})))
    assert task["stopCode"] == "TaskFailedToStart"
    assert part(task)["reason"].startswith("CannotStartContainerError: ")
    assert "/no/such/program" in part(task)["reason"]


def test_a_user_that_is_not_in_the_image_keeps_the_container_from_starting(story: Story):
    task = story.stopped(story.run(story.register(container(script="true", user="admiral"))))
    assert task["stopCode"] == "TaskFailedToStart"
    assert "admiral" in part(task)["reason"]


def test_a_log_group_that_is_missing_fails_the_task_in_the_documented_words(story: Story):
    task = story.stopped(story.run(story.register(container(script="true", logConfiguration=logs_to("/e2e/no/such/group")))))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith(
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
        "failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist."
    )


# What containers are given


@pytest.mark.parametrize(("launch_type", "expected"), [("EC2", "AWS_ECS_EC2"), ("FARGATE", "AWS_ECS_FARGATE"), ("EXTERNAL", "none")])
def test_a_container_knows_where_it_runs(story: Story, launch_type: str, expected: str):
    members, launch = {}, {"launchType": launch_type}
    if launch_type == "FARGATE":
        members = {"networkMode": "awsvpc", "cpu": "256", "memory": "512", "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/execution"}
        launch["networkConfiguration"] = {"awsvpcConfiguration": {"subnets": [story.subnet()]}}
    _, said = story.finish(container(script='echo "${AWS_EXECUTION_ENV-none}"'), launch=launch, **members)
    assert said["app"] == [expected]


def test_a_container_runs_what_its_definition_says(story: Story):
    definition = container(
        command=["one", "two words", "$HOME"],
        entryPoint=["sh", "-c", 'for word; do echo "$word"; done; id -u; id -g; pwd; env | sort | grep -e SHIP -e PATH', "zero"],
        environment=[{"name": "SHIP", "value": "a b=c"}, {"name": "PATH", "value": "/bin:/own"}],
        user="app",
        workingDirectory="/var/tmp",
    )
    task, said = story.finish(definition)
    assert exit_codes(task) == {"app": 0}
    assert said["app"] == ["one", "two words", "$HOME", "1000", "1000", "/var/tmp", "PATH=/bin:/own", "SHIP=a b=c"]


@pytest.mark.parametrize(
    ("user", "expected"),
    [("1234", "1234 0"), ("1234:4321", "1234 4321"), ("app:adm", "1000 4"), ("nobody", "65534 65534"), ("root", "0 0")],
)
def test_a_user_may_be_given_in_every_form(story: Story, user: str, expected: str):
    _, said = story.finish(container(script='echo "$(id -u) $(id -g)"', user=user))
    assert said["app"] == [expected]


def test_without_a_command_the_image_says_what_runs(story: Story):
    task = story.start({"name": "app", "image": "httpd:2.4", "memory": 64, "portMappings": [{"containerPort": 80}]})
    port = part(task)["networkBindings"][0]["hostPort"]
    page = eventually("Apache answers", lambda: fetch(f"http://127.0.0.1:{port}/"))
    assert "It works!" in page


def test_a_working_directory_is_made_if_the_image_lacks_it(story: Story):
    _, said = story.finish(container(script="pwd", workingDirectory="/not/there/yet"))
    assert said["app"] == ["/not/there/yet"]


def test_an_image_may_be_named_by_its_digest(story: Story):
    first = story.stopped(story.run(story.register(container(script="true"))))
    digest = part(first)["imageDigest"]
    assert digest.startswith("sha256:")
    image = f"docker.io/library/busybox@{digest}"
    task = story.stopped(story.run(story.register({**container(script="exit 9"), "image": image})))
    assert exit_codes(task) == {"app": 9}
    assert (part(task)["image"], part(task)["imageDigest"]) == (image, digest)


def test_containers_do_not_see_the_host(story: Story):
    script = """
        touch /sys/x 2>/dev/null || echo sys is read only
        mount -t tmpfs none /tmp 2>/dev/null || echo no mounts
        ls /proc | grep -c '^[0-9]'
        grep CapEff /proc/self/status | tr -s '\\t' ' '
    """
    _, said = story.finish(container(script=script))
    assert said["app"][:2] == ["sys is read only", "no mounts"]
    assert int(said["app"][2]) < 10, "only the container's own processes"
    # As Docker gives them: the default set of a container that is not privileged.
    assert said["app"][3] == "CapEff: 00000000a80425fb"


def test_limits_reach_the_kernel(story: Story):
    task = story.start(
        container("small", SLEEPS, cpu=256, memory=48),
        container("soft", SLEEPS, cpu=128, memory=96, memoryReservation=32),
        cpu="512",
        memory="128",
    )
    processes = story.berth.containers()
    of_task: set[tuple[int, int]] = set()
    for name, memory_mib, cpu_units in (("small", 48, 256), ("soft", 96, 128)):
        limits = Limits(processes[part(task, name)["runtimeId"]].pid)
        assert limits.memory() == memory_mib << 20
        assert limits.shares() == limits.shares_of(cpu_units)
        of_task.add((limits.parent().memory(), limits.parent().quota_percent()))
    assert of_task == {(128 << 20, 50)}


# Several tasks


def test_a_count_of_tasks_runs_side_by_side(story: Story):
    definition = story.register(container(script=SLEEPS))
    answer = story.run(definition, count=3, group="fleet", startedBy="harbour master", tags=[{"key": "a", "value": "b"}])
    mine = story.ecs.list_tasks(startedBy="harbour master")["taskArns"]
    assert len(mine) == 3 and answer["taskArn"] in mine
    tasks = [story.running({"taskArn": arn}) for arn in mine]
    assert {(task["group"], task["startedBy"]) for task in tasks} == {("fleet", "harbour master")}
    assert len({part(task)["runtimeId"] for task in tasks}) == 3
    assert len(set(story.berth.containers()) & {part(task)["runtimeId"] for task in tasks}) == 3
    tagged = story.ecs.describe_tasks(tasks=mine, include=["TAGS"])["tasks"]
    assert all(task["tags"] == [{"key": "a", "value": "b"}] for task in tagged)


def test_the_same_client_token_runs_the_same_tasks(story: Story):
    definition = story.register(container(script=SLEEPS))
    first = story.run(definition, clientToken="once", count=2)
    again = story.run(definition, clientToken="once", count=2)
    assert again["taskArn"] == first["taskArn"]
    assert len(story.ecs.list_tasks(family=story.family)["taskArns"]) == 2
    with pytest.raises(story.ecs.exceptions.ConflictException) as caught:
        story.ecs.run_task(taskDefinition=definition, clientToken="once", count=1)
    assert first["taskArn"] in caught.value.response["resourceIds"]


def test_tasks_are_listed_by_what_they_are(story: Story):
    definition = story.register(container(script=SLEEPS), networkMode="bridge")
    here = story.running(story.run(definition, startedBy="a"))
    there = story.running(story.run(definition, startedBy="b", launchType="EXTERNAL"))

    def listed(**filters: str) -> set[str]:
        return set(story.ecs.list_tasks(**filters)["taskArns"]) & {here["taskArn"], there["taskArn"]}

    both = {here["taskArn"], there["taskArn"]}
    assert listed() == listed(family=story.family) == both
    assert listed(startedBy="a") == listed(launchType="EC2") == {here["taskArn"]}
    assert listed(containerInstance=here["containerInstanceArn"]) == both
    assert listed(desiredStatus="STOPPED") == set()
    story.stop(here)
    assert listed() == {there["taskArn"]}
    assert listed(desiredStatus="STOPPED") == {here["taskArn"]}


def test_what_has_stopped_leaves_the_machine(story: Story):
    before = set(story.berth.containers())
    task = story.start(container(script=SLEEPS))
    runtime_id = part(task)["runtimeId"]
    assert set(story.berth.containers()) == before | {runtime_id}
    story.stop(task)
    assert set(story.berth.containers()) == before
    task_id = task["taskArn"].rpartition("/")[2]
    assert [one for one in host.leftovers(story.berth.data_dir) if task_id in one or runtime_id in one] == []
