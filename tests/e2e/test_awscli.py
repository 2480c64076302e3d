"""Amazon's own command line, pointed at Berth by nothing but what `berth env` prints."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from support.berth import BINARY, KEY, Berth, environment, run
from support.images import ROOT
from support.poll import eventually

AWS = ROOT / "target/venv/bin/aws"
FAMILY = "from-the-command-line"
GROUP = "/e2e/awscli"


class Shell:
    """A shell in which `eval "$(berth env)"` was said."""

    def __init__(self, berth: Berth) -> None:
        self._prologue = f'set -euo pipefail; eval "$({BINARY} env --data-dir {berth.data_dir})"; aws() {{ {AWS} "$@"; }}; '

    def run(self, script: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Runs a script to its end."""
        return subprocess.run(
            ["bash", "-c", self._prologue + script],
            env=environment(AWS_PAGER="", HOME="/nonexistent", **extra),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def says(self, script: str) -> str:
        """What a script prints; it must succeed."""
        done = self.run(script)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def shell(machine: Berth) -> Shell:
    return Shell(machine)


def test_env_points_every_client_at_berth(berth: Berth):
    shell = Shell(berth)
    names = "AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_DEFAULT_REGION AWS_REGION"
    said = shell.says(f'for name in {names}; do echo "${{!name}}"; done; echo "${{AWS_SESSION_TOKEN-unset}} ${{AWS_PROFILE-unset}}"')
    key_id, secret = KEY["aws_access_key_id"], KEY["aws_secret_access_key"]
    assert said.splitlines() == [berth.endpoint, key_id, secret, "us-east-1", "us-east-1", "unset unset"]
    # What another session left in the environment is not sent along.
    left = shell.run("aws sts get-caller-identity", AWS_SESSION_TOKEN="left over", AWS_PROFILE="left-over")
    assert left.returncode == 0, left.stderr
    assert json.loads(left.stdout)["Account"] == "012345678910"


def test_env_says_what_to_do_where_no_berth_has_run(tmp_path):
    done = run("env", "--data-dir", tmp_path / "nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert "berth up" in done.stderr


def test_a_task_from_registration_to_its_end(shell: Shell):
    definition = [
        {
            "name": "app",
            "image": "busybox",
            "memory": 64,
            "command": ["sh", "-c", "trap 'echo goodbye; exit 0' TERM; echo hello from the container; sleep 1000 & wait"],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "cli"},
            },
        }
    ]
    shell.says(f"aws logs create-log-group --log-group-name {GROUP}")
    registered = shell.says(
        f"aws ecs register-task-definition --family {FAMILY} --container-definitions {shlex.quote(json.dumps(definition))}"
        " --query taskDefinition.taskDefinitionArn --output text"
    )
    assert registered.endswith(f":task-definition/{FAMILY}:1")
    assert registered in shell.says(f"aws ecs list-task-definitions --family-prefix {FAMILY} --output text")

    task = shell.says(f"aws ecs run-task --task-definition {FAMILY} --launch-type EC2 --query 'tasks[0].taskArn' --output text")
    shell.says(f"aws ecs wait tasks-running --tasks {task}")
    described = json.loads(shell.says(f"aws ecs describe-tasks --tasks {task}"))
    assert [one["lastStatus"] for one in described["tasks"]] == ["RUNNING"]
    assert task in shell.says(f"aws ecs list-tasks --family {FAMILY} --output text")

    stream = f"cli/app/{task.rpartition('/')[2]}"
    read = f"aws logs get-log-events --log-group-name {GROUP} --log-stream-name {stream} --query 'events[].message' --output text"
    eventually("the first line is there", lambda: shell.says(read) == "hello from the container")

    shell.says(f"aws ecs stop-task --task {task} --reason 'end of the story'")
    shell.says(f"aws ecs wait tasks-stopped --tasks {task}")
    query = "tasks[0].[lastStatus,stopCode,stoppedReason,containers[0].exitCode]"
    ended = json.loads(shell.says(f"aws ecs describe-tasks --tasks {task} --query '{query}'"))
    assert ended == ["STOPPED", "UserInitiated", "end of the story", 0]
    filtered = f"aws logs filter-log-events --log-group-name {GROUP} --filter-pattern goodbye --query 'events[].message' --output text"
    assert shell.says(filtered) == "goodbye"
    assert shell.says(f"aws logs describe-log-streams --log-group-name {GROUP} --query 'logStreams[].logStreamName' --output text") == stream


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("ecs describe-task-definition --task-definition nobody", "(ClientException)"),
        ("ecs list-tasks --cluster nobody", "(ClusterNotFoundException)"),
        ("ecs create-service --service-name s --task-definition t", "(UnsupportedFeatureException)"),
        ("logs get-log-events --log-group-name nobody --log-stream-name s", "(ResourceNotFoundException)"),
        ("ec2 describe-instances", "(UnsupportedOperation)"),
    ],
    ids=lambda value: value.split(" --")[0],
)
def test_errors_are_those_that_the_command_line_knows(berth: Berth, command: str, words: str):
    done = Shell(berth).run(f"aws {command}")
    assert done.returncode == 255
    assert words in done.stderr


def test_a_wrong_secret_is_told(berth: Berth):
    done = Shell(berth).run("AWS_SECRET_ACCESS_KEY=wrong aws ecs list-clusters")
    assert done.returncode == 255
    assert "(InvalidSignatureException)" in done.stderr
