//! `key=value&key=value`, as it stands in query strings and in the bodies of forms.

use percent_encoding::percent_decode_str;

use super::Request;
use crate::document::DecodeError;

/// More than any honest form has.
const MAX_PAIRS: usize = 20_000;

/// The pairs of the query string and, if the body is a form, of the body; decoded, in order.
pub(super) fn pairs(request: &Request<'_>) -> Result<Vec<(String, String)>, DecodeError> {
    let body = if is_form(request) { text(request.body)? } else { "" };
    let parts = request
        .query()
        .split('&')
        .chain(body.split('&'))
        .filter(|part| !part.is_empty());
    let mut pairs = Vec::new();
    for part in parts {
        if pairs.len() == MAX_PAIRS {
            return Err(DecodeError::TooLarge { path: String::new() });
        }
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        pairs.push((decode(key)?, decode(value)?));
    }
    Ok(pairs)
}

/// The first value of a key.
pub(super) fn value<'p>(pairs: &'p [(String, String)], key: &str) -> Option<&'p str> {
    pairs
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value.as_str())
}

fn is_form(request: &Request<'_>) -> bool {
    let content_type = request.header("content-type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn decode(part: &str) -> Result<String, DecodeError> {
    let spaced = part.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| not_text())
}

fn text(body: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(body).map_err(|_| not_text())
}

fn not_text() -> DecodeError {
    DecodeError::Malformed {
        detail: "the form is not UTF-8 text".to_owned(),
    }
}
