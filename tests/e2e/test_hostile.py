"""Clients that mean harm: the server's memory stays within its bounds, and everybody else is answered.

`BERTH_IDLE_CONNECTIONS=10000 scripts/e2e.sh -s -k idle_connections` prints the figures of docs/specification.md.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import resource
import socket
from collections.abc import Iterator

import pytest

from support import raw
from support.berth import Berth

KIBIBYTE, MEBIBYTE = 1024, 1024 * 1024
IDLE_CONNECTIONS = int(os.environ.get("BERTH_IDLE_CONNECTIONS", "1000"))
# All bodies together, as crates/server/src/http/limits.rs says; buffers may be twice as large as what they hold.
BODIES = 128 * MEBIBYTE
# What a loaded server may need for other reasons.
SLACK = 64 * MEBIBYTE
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"


def memory(berth: Berth) -> int:
    """The server's resident memory in bytes."""
    status = pathlib.Path(f"/proc/{berth.server.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * KIBIBYTE


def open_files(berth: Berth) -> int:
    """How many files and connections the server has open."""
    return len(os.listdir(f"/proc/{berth.server.pid}/fd"))


@contextlib.contextmanager
def connections(berth: Berth, count: int, greeting: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many open connections, on each of which this was sent."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, count + 512)), hard))
    opened: list[socket.socket] = []
    try:
        for _ in range(count):
            opened.append(socket.create_connection(("127.0.0.1", berth.port), timeout=60))
            opened[-1].sendall(greeting)
        yield opened
    finally:
        for connection in opened:
            connection.close()


def send(connection: socket.socket, data: bytes) -> None:
    """As much as the server takes."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        connection.sendall(data)


def assert_others_are_answered(berth: Berth) -> None:
    for _ in range(3):
        assert raw.ecs(berth, "ListClusters").send().status == 200


def assert_bounded(berth: Berth, before: int, most: int) -> None:
    grown = memory(berth) - before
    assert grown <= most, f"{grown / MEBIBYTE:.0f} MiB more, {most / MEBIBYTE:.0f} MiB are allowed"


def test_idle_connections_cost_little(berth: Berth):
    before, files = memory(berth), open_files(berth)
    with connections(berth, IDLE_CONNECTIONS, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n") as opened:
        # The server cuts what has been idle for ten seconds: of very many, the first may be gone by now.
        grown, idle = memory(berth) - before, open_files(berth) - files
        print(f"{idle} idle connections: {grown / MEBIBYTE:.1f} MiB, {grown / max(idle, 1) / KIBIBYTE:.1f} KiB each")
        for connection in opened:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert_others_are_answered(berth)
        assert_bounded(berth, before, len(opened) * 64 * KIBIBYTE + SLACK)


def test_slow_bodies_make_room(berth: Berth):
    before = memory(berth)
    claim = HEAD + f"Content-Length: {4 * MEBIBYTE}\r\n\r\n".encode()
    with connections(berth, 64) as slow:
        for connection in slow:
            send(connection, claim + b"x" * (4 * MEBIBYTE - 1))
        assert_others_are_answered(berth)
        assert_bounded(berth, before, 2 * BODIES + SLACK)
        answer = slow[0].recv(4096)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 503 "), answer
        newest = slow[-1]
        newest.sendall(b"x")
        assert newest.recv(4096).startswith(b"HTTP/1.1 400 "), "the newest still counts, and is told that nobody signed it"


def test_a_body_in_tiny_pieces_is_no_larger_for_it(berth: Berth):
    before = memory(berth)
    with connections(berth, 8) as tiny:
        for connection in tiny:
            send(connection, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 200_000)
        assert_others_are_answered(berth)
        assert_bounded(berth, before, SLACK)


def test_a_body_that_says_that_it_is_too_large_is_not_read(berth: Berth):
    with connections(berth, 1) as (connection,):
        connection.sendall(HEAD + f"Content-Length: {4 * MEBIBYTE + 1}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_endless_heads_are_cut(berth: Berth):
    before = memory(berth)
    with connections(berth, 200) as bombs:
        for connection in bombs:
            send(connection, HEAD + b"X-Bomb: " + b"x" * 63 * KIBIBYTE)
        assert_others_are_answered(berth)
        assert_bounded(berth, before, 200 * 128 * KIBIBYTE + SLACK)
        for connection in bombs:
            send(connection, b"x" * 64 * KIBIBYTE)
        assert bombs[0].recv(4096)[:13] in (b"HTTP/1.1 431 ", b"")


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\xff" * 1000, b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ids=["zeros", "negative-length", "no-chunk"],
)
def test_garbage_behind_requests_ends_the_connection(berth: Berth, garbage: bytes):
    with connections(berth, 1) as (connection,):
        send(connection, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 20 + garbage)
        answers = b""
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(65536):
                answers += piece
        assert answers.count(b"HTTP/1.1 200 ") <= 20 and b"HTTP/1.1 5" not in answers
    assert_others_are_answered(berth)


def test_requests_whose_answers_nobody_reads_wait(berth: Berth):
    before = memory(berth)
    with connections(berth, 4) as deaf:
        for connection in deaf:
            connection.settimeout(2)
            send(connection, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20_000)
        assert_others_are_answered(berth)
        assert_bounded(berth, before, SLACK)


@pytest.mark.parametrize("count", [5_000, 30_000])
def test_a_form_with_very_many_members_is_refused_or_read(berth: Berth, count: int):
    form = "Action=DescribeVpcs&Version=2016-11-15&" + "&".join(f"VpcId.{number}=vpc-{number:08x}" for number in range(1, count))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = raw.signed(berth, headers, form.encode(), service="ec2").send()
    assert reply.status == 400, "none of these networks exists"
    assert_others_are_answered(berth)
