//! Reading what a request says about its own signature: header form.

use super::date::SigningDate;
use super::signed::{Claim, Form, MAX_HEADER_BYTES, echo};
use super::{Error, RequestHead};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The header that says it, if there is one.
pub(super) fn header<'a>(head: &RequestHead<'a>) -> Result<Option<&'a str>, Error> {
    match head.only("authorization")?.map(str::trim) {
        Some(header) if header.len() > MAX_HEADER_BYTES => Err(Error::TooLong {
            name: "Authorization",
            limit: MAX_HEADER_BYTES,
        }),
        header => Ok(header.filter(|header| !header.is_empty())),
    }
}

/// Reads the parts out of the header.
pub(super) fn read<'a>(head: &RequestHead<'a>, header: &'a str) -> Result<Claim<'a>, Error> {
    let fields = Fields::parse(header)?;
    let amz_date = head.only("x-amz-date")?;
    let http_date = head.only("date")?;
    let (credential, signed_headers, signature) = fields.complete(amz_date.or(http_date).is_some(), header)?;
    let date = match (amz_date, http_date) {
        (Some(text), _) => SigningDate::parse_basic(&echo(text))?,
        (None, text) => SigningDate::parse_header(&echo(text.unwrap_or_default()))?,
    };
    Ok(Claim {
        form: Form::Header,
        algorithm: fields.algorithm.into(),
        credential: credential.into(),
        signed_headers: signed_headers.into(),
        signature: signature.into(),
        date,
        dated_by_http: amz_date.is_none(),
        session_token: head.only("x-amz-security-token")?.map(Cow::Borrowed),
        content_sha256: head.only("x-amz-content-sha256")?.map(Cow::Borrowed),
    })
}

/// The header taken apart, with gaps.
#[derive(Default)]
struct Fields<'a> {
    algorithm: &'a str,
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn parse(header: &'a str) -> Result<Self, Error> {
        let (algorithm, rest) = header.split_once(' ').unwrap_or((header, ""));
        let mut fields = Self {
            algorithm,
            ..Self::default()
        };
        let malformed = || Error::MalformedPair {
            authorization_hash: hash(header),
        };
        for pair in rest.split([',', ' ']).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(malformed)?;
            let slot = match name {
                "Credential" => &mut fields.credential,
                "SignedHeaders" => &mut fields.signed_headers,
                "Signature" => &mut fields.signature,
                _ => return Err(malformed()),
            };
            // A second value would leave open which one is meant.
            if slot.replace(value).is_some() {
                return Err(malformed());
            }
        }
        Ok(fields)
    }

    fn complete(&self, dated: bool, header: &str) -> Result<(&'a str, &'a str, &'a str), Error> {
        if let (Some(credential), Some(headers), Some(signature), true) =
            (self.credential, self.signed_headers, self.signature, dated)
        {
            return Ok((credential, headers, signature));
        }
        let parts = [
            ("Credential", self.credential.is_none()),
            ("Signature", self.signature.is_none()),
            ("SignedHeaders", self.signed_headers.is_none()),
            ("Date", !dated),
        ];
        let missing = parts
            .iter()
            .filter(|(_, missing)| *missing)
            .map(|(name, _)| *name)
            .collect();
        Err(Error::MissingParts {
            missing,
            authorization_hash: hash(header),
        })
    }
}

fn hash(header: &str) -> String {
    STANDARD.encode(Sha256::digest(header))
}

#[cfg(test)]
mod tests {
    use super::super::{Error, RequestHead, parse};
    use expect_test::{Expect, expect};

    const GOOD: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/us-east-1/ecs/aws4_request, \
                        SignedHeaders=host;x-amz-date, Signature=00";

    /// Parses a request with these headers (one a line) and shows the refusal, or what was claimed.
    fn check(target: &str, headers: &str, expected: &Expect) {
        let headers: Vec<(&str, &[u8])> = headers
            .lines()
            .filter_map(|line| line.trim().split_once(": "))
            .map(|(name, value)| (name, value.as_bytes()))
            .collect();
        let shown = match parse(RequestHead {
            method: "POST",
            target,
            headers: &headers,
        }) {
            Ok(signed) => format!(
                "{} {:?} at {}",
                signed.access_key_id(),
                signed.scope(),
                signed.signed_at_ms()
            ),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_good_header_in_its_variants() {
        let claim = expect![[
            r#"AKIDEXAMPLE Scope { date: "20261120", region: "us-east-1", service: "ecs", terminator: "aws4_request" } at 1795178549000"#
        ]];
        check(
            "/",
            &format!("Authorization: {GOOD}\nHost: a\nX-Amz-Date: 20261120T124229Z"),
            &claim,
        );
        let tight = GOOD.replace(", ", ",");
        check(
            "/",
            &format!("authorization: {tight}\nhost: a\nx-amz-date: 20261120T124229Z"),
            &claim,
        );
        let dated = GOOD.replace("host;x-amz-date", "date;host");
        check(
            "/",
            &format!("Authorization: {dated}\nDate: Fri, 20 Nov 2026 12:42:29 GMT"),
            &claim,
        );
    }

    #[test]
    fn absent_or_double() {
        check("/", "Host: a", &expect!["Request is missing Authentication Token"]);
        check(
            "/?X-Amz-Algorithm=AWS4-HMAC-SHA256",
            &format!("Authorization: {GOOD}"),
            &expect!["Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."],
        );
        check(
            "/",
            &format!("Authorization: {GOOD}\nAuthorization: {GOOD}"),
            &expect!["Header 'authorization' must not be repeated."],
        );
        let dates = "X-Amz-Date: 20261120T124229Z\nX-Amz-Date: 20261120T124229Z";
        check(
            "/",
            &format!("Authorization: {GOOD}\n{dates}"),
            &expect!["Header 'x-amz-date' must not be repeated."],
        );
    }

    #[test]
    fn incomplete() {
        check(
            "/",
            "Authorization: Bearer eyJhbGciOi",
            &expect![
                "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): 'mP8JI67aQ5sXpQJE9LZ8HIJ+CmxR/hP/Cr6Lo1rpcxI='."
            ],
        );
        check(
            "/",
            "Authorization: AWS4-HMAC-SHA256",
            &expect![
                "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with Base64) Authorization=YI2YWea8FSxnksZL2ETHbs5elHm9HQufxTLK0W0ffV0="
            ],
        );
        let double = GOOD.replace("Signature=00", "Signature=00, Signature=11");
        let headers = [("authorization", double.as_bytes())];
        let malformed = parse(RequestHead {
            method: "GET",
            target: "/",
            headers: &headers,
        });
        assert!(matches!(malformed, Err(Error::MalformedPair { .. })));
    }

    #[test]
    fn malformed_parts() {
        let with = |from: &str, to: &str| {
            format!(
                "Authorization: {}\nX-Amz-Date: 20261120T124229Z",
                GOOD.replace(from, to)
            )
        };
        check(
            "/",
            &format!("Authorization: {GOOD}\nX-Amz-Date: 201"),
            &expect!["Date must be in ISO-8601 'basic format'. Got '201'. See http://en.wikipedia.org/wiki/ISO_8601"],
        );
        check(
            "/",
            &with("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA25"),
            &expect!["Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). "],
        );
        check(
            "/",
            &with("/aws4_request", ""),
            &expect![
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20261120/us-east-1/ecs'"
            ],
        );
        check(
            "/",
            &with("host;x-amz-date", "x-amz-date;host"),
            &expect![
                "'SignedHeaders' must be lower-case names, sorted, separated by semicolons, got 'x-amz-date;host'"
            ],
        );
        check(
            "/",
            &with("AKIDEXAMPLE", &"A".repeat(600)),
            &expect!["'Credential' must not be longer than 512 bytes."],
        );
        check(
            "/",
            &with("Signature=00", &format!("Signature={}", "0".repeat(9000))),
            &expect!["'Authorization' must not be longer than 8192 bytes."],
        );
    }

    #[test]
    fn unsigned_headers() {
        let base = "X-Amz-Date: 20261120T124229Z";
        check(
            "/",
            &format!("Authorization: {}\n{base}", GOOD.replace("host;", "")),
            &expect!["'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."],
        );
        check(
            "/",
            &format!("Authorization: {GOOD}\n{base}\nX-Amz-Target: a"),
            &expect!["'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."],
        );
        check(
            "/",
            &format!("Authorization: {GOOD}\nDate: Fri, 20 Nov 2026 12:42:29 GMT"),
            &expect!["'Date' must be a 'SignedHeader' in the AWS Authorization."],
        );
    }
}
