"""What the kernel was told about a process's limits."""

from __future__ import annotations

from pathlib import Path


class Limits:
    """The limits of a process's control group, in version 1 or 2."""

    def __init__(self, pid: int, up: int = 0) -> None:
        self._pid = pid
        self._up = up
        lines = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
        self._paths = {controller: path for _, controllers, path in lines for controller in controllers.split(",")}
        self._v2 = "memory" not in self._paths

    def parent(self) -> Limits:
        return Limits(self._pid, self._up + 1)

    def _read(self, controller: str, v1: str, v2: str) -> str:
        directory = Path("/sys/fs/cgroup") / ("" if self._v2 else controller)
        group = Path(self._paths["" if self._v2 else controller])
        for _ in range(self._up):
            group = group.parent
        return (directory / str(group).lstrip("/") / (v2 if self._v2 else v1)).read_text().strip()

    def memory(self) -> int:
        return int(self._read("memory", "memory.limit_in_bytes", "memory.max"))

    def shares(self) -> int:
        return int(self._read("cpu", "cpu.shares", "cpu.weight"))

    def shares_of(self, cpu_units: int) -> int:
        """What the kernel is told for so many units; version 2 has weights, which runc converts to."""
        return 1 + (cpu_units - 2) * 9999 // 262142 if self._v2 else cpu_units

    def quota_percent(self) -> int:
        if self._v2:
            quota, period = self._read("cpu", "", "cpu.max").split()
        else:
            quota = self._read("cpu", "cpu.cfs_quota_us", "")
            period = self._read("cpu", "cpu.cfs_period_us", "")
        return int(quota) * 100 // int(period)
