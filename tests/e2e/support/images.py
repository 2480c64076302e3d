"""The registry on loopback that stands in for Docker Hub, with the test images in it."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_SCRIPTS = ROOT / "tests/images"


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def refusing_registry(status: int, error: dict[str, str]) -> Iterator[str]:
    """The address of a registry that answers everything with this status and error."""
    body = json.dumps({"errors": [error]}).encode()

    class Refusal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """The test says what it expects; nobody reads a log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusal)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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
