//! Where to ask for an image: mirrors first, then the registry itself. Pure.

use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

use super::reference::{DOCKER_HUB, Reference, canonical_registry};

/// Docker Hub answers on another host than its name.
const DOCKER_HUB_ENDPOINT: &str = "https://registry-1.docker.io";

/// `<registry>=<url>`: a place to ask before the registry itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    registry: String,
    endpoint: Endpoint,
}

/// The base address of a registry's API, without `/v2`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint(String);

/// Why a mirror's text is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no registry mirror: {reason}; write it like docker.io=http://127.0.0.1:5000")]
pub struct MirrorError {
    text: String,
    reason: String,
}

impl FromStr for Mirror {
    type Err = MirrorError;

    fn from_str(text: &str) -> Result<Self, MirrorError> {
        let invalid = |reason: &str| MirrorError {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        let (registry, url) = text.split_once('=').ok_or_else(|| invalid("'=' is missing"))?;
        if registry.is_empty() || registry.contains('/') {
            return Err(invalid("the registry must be a host, with a port if it has one"));
        }
        let url = Url::parse(url).map_err(|error| invalid(&format!("its URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(invalid("its URL must begin with http:// or https://"));
        }
        Ok(Self {
            registry: canonical_registry(registry),
            endpoint: Endpoint(url.as_str().trim_end_matches('/').to_owned()),
        })
    }
}

impl Endpoint {
    /// The address of something below `/v2/<repository>/`.
    pub(crate) fn url(&self, repository: &str, rest: &str) -> String {
        format!("{}/v2/{repository}/{rest}", self.0)
    }

    /// Plain HTTP is for loopback only, as with Docker.
    fn of_registry(registry: &str) -> Self {
        if registry == DOCKER_HUB {
            return Self(DOCKER_HUB_ENDPOINT.to_owned());
        }
        let scheme = if is_loopback(registry) { "http" } else { "https" };
        Self(format!("{scheme}://{registry}"))
    }
}

fn is_loopback(registry: &str) -> bool {
    let host = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => registry,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Where to ask for `reference`, in order.
pub(crate) fn endpoints(mirrors: &[Mirror], reference: &Reference) -> Vec<Endpoint> {
    mirrors
        .iter()
        .filter(|mirror| mirror.registry == reference.registry())
        .map(|mirror| mirror.endpoint.clone())
        .chain([Endpoint::of_registry(reference.registry())])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(mirrors: &[&str], image: &str) -> Vec<String> {
        let mirrors: Vec<Mirror> = mirrors.iter().map(|text| text.parse().unwrap()).collect();
        let reference: Reference = image.parse().unwrap();
        endpoints(&mirrors, &reference)
            .into_iter()
            .map(|endpoint| endpoint.0)
            .collect()
    }

    #[test]
    fn mirrors_of_the_registry_come_first_in_their_order() {
        let mirrors = [
            "docker.io=http://127.0.0.1:5000/",
            "quay.io=https://quay.local/cache",
            "index.docker.io=https://second.local",
        ];
        assert_eq!(
            asked(&mirrors, "httpd"),
            ["http://127.0.0.1:5000", "https://second.local", DOCKER_HUB_ENDPOINT]
        );
        assert_eq!(
            asked(&mirrors, "quay.io/a/b"),
            ["https://quay.local/cache", "https://quay.io"]
        );
        assert_eq!(asked(&mirrors, "ghcr.io/a/b"), ["https://ghcr.io"]);
    }

    #[test]
    fn loopback_registries_speak_plain_http() {
        assert_eq!(asked(&[], "localhost:5000/a"), ["http://localhost:5000"]);
        assert_eq!(asked(&[], "127.0.0.9/a"), ["http://127.0.0.9"]);
        assert_eq!(asked(&[], "[::1]:1/a"), ["http://[::1]:1"]);
        assert_eq!(asked(&[], "10.0.0.1:5000/a"), ["https://10.0.0.1:5000"]);
        assert_eq!(asked(&[], "localhost.example.com/a"), ["https://localhost.example.com"]);
    }

    #[test]
    fn addresses_keep_a_mirror_s_path() {
        let endpoint = Endpoint("https://quay.local/cache".to_owned());
        assert_eq!(
            endpoint.url("a/b", "manifests/latest"),
            "https://quay.local/cache/v2/a/b/manifests/latest"
        );
    }

    #[test]
    fn bad_mirrors_are_refused_with_an_example() {
        for bad in [
            "docker.io",
            "=http://x",
            "a/b=http://x",
            "docker.io=127.0.0.1:5000",
            "docker.io=ftp://x",
            "docker.io=file:///x",
        ] {
            let error = bad.parse::<Mirror>().unwrap_err().to_string();
            assert!(error.contains("docker.io=http://127.0.0.1:5000"), "{error}");
        }
    }
}
