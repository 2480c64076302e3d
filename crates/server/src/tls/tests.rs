//! The authority stays the same, certificates are renewed in time, and files that do not fit are refused with what to do.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;
use crate::config::TlsFiles;

const DAY_MS: i64 = 86_400_000;

/// An endpoint at `clock` that uses `tls`.
fn open(tls: &Tls, clock: Clock) -> Result<Acceptor> {
    Acceptor::open(tls, &["127.0.0.1:0".parse().unwrap()], clock)
}

fn own(dir: &Path) -> Tls {
    Tls::Own {
        dir: dir.to_owned(),
        names: vec!["berth.example".to_owned()],
    }
}

/// An endpoint with an authority of its own in `dir`.
pub(crate) fn acceptor(dir: &Path) -> Acceptor {
    open(&own(dir), Clock::System).unwrap()
}

/// The handshake of a client that trusts `authority` alone and calls the endpoint `name`.
pub(crate) async fn connect(stream: TcpStream, authority: &str, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// The certificate that the endpoint shows a client who trusts `authority`.
async fn shown(acceptor: &Acceptor, authority: &str, name: &str) -> Result<Vec<u8>, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let (client, _server) = tokio::join!(connect(client, authority, name), acceptor.accept(stream));
    let client = client.map_err(|error| error.to_string())?;
    Ok(client.get_ref().1.peer_certificates().unwrap()[0].to_vec())
}

#[tokio::test]
async fn clients_that_trust_the_authority_reach_the_endpoint_by_its_names_alone() {
    let dir = tempfile::tempdir().unwrap();
    let acceptor = acceptor(dir.path());
    let authority = acceptor.authority().unwrap();
    for name in ["localhost", "127.0.0.1", "::1", "berth.example"] {
        assert!(shown(&acceptor, authority, name).await.is_ok(), "{name}");
    }
    let error = shown(&acceptor, authority, "other.example").await.unwrap_err();
    assert!(error.contains("other.example"), "{error}");
    let stranger = tempfile::tempdir().unwrap();
    let stranger = super::tests::acceptor(stranger.path());
    let error = shown(&acceptor, stranger.authority().unwrap(), "localhost")
        .await
        .unwrap_err();
    assert!(error.contains("UnknownIssuer"), "{error}");
}

#[tokio::test]
async fn the_authority_outlives_restarts_and_certificates_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (acceptor(dir.path()), acceptor(dir.path()));
    let authority = first.authority().unwrap();
    assert_eq!(second.authority(), Some(authority));
    let before = shown(&first, authority, "localhost").await.unwrap();
    assert_ne!(before, shown(&second, authority, "localhost").await.unwrap());
    assert_eq!(before, shown(&first, authority, "localhost").await.unwrap());
}

#[tokio::test]
async fn a_certificate_is_renewed_before_it_expires() {
    let dir = tempfile::tempdir().unwrap();
    let now = Clock::System.now().0;
    let time = Arc::new(AtomicI64::new(now - 59 * DAY_MS));
    let acceptor = open(&own(dir.path()), Clock::Set(Arc::clone(&time))).unwrap();
    let authority = acceptor.authority().unwrap();
    let first = shown(&acceptor, authority, "localhost").await.unwrap();
    time.store(now, Ordering::Relaxed);
    assert_eq!(
        shown(&acceptor, authority, "localhost").await.unwrap(),
        first,
        "it is good for a month"
    );
    time.store(now + DAY_MS, Ordering::Relaxed);
    assert_ne!(shown(&acceptor, authority, "localhost").await.unwrap(), first);
}

/// A certificate and its key as files, and the authority behind them.
fn issued(dir: &Path, at: &Path) -> String {
    let authority = Authority::open(dir).unwrap();
    let proof = authority.issue(&["localhost".to_owned()], Clock::System.now()).unwrap();
    let pem = |what: &str, der: &[u8]| pem::encode(what, der);
    let chain: String = proof.chain.iter().map(|one| pem("CERTIFICATE", one)).collect();
    fs::write(at.join("cert.pem"), chain).unwrap();
    fs::write(at.join("key.pem"), pem("PRIVATE KEY", proof.key.secret_der())).unwrap();
    authority.certificate_pem().to_owned()
}

/// PEM, as operators' tools write it.
mod pem {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    pub(super) fn encode(what: &str, der: &[u8]) -> String {
        let mut base64 = Command::new("base64")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        base64.stdin.take().unwrap().write_all(der).unwrap();
        let text = String::from_utf8(base64.wait_with_output().unwrap().stdout).unwrap();
        format!("-----BEGIN {what}-----\n{text}-----END {what}-----\n")
    }
}

fn files(dir: &Path) -> Tls {
    Tls::Files(TlsFiles {
        certificate: dir.join("cert.pem"),
        key: dir.join("key.pem"),
        authority: None,
    })
}

#[tokio::test]
async fn the_operators_files_are_read_again_and_kept_if_they_are_broken() {
    let (dir, at) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let authority = issued(dir.path(), at.path());
    let time = Arc::new(AtomicI64::new(Clock::System.now().0));
    let acceptor = open(&files(at.path()), Clock::Set(Arc::clone(&time))).unwrap();
    assert_eq!(acceptor.authority(), None);
    let first = shown(&acceptor, &authority, "localhost").await.unwrap();
    fs::write(at.path().join("cert.pem"), "half of a").unwrap();
    time.fetch_add(DAY_MS, Ordering::Relaxed);
    assert_eq!(shown(&acceptor, &authority, "localhost").await.unwrap(), first);
    issued(dir.path(), at.path());
    time.fetch_add(DAY_MS, Ordering::Relaxed);
    assert_ne!(shown(&acceptor, &authority, "localhost").await.unwrap(), first);
}

#[test]
fn files_that_do_not_fit_are_refused() {
    let (dir, at) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    issued(dir.path(), at.path());
    let refused = |file: &str, text: &str, wanted: &str| {
        let path = at.path().join(file);
        let before = fs::read(&path).unwrap();
        fs::write(&path, text).unwrap();
        let error = format!("{:#}", open(&files(at.path()), Clock::System).err().unwrap());
        assert!(error.contains(wanted), "{error}");
        fs::write(path, before).unwrap();
    };
    refused("cert.pem", "", "cert.pem holds no certificate in PEM");
    refused("key.pem", "x", "key.pem holds no key in PEM");
    let other = tempfile::tempdir().unwrap();
    issued(dir.path(), other.path());
    let key = fs::read_to_string(other.path().join("key.pem")).unwrap();
    refused("key.pem", &key, "do not belong together");
    assert!(open(&files(at.path()), Clock::System).is_ok());
}

#[test]
fn an_authority_without_its_key_is_refused_and_left_alone() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    acceptor(dir.path());
    acceptor(other.path());
    let (key, certificate) = (dir.path().join("ca-key.pem"), dir.path().join("ca.pem"));
    let before = fs::read(&certificate).unwrap();
    fs::copy(other.path().join("ca-key.pem"), &key).unwrap();
    let error = format!("{:#}", open(&own(dir.path()), Clock::System).err().unwrap());
    assert!(error.contains("is not the certificate of ca-key.pem"), "{error}");
    fs::remove_file(&key).unwrap();
    let error = format!("{:#}", open(&own(dir.path()), Clock::System).err().unwrap());
    assert!(error.contains("has lost its key"), "{error}");
    assert_eq!(fs::read(certificate).unwrap(), before);
    assert!(!key.exists());
}
