//! TLS client configuration from certificate files.
//!
//! rustls with ring, as the NATS client uses it. The roots are the system's, so that they are
//! updated with the system and not with our releases. A file of roots replaces them, so that a
//! private authority can be the only one.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::SourceError;

/// A connector that trusts the roots in `ca_file`, or the system's.
pub(crate) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, SourceError> {
    let roots = match ca_file {
        Some(path) => roots_in(path)?,
        None => system_roots()?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|cause| SourceError::setting("TLS", cause))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn system_roots() -> Result<RootCertStore, SourceError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // One certificate that can't be parsed is no reason to ignore the others.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let cause = "the system has no certificates; install ca-certificates or name a ca_file";
        return Err(SourceError::setting("TLS", cause));
    }
    Ok(roots)
}

/// The certificates in a PEM file, at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SourceError> {
    let text = std::fs::read(path).map_err(SourceError::file(path))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(SourceError::setting(path.display(), "no certificate in it; PEM is expected")),
        Err(cause) => Err(SourceError::setting(path.display(), cause)),
    }
}

/// The roots in a PEM file.
pub(crate) fn roots_in(path: &Path) -> Result<RootCertStore, SourceError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|cause| SourceError::setting(path.display(), cause))?;
    }
    Ok(roots)
}

/// The private key in a PEM file.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, SourceError> {
    let text = std::fs::read(path).map_err(SourceError::file(path))?;
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|cause| SourceError::setting(path.display(), cause))
}
