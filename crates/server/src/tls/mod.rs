//! TLS: whom to trust, and what went wrong, for everything here that speaks it.
//!
//! Trusted are the machine's own certificate authorities and what a `ca_file` brings. A certificate of that file is
//! trusted in itself too, as curl and Python do: the commonest home-made one is its own authority and the server's at once.

mod certificate;
mod error_words;
mod server_certificate;
mod verifier;

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

pub use certificate::not_after;
pub use error_words::error_words;
use rustls::{
    ClientConfig, RootCertStore,
    client::danger::ServerCertVerifier,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
};
pub use server_certificate::{CertificateState, Looked, ServerCertificate};
pub(crate) use verifier::{Judge, JudgedBy, Shown, is_for, is_in_time};

use verifier::{AcceptAny, Verifier};

/// Whom to trust.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trust {
    /// Whether the other side must show a certificate that is trusted.
    pub verify: bool,
    /// Certificates to trust beside the machine's own authorities.
    pub extra: Vec<CertificateDer<'static>>,
}

impl Default for Trust {
    fn default() -> Self {
        Trust { verify: true, extra: Vec::new() }
    }
}

impl Trust {
    /// How a client of ours shakes hands. Without ALPN; who speaks a protocol that has it adds its names.
    pub fn client_config(&self) -> ClientConfig {
        install();
        ClientConfig::builder().dangerous().with_custom_certificate_verifier(self.verifier()).with_no_client_auth()
    }

    /// What judges a server's certificate, for libraries that shake hands by themselves.
    pub fn verifier(&self) -> Arc<dyn ServerCertVerifier> {
        if self.verify {
            Arc::new(JudgedBy(Verifier::new(machine_authorities(), &self.extra, provider()), provider()))
        } else {
            Arc::new(AcceptAny(provider()))
        }
    }
}

/// Reads the certificates of a `ca_file`, or says what is wrong with it.
pub fn read_ca_file(folder: &Path, file: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = std::fs::read(folder.join(file)).map_err(|error| format!("cannot read '{file}': {error}"))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err(format!("'{file}' holds no certificate; expected PEM, which begins with -----BEGIN CERTIFICATE-----"))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(format!("'{file}' holds a damaged certificate: {error}")),
    }
}

/// Installs the TLS implementation of this process, once. Harmless to repeat.
pub fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        // An error says that some library was first with one; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn provider() -> Arc<CryptoProvider> {
    install();
    Arc::clone(CryptoProvider::get_default().expect("one was installed just before"))
}

/// The machine's certificate authorities, read once. A machine may have none: then only a `ca_file` is trusted.
fn machine_authorities() -> &'static RootCertStore {
    static AUTHORITIES: OnceLock<RootCertStore> = OnceLock::new();
    AUTHORITIES.get_or_init(|| {
        let mut store = RootCertStore::empty();
        // What cannot be read of them is left out, as every other program of the machine does.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        store
    })
}
