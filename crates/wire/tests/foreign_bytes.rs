//! Whatever arrives, parsers answer; they never panic. And what we write, we can read.

use berth_wire::link::frame::SignedFrame;
use berth_wire::link::upgrade::{Connect, UpgradeRefusal};
use berth_wire::link::{acs, tcs};
use berth_wire::sigv4::{
    Credentials, ErrorStyle, Expectation, PayloadHash, PayloadPolicy, RequestHead, Secret, SigningTarget, parse, sign,
    verify,
};
use proptest::prelude::*;

const FRAMES: &str = include_str!("../../../tests/data/agent-frames.jsonl");

fn read_everything(text: &str) {
    let _ = acs::BackendMessage::parse(text);
    let _ = acs::AgentMessage::parse(text);
    let _ = tcs::BackendMessage::parse(text);
    let _ = tcs::AgentMessage::parse(text);
    let _ = SignedFrame::parse(text);
    let _ = Connect::parse(text);
    let _ = UpgradeRefusal::parse(text);
}

/// Verifies a request that nobody signed; it must be refused, in words, in every family.
fn refuse(head: RequestHead<'_>, now_ms: i64) {
    let secret = Secret {
        secret_access_key: "s".into(),
        session_token: None,
    };
    let expected = Expectation {
        service: "ecs",
        payload: PayloadPolicy::MustBeSigned,
        now_ms,
    };
    let outcome = parse(head).and_then(|signed| verify(&signed, &secret, &PayloadHash::of(b""), &expected));
    let error = outcome.expect_err("nobody signed this");
    for style in [ErrorStyle::Json, ErrorStyle::Query, ErrorStyle::Ec2] {
        assert!((400..=403).contains(&error.refusal(style).status));
    }
}

/// A piece of an Authorization header, more or less right.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("AWS4-HMAC-SHA256".to_owned()),
        Just("Credential=A/20261120/us-east-1/ecs/aws4_request".to_owned()),
        Just("SignedHeaders=host;x-amz-date".to_owned()),
        Just("Signature=00".to_owned()),
        Just(", ".to_owned()),
        Just(" ".to_owned()),
        ".{0,12}",
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_everything(&String::from_utf8_lossy(&bytes));
        let headers: [(&str, &[u8]); 2] = [("authorization", &bytes), ("x-amz-date", &bytes)];
        refuse(RequestHead { method: "GET", target: "/", headers: &headers }, 0);
    }

    #[test]
    fn damaged_frames(line in 0_usize..104, cut in 0.0..1.0_f64, noise in ".{0,4}") {
        let text = FRAMES.lines().nth(line).unwrap();
        let text = text.split_once("\"msg\":").map_or(text, |(_, rest)| rest);
        let position = (0..=text.len()).rev().find(|at| text.is_char_boundary(*at) && *at as f64 <= cut * text.len() as f64);
        let (head, tail) = text.split_at(position.unwrap());
        read_everything(head);
        read_everything(&format!("{head}{noise}{tail}"));
    }

    #[test]
    fn almost_signed(
        pieces in proptest::collection::vec(piece(), 0..8),
        date in "(20261120T124229Z|[0-9TZ]{0,17}|.{0,20})",
        target in "/[a-z%+&=?./]{0,24}",
        now_ms in any::<i64>(),
    ) {
        let authorization = pieces.concat();
        let headers: [(&str, &[u8]); 3] =
            [("Authorization", authorization.as_bytes()), ("Host", b"a"), ("X-Amz-Date", date.as_bytes())];
        refuse(RequestHead { method: "GET", target: &target, headers: &headers }, now_ms);
    }

    #[test]
    fn what_we_sign_we_verify(
        target in "/[ -~\u{e9}]{0,40}",
        value in "[ -~\t\u{e9}]{0,20}",
        body in proptest::collection::vec(any::<u8>(), 0..40),
        token in proptest::option::of("[!-~]{1,40}"),
        now_s in 0_i64..4_000_000_000,
    ) {
        prop_assume!(!target.contains("X-Amz-Algorithm="));
        let secret = Secret { secret_access_key: "secret".into(), session_token: token };
        let credentials = Credentials { access_key_id: "AKID".into(), secret };
        let base: [(&str, &[u8]); 3] = [("Host", b"a:1"), ("My-Header", value.as_bytes()), ("my-header", b"x")];
        let head = RequestHead { method: "POST", target: &target, headers: &base };
        let hash = PayloadHash::of(&body);
        let to = SigningTarget { region: "us-east-1", service: "ecs" };
        let added = sign(&head, &hash, &credentials, to, now_s * 1000).unwrap();
        let mut headers: Vec<(&str, &[u8])> = base.to_vec();
        headers.extend(added.iter().map(|(name, value)| (name, value.as_bytes())));
        let signed = parse(RequestHead { headers: &headers, ..head }).unwrap();
        let expected = Expectation { service: "ecs", payload: PayloadPolicy::MustBeSigned, now_ms: now_s * 1000 };
        prop_assert_eq!(verify(&signed, &credentials.secret, &hash, &expected), Ok(()));
        prop_assert_eq!(signed.signed_at_ms(), now_s * 1000);
    }
}
