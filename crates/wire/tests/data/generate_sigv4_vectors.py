#!/usr/bin/env python3
"""Writes sigv4-vectors.json: requests signed by botocore, with everything that a verifier needs to recompute them.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install boto3==1.44.5 botocore==1.44.5
    /tmp/venv/bin/python crates/wire/tests/data/generate_sigv4_vectors.py

Some requests are made by hand to reach odd corners of the algorithm, others by boto3's real clients, caught before
they are sent. The output is the same on every run.
"""

import base64
import datetime
import json
import pathlib
import uuid

import boto3
import botocore
import botocore.auth
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth, _host_from_url
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 11, 20, 12, 42, 29)
NOW_MS = 1795178549000
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzE//////////wEaD" + "x" * 300 + "=="
OUT = pathlib.Path(__file__).with_name("sigv4-vectors.json")

for module in ("auth", "compat", "utils"):
    target = getattr(botocore, module, None)
    if target is not None and hasattr(target, "get_current_datetime"):
        target.get_current_datetime = lambda *args, **kwargs: NOW
uuid.uuid4 = lambda: uuid.UUID("7b9a1c52-6f0a-4a39-8c55-3f5f8a0e2d11")

vectors = []
presigned = []


def text(value):
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def target_of(url):
    """What the request line says: everything behind scheme and authority."""
    rest = url.split("://", 1)[1]
    return "/" + rest.split("/", 1)[1] if "/" in rest else "/"


def record(name, request, service, region, token, to=vectors):
    headers = [[key, text(value)] for key, value in request.headers.items()]
    # Never signed, and it tells about the machine on which this ran.
    headers = [[key, "botocore" if key.lower() == "user-agent" else value] for key, value in headers]
    if not any(key.lower() == "host" for key, _ in headers):
        headers.append(["Host", _host_from_url(request.url)])
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    body = body.encode("utf-8") if isinstance(body, str) else bytes(body)
    to.append({
        "name": name,
        "service": service,
        "region": region,
        "sessionToken": token,
        "overTls": request.url.startswith("https"),
        "method": request.method,
        "target": target_of(request.url),
        "headers": headers,
        "body": base64.b64encode(body).decode(),
    })


def by_hand(name, url, method="GET", headers=(), body=b"", service="ecs", region="us-east-1", token=None, auth=None,
            context=None):
    request = AWSRequest(method=method, url=url, data=body)
    for key, value in headers:
        request.headers.add_header(key, value)
    request.context.update(context or {})
    auth = auth or (S3SigV4Auth if service == "s3" else SigV4Auth)
    auth(Credentials(KEY, SECRET, token), service, region).add_auth(request)
    record(name, request, service, region, token)


def by_client(name, service, call, token=None, signing_name=None, region="us-east-1", url="http://127.0.0.1:4566"):
    client = boto3.session.Session(KEY, SECRET, token, region_name=region).client(
        service, endpoint_url=url, config=Config(retries={"total_max_attempts": 1}))
    caught = []

    def catch(request, **_):
        caught.append(request)
        return AWSResponse(request.url, 500, {}, None)

    client.meta.events.register("before-send.*.*", catch)
    try:
        call(client)
    except Exception:  # the invented answer is an error, and the request is all that matters
        pass
    assert len(caught) == 1, (name, caught)
    record(name, caught[0], signing_name or service, region, token)


HOST = "http://127.0.0.1:4566"
paths = {
    "no path": "", "root": "/", "dots": "/a/./b/../c", "trailing slash": "/a/b/", "double slashes": "//a///b//",
    "above the root": "/../../a", "encoded space": "/a%20b", "plus": "/a+b", "encoded slash": "/a%2Fb",
    "tilde and friends": "/~a-b_c.d", "reserved": "/a:b@c!d$e&f'g(h)i*j,k;l=m", "unicode, encoded": "/%C3%BC/%E2%82%AC",
    "unicode, raw": "/\u00fc/\u20ac", "arn": "/tags/arn%3Aaws%3Aecs%3Aus-east-1%3A123456789012%3Acluster%2Fdefault",
    "dots that are no segments": "/.../a..b/.c",
}
for name, path in paths.items():
    by_hand(f"path: {name}", HOST + path)
for name, path in paths.items():
    if name not in ("no path", "reserved", "unicode, raw", "plus", "encoded slash"):
        by_hand(f"s3 path: {name}", HOST + path, service="s3")

queries = {
    "one": "a=1", "sorted by name": "b=2&a=1&c=3", "sorted by value": "a=3&a=1&a=2", "without value": "a&b=",
    "upper before lower": "a=1&A=2&B=3&b=4", "prefix": "a-b=1&a=2&ab=3", "equals sign in value": "a=b%3Dc",
    "encoded": "name=%C3%BC%20%2B%2F&x=%7E".replace("%7E", "~"), "action": "Action=DescribeVpcs&Version=2016-11-15",
    "many": "&".join(f"Filter.{n}.Name=x{n}" for n in range(1, 25)),
}
for name, query in queries.items():
    by_hand(f"query: {name}", f"{HOST}/?{query}")

by_hand("headers: white space", HOST, headers=[("X-Amz-Target", "  a   b \t c  "), ("My-Header", '"a  b"')])
by_hand("headers: repeated", HOST, headers=[("My-Header", "b"), ("My-Header", " a "), ("My-Header", "b")])
by_hand("headers: empty", HOST, headers=[("My-Header", "")])
by_hand("headers: unicode", HOST, headers=[("My-Header", "gr\u00fc\u00dfe")])
by_hand("headers: unsigned ones", HOST, headers=[("User-Agent", "x"), ("Connection", "keep-alive"), ("Expect", "100")])
by_hand("headers: date instead of x-amz-date", HOST, headers=[("Date", "replaced")])
by_hand("host: default port", "http://localhost:80/")
by_hand("host: upper case", "http://LocalHost:4566/")
by_hand("host: IPv6", "http://[::1]:4566/")
by_hand("body: json", HOST, "POST", [("Content-Type", "application/x-amz-json-1.1")], '{"cluster":"\u00fc"}'.encode())
by_hand("body: binary", HOST, "PUT", body=bytes(range(256)))
by_hand("body: hash declared", HOST, "POST", [("X-Amz-Content-SHA256", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72"
                                               "b9807785afee48bb")], b"a")
by_hand("token", HOST, token=TOKEN)
by_hand("token with a body", HOST, "POST", body=b"{}", token="a+b/c==")
by_hand("region: gov", HOST, region="us-gov-west-1")
by_hand("region: sovereign", HOST, region="eusc-de-east-1", service="logs")
by_hand("unsigned payload over TLS", "https://127.0.0.1:4566/bucket/key", "PUT", body=b"x", service="s3",
        context={"payload_signing_enabled": False, "has_streaming_input": True, "checksum": {
            "request_algorithm": {"in": "header", "name": "x-amz-checksum-crc32", "algorithm": "crc32"}}},
        headers=[("x-amz-checksum-crc32", "jNxVEA==")])

by_client("boto3: ecs RunTask", "ecs", lambda c: c.run_task(taskDefinition="web:1", count=2, group="\u00fc"))
by_client("boto3: ecs ListTasks with a token", "ecs", lambda c: c.list_tasks(), token=TOKEN)
by_client("boto3: sts GetCallerIdentity", "sts", lambda c: c.get_caller_identity())
by_client("boto3: ec2 DescribeVpcs", "ec2", lambda c: c.describe_vpcs(VpcIds=["vpc-1", "vpc-2"]))
by_client("boto3: logs PutLogEvents", "logs", lambda c: c.put_log_events(
    logGroupName="/ecs/a b", logStreamName="x", logEvents=[{"timestamp": 1, "message": "\u20ac \u0000"}]))
by_client("boto3: elbv2 DescribeLoadBalancers", "elbv2", lambda c: c.describe_load_balancers(Names=["a b"]),
          signing_name="elasticloadbalancing", region="eu-central-1")
by_client("boto3: scheduler GetSchedule", "scheduler", lambda c: c.get_schedule(Name="a.b_c-d", GroupName="g"))
by_client("boto3: scheduler ListTagsForResource", "scheduler", lambda c: c.list_tags_for_resource(
    ResourceArn="arn:aws:scheduler:us-east-1:123456789012:schedule-group/my group+x"))
by_client("boto3: s3 PutObject", "s3", lambda c: c.put_object(Bucket="bucket", Key="a b/\u00fc+c//d=e&f.txt", Body=b"x"))
by_client("boto3: s3 GetObject with a query", "s3", lambda c: c.get_object(
    Bucket="bucket", Key="k", VersionId="a/b+c", ResponseContentType="text/plain; charset=utf-8"))



def presigned_by_hand(name, url, method="GET", headers=(), body=b"", service="sts", region="us-east-1", token=None,
                      expires=60):
    request = AWSRequest(method=method, url=url, data=body)
    for key, value in headers:
        request.headers.add_header(key, value)
    SigV4QueryAuth(Credentials(KEY, SECRET, token), service, region, expires=expires).add_auth(request)
    record(name, request.prepare(), service, region, token, presigned)


def presigned_by_client(name, service, operation, parameters, token=None, region="us-east-1", expires=60):
    client = boto3.session.Session(KEY, SECRET, token, region_name=region).client(service, endpoint_url=HOST)
    url = client.generate_presigned_url(operation, parameters, ExpiresIn=expires, HttpMethod="GET")
    record(name, AWSRequest(method="GET", url=url), service, region, token, presigned)


CALLER = "/?Action=GetCallerIdentity&Version=2011-06-15"
presigned_by_hand("plain", HOST + CALLER)
presigned_by_hand("a header of the caller's", HOST + CALLER, headers=[("x-k8s-aws-id", "my cluster")])
presigned_by_hand("token", HOST + CALLER, token=TOKEN)
presigned_by_hand("token with signs", HOST + CALLER, token="a+b/c==")
presigned_by_hand("a week", HOST + CALLER, expires=604800)
presigned_by_hand("a body that botocore moves into the query", HOST + CALLER, "POST", body=b'{"a": "b c"}')
presigned_by_hand("signs in the query", HOST + "/a b?x=%C3%BC%20%2B%2F&b&a=2&a=1", region="eu-central-1")
presigned_by_client("boto3: sts GetCallerIdentity", "sts", "get_caller_identity", {})
presigned_by_client("boto3: sts GetCallerIdentity with a token", "sts", "get_caller_identity", {}, token=TOKEN)
presigned_by_client("boto3: ec2 DescribeVpcs", "ec2", "describe_vpcs",
                    {"Filters": [{"Name": "tag:a b", "Values": ["\u00fc", "x+y&z"]}]}, expires=3600)

document = {
    "botocore": botocore.__version__,
    "accessKeyId": KEY,
    "secretAccessKey": SECRET,
    "signedAtMs": NOW_MS,
    "vectors": vectors,
    "presigned": presigned,
}
OUT.write_text(json.dumps(document, indent=1, ensure_ascii=False, sort_keys=False) + "\n", encoding="utf-8")
print(f"{len(vectors)} vectors, {len(presigned)} presigned")
