"""The sample of ECS's documentation runs unchanged: FARGATE, awsvpc, awslogs, a page at the task's own address."""

from __future__ import annotations

import json

import pytest

from support.berth import ACCOUNT, REGION
from support.images import ROOT
from support.poll import eventually
from support.story import Json, Story, address_of, fetch, lines_of, part

SAMPLE = json.loads((ROOT / "examples/sample-fargate-app/task-definition.json").read_text())
GROUP = "/ecs/fargate-task-definition"
TIMES = ["createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt"]
EVERY_SECOND = {"Delay": 1, "MaxAttempts": 120}


def run(story: Story, definition: Json) -> Json:
    """Runs a definition in the way of the sample."""
    story.group = GROUP
    story.make_group()
    story.ecs.register_task_definition(**definition)
    return story.run(definition["family"], launchType="FARGATE", networkConfiguration=story.network())


@pytest.fixture
def sample(story: Story) -> Json:
    """The sample's task, just run."""
    return run(story, SAMPLE)


@pytest.fixture
def quick_sample(story: Story) -> Json:
    """The sample with one change: it need not be waited for when it is stopped."""
    (only,) = SAMPLE["containerDefinitions"]
    return run(story, {**SAMPLE, "family": "quick-sample", "containerDefinitions": [{**only, "stopTimeout": 2}]})


def assert_ordered(task: Json) -> None:
    """The task's timestamps are all there and stand in the order of its life."""
    moments = [task[name] for name in TIMES]
    assert moments == sorted(moments), dict(zip(TIMES, moments))
    # The image is pulled while the interface is made.
    assert task["createdAt"] <= task["connectivityAt"] <= task["startedAt"]


def test_the_sample_runs_from_its_first_status_to_its_last(story: Story, sample: Json):
    assert (sample["lastStatus"], sample["desiredStatus"]) == ("PROVISIONING", "RUNNING")
    assert sample["taskArn"].startswith(f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/default/")
    assert (sample["cpu"], sample["memory"], sample["launchType"], sample["platformVersion"]) == ("256", "512", "FARGATE", "1.4.0")
    arns = [sample["taskArn"]]

    story.ecs.get_waiter("tasks_running").wait(tasks=arns, WaiterConfig=EVERY_SECOND)
    running = story.describe(sample)
    assert (running["connectivity"], running["group"]) == ("CONNECTED", "family:fargate-task-definition")
    assert "containerInstanceArn" not in running, "the machine of a FARGATE task is hidden"
    assert running["version"] > sample["version"]

    page = eventually("the page answers", lambda: fetch(f"http://{address_of(running)}/"))
    assert "<h1>Amazon ECS Sample App</h1>" in page

    story.ecs.stop_task(task=sample["taskArn"], reason="seen enough")
    story.ecs.get_waiter("tasks_stopped").wait(tasks=arns, WaiterConfig=EVERY_SECOND)
    stopped = story.describe(sample)
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "seen enough")
    assert (stopped["lastStatus"], stopped["desiredStatus"]) == ("STOPPED", "STOPPED")
    # The shell of the sample's entry point passes no signals on, so that it is killed when its time is over: 128 + 9.
    assert part(stopped, "sample-fargate-app")["exitCode"] == 137
    assert_ordered(stopped)
    assert fetch(f"http://{address_of(running)}/") is None


def test_its_interface_is_described(story: Story, quick_sample: Json):
    running = story.running(quick_sample)
    (attachment,) = running["attachments"]
    assert (attachment["type"], attachment["status"]) == ("ElasticNetworkInterface", "ATTACHED")
    details = {one["name"]: one["value"] for one in attachment["details"]}
    assert set(details) >= {"subnetId", "networkInterfaceId", "macAddress", "privateIPv4Address"}
    assert details["subnetId"] == story.subnet()
    assert details["privateIPv4Address"] == address_of(running)
    (interface,) = part(running, "sample-fargate-app")["networkInterfaces"]
    assert interface["attachmentId"] == attachment["id"]
    ec2 = story.berth.client("ec2")
    (found,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[details["networkInterfaceId"]])["NetworkInterfaces"]
    assert (found["PrivateIpAddress"], found["MacAddress"]) == (address_of(running), details["macAddress"])
    stopped = story.stop(quick_sample)
    assert stopped["attachments"] == [{**attachment, "status": "DELETED"}], "a task shows for good which interface it had"
    assert address_of(stopped) == address_of(running)
    assert ec2.describe_network_interfaces(Filters=[{"Name": "addresses.private-ip-address", "Values": [address_of(running)]}])[
        "NetworkInterfaces"
    ] == []


def test_its_log_lines_arrive_while_it_runs(story: Story, quick_sample: Json):
    address = address_of(story.running(quick_sample))
    eventually("the page answers", lambda: fetch(f"http://{address}/"))
    fetch(f"http://{address}/only-in-the-log")
    stream = f"ecs/sample-fargate-app/{quick_sample['taskArn'].rpartition('/')[2]}"

    def line() -> list[str]:
        return [line for line in lines_of(story.logs, GROUP, stream) if '"GET /only-in-the-log HTTP/1.1" 404' in line]

    (found,) = eventually("the request is in the log", line)
    filtered = story.logs.filter_log_events(logGroupName=GROUP, logStreamNames=[stream], filterPattern='"only-in-the-log"')
    assert [event["message"] for event in filtered["events"]] == [found]
