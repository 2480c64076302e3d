"""The endpoint over TLS: stock clients trust it with what `berth env` prints, and nobody's key crosses a network in the clear."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.exceptions import SSLError

from support.berth import KEY, REGION, Berth, Program, environment, key_environment, run
from support.poll import eventually
from support.story import Story, container
from test_awscli import Shell


@pytest.fixture
def tls_berth(own_berth: Berth) -> Berth:
    """A control plane with an authority of its own."""
    own_berth.authority = own_berth.data_dir / "tls/ca.pem"
    own_berth.start_server("--tls")
    return own_berth


def exported(berth: Berth) -> dict[str, str]:
    """What `berth env` tells a shell."""
    names = "AWS_ENDPOINT_URL AWS_CA_BUNDLE NODE_EXTRA_CA_CERTS"
    said = Shell(berth).says(f'for name in {names}; do echo "${{!name-}}"; done').split("\n")
    return dict(zip(names.split(), said, strict=True))


def test_stock_clients_trust_what_berth_env_prints(tls_berth: Berth):
    said = exported(tls_berth)
    assert said["AWS_ENDPOINT_URL"] == f"https://127.0.0.1:{tls_berth.port}"
    assert said["AWS_CA_BUNDLE"] == said["NODE_EXTRA_CA_CERTS"] == str(tls_berth.authority)
    answer = json.loads(Shell(tls_berth).says("aws sts get-caller-identity"))
    assert answer["Account"] == "012345678910"
    client = boto3.client("ecs", REGION, endpoint_url=said["AWS_ENDPOINT_URL"], verify=said["AWS_CA_BUNDLE"], **KEY)
    assert client.create_cluster(clusterName="over-tls")["cluster"]["status"] == "ACTIVE"


def test_plain_http_has_no_authority_to_trust(berth: Berth):
    assert "CA" not in run("env", "--data-dir", berth.data_dir).stdout


def test_clients_that_do_not_trust_the_authority_send_nothing(tls_berth: Berth):
    client = boto3.client("sts", REGION, endpoint_url=tls_berth.endpoint, **KEY)
    with pytest.raises(SSLError):
        client.get_caller_identity()
    with pytest.raises(urllib.error.URLError, match="certificate verify failed"):
        urllib.request.urlopen(f"{tls_berth.endpoint}/health", timeout=10)


def test_an_agent_of_the_same_data_directory_joins_over_tls(tls_berth: Berth):
    tls_berth.start_agent()
    story = Story(tls_berth, "over-tls")
    task = story.start(container(script="trap 'exit 0' TERM; sleep 100000 & wait"), networkMode="host")
    assert story.stop(task)["lastStatus"] == "STOPPED"
    tls_berth.down()


def test_a_client_that_stalls_in_its_handshake_is_cut_off_and_harms_nobody(tls_berth: Berth):
    stalled = [socket.create_connection(("127.0.0.1", tls_berth.port)) for _ in range(50)]
    for connection in stalled:
        connection.sendall(b"\x16\x03\x01")
    assert tls_berth.get("/health") == 200
    for connection in stalled:
        connection.settimeout(60)
        assert connection.recv(100) == b""
        connection.close()


def test_the_authority_is_kept_private_and_outlives_restarts(tls_berth: Berth):
    before = tls_berth.authority.read_bytes()
    for path in (tls_berth.authority, tls_berth.data_dir / "tls/ca-key.pem"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(tls_berth.authority.parent.stat().st_mode) == 0o700
    tls_berth.kill_server()
    tls_berth.start_server("--tls")
    assert tls_berth.authority.read_bytes() == before


def test_the_operators_certificate(own_berth: Berth, tmp_path):
    """A certificate for a name that only the operator knows, from an authority of theirs."""
    ca, ca_key, key, request, certificate = (tmp_path / name for name in ("ca.pem", "ca.key", "key.pem", "csr.pem", "cert.pem"))
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(*new, "-x509", "-keyout", ca_key, "-out", ca, "-subj", "/CN=ours", "-addext", "keyUsage=critical,keyCertSign")
    openssl(*new, "-keyout", key, "-out", request, "-subj", "/CN=berth")
    extensions = tmp_path / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost")
    openssl("openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-extfile", extensions, "-out", certificate)
    files = ("--tls-cert", certificate, "--tls-key", key, "--tls-ca", ca, "--tls-name", "localhost")
    own_berth.launch_server(*files)
    eventually("the server has begun", lambda: own_berth.server.assert_alive() or "listens on" in own_berth.server.tail())
    said = exported(own_berth)
    assert said["AWS_ENDPOINT_URL"] == f"https://localhost:{own_berth.port}"
    assert said["AWS_CA_BUNDLE"] == str(ca)
    assert json.loads(Shell(own_berth).says("aws sts get-caller-identity"))["Account"] == "012345678910"


def openssl(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("files", [("--tls-cert", "none.pem", "--tls-key", "none.pem")])
def test_files_that_are_not_there_are_told(own_berth: Berth, files: tuple[str, ...]):
    done = run("server", "--data-dir", own_berth.data_dir, "--listen", f"127.0.0.1:{own_berth.port}", *files, env=key_environment())
    assert done.returncode == 1
    assert "none.pem" in done.stderr


def test_an_address_that_others_can_reach_is_served_over_tls(own_berth: Berth):
    place = ("server", "--data-dir", own_berth.data_dir, "--listen", f"0.0.0.0:{own_berth.port}")
    refused = run(*place, env=key_environment())
    assert refused.returncode == 1
    assert "add --tls" in refused.stderr
    own_berth.authority = own_berth.data_dir / "tls/ca.pem"
    own_berth.server = Program(own_berth.directory / "server.log", *place, "--tls", env=environment())
    eventually("the server is healthy", lambda: own_berth.server.assert_alive() or own_berth.is_healthy())
    assert exported(own_berth)["AWS_ENDPOINT_URL"] == own_berth.endpoint, "clients of this host"
    assert own_berth.server.end(signal.SIGTERM) == 0
