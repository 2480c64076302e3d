//! TLS of the endpoint: with certificates of an authority of Berth's own, or with the operator's files.
//!
//! Berth's own certificates are issued anew at every start and, while it runs, before they expire: clients trust the
//! authority, so nobody notices. The operator's files are read again from time to time: whoever renews them need not restart
//! Berth. Only HTTP/1.1 is offered: agents upgrade to websockets, and they cannot over HTTP/2.

mod authority;
mod files;
mod names;
#[cfg(test)]
pub(crate) mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use berth_core::kernel::Timestamp;
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::{Accept, TlsAcceptor};

use crate::clock::Clock;
use crate::config::Tls;
use authority::Authority;

/// How long to go on with what there was after a renewal has failed.
const RETRY_MS: i64 = 3_600_000;

/// What the endpoint proves who it is with.
struct Proof {
    /// The certificate, and those between it and what clients trust.
    chain: Vec<CertificateDer<'static>>,
    /// The certificate's key.
    key: PrivateKeyDer<'static>,
    /// When to come with another one.
    renew_at: Timestamp,
}

/// Where proofs come from.
enum Source {
    Own {
        authority: Box<Authority>,
        names: Vec<String>,
    },
    Files(files::Files),
}

impl Source {
    fn open(tls: &Tls, listen: &[SocketAddr]) -> Result<Self> {
        Ok(match tls {
            Tls::Own { dir, names } => Self::Own {
                authority: Box::new(Authority::open(dir)?),
                names: names::all(listen, names),
            },
            Tls::Files(files) => Self::Files(files::Files::new(files)),
        })
    }

    fn prove(&self, now: Timestamp) -> Result<Proof> {
        match self {
            Self::Own { authority, names } => authority.issue(names, now),
            Self::Files(files) => files.read(now),
        }
    }
}

/// Takes connections into TLS.
pub(crate) struct Acceptor {
    source: Source,
    clock: Clock,
    current: Mutex<Current>,
    /// The certificate of the authority that clients must trust, in PEM, unless every client knows it.
    authority: Option<String>,
}

struct Current {
    config: Arc<ServerConfig>,
    renew_at: Timestamp,
}

impl Acceptor {
    /// What `tls` says, for an endpoint that listens on `listen`.
    ///
    /// # Errors
    /// Files that cannot be read or written, or do not belong together.
    pub(crate) fn open(tls: &Tls, listen: &[SocketAddr], clock: Clock) -> Result<Self> {
        let source = Source::open(tls, listen)?;
        let authority = match &source {
            Source::Own { authority, .. } => Some(authority.certificate_pem().to_owned()),
            Source::Files(files) => files.authority()?,
        };
        let first = current(source.prove(clock.now())?)?;
        Ok(Self {
            source,
            clock,
            current: Mutex::new(first),
            authority,
        })
    }

    /// The handshake with a client.
    pub(crate) fn accept(&self, stream: TcpStream) -> Accept<TcpStream> {
        TlsAcceptor::from(self.config()).accept(stream)
    }

    /// The certificate of the authority that clients must trust, in PEM.
    pub(crate) fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// What connections are taken with now. A renewal that fails is logged and tried again later: clients decide for
    /// themselves whether a certificate is too old.
    fn config(&self) -> Arc<ServerConfig> {
        let mut known = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if now >= known.renew_at {
            match self.source.prove(now).and_then(current) {
                Ok(renewed) => *known = renewed,
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "the certificate could not be renewed");
                    known.renew_at = now.plus_ms(RETRY_MS);
                }
            }
        }
        Arc::clone(&known.config)
    }
}

fn current(proof: Proof) -> Result<Current> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("the provider has suites for both versions");
    let mut config = builder
        .with_no_client_auth()
        .with_single_cert(proof.chain, proof.key)
        .context("the certificate and the key do not belong together, or cannot be used")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Current {
        config: Arc::new(config),
        renew_at: proof.renew_at,
    })
}
