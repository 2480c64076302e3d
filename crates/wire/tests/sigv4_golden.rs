//! Signatures of other people's programs: botocore's (see `data/generate_sigv4_vectors.py`) and the public ECS
//! agent's (recorded traffic). Each must verify, must fail after any change, and must come out of our own signer.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use berth_wire::link::frame::SignedFrame;
use berth_wire::sigv4::{
    Credentials, Error, Expectation, PayloadHash, PayloadPolicy, RequestHead, Secret, SigningTarget, parse, sign,
    verify,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

const VECTORS: &str = include_str!("data/sigv4-vectors.json");
const FRAMES: &str = include_str!("../../../tests/data/agent-frames.jsonl");
const MINUTE_MS: i64 = 60_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    access_key_id: String,
    secret_access_key: String,
    signed_at_ms: i64,
    vectors: Vec<Vector>,
    presigned: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    service: String,
    region: String,
    session_token: Option<String>,
    over_tls: bool,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// One signed request, whoever made it.
struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    service: String,
    secret: Secret,
    payload: PayloadPolicy,
    now_ms: i64,
}

impl Request {
    fn verify(&self) -> Result<(), Error> {
        let headers: Vec<(&str, &[u8])> = self.headers.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
        let signed = parse(RequestHead {
            method: &self.method,
            target: &self.target,
            headers: &headers,
        })?;
        let expected = Expectation {
            service: &self.service,
            payload: self.payload,
            now_ms: self.now_ms,
        };
        verify(&signed, &self.secret, &PayloadHash::of(&self.body), &expected)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn header_mut(&mut self, name: &str) -> &mut String {
        let found = self.headers.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name));
        &mut found.expect("the header is there").1
    }
}

fn document() -> Document {
    serde_json::from_str(VECTORS).unwrap()
}

fn requests() -> Vec<(String, Request)> {
    let mut document = document();
    build(std::mem::take(&mut document.vectors), &document)
}

fn presigned() -> Vec<(String, Request)> {
    let mut document = document();
    build(std::mem::take(&mut document.presigned), &document)
}

fn build(vectors: Vec<Vector>, document: &Document) -> Vec<(String, Request)> {
    let build = |vector: Vector| {
        let request = Request {
            method: vector.method,
            target: vector.target,
            headers: vector.headers,
            body: STANDARD.decode(vector.body).unwrap(),
            payload: PayloadPolicy::of(&vector.service, vector.over_tls),
            service: vector.service,
            secret: Secret {
                secret_access_key: document.secret_access_key.clone(),
                session_token: vector.session_token,
            },
            now_ms: document.signed_at_ms,
        };
        (vector.name, request)
    };
    vectors.into_iter().map(build).collect()
}

/// A request with neither token nor body that says little: the base of the cases below.
fn plain() -> Request {
    requests()
        .into_iter()
        .find(|(name, _)| name == "path: root")
        .expect("the vector is there")
        .1
}

#[test]
fn botocore_signatures_verify() {
    let requests = requests();
    assert!(requests.len() > 60, "the vectors are there");
    for (name, request) in requests {
        assert_eq!(request.verify(), Ok(()), "{name}");
    }
}

#[test]
fn any_change_breaks_a_botocore_signature() {
    for (name, mut request) in requests() {
        let signature = request.header("authorization").unwrap().to_owned();
        let last = if signature.ends_with('0') { "1" } else { "0" };
        *request.header_mut("authorization") = format!("{}{last}", &signature[..signature.len() - 1]);
        assert_eq!(request.verify(), Err(Error::SignatureMismatch), "signature of {name}");
        *request.header_mut("authorization") = signature;
        request
            .target
            .push_str(if request.target.contains('?') { "&z=1" } else { "?z=1" });
        assert_eq!(request.verify(), Err(Error::SignatureMismatch), "query of {name}");
    }
    let mut request = plain();
    request.secret.secret_access_key.push('x');
    assert_eq!(request.verify(), Err(Error::SignatureMismatch));
    let mut request = plain();
    request.body = b"x".to_vec();
    assert_eq!(request.verify(), Err(Error::SignatureMismatch));
    let mut request = plain();
    request.header_mut("host").push('x');
    assert_eq!(request.verify(), Err(Error::SignatureMismatch));
    let mut request = plain();
    request.method = "POST".into();
    assert_eq!(request.verify(), Err(Error::SignatureMismatch));
}

#[test]
fn presigned_requests_verify_and_break_with_any_change() {
    let requests = presigned();
    assert!(requests.len() >= 10, "the vectors are there");
    for (name, mut request) in requests {
        assert_eq!(request.verify(), Ok(()), "{name}");
        let target = request.target.clone();
        let more = format!("{target}&z=1");
        let last = if target.ends_with('0') { "1" } else { "0" };
        let changed = format!("{}{last}", &target[..target.len() - 1]);
        let longer = target.replace("X-Amz-Expires=", "X-Amz-Expires=1");
        for wrong in [more, changed, longer] {
            request.target = wrong;
            let error = request.verify().unwrap_err();
            let is_expected = matches!(error, Error::SignatureMismatch | Error::MalformedExpires(_));
            assert!(is_expected, "{name}: {error} for {}", request.target);
        }
        request.target = target;
        request.body.push(b'x');
        assert_eq!(request.verify(), Err(Error::SignatureMismatch), "body of {name}");
        request.body.pop();
        request.header_mut("host").push('x');
        assert_eq!(request.verify(), Err(Error::SignatureMismatch), "host of {name}");
    }
    let (_, mut request) = presigned().into_iter().find(|(name, _)| name == "token").unwrap();
    request.secret.session_token = None;
    assert_eq!(request.verify(), Err(Error::WrongSessionToken));
}

#[test]
fn presigned_requests_are_good_for_as_long_as_they_say() {
    for (name, seconds, told) in [("plain", 60, "1 min."), ("a week", 604_800, "10080 min.")] {
        let (_, mut request) = presigned().into_iter().find(|(found, _)| found == name).unwrap();
        let signed_at_ms = request.now_ms;
        for (offset_s, is_good) in [
            (0, true),
            (seconds, true),
            (seconds + 1, false),
            (-300, true),
            (-301, false),
        ] {
            request.now_ms = signed_at_ms + offset_s * 1000;
            assert_eq!(request.verify().is_ok(), is_good, "{name} after {offset_s} s");
        }
        request.now_ms = signed_at_ms + (seconds + 1) * 1000;
        let text = request.verify().unwrap_err().to_string();
        assert!(
            text.starts_with("Signature expired: 20261120T124229Z is now earlier than 20261120T124230Z (2026"),
            "{text}"
        );
        assert!(text.ends_with(&format!(" - {told})")), "{text}");
    }
}

/// Our signer says what botocore says, byte for byte, whenever both sign the same headers.
#[test]
fn our_signer_agrees_with_botocore() {
    let document = document();
    let mut compared = 0;
    for vector in document.vectors {
        let signed: Vec<(&str, &[u8])> = signed_headers(&vector);
        if signed.iter().any(|(name, _)| *name == "Date") {
            continue;
        }
        let secret_access_key = document.secret_access_key.clone();
        let secret = Secret {
            secret_access_key,
            session_token: vector.session_token.clone(),
        };
        let credentials = Credentials {
            access_key_id: document.access_key_id.clone(),
            secret,
        };
        let head = RequestHead {
            method: &vector.method,
            target: &vector.target,
            headers: &signed,
        };
        let body = PayloadHash::of(&STANDARD.decode(&vector.body).unwrap());
        let target = SigningTarget {
            region: &vector.region,
            service: &vector.service,
        };
        let ours = sign(&head, &body, &credentials, target, document.signed_at_ms).unwrap();
        let theirs: BTreeMap<&str, &str> = vector.headers.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        for (name, value) in ours.iter() {
            assert_eq!(theirs.get(name), Some(&value), "{name} of {}", vector.name);
        }
        compared += 1;
    }
    assert!(compared > 60);
}

fn signed_headers(vector: &Vector) -> Vec<(&str, &[u8])> {
    let authorization = &vector
        .headers
        .iter()
        .find(|(name, _)| name == "Authorization")
        .unwrap()
        .1;
    let list = authorization
        .split("SignedHeaders=")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    let names: Vec<&str> = list.split(';').collect();
    let is_signed = |(name, _): &&(String, String)| names.contains(&name.to_lowercase().as_str());
    vector
        .headers
        .iter()
        .filter(is_signed)
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect()
}

#[test]
fn clocks_may_be_five_minutes_apart_and_no_more() {
    let mut request = plain();
    let signed_at_ms = request.now_ms;
    for (offset_ms, text) in [
        (5 * MINUTE_MS, None),
        (5 * MINUTE_MS + 999, None),
        (-5 * MINUTE_MS, None),
        (
            5 * MINUTE_MS + 1000,
            Some(
                "Signature expired: 20261120T124229Z is now earlier than 20261120T124230Z (20261120T124730Z - 5 min.)",
            ),
        ),
        (
            -5 * MINUTE_MS - 1000,
            Some(
                "Signature not yet current: 20261120T124229Z is still later than 20261120T124228Z (20261120T123728Z + 5 min.)",
            ),
        ),
    ] {
        request.now_ms = signed_at_ms + offset_ms;
        assert_eq!(
            request.verify().err().map(|error| error.to_string()).as_deref(),
            text,
            "{offset_ms}"
        );
    }
    for extreme in [i64::MIN, i64::MAX] {
        request.now_ms = extreme;
        assert!(request.verify().is_err());
    }
}

#[test]
fn scopes_are_for_this_service_day_and_some_region() {
    let wrong = |from: &str, to: &str| {
        let mut request = plain();
        let authorization = request.header("authorization").unwrap().replace(from, to);
        *request.header_mut("authorization") = authorization;
        request.verify().unwrap_err().to_string()
    };
    assert_eq!(
        wrong("/us-east-1/", "/local/"),
        "Credential should be scoped to a valid region. "
    );
    assert_eq!(
        wrong("/ecs/", "/ec2/"),
        "Credential should be scoped to correct service: 'ecs'. "
    );
    assert_eq!(
        wrong("/aws4_request", "/aws5_request"),
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. "
    );
    assert_eq!(
        wrong("/20261120/", "/20261119/"),
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261119' != \
         '20261120', from '20261120T124229Z'."
    );
    // Another well-formed region is fine as such; only the signature no longer fits.
    assert_eq!(
        wrong("/us-east-1/", "/us-east-2/"),
        Error::SignatureMismatch.to_string()
    );
}

#[test]
fn session_tokens_must_be_the_credential_s_own() {
    let (_, mut request) = requests().into_iter().find(|(name, _)| name == "token").unwrap();
    let token = request.secret.session_token.take();
    assert_eq!(
        request.verify(),
        Err(Error::WrongSessionToken),
        "a token that the key does not have"
    );
    request.secret.session_token = token.map(|token| token + "x");
    assert_eq!(request.verify(), Err(Error::WrongSessionToken), "another token");
    let mut request = plain();
    request.secret.session_token = Some("token".into());
    assert_eq!(request.verify(), Err(Error::WrongSessionToken), "no token");
}

#[test]
fn bodies_may_be_unsigned_where_the_policy_says_so() {
    let (_, mut request) = requests()
        .into_iter()
        .find(|(name, _)| name == "unsigned payload over TLS")
        .unwrap();
    request.body = b"something else".to_vec();
    assert_eq!(request.verify(), Ok(()));
    request.payload = PayloadPolicy::MustBeSigned;
    assert_eq!(
        request.verify(),
        Err(Error::PayloadNotSigned("UNSIGNED-PAYLOAD".into()))
    );
    let (_, mut request) = requests()
        .into_iter()
        .find(|(name, _)| name == "body: hash declared")
        .unwrap();
    request.body = b"b".to_vec();
    assert_eq!(
        request.verify(),
        Err(Error::SignatureMismatch),
        "the declared hash is not believed"
    );
    assert_eq!(PayloadPolicy::of("ecs", true), PayloadPolicy::MustBeSigned);
    assert_eq!(PayloadPolicy::of("s3", false), PayloadPolicy::MustBeSigned);
}

/// A line of the recorded traffic, as far as signatures go. Bodies stay raw: the signature is over their bytes.
#[derive(Deserialize)]
struct Line<'a> {
    kind: String,
    #[serde(default)]
    which: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
    hdr: Option<String>,
}

impl Line<'_> {
    /// The telemetry frame as it went over the wire.
    fn telemetry_frame(&self) -> Option<String> {
        let raw = self
            .msg
            .filter(|_| self.kind == "ws-recv" && self.which == "tcs")?
            .get();
        match &self.hdr {
            Some(block) => Some(format!("{block}\r\n\r\n{raw}")),
            None => serde_json::from_str(raw).ok(),
        }
    }

    fn signed(&self, connected_to: &str) -> Option<Request> {
        if let Some(text) = self.telemetry_frame() {
            let frame = SignedFrame::parse(&text).unwrap();
            let headers = frame.headers.iter();
            let headers = headers.map(|(name, value)| ((*name).to_owned(), String::from_utf8(value.to_vec()).unwrap()));
            return Some(agent_request("GET", connected_to, headers.collect(), frame.json.into()));
        }
        let headers = || self.headers.clone().into_iter().collect();
        match self.kind.as_str() {
            "http" => Some(agent_request(
                &self.method,
                &self.path,
                headers(),
                self.body?.get().into(),
            )),
            "ws-connect" => Some(agent_request("GET", &self.path, headers(), Vec::new())),
            _ => None,
        }
    }
}

fn agent_request(method: &str, target: &str, headers: Vec<(String, String)>, body: Vec<u8>) -> Request {
    let mut request = Request {
        method: method.into(),
        target: target.into(),
        headers,
        body,
        service: "ecs".into(),
        secret: Secret {
            secret_access_key: "secretexample".into(),
            session_token: None,
        },
        payload: PayloadPolicy::MustBeSigned,
        now_ms: 0,
    };
    let headers: Vec<(&str, &[u8])> = request
        .headers
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_bytes()))
        .collect();
    let head = RequestHead {
        method,
        target,
        headers: &headers,
    };
    request.now_ms = parse(head).expect("the agent's headers parse").signed_at_ms() + MINUTE_MS;
    request
}

#[test]
fn every_recorded_signature_of_the_agent_verifies() {
    let mut verified: BTreeMap<String, usize> = BTreeMap::new();
    let mut telemetry_url = String::new();
    for (number, text) in FRAMES.lines().enumerate() {
        let line: Line<'_> = serde_json::from_str(text).unwrap();
        if line.kind == "ws-connect" && line.which == "tcs" {
            telemetry_url.clone_from(&line.path);
        }
        let Some(request) = line.signed(&telemetry_url) else {
            continue;
        };
        // Requests of task and instance roles: their secrets were not recorded.
        if !request
            .header("authorization")
            .unwrap()
            .contains("Credential=AKIDEXAMPLE/")
        {
            continue;
        }
        assert_eq!(request.verify(), Ok(()), "line {}", number + 1);
        *verified.entry(line.kind).or_default() += 1;
    }
    let expected = [("http", 28), ("ws-connect", 6), ("ws-recv", 16)];
    assert_eq!(verified, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
}
