//! `POST /_berth/reset`: stops everything and wipes all state, for people's test suites. Off unless the operator allows it.
//!
//! Test suites do not sign it. So that a web page which somebody happens to open cannot wipe Berth through their browser, it is
//! refused to browsers: it does not keep out programs that reach the endpoint.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};
use berth_core::control::Event;
use berth_core::ecs::view::Reply;

use crate::App;

/// The pause between two looks at what is still running.
const PAUSE: Duration = Duration::from_millis(100);
/// The most looks: two minutes, which is longer than any task may take to stop.
const LOOKS: usize = 1200;

/// Stops all tasks, waits for them, and forgets everything but the machines.
pub(crate) async fn reset(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> (StatusCode, String) {
    if !app.config.allow_reset {
        let text = "Resetting is off. Start Berth with --allow-reset to let test suites wipe its state.\n";
        return (StatusCode::FORBIDDEN, text.to_owned());
    }
    if let Err(text) = admit(&uri, &headers) {
        return (StatusCode::FORBIDDEN, text.to_owned());
    }
    for _ in 0..LOOKS {
        match app.engine.write(Event::Reset).await {
            Ok(Ok(Reply::Remaining(0))) => return wipe(app).await,
            Ok(_) => tokio::time::sleep(PAUSE).await,
            Err(stopping) => return (StatusCode::SERVICE_UNAVAILABLE, format!("{stopping}\n")),
        }
    }
    (
        StatusCode::GATEWAY_TIMEOUT,
        "Tasks did not stop in time; are all agents connected?\n".to_owned(),
    )
}

/// Whether the request is no web page's. Browsers name the page's origin on every request of this kind that crosses origins;
/// a page that got hold of our origin, by pointing its own name at our address, calls us by that name.
///
/// # Errors
/// Why it is refused, for the one who sent it.
fn admit(uri: &Uri, headers: &HeaderMap) -> Result<(), &'static str> {
    if headers.contains_key(ORIGIN) {
        return Err("Web pages may not reset Berth: the request has an Origin header, as browsers send it.\n");
    }
    let host = headers
        .get(HOST)
        .and_then(|host| Authority::try_from(host.as_bytes()).ok());
    // HTTP/2 has the host in the target.
    match host.as_ref().or(uri.authority()) {
        Some(host) if is_no_alias(host.host()) => Ok(()),
        Some(_) | None => {
            Err("Call localhost or an IP address to reset Berth: other host names may be a web page's.\n")
        }
    }
}

/// Whether no page can have pointed this name at us: it is an address itself, or reserved for this machine.
fn is_no_alias(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok()
        || v6.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// Forgets what is not in the state: logs, and the history of tasks.
async fn wipe(app: Arc<App>) -> (StatusCode, String) {
    if let Err(error) = app.history.clear().await {
        return (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"));
    }
    let wiped = tokio::task::spawn_blocking(move || app.logs.delete_all_log_groups()).await;
    match wiped {
        Ok(Ok(())) => (StatusCode::OK, "Everything is stopped and wiped.\n".to_owned()),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(target: &str, headers: &[(&'static str, &'static str)]) -> bool {
        let pairs = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        admit(&target.parse().unwrap(), &pairs.collect()).is_ok()
    }

    #[test]
    fn addresses_and_localhost_are_admitted() {
        for host in [
            "localhost",
            "LocalHost:6420",
            "127.0.0.1:6420",
            "10.0.0.7",
            "[::1]:6420",
            "[fd00::7]",
        ] {
            assert!(admitted("/_berth/reset", &[("host", host)]), "{host}");
        }
        assert!(admitted("http://127.0.0.1:6420/_berth/reset", &[]), "HTTP/2");
    }

    #[test]
    fn names_that_a_page_may_have_are_refused() {
        for host in [
            "rebound.example:6420",
            "localhost.example",
            "127.0.0.1.example",
            "localhost@a.example",
            "",
        ] {
            assert!(!admitted("/_berth/reset", &[("host", host)]), "{host}");
        }
        assert!(!admitted("/_berth/reset", &[]), "no host");
        assert!(!admitted("http://rebound.example/_berth/reset", &[]), "HTTP/2");
        assert!(!admitted(
            "http://localhost/_berth/reset",
            &[("host", "rebound.example")]
        ));
    }

    #[test]
    fn whatever_has_an_origin_is_refused() {
        for origin in ["https://page.example", "null", "http://localhost:6420"] {
            assert!(
                !admitted("/_berth/reset", &[("host", "localhost:6420"), ("origin", origin)]),
                "{origin}"
            );
        }
    }
}
