"""Bad input from the network: limits of size, depth and time, with a clear error past each, and no harm to others."""

from __future__ import annotations

import json
import socket

import pytest

from support import raw
from support.berth import Berth

MEBIBYTE = 1024 * 1024


def test_a_body_that_is_too_large_is_refused(berth: Berth):
    reply = raw.ecs(berth, "CreateCluster", json.dumps({"clusterName": "x" * 5 * MEBIBYTE}).encode()).send()
    assert (reply.status, reply.code) == (413, "RequestEntityTooLargeException")
    assert "4194304 bytes" in reply.message


def test_a_body_that_claims_to_be_too_large_is_refused(berth: Berth):
    answer = exchange(berth, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 5 * MEBIBYTE)
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "headers",
    ["X-Padding: " + "x" * 100_000 + "\r\n", "".join(f"X-Padding-{number}: x\r\n" for number in range(500))],
    ids=["bytes", "count"],
)
def test_too_many_headers_are_refused(berth: Berth, headers: str):
    answer = exchange(berth, f"POST / HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'"text"',
        b"[]",
        b'{"clusters": "not a list"}',
        b'{"clusters": [1]}',
        b'{"clusters": [{"a": 1}]}',
        b'{"clusters": [], } ',
        b'\xff\xfe{"clusters": []}',
        b'{"clusters": ["\\ud800"]}',
    ],
    ids=lambda body: repr(body)[2:-1] or "empty",
)
def test_malformed_json_is_a_serialization_exception(berth: Berth, body: bytes):
    reply = raw.ecs(berth, "DescribeClusters", body).send()
    if body == b"":
        assert reply.status == 200, "an empty body counts as an empty structure"
    else:
        assert (reply.status, reply.code) == (400, "SerializationException")


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"clusters":['], ids=["lists", "structures", "members"])
def test_deep_nesting_is_refused(berth: Berth, opening: bytes):
    reply = raw.ecs(berth, "DescribeClusters", opening * 100_000).send()
    assert (reply.status, reply.code) == (400, "SerializationException")


def test_members_that_the_model_lacks_are_ignored_however_deep(berth: Berth):
    deep = b'{"unknown": ' + b"[" * 50 + b"]" * 50 + b', "clusters": []}'
    assert raw.ecs(berth, "DescribeClusters", deep).send().status == 200
    deeper = b'{"unknown": ' + b"[" * 50_000 + b"]" * 50_000 + b', "clusters": []}'
    reply = raw.ecs(berth, "DescribeClusters", deeper).send()
    assert (reply.status, reply.code) == (400, "SerializationException")


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"",
        b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Ta",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    ],
    ids=["nothing", "half-a-header", "half-a-body"],
)
def test_idle_clients_do_not_block_others(berth: Berth, bytes_sent: bytes):
    idle = [socket.create_connection(("127.0.0.1", berth.port)) for _ in range(300)]
    try:
        for connection in idle:
            connection.sendall(bytes_sent)
        for _ in range(3):
            berth.client("ecs").list_clusters()
    finally:
        for connection in idle:
            connection.close()


@pytest.mark.parametrize(
    "bytes_sent",
    [b"\x00" * 1000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"],
    ids=["zeros", "tls", "half-a-line", "other-version"],
)
def test_what_is_not_http_is_turned_away(berth: Berth, bytes_sent: bytes):
    answer = exchange(berth, bytes_sent)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("path", ["/acs/ws", "/tcs/ws"])
def test_agents_sockets_are_closed_to_strangers(berth: Berth, path: str):
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    answer = exchange(berth, f"GET {path}?clusterArn=default&containerInstanceArn=x HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n".encode())
    status = int(answer.split(b" ")[1])
    assert 400 <= status < 500, answer


def test_everything_else_is_an_aws_request_that_nobody_signed(berth: Berth):
    assert berth.get("/no/such/page") == 400


def exchange(berth: Berth, request: bytes) -> bytes:
    """Sends bytes as they are and reads until the server closes or has answered."""
    with socket.create_connection(("127.0.0.1", berth.port), timeout=30) as connection:
        try:
            connection.sendall(request)
            return connection.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            return b""
