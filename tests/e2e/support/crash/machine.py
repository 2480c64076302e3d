"""What a Berth has on its host while it runs, kind by kind, as containerd, the kernel and the file system tell."""

from __future__ import annotations

import os
from pathlib import Path

from .. import host
from ..berth import Berth


def containerd_pid(berth: Berth) -> int | None:
    """The process of the private containerd, if it lives."""
    config = os.fsencode(berth.data_dir / "agent/containerd/config.toml")
    return next((pid for pid, words in _programs() if words[1:3] == [b"--config", config]), None)


def traces(berth: Berth) -> dict[str, set[str]]:
    """Everything that belongs to a container, by kind: its id, or the name of what it has."""
    agent, namespace = berth.data_dir / "agent", host.namespace_of(berth.data_dir)
    run = Path("/run/berth") / namespace.removeprefix("berth-")
    return {
        "running containers": set(berth.containers()),
        "containers": set(berth.ctr("containers", "ls", "--quiet").split()),
        "root file systems": _root_file_systems(berth),
        "namespaces": _names(run / "netns"),
        "files": _names(agent / "containers"),
        "spools": _names(agent / "logs"),
        "control groups": _control_groups(namespace),
        "shims": _shims(berth),
        "loggers": _loggers(agent / "logs"),
    }


def _names(directory: Path) -> set[str]:
    return set(os.listdir(directory)) if directory.is_dir() else set()


def _root_file_systems(berth: Berth) -> set[str]:
    rows = [line.split() for line in berth.ctr("snapshots", "ls").splitlines()[1:]]
    return {row[0] for row in rows if row[-1] == "Active"}


def _control_groups(namespace: str) -> set[str]:
    """The groups of tasks: below the Berth's own, in whichever hierarchies there are. Groups come and go meanwhile."""
    found = set()
    for top, directories, _ in os.walk("/sys/fs/cgroup", onerror=lambda _: None):
        if os.path.basename(top) == namespace:
            found.update(directories)
    return found


def _shims(berth: Berth) -> set[str]:
    """Shims by the container that they were started for: the first of each task."""
    socket = os.fsencode(berth.containerd_socket())
    shims = [words for _, words in _programs() if b"containerd-shim" in words[0] and socket in words]
    return {words[words.index(b"-id") + 1].decode() for words in shims if b"-id" in words}


def _loggers(spools: Path) -> set[str]:
    """Loggers by their process and their container: none may have two."""
    mark = os.fsencode(spools) + b"/"
    found = [(pid, word) for pid, words in _programs() for word in words[1:] if word.startswith(mark)]
    return {f"{os.fsdecode(word).rpartition('/')[2]} {pid}" for pid, word in found}


def _programs() -> list[tuple[int, list[bytes]]]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if host.process(int(pid)):
            found.append((int(pid), words))
    return found
