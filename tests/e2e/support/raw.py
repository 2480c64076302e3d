"""Requests by hand: signed by botocore's own signer, sent and received without any client in between."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from unittest import mock

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .berth import KEY, REGION, Berth

ECS_TARGET = "AmazonEC2ContainerServiceV20141113"


@contextlib.contextmanager
def clock_off_by(seconds: float) -> Iterator[None]:
    """The signer's clock is wrong."""
    wrong = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(seconds=seconds)
    with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: wrong):
        yield


@dataclass(frozen=True)
class Reply:
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The exception of a JSON service."""
        return json.loads(self.body)["__type"].rpartition("#")[2]

    @property
    def message(self) -> str:
        """The text of a JSON service's exception."""
        said = json.loads(self.body)
        return said.get("message") or said.get("Message") or ""


@dataclass
class Request:
    """A POST that is not sent yet. Its parts may be bent after it was signed."""

    berth: Berth
    headers: dict[str, str]
    body: bytes

    def send(self) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.berth.port, timeout=60)
        try:
            connection.request("POST", "/", self.body, self.headers)
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()


def ecs(berth: Berth, operation: str, body: bytes = b"{}", **signing: str) -> Request:
    """A signed request of ECS."""
    headers = {"X-Amz-Target": f"{ECS_TARGET}.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    return signed(berth, headers, body, **signing)


def signed(
    berth: Berth, headers: dict[str, str], body: bytes, service: str = "ecs", region: str = REGION, token: str | None = None
) -> Request:
    """A signed POST."""
    request = AWSRequest("POST", f"{berth.endpoint}/", headers=headers, data=body)
    credentials = Credentials(KEY["aws_access_key_id"], KEY["aws_secret_access_key"], token)
    SigV4Auth(credentials, service, region).add_auth(request)
    return Request(berth, dict(request.headers.items()), body)
