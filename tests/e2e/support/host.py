"""What a Berth puts on its host, seen from outside: processes, mounts, interfaces, nftables tables, control groups.

Names follow from the data directory, so that other Berths on the same host are left out of account.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


def namespace_of(data_dir: Path) -> str:
    """The name that Berth gives to everything of a data directory: containerd's namespace, tables, groups."""
    return f"berth-{hashlib.sha256(bytes(data_dir)).hexdigest()[:8]}"


@dataclass(frozen=True)
class Process:
    """A process; its start time tells it from a later one with the same id."""

    pid: int
    started: int


def process(pid: int) -> Process | None:
    """The process with this id, if it lives. A zombie does not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else Process(pid, int(fields[19]))


def _read(path: str) -> str:
    try:
        return Path(path).read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _processes(marks: list[str]) -> list[str]:
    """Processes whose command line or control groups bear one of the marks."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid() or process(int(pid)) is None:
            continue
        text = _read(f"/proc/{pid}/cmdline") + _read(f"/proc/{pid}/cgroup")
        if any(mark in text for mark in marks):
            found.append(f"process {pid}: {_read(f'/proc/{pid}/cmdline').strip()}")
    return found


def _mounts(marks: list[str]) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [f"mount {line.split()[4]}" for line in lines if any(mark in line.split()[4] for mark in marks)]


def _files(marks: list[str]) -> list[str]:
    """Sockets, state and mount points below /run."""
    found = []
    for top, directories, files in os.walk("/run", onerror=lambda _: None):
        found += [f"file {top}/{name}" for name in directories + files if any(mark in f"{top}/{name}" for mark in marks)]
    return found


def _cgroups(marks: list[str]) -> list[str]:
    found = []
    for top, directories, _ in os.walk("/sys/fs/cgroup", onerror=lambda _: None):
        found += [f"control group {top}/{name}" for name in directories if any(mark in name for mark in marks)]
    return found


def _links(data_dir: Path) -> list[str]:
    digest = hashlib.sha256(namespace_of(data_dir).removeprefix("berth-").encode()).digest()
    other = hashlib.sha256(namespace_of(data_dir).encode()).digest()
    tags = ["".join("abcdefghijklmnopqrstuvwxyz234567"[byte & 31] for byte in one[:4]) for one in (digest, other)]
    links = json.loads(subprocess.check_output(["ip", "-json", "link"], text=True))
    names = [link["ifname"] for link in links]
    return [f"interface {name}" for name in names if any(name in (f"berth-{tag}",) or name.startswith(f"bth{tag}") for tag in tags)]


def _tables(marks: list[str]) -> list[str]:
    tables = subprocess.check_output(["nft", "list", "tables"], text=True).splitlines()
    return [f"nftables {table}" for table in tables if any(mark in table for mark in marks)]


def leftovers(data_dir: Path) -> list[str]:
    """Everything on the host that belongs to the Berth of `data_dir`."""
    namespace = namespace_of(data_dir)
    marks = [f"{data_dir}/", namespace, f"berth/{namespace.removeprefix('berth-')}"]
    names = [namespace, namespace.removeprefix("berth-")]
    return [
        *_processes([*marks, f"{data_dir} "]),
        *_mounts(marks),
        *_files([namespace.removeprefix("berth-")]),
        *_cgroups(names),
        *_links(data_dir),
        *_tables(names),
    ]
