//! Image names, with Docker's rules: `httpd:2.4` means `docker.io/library/httpd:2.4`. Pure.

use std::fmt;
use std::str::FromStr;

use super::digest::Digest;

pub(crate) const DOCKER_HUB: &str = "docker.io";
const MAX_NAME_CHARS: usize = 255;
const MAX_TAG_CHARS: usize = 128;

/// A complete image name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Version {
    Tag(String),
    Digest(Digest),
}

/// Why a name is none; Docker's texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It does not follow the grammar.
    #[error("invalid reference format")]
    Format,
    /// Only registries' names may have capitals.
    #[error("invalid reference format: repository name ({0}) must be lowercase")]
    Uppercase(String),
    /// More than 255 characters.
    #[error("repository name must not be more than 255 characters")]
    TooLong,
    /// The part after `@`.
    #[error("invalid reference format: {0}")]
    Digest(#[from] super::digest::DigestError),
}

impl Reference {
    /// The registry's host and port, `docker.io` for Docker Hub.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path inside the registry, for example `library/httpd`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The content that the name pins, if it does: then its tag does not matter.
    pub fn digest(&self) -> Option<&Digest> {
        match &self.version {
            Version::Digest(digest) => Some(digest),
            Version::Tag(_) => None,
        }
    }

    /// The name of exactly this content of the repository.
    pub(crate) fn pinned(&self, digest: &Digest) -> String {
        format!("{}/{}@{digest}", self.registry, self.repository)
    }

    /// What to ask the registry for: the digest or the tag.
    pub(crate) fn version(&self) -> &str {
        match &self.version {
            Version::Digest(digest) => digest.as_str(),
            Version::Tag(tag) => tag,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = match self.version {
            Version::Digest(_) => '@',
            Version::Tag(_) => ':',
        };
        write!(f, "{}/{}{separator}{}", self.registry, self.repository, self.version())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>()?)),
            None => (text, None),
        };
        let (registry, rest) = split_registry(rest);
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        if !is_host(registry) || tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Format);
        }
        let version = match (digest, tag) {
            (Some(digest), _) => Version::Digest(digest),
            (None, tag) => Version::Tag(tag.unwrap_or("latest").to_owned()),
        };
        let registry = canonical_registry(registry);
        Ok(Self {
            repository: parse_repository(&registry, repository)?,
            registry,
            version,
        })
    }
}

/// `index.docker.io` is Docker Hub's older name.
pub(crate) fn canonical_registry(host: &str) -> String {
    let host = if host == "index.docker.io" { DOCKER_HUB } else { host };
    host.to_owned()
}

/// The first component is a registry if it looks like a host.
fn split_registry(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (first, rest)
        }
        _ => (DOCKER_HUB, name),
    }
}

fn parse_repository(registry: &str, repository: &str) -> Result<String, ReferenceError> {
    let lower = repository.to_ascii_lowercase();
    if !lower.split('/').all(is_path_component) {
        return Err(ReferenceError::Format);
    }
    if lower != repository {
        return Err(ReferenceError::Uppercase(repository.to_owned()));
    }
    let official = registry == DOCKER_HUB && !repository.contains('/');
    let full = if official {
        format!("library/{repository}")
    } else {
        lower
    };
    if registry.len() + 1 + full.len() > MAX_NAME_CHARS {
        return Err(ReferenceError::TooLong);
    }
    Ok(full)
}

/// Letters and digits, separated by one dot, one or two underscores, or dashes.
fn is_path_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends_well = |byte: Option<&u8>| byte.copied().is_some_and(is_word);
    let separators = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends_well(text.as_bytes().first())
        && ends_well(text.as_bytes().last())
        && separators
            .filter(|separator| !separator.is_empty())
            .all(|separator| matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= MAX_TAG_CHARS
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || b".-".contains(&byte))
}

/// A name, an IPv4 address or an IPv6 address in brackets, with an optional port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_name = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    let is_ipv6 = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    (is_name || is_ipv6) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const D: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parse(text: &str) -> String {
        text.parse::<Reference>()
            .map_or_else(|error| error.to_string(), |reference| reference.to_string())
    }

    #[test]
    fn short_names_belong_to_docker_hub() {
        assert_eq!(parse("httpd:2.4"), "docker.io/library/httpd:2.4");
        assert_eq!(parse("httpd"), "docker.io/library/httpd:latest");
        assert_eq!(parse("bitnami/redis:7"), "docker.io/bitnami/redis:7");
        assert_eq!(parse("docker.io/httpd"), "docker.io/library/httpd:latest");
        assert_eq!(parse("index.docker.io/library/httpd"), "docker.io/library/httpd:latest");
    }

    #[test]
    fn a_first_component_like_a_host_is_a_registry() {
        assert_eq!(parse("localhost/a"), "localhost/a:latest");
        assert_eq!(parse("localhost:5000/a/b:1"), "localhost:5000/a/b:1");
        assert_eq!(parse("127.0.0.1:5000/a"), "127.0.0.1:5000/a:latest");
        assert_eq!(parse("[::1]:5000/a"), "[::1]:5000/a:latest");
        assert_eq!(
            parse("012345678910.dkr.ecr.eu-west-1.amazonaws.com/my/app:v1"),
            "012345678910.dkr.ecr.eu-west-1.amazonaws.com/my/app:v1"
        );
    }

    #[test]
    fn a_digest_wins_over_a_tag() {
        assert_eq!(parse(&format!("httpd@{D}")), format!("docker.io/library/httpd@{D}"));
        assert_eq!(parse(&format!("httpd:2.4@{D}")), format!("docker.io/library/httpd@{D}"));
        assert_eq!(
            parse("httpd@sha256:12"),
            "invalid reference format: 'sha256:12' is not a sha256 digest"
        );
    }

    #[test]
    fn names_that_are_none() {
        for bad in [
            "",
            ":",
            "a:",
            "/a",
            "a/",
            "a//b",
            "-a",
            "a-",
            "a..b",
            "a___b",
            "a b",
            "a:b:c",
            "a:.b",
            "host.example:port/a",
            "..",
            "a/../b",
            "ä",
            "x.y:1/",
        ] {
            assert_eq!(parse(bad), "invalid reference format", "{bad:?}");
        }
        assert_eq!(
            parse("library/HTTPD"),
            "invalid reference format: repository name (library/HTTPD) must be lowercase"
        );
        assert_eq!(parse(&"a".repeat(250)), ReferenceError::TooLong.to_string());
        assert_eq!(parse(&format!("a:{}", "t".repeat(129))), "invalid reference format");
    }

    #[test]
    fn unusual_names_that_are_some() {
        for good in ["a.b", "a_b", "a__b", "a---b", "0", "a/b.c_d-e/f:T_.-9"] {
            assert!(good.parse::<Reference>().is_ok(), "{good}");
        }
    }
}
