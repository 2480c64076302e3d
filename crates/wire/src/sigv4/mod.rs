//! AWS Signature Version 4: verification of both forms (header, and query of presigned URLs) for the server, signing in the
//! header for clients such as our agent.
//!
//! Verifying takes two steps, so that the caller can look the key up in between: [`parse`] says who claims to
//! have signed, [`verify`] says whether it is true. [`Signed::check`] holds everything that needs no key; callers
//! run it before the look-up to refuse in the order in which AWS does, and [`verify`] runs it again, so forgetting
//! it opens nothing.
//!
//! No clock and no I/O: times are epoch milliseconds and passed in. The two forms are two constructors of [`Signed`];
//! everything after the constructor is common to both. Nothing here knows about policies, accounts, or where keys are kept.

mod authorization;
mod canonical;
mod date;
mod error;
mod key;
mod presigned;
mod scope;
mod sign;
mod signed;
mod verify;

pub use error::{Error, ErrorStyle, ExpiresFault, Refusal, ScopeFault};
pub use key::{Credentials, Secret};
pub use scope::{Scope, is_well_formed_region};
pub use sign::{SignatureHeaders, SigningTarget, sign};
pub use signed::{Signed, parse};
pub use verify::{Expectation, PayloadPolicy, SKEW_MS, verify};

use sha2::{Digest, Sha256};

/// The only algorithm spoken here.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What `x-amz-content-sha256` says when the body is not part of the signature.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Everything of a request that a signature can cover, except its body.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// As on the request line, upper case.
    pub method: &'a str,
    /// Path and optional query exactly as on the request line, still encoded.
    pub target: &'a str,
    /// In the order of arrival. A request over HTTP/2 needs its `:authority` here under the name `host`.
    pub headers: &'a [(&'a str, &'a [u8])],
}

impl<'a> RequestHead<'a> {
    fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    fn query(&self) -> &'a str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    fn values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        let same = move |(key, _): &&(&str, &[u8])| key.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| *value)
    }

    /// The value of a header that authentication relies on: text, and at most one, because two readers of a
    /// repeated header may each believe another one.
    fn only(&self, name: &'static str) -> Result<Option<&'a str>, Error> {
        let mut values = self.values(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(Error::RepeatedHeader(name));
        }
        first
            .map(|value| std::str::from_utf8(value).map_err(|_| Error::HeaderNotText(name)))
            .transpose()
    }
}

/// SHA-256 of a request's body, computed by whoever holds the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadHash(String);

impl PayloadHash {
    /// The hash of a body that is in memory; of the empty slice for a request without one.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(body)))
    }

    /// The hash of a body that was hashed as it passed by.
    #[must_use]
    pub fn from_digest(digest: [u8; 32]) -> Self {
        Self(hex::encode(digest))
    }

    /// Lower-case hex, as it stands in canonical requests and in `x-amz-content-sha256`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
