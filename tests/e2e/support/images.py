"""The registry on loopback that stands in for Docker Hub, with the test images in it."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_SCRIPTS = ROOT / "tests/images"


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@dataclass(frozen=True)
class Registry:
    """A running registry."""

    port: int
    storage: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    def start(cls, storage: Path) -> Registry:
        registry = cls(free_port(), storage)
        _run("build.sh", "busybox", "httpd")
        registry._script("start")
        _run("push.sh", registry.url)
        return registry

    def add(self, image: str) -> None:
        """Builds one more of the test images and serves it too."""
        _run("build.sh", image)
        _run("push.sh", self.url, f"library/{image}")

    def stop(self) -> None:
        self._script("stop")

    def _script(self, verb: str) -> None:
        _run("registry.sh", verb, str(self.port), str(self.storage))


def _run(script: str, *arguments: str) -> None:
    done = subprocess.run([_SCRIPTS / script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{script} {' '.join(arguments)} failed: {done.stderr}"
