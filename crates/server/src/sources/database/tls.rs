//! TLS to database servers: when to ask for it, and whom to believe.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

use super::faults::Stopped;
use crate::tls::{Judge, JudgedBy, Shown, error_words, is_for, is_in_time};

/// How much of TLS is wanted, in the order of strictness.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum TlsMode {
    Off,
    /// Where the server lets nobody in without it: libpq's `allow`.
    WherePlainIsRefused,
    /// Where the server offers it.
    Offered,
    Required,
    /// With a certificate of a trusted authority, for whatever name.
    Authority,
    /// With a certificate of a trusted authority for this host.
    Host,
}

/// How much of TLS the options of a connection string ask for: each may raise it, none lowers it, in whatever order they
/// stand.
#[derive(Default)]
pub(super) struct TlsWish {
    /// The option that wants none.
    off: Option<String>,
    /// The strictest, and its option.
    most: Option<(TlsMode, String)>,
}

impl TlsWish {
    /// Notes what the option `key=value` asks for.
    pub(super) fn note(&mut self, key: &str, value: &str, mode: TlsMode) {
        let option = format!("{key}={value}");
        if mode == TlsMode::Off {
            self.off = Some(option);
        } else if self.most.as_ref().is_none_or(|(most, _)| *most < mode) {
            self.most = Some((mode, option));
        }
    }

    /// What they ask for together. To name whom to trust is to want that they are looked at: without TLS whoever stands in
    /// between has only to say that the server offers none.
    pub(super) fn mode(self, names_roots: bool) -> Result<TlsMode, String> {
        match (self.off, self.most) {
            (Some(off), Some((_, other))) => {
                Err(format!("'{off}' and '{other}' contradict each other: take one of them out"))
            }
            (Some(_), None) => Ok(TlsMode::Off),
            (None, most) => {
                let asked = most.map_or(TlsMode::Offered, |(mode, _)| mode);
                Ok(if names_roots { asked.max(TlsMode::Authority) } else { asked })
            }
        }
    }
}

/// What a connection string says of TLS.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Tls {
    pub(super) mode: TlsMode,
    /// PEM file of those to trust, in the place of the machine's own.
    pub(super) roots: Option<PathBuf>,
    /// PEM file of the certificate to show to the server.
    pub(super) certificate: Option<PathBuf>,
    /// PEM file of its key.
    pub(super) key: Option<PathBuf>,
    /// What the option is called that names `roots`.
    pub(super) roots_option: &'static str,
}

impl Tls {
    pub(super) fn new(roots_option: &'static str) -> Tls {
        Tls { mode: TlsMode::Offered, roots: None, certificate: None, key: None, roots_option }
    }

    /// How closely the server's certificate is looked at: a file of whom to trust says that it is to be. Where there is
    /// none, public authorities are trusted, which vouch for names alone: one of theirs for another name says nothing.
    fn checked(&self) -> TlsMode {
        match self.mode {
            TlsMode::Authority if self.roots.is_none() => TlsMode::Host,
            TlsMode::Off | TlsMode::WherePlainIsRefused | TlsMode::Offered | TlsMode::Required
                if self.roots.is_some() =>
            {
                TlsMode::Authority
            }
            mode => mode,
        }
    }

    /// What to say of a server without TLS; `mode_option` is the option that asks for it unless a file of roots does.
    pub(super) fn not_offered(&self, mode_option: &str) -> Stopped {
        let asks = if self.roots.is_some() { self.roots_option } else { mode_option };
        Stopped::Tls(format!("the server offers none, and '{asks}' asks for it"))
    }

    /// Whether it is certain that the server is the one that was meant.
    pub(super) fn names_server(&self) -> bool {
        self.checked() == TlsMode::Host
    }

    /// How to talk to `host`.
    pub(super) async fn client(&self, host: &str) -> Result<(ClientConfig, ServerName<'static>), Stopped> {
        let name = match ServerName::try_from(host.to_owned()) {
            Ok(name) => name,
            Err(_) if self.names_server() => {
                return Err(Stopped::Tls(format!("'{host}' is no name that a certificate could be for")));
            }
            Err(_) => ServerName::try_from("localhost").expect("this is a name"),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| Stopped::Tls(error.to_string()))?.dangerous();
        let builder = builder.with_custom_certificate_verifier(self.judge(provider).await?);
        let config = match (&self.certificate, &self.key) {
            (Some(certificate), key) => {
                let key = key.as_ref().unwrap_or(certificate);
                let secret = PrivateKeyDer::from_pem_slice(&read(key).await?);
                let secret =
                    secret.map_err(|error| Stopped::Tls(format!("{} holds no key: {error}", key.display())))?;
                builder
                    .with_client_auth_cert(certificates(certificate).await?, secret)
                    .map_err(|error| Stopped::Tls(format!("the certificate to show cannot be used: {error}")))?
            }
            (None, Some(_)) => return Err(Stopped::Tls("a key is configured without its certificate".to_owned())),
            (None, None) => builder.with_no_client_auth(),
        };
        Ok((config, name))
    }

    async fn judge(&self, provider: Arc<CryptoProvider>) -> Result<Arc<JudgedBy<DatabaseJudge>>, Stopped> {
        let mode = self.checked();
        if mode < TlsMode::Authority {
            return Ok(Arc::new(JudgedBy(DatabaseJudge(None), provider)));
        }
        let mut own = Vec::new();
        let mut store = RootCertStore::empty();
        match &self.roots {
            Some(file) => {
                own = certificates(file).await?;
                // One of several that can be no authority spoils none of the others.
                if store.add_parsable_certificates(own.iter().cloned()).0 == 0 {
                    return Err(Stopped::Tls(format!("{} holds no certificate that can be read", file.display())));
                }
            }
            None => {
                let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
                let found = found.map_err(|error| Stopped::Tls(error.to_string()))?;
                store.add_parsable_certificates(found.certs);
            }
        }
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone()).build();
        let chains = chains.map_err(|_| {
            Stopped::Tls(format!("this machine trusts no authority at all: name one by {}=FILE", self.roots_option))
        })?;
        let trusted = Trusted { own, chains, names: mode == TlsMode::Host };
        Ok(Arc::new(JudgedBy(DatabaseJudge(Some(trusted)), provider)))
    }

    /// Why there is no encrypted connection.
    pub(super) fn fault(&self, error: io::Error) -> Stopped {
        use rustls::{CertificateError as Wrong, Error as Tls};
        let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Tls>()) else {
            return Stopped::Lost(error);
        };
        let unknown = match tls {
            Tls::InvalidCertificate(Wrong::UnknownIssuer) => true,
            // One that is its own authority, which the library has no public name for.
            Tls::InvalidCertificate(Wrong::Other(other)) => other.to_string() == "CaUsedAsEndEntity",
            _ => false,
        };
        if unknown {
            return Stopped::Tls(format!(
                "wrong certificate: it was issued by an authority that is not trusted here, or by itself; to trust it, name \
                 it or its authority by {}=FILE",
                self.roots_option
            ));
        }
        let words = error_words(tls);
        Stopped::Tls(words.strip_prefix("TLS failed: ").map_or(words.clone(), str::to_owned))
    }
}

async fn read(file: &Path) -> Result<Vec<u8>, Stopped> {
    tokio::fs::read(file).await.map_err(|error| Stopped::Tls(format!("{} cannot be read: {error}", file.display())))
}

async fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Stopped> {
    let pem = read(file).await?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| Stopped::Tls(format!("{} is no PEM file: {error}", file.display())))?;
    if found.is_empty() {
        return Err(Stopped::Tls(format!("{} holds no certificate", file.display())));
    }
    Ok(found)
}

/// Judges a server's certificate; `None` where any certificate will do.
#[derive(Debug)]
struct DatabaseJudge(Option<Trusted>);

#[derive(Debug)]
struct Trusted {
    /// What was configured. One of these is trusted itself, whether it calls itself an authority or not, as libpq and curl
    /// have it.
    own: Vec<CertificateDer<'static>>,
    chains: Arc<WebPkiServerVerifier>,
    /// Whether the certificate has to be for this host.
    names: bool,
}

impl Judge for DatabaseJudge {
    fn judge(&self, shown: &Shown<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), rustls::Error> {
        use rustls::{CertificateError as Wrong, Error};
        let Some(trusted) = &self.0 else { return Ok(()) };
        if trusted.own.contains(shown.certificate) {
            is_in_time(shown.certificate, now)?;
            return if trusted.names { is_for(shown.certificate, name) } else { Ok(()) };
        }
        match shown.is_issued_by(&trusted.chains, name, now) {
            Err(Error::InvalidCertificate(Wrong::NotValidForName | Wrong::NotValidForNameContext { .. }))
                if !trusted.names =>
            {
                Ok(())
            }
            judged => judged,
        }
    }
}
