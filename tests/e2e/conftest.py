"""Fixtures: one registry and one Berth for the whole run, and fresh ones for tests that end them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.berth import Berth
from support.images import ROOT, Registry
from support.story import Story


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    """The stand-in for Docker Hub."""
    started = Registry.start(ROOT / "target/e2e-registry")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def shared_berth(registry: Registry) -> Iterator[Berth]:
    """The Berth that most tests share; each keeps to its own region, family or cluster. Its agent comes when one is needed."""
    with _Place() as directory:
        berth = Berth(directory, registry)
        try:
            berth.start_server()
            yield berth
            berth.down()
        finally:
            berth.discard()


@pytest.fixture
def berth(shared_berth: Berth) -> Iterator[Berth]:
    """The shared Berth's control plane, which every test must leave alive."""
    yield shared_berth
    shared_berth.server.assert_alive()


@pytest.fixture
def machine(berth: Berth) -> Iterator[Berth]:
    """The shared Berth with a machine, which every test must leave alive too."""
    if berth.agent is None:
        berth.start_agent()
    yield berth
    berth.agent.assert_alive()


@pytest.fixture
def own_berth(registry: Registry) -> Iterator[Berth]:
    """A Berth that is not started yet, for a test that ends it as it likes."""
    with _Place() as directory:
        berth = Berth(directory, registry)
        try:
            yield berth
        finally:
            berth.discard()


@pytest.fixture
def story(machine: Berth, request: pytest.FixtureRequest) -> Iterator[Story]:
    """Tasks of one test on the shared Berth; what still runs afterwards is stopped."""
    telling = Story(machine, request.node.name)
    yield telling
    telling.end()


class _Place:
    """A directory with a short path, since sockets lie in it."""

    def __enter__(self) -> Path:
        self.directory = Path(tempfile.mkdtemp(prefix="berth-e2e-"))
        return self.directory

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Shows with a failure what Berth said."""
    report = yield
    if report.failed:
        for name in ("shared_berth", "own_berth"):
            berth = getattr(item, "funcargs", {}).get(name)
            if berth is not None:
                report.sections.append((name, berth.logs()))
    return report
