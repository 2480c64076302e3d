//! Why a request is not authenticated, and how each protocol family says it.
//!
//! The texts are AWS's own; where observers disagree, the newer wins (today AWS shows the hash of a malformed
//! `Authorization` header, not the header). The EC2 API is an old one and says nearly always the same.

use std::fmt;

/// The ways in which authentication fails. `Display` is the text of the JSON and query families.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No `Authorization` header.
    #[error("Request is missing Authentication Token")]
    MissingToken,
    /// Signed in the header and in the query at once.
    #[error("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")]
    SignedTwice,
    /// Something between the commas of the header is not `key=value`.
    #[error(
        "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with \
         Base64): '{authorization_hash}'."
    )]
    MalformedPair {
        /// Base64 of the SHA-256 of the whole header.
        authorization_hash: String,
    },
    /// Parts of the header, or the date of the request, are missing.
    #[error("{}(Hashed with SHA-256 and encoded with Base64) Authorization={authorization_hash}", missing_text(.missing))]
    MissingParts {
        /// Names of missing parts in AWS's order.
        missing: Vec<&'static str>,
        /// Base64 of the SHA-256 of the whole header.
        authorization_hash: String,
    },
    /// Parts of a presigned URL are missing.
    #[error("{}Re-examine the query-string parameters.", missing_parameters_text(.0))]
    MissingParameters(Vec<&'static str>),
    /// A parameter on which authentication relies came twice.
    #[error("Parameter '{0}' must not be repeated.")]
    RepeatedParameter(&'static str),
    /// A parameter on which authentication relies is not UTF-8.
    #[error("Parameter '{0}' must be text.")]
    ParameterNotText(&'static str),
    /// For how long a presigned URL is good cannot be read, or is beyond what is allowed.
    #[error("{0}")]
    MalformedExpires(ExpiresFault),
    /// A part is longer than anything AWS issues.
    #[error("'{name}' must not be longer than {limit} bytes.")]
    TooLong {
        /// Which part.
        name: &'static str,
        /// In bytes.
        limit: usize,
    },
    /// A header on which authentication relies came twice.
    #[error("Header '{0}' must not be repeated.")]
    RepeatedHeader(&'static str),
    /// A header on which authentication relies is not UTF-8.
    #[error("Header '{0}' must be text.")]
    HeaderNotText(&'static str),
    /// The date cannot be read.
    #[error("Date must be in ISO-8601 'basic format'. Got '{0}'. See http://en.wikipedia.org/wiki/ISO_8601")]
    MalformedDate(String),
    /// Another algorithm than AWS4-HMAC-SHA256.
    #[error("Unsupported AWS 'algorithm': '{0}' (only AWS4-HMAC-SHA256 for now). ")]
    UnsupportedAlgorithm(String),
    /// The credential does not have five elements.
    #[error("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{0}'")]
    MalformedCredential(String),
    /// The list of signed headers is not in canonical form.
    #[error("'SignedHeaders' must be lower-case names, sorted, separated by semicolons, got '{0}'")]
    MalformedSignedHeaders(String),
    /// A header that must be signed is not.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    HeaderNotSigned(String),
    /// The credential is for another place or time; all faults at once.
    #[error("{}", scope_text(.0))]
    WrongScope(Vec<ScopeFault>),
    /// Signed too long ago. Fields are texts like `20261120T124229Z`.
    #[error("Signature expired: {signed_at} is now earlier than {earliest} ({now} - {})", duration_text(*lifetime_s))]
    SignatureExpired {
        /// When the client says that it signed.
        signed_at: String,
        /// The oldest acceptable instant.
        earliest: String,
        /// Our clock.
        now: String,
        /// For how long the signature was good, in seconds.
        lifetime_s: i64,
    },
    /// Signed in the future. Fields are texts like `20261120T124229Z`.
    #[error("Signature not yet current: {signed_at} is still later than {latest} ({now} + 5 min.)")]
    SignatureNotYetCurrent {
        /// When the client says that it will sign.
        signed_at: String,
        /// The last acceptable instant.
        latest: String,
        /// Our clock.
        now: String,
    },
    /// The caller found no such access key. Raised by the caller, between `parse` and `verify`.
    #[error("The security token included in the request is invalid.")]
    UnknownAccessKey,
    /// The session token is absent, superfluous or another one.
    #[error("The security token included in the request is invalid.")]
    WrongSessionToken,
    /// Temporary credentials have ended. Raised by the caller, who knows their end.
    #[error("The security token included in the request is expired")]
    SessionExpired,
    /// The key, the canonical request or the body is another one.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    SignatureMismatch,
    /// `UNSIGNED-PAYLOAD` (or a streaming form of it) where the body must be signed.
    #[error("The request body must be signed: '{0}' is not accepted in 'X-Amz-Content-Sha256' here.")]
    PayloadNotSigned(String),
}

/// What is wrong with `X-Amz-Expires`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpiresFault {
    /// Not a whole number.
    #[error("X-Amz-Expires should be a number")]
    NotANumber,
    /// Below zero.
    #[error("X-Amz-Expires must be non-negative")]
    Negative,
    /// More than a week.
    #[error(
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 \
         seconds"
    )]
    TooLong,
}

/// One thing wrong with a credential scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeFault {
    /// Not the name of a region.
    Region,
    /// For another service than the one that was called.
    Service {
        /// The service that was called.
        expected: String,
    },
    /// Does not end in `aws4_request`.
    Terminator {
        /// What it ends in.
        found: String,
    },
    /// For another day than that of the signature.
    Date {
        /// The day in the scope.
        found: String,
        /// The day of the request's date.
        expected: String,
        /// The request's date.
        signed_at: String,
    },
}

impl fmt::Display for ScopeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region => f.write_str("Credential should be scoped to a valid region. "),
            Self::Service { expected } => write!(f, "Credential should be scoped to correct service: '{expected}'. "),
            Self::Terminator { found } => {
                write!(
                    f,
                    "Credential should be scoped with a valid terminator: 'aws4_request', not '{found}'. "
                )
            }
            Self::Date {
                found,
                expected,
                signed_at,
            } => write!(
                f,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{found}' \
                 != '{expected}', from '{signed_at}'."
            ),
        }
    }
}

fn scope_text(faults: &[ScopeFault]) -> String {
    faults.iter().map(ToString::to_string).collect()
}

fn missing_text(missing: &[&str]) -> String {
    let sentence = |name: &&str| match *name {
        "Date" => "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ".to_owned(),
        part => format!("Authorization header requires '{part}' parameter. "),
    };
    missing.iter().map(sentence).collect()
}

fn missing_parameters_text(missing: &[&str]) -> String {
    let sentence = |name: &&str| format!("AWS query-string parameters must include '{name}'. ");
    missing.iter().map(sentence).collect()
}

fn duration_text(seconds: i64) -> String {
    match (seconds / 60, seconds % 60) {
        (minutes @ 1.., 0) => format!("{minutes} min."),
        _ => format!("{seconds} sec."),
    }
}

/// The families of protocols, as far as refusals differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorStyle {
    /// awsJson 1.0 and 1.1.
    Json,
    /// awsQuery.
    Query,
    /// ec2Query.
    Ec2,
}

/// An error as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For example `InvalidSignatureException`.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// The text.
    pub message: String,
}

/// What sort of failure it is, as far as codes tell them apart.
#[derive(Clone, Copy)]
enum Sort {
    Missing,
    Incomplete,
    UnknownKey,
    Mismatch,
    TooLate,
    SessionEnded,
}

impl Error {
    /// Code, status and text in the family of the service that was called.
    #[must_use]
    pub fn refusal(&self, style: ErrorStyle) -> Refusal {
        match style {
            ErrorStyle::Json => self.json(),
            ErrorStyle::Query => self.query(),
            ErrorStyle::Ec2 => self.ec2(),
        }
    }

    fn json(&self) -> Refusal {
        let code = match self.sort() {
            Sort::Missing => "MissingAuthenticationTokenException",
            Sort::Incomplete => "IncompleteSignatureException",
            Sort::UnknownKey => "UnrecognizedClientException",
            Sort::Mismatch | Sort::TooLate => "InvalidSignatureException",
            Sort::SessionEnded => "ExpiredTokenException",
        };
        Refusal {
            code,
            status: 400,
            message: self.to_string(),
        }
    }

    fn query(&self) -> Refusal {
        let (code, status) = match self.sort() {
            Sort::Missing => ("MissingAuthenticationToken", 403),
            Sort::Incomplete => ("IncompleteSignature", 400),
            Sort::UnknownKey => ("InvalidClientTokenId", 403),
            Sort::Mismatch | Sort::TooLate => ("SignatureDoesNotMatch", 403),
            Sort::SessionEnded => ("ExpiredToken", 403),
        };
        Refusal {
            code,
            status,
            message: self.to_string(),
        }
    }

    fn ec2(&self) -> Refusal {
        let (code, status, message) = match self.sort() {
            Sort::Missing => (
                "MissingParameter",
                400,
                "The request must contain the parameter AWSAccessKeyId".to_owned(),
            ),
            Sort::Incomplete => ("IncompleteSignature", 400, self.to_string()),
            Sort::UnknownKey | Sort::Mismatch => (
                "AuthFailure",
                401,
                "AWS was not able to validate the provided access credentials".to_owned(),
            ),
            Sort::TooLate | Sort::SessionEnded => ("RequestExpired", 400, "Request has expired.".to_owned()),
        };
        Refusal { code, status, message }
    }

    fn sort(&self) -> Sort {
        match self {
            Self::MissingToken => Sort::Missing,
            Self::MalformedPair { .. }
            | Self::MissingParts { .. }
            | Self::TooLong { .. }
            | Self::RepeatedHeader(_)
            | Self::HeaderNotText(_)
            | Self::MissingParameters(_)
            | Self::RepeatedParameter(_)
            | Self::ParameterNotText(_)
            | Self::MalformedExpires(_)
            | Self::MalformedDate(_)
            | Self::UnsupportedAlgorithm(_)
            | Self::MalformedCredential(_)
            | Self::MalformedSignedHeaders(_) => Sort::Incomplete,
            Self::UnknownAccessKey | Self::WrongSessionToken => Sort::UnknownKey,
            Self::SignedTwice
            | Self::HeaderNotSigned(_)
            | Self::WrongScope(_)
            | Self::SignatureNotYetCurrent { .. }
            | Self::SignatureMismatch
            | Self::PayloadNotSigned(_) => Sort::Mismatch,
            Self::SignatureExpired { .. } => Sort::TooLate,
            Self::SessionExpired => Sort::SessionEnded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorStyle, ScopeFault};
    use expect_test::{Expect, expect};
    use std::fmt::Write;

    fn check(error: &Error, expected: &Expect) {
        let mut out = String::new();
        for style in [ErrorStyle::Json, ErrorStyle::Query, ErrorStyle::Ec2] {
            let refusal = error.refusal(style);
            writeln!(out, "{} {} {}", refusal.status, refusal.code, refusal.message).unwrap();
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn a_missing_header() {
        check(
            &Error::MissingToken,
            &expect![[r#"
            400 MissingAuthenticationTokenException Request is missing Authentication Token
            403 MissingAuthenticationToken Request is missing Authentication Token
            400 MissingParameter The request must contain the parameter AWSAccessKeyId
        "#]],
        );
    }

    #[test]
    fn an_unknown_key() {
        check(
            &Error::UnknownAccessKey,
            &expect![[r#"
            400 UnrecognizedClientException The security token included in the request is invalid.
            403 InvalidClientTokenId The security token included in the request is invalid.
            401 AuthFailure AWS was not able to validate the provided access credentials
        "#]],
        );
    }

    #[test]
    fn a_wrong_signature() {
        check(
            &Error::SignatureMismatch,
            &expect![[r#"
            400 InvalidSignatureException The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.
            403 SignatureDoesNotMatch The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.
            401 AuthFailure AWS was not able to validate the provided access credentials
        "#]],
        );
    }

    #[test]
    fn a_stale_clock() {
        let error = Error::SignatureExpired {
            signed_at: "20261120T124229Z".into(),
            earliest: "20261120T124500Z".into(),
            now: "20261120T125000Z".into(),
            lifetime_s: 300,
        };
        check(
            &error,
            &expect![[r#"
            400 InvalidSignatureException Signature expired: 20261120T124229Z is now earlier than 20261120T124500Z (20261120T125000Z - 5 min.)
            403 SignatureDoesNotMatch Signature expired: 20261120T124229Z is now earlier than 20261120T124500Z (20261120T125000Z - 5 min.)
            400 RequestExpired Request has expired.
        "#]],
        );
    }

    #[test]
    fn ended_credentials() {
        check(
            &Error::SessionExpired,
            &expect![[r#"
            400 ExpiredTokenException The security token included in the request is expired
            403 ExpiredToken The security token included in the request is expired
            400 RequestExpired Request has expired.
        "#]],
        );
    }

    #[test]
    fn missing_parts() {
        let error = Error::MissingParts {
            missing: vec!["Credential", "Date"],
            authorization_hash: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".into(),
        };
        check(
            &error,
            &expect![[r#"
            400 IncompleteSignatureException Authorization header requires 'Credential' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with Base64) Authorization=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
            400 IncompleteSignature Authorization header requires 'Credential' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with Base64) Authorization=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
            400 IncompleteSignature Authorization header requires 'Credential' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with Base64) Authorization=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
        "#]],
        );
    }

    #[test]
    fn everything_wrong_with_a_scope() {
        let faults = vec![
            ScopeFault::Region,
            ScopeFault::Service { expected: "ecs".into() },
            ScopeFault::Terminator { found: "e".into() },
            ScopeFault::Date {
                found: "b".into(),
                expected: "20261120".into(),
                signed_at: "20261120T124229Z".into(),
            },
        ];
        check(
            &Error::WrongScope(faults),
            &expect![[r#"
            400 InvalidSignatureException Credential should be scoped to a valid region. Credential should be scoped to correct service: 'ecs'. Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: 'b' != '20261120', from '20261120T124229Z'.
            403 SignatureDoesNotMatch Credential should be scoped to a valid region. Credential should be scoped to correct service: 'ecs'. Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: 'b' != '20261120', from '20261120T124229Z'.
            401 AuthFailure AWS was not able to validate the provided access credentials
        "#]],
        );
    }
}
