//! An authority of Berth's own: a key and a certificate in files, made on first start, and certificates for the endpoint.
//!
//! The authority does not expire: nobody would be there to give every client a new one. The endpoint's certificates and their
//! keys live in memory only.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use berth_core::kernel::Timestamp;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Moment, civil::Date};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rcgen::{KeyUsagePurpose, date_time_ymd};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Proof;
use crate::files::{read_if_there, write_private_once};

const KEY: &str = "ca-key.pem";
const CERTIFICATE: &str = "ca.pem";
const DAY_MS: i64 = 86_400_000;
/// The days for which a certificate of the endpoint is good.
const VALID_DAYS: i64 = 90;
/// The days that are left of them when the next one takes its place.
const SPARE_DAYS: i64 = 30;
/// The days by which a client's clock may be behind.
const SKEW_DAYS: i64 = 1;

/// The authority.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

impl Authority {
    /// The authority of `dir`, which is made if there is none.
    ///
    /// # Errors
    /// Files that cannot be read or written, or do not belong together.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let (key_path, path) = (dir.join(KEY), dir.join(CERTIFICATE));
        // The key comes first: a crash before the certificate is written leaves nothing that somebody could trust already.
        if read_if_there(&key_path)?.is_none() {
            if path.exists() {
                bail!(
                    "{} has lost its key {KEY}: bring it back, or remove {CERTIFICATE} to have a new authority made, which all clients must then trust",
                    path.display()
                );
            }
            write_private_once(&key_path, &KeyPair::generate()?.serialize_pem())?;
        }
        let key = fs::read_to_string(&key_path).with_context(|| format!("cannot read {}", key_path.display()))?;
        let key = KeyPair::from_pem(&key).with_context(|| format!("{} is no key in PEM", key_path.display()))?;
        let params = params(&key);
        if read_if_there(&path)?.is_none() {
            write_private_once(&path, &params.self_signed(&key)?.pem())?;
        }
        let pem = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| anyhow::anyhow!("{} is no certificate in PEM: {error:?}", path.display()))?;
        if !holds(&der, key.public_key_raw()) {
            bail!(
                "{} is not the certificate of {KEY}: bring back the file that belongs to it",
                path.display()
            );
        }
        Ok(Self {
            issuer: Issuer::new(params, key),
            pem,
            der,
        })
    }

    /// Its certificate, in PEM.
    pub(super) fn certificate_pem(&self) -> &str {
        &self.pem
    }

    /// A certificate of the endpoint, with a key of its own.
    ///
    /// # Errors
    /// A name that is none.
    pub(super) fn issue(&self, names: &[String], now: Timestamp) -> Result<Proof> {
        let mut params = CertificateParams::new(names).context("a name of the endpoint (--tls-name) is none")?;
        params.distinguished_name.push(DnType::CommonName, "Berth");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let day = |days: i64| {
            let date = date(now.plus_ms(days * DAY_MS));
            date_time_ymd(
                date.year().into(),
                date.month().unsigned_abs(),
                date.day().unsigned_abs(),
            )
        };
        (params.not_before, params.not_after) = (day(-SKEW_DAYS), day(VALID_DAYS));
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Proof {
            chain: vec![certificate.der().clone(), self.der.clone()],
            key: PrivateKeyDer::try_from(key.serialize_der())
                .map_err(|error| anyhow::anyhow!("a key that was just made cannot be used: {error}"))?,
            renew_at: now.plus_ms((VALID_DAYS - SPARE_DAYS) * DAY_MS),
        })
    }
}

/// What the authority's certificate says. It follows from the key, so that it need not be read back from the certificate.
fn params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let identifier = params.key_identifier(key);
    let name = format!("Berth CA {}", hex_of(&identifier[..4]));
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // RFC 5280, 4.1.2.5: this date says that there is no date.
    params.not_after = date_time_ymd(9999, 12, 31);
    params
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn holds(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

fn date(at: Timestamp) -> Date {
    let moment = Moment::from_millisecond(at.0).unwrap_or(Moment::UNIX_EPOCH);
    moment.to_zoned(TimeZone::UTC).date()
}
