//! Trust: which brokers to believe and how to show who we are. Reads the files once, at the start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// Where Debian and most other systems keep the authorities they trust, in one file.
pub const SYSTEM_CA_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// How to trust the broker, and how it may trust us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the authorities to believe; `None`: those of the system, [`SYSTEM_CA_FILE`].
    pub ca_file: Option<PathBuf>,
    /// Our own certificate, for brokers that ask for one.
    pub client: Option<ClientCertificate>,
}

/// A certificate of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM file of the certificate and those between it and its authority.
    pub certificate_file: PathBuf,
    /// PEM file of its private key.
    pub key_file: PathBuf,
}

/// A file that cannot be used. The caller refuses the configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing, unreadable or not PEM.
    #[error("`{}` cannot be read as PEM: {reason}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        reason: pem::Error,
    },
    /// A file has no certificate that can be used.
    #[error("`{}` holds no usable certificate, expected at least one in PEM", path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// The certificates and keys do not go together.
    #[error("tls settings do not work: {0}")]
    Unusable(#[from] rustls::Error),
}

/// Reads the files that `tls` names.
pub fn client_config(tls: &Tls) -> Result<Arc<ClientConfig>, TlsError> {
    let ca_file = tls.ca_file.as_deref().unwrap_or(Path::new(SYSTEM_CA_FILE));
    let mut roots = RootCertStore::empty();
    // Systems carry an odd authority that cannot be parsed; only a file without any good one is wrong.
    let (usable, _) = roots.add_parsable_certificates(certificates(ca_file)?);
    if usable == 0 {
        return Err(TlsError::NoCertificate { path: ca_file.to_owned() });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let config = match &tls.client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let chain = certificates(&client.certificate_file)?;
            if chain.is_empty() {
                return Err(TlsError::NoCertificate { path: client.certificate_file.clone() });
            }
            let key = PrivateKeyDer::from_pem_file(&client.key_file)
                .map_err(|reason| TlsError::Unreadable { path: client.key_file.clone(), reason })?;
            builder.with_client_auth_cert(chain, key)?
        }
    };
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|reason| TlsError::Unreadable { path: path.to_owned(), reason })
}
