"""A machine with Amazon's agent, as far as its work socket goes: it connects, answers heartbeats, and says what a test makes it say."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from typing import Any
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .berth import KEY, Berth

TEXT, CLOSE = 0x1, 0x8


class StockAgent:
    """An open work socket."""

    def __init__(self, berth: Berth, cluster: str, instance: str, version: str, region: str) -> None:
        query = {
            "agentHash": "a8b3e7d3",
            "agentVersion": version,
            "clusterArn": cluster,
            "containerInstanceArn": instance,
            "dockerVersion": "DockerVersion: 20.10.24+dfsg1",
            "protocolVersion": "2",
            "sendCredentials": "false",
            "seqNum": "1",
        }
        self.instance, self.cluster = instance, cluster
        target = "/acs/ws?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        request = AWSRequest("GET", berth.endpoint + target)
        credentials = Credentials(KEY["aws_access_key_id"], KEY["aws_secret_access_key"])
        SigV4Auth(credentials, "ecs", region).add_auth(request)
        where = urlsplit(berth.endpoint)
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
        headers = {"Host": where.netloc, **dict(request.headers.items()), **upgrade}
        self.socket = socket.create_connection((where.hostname, where.port), timeout=60)
        self.socket.sendall(
            f"GET {target} HTTP/1.1\r\n".encode() + b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items()) + b"\r\n"
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._read(1)
        assert head.startswith(b"HTTP/1.1 101"), head

    def __enter__(self) -> StockAgent:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            assert more, "the control plane has closed the socket"
            data += more
        return data

    def _frame(self) -> tuple[int, bytes]:
        first, length = self._read(2)
        if length == 126:
            (length,) = struct.unpack(">H", self._read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._read(8))
        return first & 0xF, self._read(length)

    def say(self, kind: str, **message: Any) -> None:
        """Sends a message; frames of clients are masked."""
        data, mask = json.dumps({"type": kind, "message": message}).encode(), os.urandom(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self.socket.sendall(bytes([0x80 | TEXT]) + length + mask + masked)

    def hear(self, kind: str) -> dict[str, Any]:
        """The next message of this type; heartbeats on the way are answered, others are taken."""
        while True:
            what, data = self._frame()
            assert what != CLOSE, "the control plane has closed the socket"
            if what != TEXT:
                continue
            frame = json.loads(data)
            if frame["type"] == "HeartbeatMessage":
                self.say("HeartbeatAckRequest", messageId=frame["message"]["messageId"])
            if frame["type"] == kind:
                return frame["message"]

    def acknowledge(self, message: dict[str, Any]) -> None:
        """Takes a message."""
        self.say("AckRequest", cluster=self.cluster, containerInstance=self.instance, messageId=message["messageId"])

    def refuse(self, message: dict[str, Any], reason: str) -> None:
        """Refuses an update."""
        self.say("NackRequest", cluster=self.cluster, containerInstance=self.instance, messageId=message["messageId"], reason=reason)
