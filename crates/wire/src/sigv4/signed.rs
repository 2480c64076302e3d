//! What a request says about its own signature, in whichever form it says it, checked for shape.
//!
//! Strict: one spelling, bounded lengths, nothing guessed. Faults are found in the order in which AWS reports
//! them. Whether what is said is true is not asked here.

use super::date::SigningDate;
use super::{ALGORITHM, Error, RequestHead, Scope, authorization, presigned};
use std::borrow::Cow;

/// The longest list of signed headers, and the longest header.
pub(super) const MAX_HEADER_BYTES: usize = 8192;
const MAX_CREDENTIAL_BYTES: usize = 512;
/// Session tokens have no documented limit; AWS's own stay below 4 KiB.
const MAX_TOKEN_BYTES: usize = 8192;
/// How much of a client's own text is shown in an error.
const MAX_ECHO_CHARS: usize = 256;

/// Where a signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In `Authorization`.
    Header,
    /// In the query: the request is good for so many seconds, or as long as one that is signed in its header.
    Query { expires_s: Option<i64> },
}

/// A request's claim: who signed it, when, for what. Not yet verified.
#[derive(Clone, Debug)]
pub struct Signed<'a> {
    pub(super) head: RequestHead<'a>,
    pub(super) form: Form,
    pub(super) signature: Cow<'a, str>,
    pub(super) date: SigningDate,
    /// `x-amz-content-sha256`.
    pub(super) content_sha256: Option<Cow<'a, str>>,
    /// Five elements between slashes.
    credential: Cow<'a, str>,
    signed_headers: Cow<'a, str>,
    session_token: Option<Cow<'a, str>>,
}

impl Signed<'_> {
    /// Whose key to look up.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.elements().0
    }

    /// For which day, region and service the signing key was made.
    #[must_use]
    pub fn scope(&self) -> Scope<'_> {
        self.elements().1
    }

    /// When it was signed, epoch milliseconds (of a whole second).
    #[must_use]
    pub fn signed_at_ms(&self) -> i64 {
        self.date.epoch_s * 1000
    }

    /// Present when the client signed with temporary credentials.
    #[must_use]
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// Names in lower case, sorted.
    pub(super) fn signed_headers(&self) -> Vec<&str> {
        self.signed_headers.split(';').collect()
    }

    fn elements(&self) -> (&str, Scope<'_>) {
        parse_credential(&self.credential).expect("the credential was checked when the claim was")
    }
}

/// Reads the signature of a request, which stands in its header or in its query.
///
/// # Errors
/// [`Error::MissingToken`] without one; else what is malformed, unsigned, too long or there twice.
pub fn parse(head: RequestHead<'_>) -> Result<Signed<'_>, Error> {
    let presigned = presigned::is_signed(&head);
    match (authorization::header(&head)?, presigned) {
        (Some(_), true) => Err(Error::SignedTwice),
        (Some(header), false) => authorization::read(&head, header)?.checked(head),
        (None, true) => presigned::read(&head)?.checked(head),
        (None, false) => Err(Error::MissingToken),
    }
}

/// The parts of a signature, as they were found.
pub(super) struct Claim<'a> {
    pub(super) form: Form,
    pub(super) algorithm: Cow<'a, str>,
    pub(super) credential: Cow<'a, str>,
    pub(super) signed_headers: Cow<'a, str>,
    pub(super) signature: Cow<'a, str>,
    pub(super) date: SigningDate,
    /// Dated by `Date`, so that this header has to be signed.
    pub(super) dated_by_http: bool,
    pub(super) session_token: Option<Cow<'a, str>>,
    pub(super) content_sha256: Option<Cow<'a, str>>,
}

impl<'a> Claim<'a> {
    fn checked(self, head: RequestHead<'a>) -> Result<Signed<'a>, Error> {
        let signed_headers = parse_signed_headers(&self.signed_headers)?;
        require_signed(&head, &signed_headers, self.dated_by_http)?;
        if self.algorithm != ALGORITHM {
            return Err(Error::UnsupportedAlgorithm(echo(&self.algorithm)));
        }
        parse_credential(&self.credential)?;
        if self
            .session_token
            .as_ref()
            .is_some_and(|token| token.len() > MAX_TOKEN_BYTES)
        {
            return Err(Error::TooLong {
                name: "X-Amz-Security-Token",
                limit: MAX_TOKEN_BYTES,
            });
        }
        Ok(Signed {
            head,
            form: self.form,
            signature: self.signature,
            date: self.date,
            content_sha256: self.content_sha256,
            credential: self.credential,
            signed_headers: self.signed_headers,
            session_token: self.session_token,
        })
    }
}

fn parse_signed_headers(text: &str) -> Result<Vec<&str>, Error> {
    if text.len() > MAX_HEADER_BYTES {
        return Err(Error::TooLong {
            name: "SignedHeaders",
            limit: MAX_HEADER_BYTES,
        });
    }
    let names: Vec<&str> = text.split(';').collect();
    let lower = |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase());
    if names.iter().all(lower) && names.is_sorted_by(|a, b| a < b) {
        return Ok(names);
    }
    Err(Error::MalformedSignedHeaders(echo(text)))
}

/// What AWS demands: the host, the date that is used, and every `x-amz-` header that is there. Otherwise a
/// listener could send the same signature to another host, at another time, or with another target.
fn require_signed(head: &RequestHead<'_>, signed: &[&str], dated_by_http: bool) -> Result<(), Error> {
    if !signed.contains(&"host") {
        return Err(Error::HeaderNotSigned("Host' or ':authority".into()));
    }
    if dated_by_http && !signed.contains(&"date") {
        return Err(Error::HeaderNotSigned("Date".into()));
    }
    let names = head.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
    match names
        .filter(|name| name.starts_with("x-amz-"))
        .find(|name| !signed.contains(&name.as_str()))
    {
        Some(name) => Err(Error::HeaderNotSigned(echo(&name))),
        None => Ok(()),
    }
}

fn parse_credential(text: &str) -> Result<(&str, Scope<'_>), Error> {
    if text.len() > MAX_CREDENTIAL_BYTES {
        return Err(Error::TooLong {
            name: "Credential",
            limit: MAX_CREDENTIAL_BYTES,
        });
    }
    let elements: Vec<&str> = text.split('/').collect();
    match elements[..] {
        [access_key_id, date, region, service, terminator] if !access_key_id.is_empty() => Ok((
            access_key_id,
            Scope {
                date,
                region,
                service,
                terminator,
            },
        )),
        _ => Err(Error::MalformedCredential(echo(text))),
    }
}

pub(super) fn echo(text: &str) -> String {
    text.chars().take(MAX_ECHO_CHARS).collect()
}
