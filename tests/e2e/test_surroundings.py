"""How containers find their machine: each member of a definition that is about names, files, rights and limits, seen from inside."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from support import host
from support.poll import eventually
from support.refusals import refused
from support.story import SLEEPS, Story, container, exit_codes

# member: what is asked for, a script, and what it says.
SEEN: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "hostname": (
        {"hostname": "web.lan"},
        "hostname; cat /etc/hostname; echo $HOSTNAME; awk '/web/ {print $2}' /etc/hosts",
        ["web.lan", "web.lan", "web.lan", "web.lan"],
    ),
    "readonlyRootFilesystem": (
        {"readonlyRootFilesystem": True},
        "touch /x 2>&1; touch /dev/shm/x /etc/hosts && echo writable",
        ["touch: /x: Read-only file system", "writable"],
    ),
    "extraHosts": (
        {"extraHosts": [{"hostname": "db", "ipAddress": "10.0.0.9"}, {"hostname": "six", "ipAddress": "fd00::9"}]},
        "tail -n 2 /etc/hosts",
        ["10.0.0.9\tdb", "fd00::9\tsix"],
    ),
    "dnsServers": ({"dnsServers": ["10.0.0.2", "10.0.0.3"]}, "grep nameserver /etc/resolv.conf", ["nameserver 10.0.0.2", "nameserver 10.0.0.3"]),
    "dnsSearchDomains": ({"dnsSearchDomains": ["a.lan", "b.lan"]}, "grep -E '^(search|domain)' /etc/resolv.conf", ["search a.lan b.lan"]),
    "ulimits": (
        {"ulimits": [{"name": "nofile", "softLimit": 111, "hardLimit": 222}, {"name": "core", "softLimit": 0, "hardLimit": 0}]},
        "ulimit -Sn; ulimit -Hn; ulimit -c",
        ["111", "222", "0"],
    ),
    "capabilities.add": (
        {"linuxParameters": {"capabilities": {"add": ["NET_ADMIN"]}}},
        "ip link set lo mtu 1400 && cat /sys/class/net/lo/mtu",
        ["1400"],
    ),
    "capabilities.drop": (
        {"linuxParameters": {"capabilities": {"drop": ["CHOWN"]}}},
        "touch /x; chown 1 /x 2>&1",
        ["chown: /x: Operation not permitted"],
    ),
    "capabilities.drop ALL": (
        {"linuxParameters": {"capabilities": {"drop": ["ALL"], "add": ["KILL"]}}},
        "grep CapBnd /proc/self/status",
        ["CapBnd:\t0000000000000020"],
    ),
    "initProcessEnabled": (
        {"linuxParameters": {"initProcessEnabled": True}},
        "cat /proc/1/comm; sh -c 'sleep 0.2 & exit'; sleep 1; ps -o stat | grep -c Z",
        ["docker-init", "0"],
    ),
    "sharedMemorySize": ({"linuxParameters": {"sharedMemorySize": 3}}, "df -k /dev/shm | awk 'END {print $2}'", ["3072"]),
    "tmpfs": (
        {"linuxParameters": {"tmpfs": [{"containerPath": "/scratch", "size": 5, "mountOptions": ["exec", "mode=750"]}]}},
        "df -k /scratch | awk 'END {print $2}'; stat -c %a /scratch; cp /bin/busybox /scratch/echo; /scratch/echo runs; "
        "awk '$2 == \"/scratch\" {print $4}' /proc/mounts | grep -o nosuid",
        ["5120", "750", "runs", "nosuid"],
    ),
    "devices": (
        {"linuxParameters": {"devices": [{"hostPath": "/dev/loop-control", "containerPath": "/dev/mine", "permissions": ["read"]}]}},
        "ls -l /dev/mine | cut -c1; (: < /dev/mine) && echo readable; (: > /dev/mine) 2>&1 | grep -o 'Operation not permitted'",
        ["c", "readable", "Operation not permitted"],
    ),
    "privileged": (
        {"privileged": True},
        "[ -e /dev/loop-control ] && echo devices; mkdir /m; mount -t tmpfs none /m && echo mounts; "
        "echo 1 > /proc/sys/net/ipv4/ip_forward && echo writes; [ \"$(wc -c < /proc/keys)\" -gt 0 ] && echo unmasked; "
        "awk '/^Seccomp:/ {print $2}' /proc/self/status",
        ["devices", "mounts", "writes", "unmasked", "0"],
    ),
    "systemControls": (
        {"systemControls": [{"namespace": "net.core.somaxconn", "value": "77"}, {"namespace": "kernel.msgmax", "value": "4096"}]},
        "cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax",
        ["77", "4096"],
    ),
    "dockerSecurityOptions": (
        {"dockerSecurityOptions": ["no-new-privileges"]},
        "awk '/NoNewPrivs/ {print $2}' /proc/self/status",
        ["1"],
    ),
    "dockerSecurityOptions seccomp=": (
        {"dockerSecurityOptions": ["seccomp=unconfined"]},
        "awk '/^Seccomp:|NoNewPrivs/ {print $2}' /proc/self/status; unshare -U true && echo may",
        ["0", "0", "may"],
    ),
    "dockerSecurityOptions seccomp:": (
        {"dockerSecurityOptions": ["no-new-privileges", "seccomp:unconfined"]},
        "awk '/^Seccomp:|NoNewPrivs/ {print $2}' /proc/self/status",
        ["1", "0"],
    ),
    "capabilities.add SYS_ADMIN": (
        {"linuxParameters": {"capabilities": {"add": ["SYS_ADMIN"]}}},
        "awk '/^Seccomp:/ {print $2}' /proc/self/status; unshare -m true && echo may",
        ["2", "may"],
    ),
    "pseudoTerminal": ({"pseudoTerminal": True}, "tty; echo $TERM; [ -t 1 ] && echo colours", ["/dev/pts/0", "xterm", "colours"]),
    "disableNetworking": ({"disableNetworking": True}, "ls /sys/class/net", ["lo"]),
}


@pytest.mark.parametrize("member", SEEN)
def test_a_container_finds_what_its_definition_says(story: Story, member: str):
    asked, script, expected = SEEN[member]
    task, said = story.finish(container(script=script, **asked))
    assert [line.rstrip("\r") for line in said["app"]] == expected, task


def test_a_container_finds_what_docker_gives_everybody(story: Story):
    """Without any of it: Docker's capabilities, hidden and read-only places, and the open files of Amazon's machines or all of the host's."""
    script = (
        "grep CapBnd /proc/self/status; awk '/NoNewPrivs/ {print $2}' /proc/self/status; wc -c < /proc/keys; "
        "echo 1 2>&1 > /proc/sys/kernel/panic | grep -o 'Read-only'; mount -t tmpfs none /mnt 2>&1 | grep -o 'denied'; "
        "tty; ulimit -Hn; [ -e /dev/loop-control ] || echo hidden"
    )
    _, said = story.finish(container(script=script))
    capabilities, privileges, keys, *rest = said["app"]
    assert (capabilities, privileges, keys) == ("CapBnd:\t00000000a80425fb", "0", "0")
    assert rest[-1] == "hidden"
    assert 1024 <= int(rest[-2]) <= 65536


def test_system_calls_are_filtered_by_default(story: Story):
    """Whoever the container's program is, with rights that can be gained and without them, and in its health checks."""
    script = "awk '/^Seccomp:/ {print $2}' /proc/self/status; unshare -U true 2>&1; unshare -n true 2>&1"
    people = {
        "root": container("root", script=script),
        "user": container("user", script=script, user="1000"),
        "bound": container("bound", script=script, dockerSecurityOptions=["no-new-privileges"]),
    }
    _, said = story.finish(*people.values())
    for name in people:
        filtered, *denied = said[name]
        assert filtered == "2", name
        assert len(denied) == 2, name
        assert all("Operation not permitted" in line for line in denied), denied


def test_health_checks_are_filtered_too(story: Story):
    check = {"command": ["CMD-SHELL", "grep -q '^Seccomp:.2' /proc/self/status && ! unshare -U true"], "interval": 5}
    task = story.start(container(script=SLEEPS, healthCheck=check))
    eventually("it is well", lambda: story.describe(task)["healthStatus"] == "HEALTHY")


def test_swap_is_limited_beside_memory(story: Story):
    """Seen in the kernel's own files, where it can limit swap."""
    script = "cd /sys/fs/cgroup/memory 2>/dev/null && cat memory.memsw.limit_in_bytes memory.swappiness || cat /sys/fs/cgroup/memory.swap.max"
    _, said = story.finish(container(script=script, memory=32, linuxParameters={"maxSwap": 8, "swappiness": 7}))
    assert said["app"] in ([str(40 << 20), "7"], [str(8 << 20)])


def test_labels_are_on_the_container(story: Story):
    task = story.start(container(script=SLEEPS, dockerLabels={"team": "harbour", "berth.instance": "mine"}))
    data_dir = story.berth.data_dir
    chosen = (data_dir / "agent/containerd/chosen-socket").read_text().strip()
    ctr = ["ctr", "--address", chosen, "--namespace", host.namespace_of(data_dir)]
    runtime_id = task["containers"][0]["runtimeId"]
    info = subprocess.check_output([*ctr, "containers", "info", runtime_id], text=True, timeout=60)
    assert '"team": "harbour"' in info
    assert '"berth.instance": "mine"' not in info, "nobody takes the agent's own labels from it"


def test_what_the_machine_does_not_have_is_told(story: Story):
    device = {"hostPath": "/dev/no-such-device"}
    task, _ = story.finish(container(script="true", linuxParameters={"devices": [device]}))
    assert exit_codes(task) == {"app": None}
    reason = task["containers"][0]["reason"]
    assert reason == "CannotCreateContainerError: cannot use the device /dev/no-such-device: No such file or directory (os error 2)"


AWSVPC = {"networkMode": "awsvpc"}
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "hostname": ({"hostname": "a b"}, {}, "Invalid value for hostname: a b"),
    "hostname-awsvpc": ({"hostname": "web"}, AWSVPC, "When networkMode=awsvpc, hostname is not supported."),
    "extraHosts-awsvpc": (
        {"extraHosts": [{"hostname": "db", "ipAddress": "10.0.0.9"}]},
        AWSVPC,
        "When networkMode=awsvpc, extraHosts is not supported.",
    ),
    "extraHosts": ({"extraHosts": [{"hostname": "db", "ipAddress": "db"}]}, {}, "Invalid value for extraHosts.ipAddress: db"),
    "dnsServers": ({"dnsServers": ["ns1.lan"]}, {}, "Invalid value for dnsServers: ns1.lan"),
    "dnsSearchDomains": ({"dnsSearchDomains": ["a b"]}, {}, "Invalid value for dnsSearchDomains: a b"),
    "ulimits": (
        {"ulimits": [{"name": "nofile", "softLimit": 2, "hardLimit": 1}]},
        {},
        "Invalid value for ulimits.softLimit: 2",
    ),
    "systemControls": (
        {"systemControls": [{"namespace": "kernel.panic", "value": "1"}]},
        {},
        "Invalid value for systemControls: kernel.panic",
    ),
    "systemControls-host": (
        {"systemControls": [{"namespace": "net.core.somaxconn", "value": "1"}]},
        {"networkMode": "host"},
        "When networkMode=host, systemControls is not supported.",
    ),
    "capabilities": (
        {"linuxParameters": {"capabilities": {"add": ["CAP_CHOWN"]}}},
        {},
        "Invalid value for linuxParameters.capabilities.add: CAP_CHOWN",
    ),
    "swappiness": ({"linuxParameters": {"swappiness": 101}}, {}, "Invalid value for linuxParameters.swappiness: 101"),
    "tmpfs": (
        {"linuxParameters": {"tmpfs": [{"containerPath": "scratch", "size": 1}]}},
        {},
        "Invalid value for linuxParameters.tmpfs.containerPath: scratch",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_had_is_refused(story: Story, case: str):
    asked, members, text = REFUSED[case]
    request = {"family": story.family, "containerDefinitions": [container(**asked)], **members}
    assert refused(story.ecs.register_task_definition, **request) == ("ClientException", text)


@pytest.mark.parametrize("option", ["label:type:svirt_apache", "apparmor:docker-default", "seccomp=/etc/profile.json", "no-new-privileges:false"])
def test_security_options_that_are_not_built_are_not_run(story: Story, option: str):
    definition = story.register(container(dockerSecurityOptions=["seccomp=unconfined", option]))
    code, text = refused(story.ecs.run_task, taskDefinition=definition)
    assert code == "UnsupportedFeatureException"
    assert f"'dockerSecurityOptions {option}'" in text
