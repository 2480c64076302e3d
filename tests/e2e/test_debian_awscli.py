"""Debian's aws-cli, an older version 2: it knows `logs tail`, and learns the endpoint by an option only."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from support.berth import REGION, Berth, key_environment

AWS = "/usr/bin/aws"
GROUP = "/e2e/tail"
STREAM = "app/1"


def command(berth: Berth, *arguments: str) -> list[str]:
    return [AWS, "--endpoint-url", berth.endpoint, "--region", REGION, *arguments]


def settings() -> dict[str, str]:
    return {**key_environment(), "AWS_PAGER": "", "HOME": "/nonexistent", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def stream(berth: Berth) -> Iterator[Berth]:
    logs = berth.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    yield berth
    logs.delete_log_group(logGroupName=GROUP)


def say(berth: Berth, text: str) -> None:
    event = {"timestamp": int(time.time() * 1000), "message": text}
    berth.client("logs").put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=[event])


def test_a_group_is_followed(stream: Berth):
    say(stream, "before")
    follow = command(stream, "logs", "tail", GROUP, "--follow", "--format", "short", "--since", "10m")
    with subprocess.Popen(follow, env=settings(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as tail:
        try:
            # It blocks until there is a line; a tail that ends without one answers an empty line at once.
            assert tail.stdout.readline().rstrip().endswith(" before")
            say(stream, "while it follows")
            assert tail.stdout.readline().rstrip().endswith(" while it follows")
        finally:
            tail.terminate()


def test_the_older_command_line_reads_what_the_newer_wrote(berth: Berth):
    cluster = "from-debian"
    berth.client("ecs").create_cluster(clusterName=cluster)
    query = ("--query", "clusters[0].[clusterName,status]", "--output", "text")
    describe = command(berth, "ecs", "describe-clusters", "--clusters", cluster, *query)
    done = subprocess.run(describe, env=settings(), capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.split()) == (0, [cluster, "ACTIVE"]), done.stderr
