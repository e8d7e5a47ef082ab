//! Whose certificates are believed: those named with a file, and nobody else's; else the system's and those we bring along.
//!
//! A static binary on an old host cannot count on a store of certificates, and a company's own is in the system's store.

use super::SettingsError;
use std::fs;
use std::path::Path;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

/// Where distributions keep theirs, the first that is there counts.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Those to believe. Fails where the named file cannot be read or has none.
pub(super) fn roots(file: Option<&Path>) -> Result<RootCerts, SettingsError> {
    if let Some(file) = file {
        let failed =
            |why: String| SettingsError { doing: "read certificates from", what: file.display().to_string(), why };
        let certificates = certificates(&fs::read(file).map_err(|error| failed(error.to_string()))?);
        if certificates.is_empty() {
            return Err(failed("it has none in PEM form".to_owned()));
        }
        return Ok(RootCerts::new_with_certs(&certificates));
    }
    // Whatever is wrong with the system's: ours are enough for public servers.
    let system = SYSTEM.iter().find_map(|path| fs::read(path).ok()).map(|pem| certificates(&pem)).unwrap_or_default();
    if system.is_empty() {
        return Ok(RootCerts::WebPki);
    }
    let ours = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| Certificate::from_der(der));
    Ok(RootCerts::from(system.into_iter().chain(ours)))
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    let found = parse_pem(pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    found.collect()
}
