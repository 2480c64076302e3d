//! The query form of a signature: a URL that whoever has it may call for a while.

use super::canonical::decoded;
use super::date::SigningDate;
use super::signed::{Claim, Form, echo};
use super::{Error, ExpiresFault, RequestHead};
use std::borrow::Cow;

const ALGORITHM: &str = "X-Amz-Algorithm";
const CREDENTIAL: &str = "X-Amz-Credential";
const DATE: &str = "X-Amz-Date";
const EXPIRES: &str = "X-Amz-Expires";
const SIGNED_HEADERS: &str = "X-Amz-SignedHeaders";
/// The one parameter that the signature does not cover.
pub(super) const SIGNATURE: &str = "X-Amz-Signature";
const SECURITY_TOKEN: &str = "X-Amz-Security-Token";
const CONTENT_SHA256: &str = "X-Amz-Content-Sha256";

/// Seven days: for so long a signing key is good.
const MAX_EXPIRES_S: i64 = 7 * 24 * 60 * 60;

/// Whether the query says that it is signed.
pub(super) fn is_signed(head: &RequestHead<'_>) -> bool {
    head.query().split('&').any(|pair| name_of(pair) == ALGORITHM)
}

/// Reads the parts out of the query.
pub(super) fn read<'a>(head: &RequestHead<'a>) -> Result<Claim<'a>, Error> {
    let [algorithm, credential, signature, signed_headers, date] =
        required(head, [ALGORITHM, CREDENTIAL, SIGNATURE, SIGNED_HEADERS, DATE])?;
    let expires_s = only(head, EXPIRES)?.map(|text| expires(&text)).transpose()?;
    Ok(Claim {
        form: Form::Query { expires_s },
        algorithm,
        credential,
        signed_headers,
        signature,
        date: SigningDate::parse_basic(&echo(&date))?,
        dated_by_http: false,
        session_token: either(head, SECURITY_TOKEN, "x-amz-security-token")?,
        content_sha256: either(head, CONTENT_SHA256, "x-amz-content-sha256")?,
    })
}

/// The values of parameters without which there is no signature.
fn required<'a, const N: usize>(head: &RequestHead<'a>, names: [&'static str; N]) -> Result<[Cow<'a, str>; N], Error> {
    let mut values = [const { Cow::Borrowed("") }; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = only(head, name)?.unwrap_or_default();
    }
    let missing: Vec<&'static str> = names
        .into_iter()
        .zip(&values)
        .filter(|(_, value)| value.is_empty())
        .map(|(name, _)| name)
        .collect();
    if missing.is_empty() {
        Ok(values)
    } else {
        Err(Error::MissingParameters(missing))
    }
}

/// What may stand in the query or in a signed header, but not in both.
fn either<'a>(
    head: &RequestHead<'a>,
    parameter: &'static str,
    header: &'static str,
) -> Result<Option<Cow<'a, str>>, Error> {
    match (only(head, parameter)?, head.only(header)?) {
        (Some(_), Some(_)) => Err(Error::RepeatedHeader(header)),
        (Some(value), None) => Ok(Some(value)),
        (None, value) => Ok(value.map(Cow::Borrowed)),
    }
}

/// The value of a parameter that authentication relies on: text, and at most one.
fn only<'a>(head: &RequestHead<'a>, name: &'static str) -> Result<Option<Cow<'a, str>>, Error> {
    let mut pairs = head.query().split('&').filter(|pair| name_of(pair) == name);
    let Some(pair) = pairs.next() else {
        return Ok(None);
    };
    if pairs.next().is_some() {
        return Err(Error::RepeatedParameter(name));
    }
    let value = pair.split_once('=').map_or("", |(_, value)| value);
    decoded(value).map(Some).ok_or(Error::ParameterNotText(name))
}

/// As the canonical request reads it, so that both see the same parameters.
fn name_of(pair: &str) -> Cow<'_, str> {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    decoded(name).unwrap_or_default()
}

fn expires(text: &str) -> Result<i64, Error> {
    let fault = match text.parse::<i64>() {
        Ok(seconds @ 0..=MAX_EXPIRES_S) => return Ok(seconds),
        Ok(seconds) if seconds < 0 => ExpiresFault::Negative,
        Ok(_) => ExpiresFault::TooLong,
        Err(_) => ExpiresFault::NotANumber,
    };
    Err(Error::MalformedExpires(fault))
}

#[cfg(test)]
mod tests {
    use super::super::{RequestHead, parse};
    use expect_test::{Expect, expect};

    const GOOD: &str = "Action=GetCallerIdentity&X-Amz-Algorithm=AWS4-HMAC-SHA256\
                        &X-Amz-Credential=AKIDEXAMPLE%2F20261120%2Fus-east-1%2Fsts%2Faws4_request\
                        &X-Amz-Date=20261120T124229Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00";

    /// Parses a request with this query and these headers, and shows the refusal, or what was claimed.
    fn check_with(query: &str, headers: &[(&str, &[u8])], expected: &Expect) {
        let target = format!("/?{query}");
        let shown = match parse(RequestHead {
            method: "GET",
            target: &target,
            headers,
        }) {
            Ok(signed) => format!(
                "{} {:?} at {} with {:?}, token {:?}",
                signed.access_key_id(),
                signed.scope(),
                signed.signed_at_ms(),
                signed.form,
                signed.session_token()
            ),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    fn check(query: &str, expected: &Expect) {
        check_with(query, &[("host", b"a")], expected);
    }

    #[test]
    fn good_queries() {
        check(
            GOOD,
            &expect![[
                r#"AKIDEXAMPLE Scope { date: "20261120", region: "us-east-1", service: "sts", terminator: "aws4_request" } at 1795178549000 with Query { expires_s: Some(60) }, token None"#
            ]],
        );
        let forever = GOOD.replace("&X-Amz-Expires=60", "&X-Amz-Security-Token=a%2Bb%3D");
        check(
            &forever,
            &expect![[
                r#"AKIDEXAMPLE Scope { date: "20261120", region: "us-east-1", service: "sts", terminator: "aws4_request" } at 1795178549000 with Query { expires_s: None }, token Some("a+b=")"#
            ]],
        );
        let escaped = GOOD.replace("X-Amz-Signature", "X%2DAmz%2DSignature");
        check(
            &escaped,
            &expect![[
                r#"AKIDEXAMPLE Scope { date: "20261120", region: "us-east-1", service: "sts", terminator: "aws4_request" } at 1795178549000 with Query { expires_s: Some(60) }, token None"#
            ]],
        );
    }

    #[test]
    fn parts_are_missing() {
        check(
            "X-Amz-Algorithm",
            &expect![
                "AWS query-string parameters must include 'X-Amz-Algorithm'. AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters."
            ],
        );
        check(
            &GOOD.replace("&X-Amz-Signature=00", "&X-Amz-Signature="),
            &expect![
                "AWS query-string parameters must include 'X-Amz-Signature'. Re-examine the query-string parameters."
            ],
        );
        check(
            &GOOD.replace("X-Amz-Algorithm", "x-amz-algorithm"),
            &expect!["Request is missing Authentication Token"],
        );
    }

    #[test]
    fn parts_are_malformed() {
        for (from, to, expected) in [
            (
                "AWS4-HMAC-SHA256",
                "AWS4-ECDSA-P256-SHA256",
                expect!["Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now). "],
            ),
            ("Expires=60", "Expires=1h", expect!["X-Amz-Expires should be a number"]),
            ("Expires=60", "Expires=", expect!["X-Amz-Expires should be a number"]),
            (
                "Expires=60",
                "Expires=-1",
                expect!["X-Amz-Expires must be non-negative"],
            ),
            (
                "Expires=60",
                "Expires=604801",
                expect![
                    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
                ],
            ),
            (
                "Expires=60",
                "Expires=99999999999999999999",
                expect!["X-Amz-Expires should be a number"],
            ),
            (
                "20261120T124229Z",
                "2026-11-20",
                expect![
                    "Date must be in ISO-8601 'basic format'. Got '2026-11-20'. See http://en.wikipedia.org/wiki/ISO_8601"
                ],
            ),
            (
                "%2Fsts",
                "",
                expect![
                    "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20261120/us-east-1/aws4_request'"
                ],
            ),
            (
                "SignedHeaders=host",
                "SignedHeaders=Host",
                expect!["'SignedHeaders' must be lower-case names, sorted, separated by semicolons, got 'Host'"],
            ),
            (
                "SignedHeaders=host",
                "SignedHeaders=date",
                expect!["'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."],
            ),
            (
                "Signature=00",
                "Signature=%FF",
                expect!["Parameter 'X-Amz-Signature' must be text."],
            ),
            (
                "Signature=00",
                "Signature=00&X-Amz-Date=20261120T124230Z",
                expect!["Parameter 'X-Amz-Date' must not be repeated."],
            ),
        ] {
            check(&GOOD.replace(from, to), &expected);
        }
    }

    #[test]
    fn two_forms_at_once() {
        let both = [("host", &b"a"[..]), ("authorization", b"AWS4-HMAC-SHA256 Credential=a")];
        check_with(
            GOOD,
            &both,
            &expect!["Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."],
        );
        let tokens = [("host", &b"a"[..]), ("x-amz-security-token", b"t")];
        check_with(
            &format!("{GOOD}&X-Amz-Security-Token=t"),
            &tokens,
            &expect!["Header 'x-amz-security-token' must not be repeated."],
        );
        check_with(
            GOOD,
            &tokens,
            &expect!["'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization."],
        );
    }
}
