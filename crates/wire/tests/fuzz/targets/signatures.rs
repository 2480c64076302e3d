//! SigV4 in both forms: a target, headers up to an empty line, and a body.

use berth_wire::sigv4::{
    Error, ErrorStyle, Expectation, PayloadHash, PayloadPolicy, RequestHead, Secret, parse, verify,
};

use super::first_line;

pub(super) fn signatures(data: &[u8]) {
    let (target, mut rest) = first_line(data);
    let mut headers: Vec<(&str, &[u8])> = Vec::new();
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (line, behind) = rest.split_at(end);
        rest = behind.get(1..).unwrap_or_default();
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            break;
        };
        let name = std::str::from_utf8(&line[..colon]).unwrap_or("x-not-text");
        headers.push((name, &line[colon + 1..]));
    }
    let head = RequestHead {
        method: "POST",
        target,
        headers: &headers,
    };
    let error = judge(head, rest).expect_err("nobody signed with this secret");
    for style in [ErrorStyle::Json, ErrorStyle::Query, ErrorStyle::Ec2] {
        let refusal = error.refusal(style);
        assert!((400..=403).contains(&refusal.status) && !refusal.message.is_empty());
    }
}

fn judge(head: RequestHead<'_>, body: &[u8]) -> Result<(), Error> {
    let signed = parse(head)?;
    let secret = Secret {
        secret_access_key: "a secret that no corpus knows".to_owned(),
        session_token: None,
    };
    assert!(!signed.access_key_id().is_empty());
    let expected = Expectation {
        service: signed.scope().service,
        payload: PayloadPolicy::MustBeSigned,
        now_ms: signed.signed_at_ms(),
    };
    // The age fits now; at the ends of time it must be judged, too.
    for now_ms in [i64::MIN, 0, i64::MAX] {
        let _ = signed.check(&Expectation { now_ms, ..expected });
    }
    verify(&signed, &secret, &PayloadHash::of(body), &expected)
}
