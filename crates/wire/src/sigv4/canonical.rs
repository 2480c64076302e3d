//! The canonical request and the string to sign: one spelling for all the ways of writing the same request.
//!
//! Verifier and signer share this code. It decides nothing: what must be signed, and by whom, stands elsewhere.

use super::date::SigningDate;
use super::scope::Scope;
use super::{ALGORITHM, RequestHead};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// RFC 3986: everything but letters, digits and `-._~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// Which parts of a head are signed.
pub(super) struct Parts<'a> {
    /// Names in lower case, sorted.
    pub(super) headers: &'a [&'a str],
    /// The parameter of the query that holds the signature itself.
    pub(super) all_parameters_but: Option<&'static str>,
}

/// The canonical request, or `None` when a header that is said to be signed is not there.
pub(super) fn request(head: &RequestHead<'_>, service: &str, signed: &Parts<'_>, payload: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(512 + head.target.len());
    let query = query(head.query(), signed.all_parameters_but);
    for part in [head.method, &path(head.path(), service), &query] {
        out.extend_from_slice(part.as_bytes());
        out.push(b'\n');
    }
    for name in signed.headers {
        push_header(&mut out, head, name)?;
    }
    out.push(b'\n');
    out.extend_from_slice(signed.headers.join(";").as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload.as_bytes());
    Some(out)
}

pub(super) fn string_to_sign(date: &SigningDate, scope: &Scope<'_>, canonical_request: &[u8]) -> String {
    let hash = hex::encode(Sha256::digest(canonical_request));
    format!("{ALGORITHM}\n{}\n{}\n{hash}", date.text(), scope.text())
}

/// Repeated headers become one, values joined by commas in the order of arrival.
fn push_header(out: &mut Vec<u8>, head: &RequestHead<'_>, name: &str) -> Option<()> {
    let mut values = head.values(name).peekable();
    values.peek()?;
    out.extend_from_slice(name.as_bytes());
    let mut separator = b':';
    for value in values {
        out.push(separator);
        push_collapsed(out, value);
        separator = b',';
    }
    out.push(b'\n');
    Some(())
}

/// No white space around a value, and single spaces within.
fn push_collapsed(out: &mut Vec<u8>, value: &[u8]) {
    let mut words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    if let Some(first) = words.next() {
        out.extend_from_slice(first);
    }
    for word in words {
        out.push(b' ');
        out.extend_from_slice(word);
    }
}

/// S3 keys may hold any characters, so its paths are taken as they are, encoded once. All other services resolve
/// dots and double slashes and encode what is already encoded a second time.
fn path(path: &str, service: &str) -> String {
    if service == "s3" || service.starts_with("s3-") || service == "s3express" {
        let path = path.split('/').map(recode_segment).collect::<Vec<_>>().join("/");
        return if path.is_empty() { "/".into() } else { path };
    }
    percent_encode(without_dot_segments(path).as_bytes(), RESERVED_IN_PATH).to_string()
}

fn without_dot_segments(path: &str) -> String {
    let mut kept = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let end = if path.ends_with('/') && !kept.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", kept.join("/"))
}

/// Parameters sorted by encoded name, then by encoded value. A plus sign means a space, as Go's clients write it.
fn query(query: &str, left_out: Option<&str>) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(parameter)
        .filter(|(name, _)| Some(name.as_str()) != left_out)
        .collect();
    pairs.sort_unstable();
    pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&")
}

fn parameter(pair: &str) -> (String, String) {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    (recode(name), recode(value))
}

/// A name or value of the query as it was meant, if it is text.
pub(super) fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return percent_decode_str(&spaced)
            .decode_utf8()
            .ok()
            .map(|it| it.into_owned().into());
    }
    percent_decode_str(text).decode_utf8().ok()
}

fn recode(text: &str) -> String {
    recode_segment(&text.replace('+', " "))
}

fn recode_segment(text: &str) -> String {
    let decoded: Vec<u8> = percent_decode_str(text).collect();
    percent_encode(&decoded, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::{path, push_collapsed, query};

    #[test]
    fn paths() {
        let cases = [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/a//b/./c/../d/", "/a/b/d/"),
            ("/../..", "/"),
        ];
        for (raw, canonical) in
            cases
                .into_iter()
                .chain([("/a%20b", "/a%2520b"), ("/a+b~", "/a%2Bb~"), ("/ü", "/%C3%BC")])
        {
            assert_eq!(path(raw, "ecs"), canonical, "{raw}");
        }
        for (raw, canonical) in [
            ("", "/"),
            ("/a//b/../c", "/a//b/../c"),
            ("/a%20b+", "/a%20b%2B"),
            ("/a%2fb", "/a%2Fb"),
        ] {
            assert_eq!(path(raw, "s3"), canonical, "{raw}");
        }
    }

    #[test]
    fn queries() {
        let cases = [
            ("", ""),
            ("b=2&a=1&a=0", "a=0&a=1&b=2"),
            ("&a&&b=", "a=&b="),
            ("a-b=1&a=2", "a=2&a-b=1"),
            ("x=a+b%2Bc%20d", "x=a%20b%2Bc%20d"),
            ("x=a=b&y=%7e/%c3%bc", "x=a%3Db&y=~%2F%C3%BC"),
        ];
        for (raw, canonical) in cases {
            assert_eq!(query(raw, None), canonical, "{raw}");
        }
    }

    #[test]
    fn white_space() {
        for (raw, canonical) in [("", ""), ("  a \t b  ", "a b"), ("\"a  b\"", "\"a b\""), ("   ", "")] {
            let mut out = Vec::new();
            push_collapsed(&mut out, raw.as_bytes());
            assert_eq!(out, canonical.as_bytes());
        }
    }
}
