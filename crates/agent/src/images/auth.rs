//! How a registry asks for authentication, and the anonymous token that it gives. Parsing is pure;
//! `registry` performs the requests. Credentials of people come later.

use reqwest::Url;
use serde::Deserialize;

/// A registry's demand for a bearer token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    realm: String,
    service: Option<String>,
    scope: Option<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Challenge {
    /// A `WWW-Authenticate` header; none if it does not ask for a bearer token.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let (scheme, parameters) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut challenge = Self {
            realm: String::new(),
            service: None,
            scope: None,
        };
        for (name, value) in parameters_of(parameters) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => challenge.realm = value,
                "service" => challenge.service = Some(value),
                "scope" => challenge.scope = Some(value),
                _ => {}
            }
        }
        (!challenge.realm.is_empty()).then_some(challenge)
    }

    /// Where to fetch the token; `repository` is asked for if the registry names no scope.
    pub(crate) fn token_url(&self, repository: &str) -> Option<Url> {
        let mut url = Url::parse(&self.realm).ok()?;
        let default_scope = format!("repository:{repository}:pull");
        let scope = self.scope.as_deref().unwrap_or(&default_scope);
        let mut query = url.query_pairs_mut();
        if let Some(service) = &self.service {
            query.append_pair("service", service);
        }
        query.append_pair("scope", scope);
        drop(query);
        Some(url)
    }
}

/// `name=value` and `name="value, with commas"`, separated by commas.
fn parameters_of(text: &str) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    let mut rest = text.trim();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        parameters.push((name.trim().to_owned(), value.trim().to_owned()));
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    parameters
}

/// The token in a token server's answer.
pub(crate) fn parse_token(body: &[u8]) -> Option<String> {
    let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
    answer.token.or(answer.access_token).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_s_challenge() {
        let challenge = Challenge::parse(
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/httpd:pull,push""#,
        )
        .unwrap();
        assert_eq!(
            challenge.token_url("x").unwrap().as_str(),
            "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Fhttpd%3Apull%2Cpush"
        );
    }

    #[test]
    fn a_challenge_without_scope_asks_for_the_repository() {
        let challenge = Challenge::parse("bearer realm=http://127.0.0.1/t").unwrap();
        assert_eq!(
            challenge.token_url("a/b").unwrap().as_str(),
            "http://127.0.0.1/t?scope=repository%3Aa%2Fb%3Apull"
        );
    }

    #[test]
    fn other_schemes_and_nonsense_are_no_challenge() {
        for other in [
            "Basic realm=\"x\"",
            "Bearer",
            "Bearer service=\"x\"",
            "",
            "Bearer realm",
        ] {
            assert_eq!(Challenge::parse(other), None, "{other}");
        }
        assert_eq!(Challenge::parse("Bearer realm=nonsense").unwrap().token_url("a"), None);
    }

    #[test]
    fn both_spellings_of_a_token() {
        assert_eq!(parse_token(br#"{"token":"a"}"#).as_deref(), Some("a"));
        assert_eq!(
            parse_token(br#"{"access_token":"b","expires_in":60}"#).as_deref(),
            Some("b")
        );
        assert_eq!(parse_token(br#"{"token":""}"#), None);
        assert_eq!(parse_token(b"<html>"), None);
    }
}
