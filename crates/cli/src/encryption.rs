//! Whether requests are encrypted: what the options mean for the endpoint, for its URL, and for whom clients trust.
//!
//! On loopback plain HTTP is fine. On any other address it must be TLS, or the operator must say that it need not be.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use berth_server::config::{Tls, TlsFiles};
use berth_server::files::private_dir;

use crate::home;
use crate::options::{Encryption, Endpoint};

/// Where Berth's own authority lies in the data directory.
const FOLDER: &str = "tls";
/// Its certificate.
const AUTHORITY: &str = "ca.pem";

impl Encryption {
    fn is_on(&self) -> bool {
        self.tls || self.tls_cert.is_some()
    }
}

/// How the endpoint proves who it is, if it does.
///
/// # Errors
/// Options that would send keys and answers in the clear, or that mean nothing.
pub(crate) fn tls(dir: &Path, options: &Endpoint) -> Result<Option<Tls>> {
    let chosen = &options.encryption;
    if !chosen.is_on() {
        check_plain(options)?;
        return Ok(None);
    }
    if let (Some(certificate), Some(key)) = (&chosen.tls_cert, &chosen.tls_key) {
        return Ok(Some(Tls::Files(TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
            authority: chosen.tls_ca.clone(),
        })));
    }
    Ok(Some(Tls::Own {
        dir: private_dir(dir, FOLDER)?,
        names: chosen.tls_name.clone(),
    }))
}

fn check_plain(options: &Endpoint) -> Result<()> {
    let chosen = &options.encryption;
    if !chosen.tls_name.is_empty() {
        bail!("--tls-name names an endpoint that is served over TLS: add --tls, or --tls-cert and --tls-key");
    }
    let mut open = options.listen.iter().filter(|address| !address.ip().is_loopback());
    match open.next() {
        Some(address) if !chosen.insecure_http => bail!(
            "requests to {address} would not be encrypted: add --tls, listen on 127.0.0.1, or add --insecure-http if the network is yours alone"
        ),
        Some(_) | None => Ok(()),
    }
}

/// The URL of an endpoint at `address`. A certificate of the operator's proves names that only they know.
pub(crate) fn url(address: SocketAddr, options: &Encryption) -> String {
    if !options.is_on() {
        return format!("http://{address}");
    }
    let named = options.tls_name.first().filter(|_| options.tls_cert.is_some());
    match (named, address.port()) {
        (Some(name), 443) => format!("https://{name}"),
        (Some(name), port) => format!("https://{name}:{port}"),
        (None, _) => format!("https://{address}"),
    }
}

/// The file with the authority that clients must trust, if there is one.
///
/// # Errors
/// If the system cannot say where the file lies.
pub(crate) fn authority(dir: &Path, options: &Endpoint) -> Result<Option<PathBuf>> {
    let chosen = &options.encryption;
    let file = match &chosen.tls_ca {
        Some(file) => Some(file.clone()),
        None => chosen.tls.then(|| dir.join(FOLDER).join(AUTHORITY)),
    };
    Ok(file.map(std::path::absolute).transpose()?)
}

/// The authority that an agent must trust, in PEM: that of `file`, else that of a control plane on the same data directory.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn trusted(dir: &Path, server: &str, file: Option<&Path>) -> Result<Option<String>> {
    if !server.starts_with("https://") {
        return Ok(None);
    }
    let neighbour = || home::read_contact(dir).ok()?.ca_file;
    let file = file.map(Path::to_owned).or_else(neighbour);
    let read = |file: PathBuf| {
        fs::read_to_string(&file).with_context(|| format!("cannot read the authority's certificate {}", file.display()))
    };
    file.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::options::{Command, Options};

    fn endpoint(arguments: &[&str]) -> Result<Endpoint, String> {
        let all = ["berth", "server"].iter().chain(arguments);
        match Options::try_parse_from(all) {
            Ok(Options {
                command: Command::Server(server),
            }) => Ok(server.endpoint),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What the options mean: the kind of TLS, or why they are refused.
    fn meaning(arguments: &[&str]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let endpoint = match endpoint(arguments) {
            Ok(endpoint) => endpoint,
            Err(error) => return error,
        };
        match tls(dir.path(), &endpoint) {
            Ok(None) => "plain".to_owned(),
            Ok(Some(Tls::Own { names, .. })) => format!("own {names:?}"),
            Ok(Some(Tls::Files(_))) => "files".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn plain_http_is_for_loopback_or_for_those_who_ask_for_it() {
        let open = ["--listen", "127.0.0.1:1", "--listen", "192.0.2.1:1"];
        assert_eq!(meaning(&[]), "plain");
        assert_eq!(meaning(&["--listen", "[::1]:4566"]), "plain");
        assert!(meaning(&open).contains("requests to 192.0.2.1:1 would not be encrypted"));
        let with = |option: &'static [&'static str]| meaning(&[&open[..], option].concat());
        assert_eq!(with(&["--insecure-http"]), "plain");
        assert_eq!(with(&["--tls", "--tls-name", "a.example"]), r#"own ["a.example"]"#);
        assert_eq!(with(&["--tls-cert", "c", "--tls-key", "k"]), "files");
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        assert!(meaning(&["--tls", "--insecure-http"]).contains("cannot be used with"));
        assert!(meaning(&["--tls", "--tls-cert", "c", "--tls-key", "k"]).contains("cannot be used with"));
        assert!(meaning(&["--tls-cert", "c"]).contains("--tls-key"));
        assert!(meaning(&["--tls-ca", "c"]).contains("--tls-cert"));
        assert!(meaning(&["--tls-name", "a.example"]).contains("add --tls"));
    }

    #[test]
    fn the_url_has_a_name_that_the_certificate_proves() {
        let url = |port, arguments: &[&str]| {
            url(
                SocketAddr::from(([127, 0, 0, 1], port)),
                &endpoint(arguments).unwrap().encryption,
            )
        };
        let files = ["--tls-cert", "c", "--tls-key", "k", "--tls-name", "a.example"];
        assert_eq!(url(4566, &[]), "http://127.0.0.1:4566");
        assert_eq!(
            url(4566, &["--tls", "--tls-name", "a.example"]),
            "https://127.0.0.1:4566"
        );
        assert_eq!(url(4566, &files), "https://a.example:4566");
        assert_eq!(url(443, &files), "https://a.example");
    }

    #[test]
    fn an_agent_trusts_the_control_plane_of_its_data_directory() {
        let dir = tempfile::tempdir().unwrap();
        let (own, other) = (dir.path().join("own.pem"), dir.path().join("other.pem"));
        fs::write(&own, "own").unwrap();
        fs::write(&other, "other").unwrap();
        let url = "https://127.0.0.1:1";
        assert_eq!(trusted(dir.path(), url, None).unwrap(), None);
        let contact = serde_json::json!({"endpoint": url, "region": "r", "account_id": "a", "ca_file": own});
        fs::write(dir.path().join("contact.json"), contact.to_string()).unwrap();
        assert_eq!(trusted(dir.path(), url, None).unwrap().as_deref(), Some("own"));
        assert_eq!(
            trusted(dir.path(), url, Some(&other)).unwrap().as_deref(),
            Some("other")
        );
        assert_eq!(trusted(dir.path(), "http://127.0.0.1:1", None).unwrap(), None);
        assert!(trusted(dir.path(), url, Some(Path::new("/nowhere"))).is_err());
    }
}
