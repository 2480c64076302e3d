"""What containers say reaches CloudWatch Logs: every line, in order, also the last one before the end."""

from __future__ import annotations

from support.story import Story, container, exit_codes, lines_of, logs_to, part


def test_the_last_line_is_there_when_the_task_shows_stopped(story: Story):
    # Nothing waits for the logs after STOPPED was seen: they must be complete by then.
    for attempt in range(3):
        _, said = story.finish(container(script="seq 1 5000; printf 'the end of %s' " + str(attempt)))
        assert said["app"] == [*map(str, range(1, 5001)), f"the end of {attempt}"]


def test_both_outputs_arrive(story: Story):
    _, said = story.finish(container(script="echo out; echo err >&2"))
    assert sorted(said["app"]) == ["err", "out"]


def test_lines_arrive_as_they_were_written(story: Story):
    script = r"""printf 'naïve ⛵\n'; printf 'tab\there\n'; printf '\n'; printf '  blanks  \n'; printf '{"json": "\\u00e9"}\n'; printf 'bad \377 byte\n'"""
    _, said = story.finish(container(script=script))
    # CloudWatch Logs takes no empty events, so an empty line leaves none.
    assert [line for line in said["app"] if line.strip()] == ["naïve ⛵", "tab\there", "  blanks  ", '{"json": "\\u00e9"}', "bad � byte"]


def test_a_long_line_is_cut_but_not_lost(story: Story):
    _, said = story.finish(container(script="head -c 300000 /dev/zero | tr '\\0' x; echo; echo after"))
    assert said["app"][-1] == "after"
    assert "".join(said["app"][:-1]) == "x" * 300_000


def test_a_group_is_made_when_the_definition_says_so(story: Story):
    configuration = logs_to(f"{story.group}/made", **{"awslogs-create-group": "true"})
    task = story.stopped(story.run(story.register(container(script="echo made", logConfiguration=configuration))))
    assert exit_codes(task) == {"app": 0}
    stream = f"e2e/app/{task['taskArn'].rpartition('/')[2]}"
    assert lines_of(story.logs, f"{story.group}/made", stream) == ["made"]


def test_without_a_prefix_the_stream_is_named_after_the_container(story: Story):
    configuration = logs_to(story.make_group(), prefix=None)
    task = story.stopped(story.run(story.register(container(script="echo bare", logConfiguration=configuration))))
    assert lines_of(story.logs, story.group, part(task)["runtimeId"]) == ["bare"]


def test_lines_may_go_to_another_region(story: Story):
    far = story.berth.client("logs", "eu-central-1")
    far.create_log_group(logGroupName=story.group)
    configuration = logs_to(story.group, **{"awslogs-region": "eu-central-1"})
    task = story.stopped(story.run(story.register(container(script="echo far", logConfiguration=configuration))))
    stream = f"e2e/app/{task['taskArn'].rpartition('/')[2]}"
    assert lines_of(far, story.group, stream) == ["far"]


def test_without_a_log_configuration_nothing_is_kept(story: Story):
    task = story.stopped(story.run(story.register(container(script="seq 1 100000; exit 3"))))
    assert exit_codes(task) == {"app": 3}


def test_log_groups_and_streams_are_described_and_deleted(story: Story):
    task, said = story.finish(container(script="echo first; echo second"))
    (group,) = story.logs.describe_log_groups(logGroupNamePrefix=story.group)["logGroups"]
    assert group["logGroupName"] == story.group
    assert "retentionInDays" not in group
    story.logs.put_retention_policy(logGroupName=story.group, retentionInDays=7)
    (group,) = story.logs.describe_log_groups(logGroupNamePrefix=story.group)["logGroups"]
    assert group["retentionInDays"] == 7
    (stream,) = story.logs.describe_log_streams(logGroupName=story.group)["logStreams"]
    assert stream["logStreamName"] == f"e2e/app/{task['taskArn'].rpartition('/')[2]}"
    assert stream["firstEventTimestamp"] <= stream["lastEventTimestamp"]
    events = story.logs.filter_log_events(logGroupName=story.group, filterPattern="second")["events"]
    assert [event["message"] for event in events] == said["app"][1:] == ["second"]
    story.logs.delete_log_stream(logGroupName=story.group, logStreamName=stream["logStreamName"])
    assert story.logs.describe_log_streams(logGroupName=story.group)["logStreams"] == []
    story.logs.delete_log_group(logGroupName=story.group)
    assert story.logs.describe_log_groups(logGroupNamePrefix=story.group)["logGroups"] == []
