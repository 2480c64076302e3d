//! Whether a claim is true: its scope, its age, its session token, its body and its signature.
//!
//! Looking the access key up, and what its holder may do, is the caller's part.

use super::date::SigningDate;
use super::key::{SigningKey, constant_time_eq};
use super::scope::{TERMINATOR, is_well_formed_region};
use super::signed::Form;
use super::{Error, PayloadHash, ScopeFault, Secret, Signed, UNSIGNED_PAYLOAD, canonical, presigned};

/// How far the clocks of client and server may be apart, either way.
pub const SKEW_MS: i64 = 5 * 60 * 1000;

/// What the called endpoint expects of a signature.
#[derive(Clone, Copy, Debug)]
pub struct Expectation<'a> {
    /// The signing name of the service that was called, for example `ecs`.
    pub service: &'a str,
    /// Whether a body may be left unsigned.
    pub payload: PayloadPolicy,
    /// The server's clock, epoch milliseconds.
    pub now_ms: i64,
}

/// Whether a request may say `x-amz-content-sha256: UNSIGNED-PAYLOAD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadPolicy {
    /// The signature covers the body.
    MustBeSigned,
    /// The client may leave the body to TLS.
    MayBeUnsigned,
}

impl PayloadPolicy {
    /// AWS's rule for signatures in headers: only S3, and only over TLS.
    #[must_use]
    pub fn of(service: &str, over_tls: bool) -> Self {
        if service == "s3" && over_tls {
            Self::MayBeUnsigned
        } else {
            Self::MustBeSigned
        }
    }
}

impl Signed<'_> {
    /// All that can be refused without knowing the key: age and scope.
    ///
    /// # Errors
    /// [`Error::SignatureExpired`], [`Error::SignatureNotYetCurrent`] or [`Error::WrongScope`].
    pub fn check(&self, expected: &Expectation<'_>) -> Result<(), Error> {
        self.check_age(expected.now_ms)?;
        self.check_scope(expected.service)
    }

    fn check_age(&self, now_ms: i64) -> Result<(), Error> {
        let now = SigningDate::from_epoch_ms(now_ms);
        let text = |date: &SigningDate| date.text().to_owned();
        let lifetime_s = match self.form {
            Form::Header | Form::Query { expires_s: None } => SKEW_MS / 1000,
            Form::Query {
                expires_s: Some(seconds),
            } => seconds,
        };
        let earliest = SigningDate::from_epoch_s(now.epoch_s.saturating_sub(lifetime_s));
        let latest = SigningDate::from_epoch_s(now.epoch_s.saturating_add(SKEW_MS / 1000));
        let (signed_at, now) = (text(&self.date), text(&now));
        if self.date.epoch_s < earliest.epoch_s {
            return Err(Error::SignatureExpired {
                signed_at,
                earliest: text(&earliest),
                now,
                lifetime_s,
            });
        }
        if self.date.epoch_s > latest.epoch_s {
            return Err(Error::SignatureNotYetCurrent {
                signed_at,
                latest: text(&latest),
                now,
            });
        }
        Ok(())
    }

    fn check_scope(&self, service: &str) -> Result<(), Error> {
        let scope = self.scope();
        let mut faults = Vec::new();
        if !is_well_formed_region(scope.region) {
            faults.push(ScopeFault::Region);
        }
        if scope.service != service {
            faults.push(ScopeFault::Service {
                expected: service.to_owned(),
            });
        }
        if scope.terminator != TERMINATOR {
            faults.push(ScopeFault::Terminator {
                found: scope.terminator.to_owned(),
            });
        }
        if scope.date != self.date.day() {
            faults.push(ScopeFault::Date {
                found: scope.date.to_owned(),
                expected: self.date.day().to_owned(),
                signed_at: self.date.text().to_owned(),
            });
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Error::WrongScope(faults))
        }
    }

    /// The payload's place in the canonical request. A declared hash must be that of the body; other services than
    /// S3 need not declare one.
    fn payload<'s>(&'s self, body: &'s PayloadHash, policy: PayloadPolicy) -> Result<&'s str, Error> {
        match (self.content_sha256.as_deref(), policy) {
            (None, _) => Ok(body.as_str()),
            (Some(declared), _) if declared == body.as_str() => Ok(declared),
            (Some(UNSIGNED_PAYLOAD), PayloadPolicy::MayBeUnsigned) => Ok(UNSIGNED_PAYLOAD),
            (Some(declared), _) if declared == UNSIGNED_PAYLOAD || declared.starts_with("STREAMING-") => {
                Err(Error::PayloadNotSigned(declared.chars().take(64).collect()))
            }
            (Some(_), _) => Err(Error::SignatureMismatch),
        }
    }
}

/// Whether the holder of `secret` signed this head with this body, recently, for this endpoint.
///
/// # Errors
/// What AWS would say; see [`Error::refusal`].
pub fn verify(
    signed: &Signed<'_>,
    secret: &Secret,
    body: &PayloadHash,
    expected: &Expectation<'_>,
) -> Result<(), Error> {
    signed.check(expected)?;
    let payload = signed.payload(body, expected.payload)?;
    let signature = match signed.form {
        Form::Header => None,
        Form::Query { .. } => Some(presigned::SIGNATURE),
    };
    let signed_parts = canonical::Parts {
        headers: &signed.signed_headers(),
        all_parameters_but: signature,
    };
    let canonical = canonical::request(&signed.head, expected.service, &signed_parts, payload);
    let canonical = canonical.ok_or(Error::SignatureMismatch)?;
    let scope = signed.scope();
    let string_to_sign = canonical::string_to_sign(&signed.date, &scope, &canonical);
    let signature = SigningKey::derive(secret, &scope).sign(&string_to_sign);
    if !constant_time_eq(&signature, &signed.signature) {
        return Err(Error::SignatureMismatch);
    }
    let same_token = match (&secret.session_token, signed.session_token()) {
        (None, None) => true,
        (Some(known), Some(sent)) => constant_time_eq(known, sent),
        (Some(_), None) | (None, Some(_)) => false,
    };
    if same_token {
        Ok(())
    } else {
        Err(Error::WrongSessionToken)
    }
}
