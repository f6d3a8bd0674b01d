//! The certificate that this server shows, and its key: read from two files, judged before it is used, and read again when
//! they change.
//!
//! A pair that cannot be used replaces nothing: the one before stays in force, and the fault is said until it is mended.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{certificate, provider};

/// How long before its end a certificate is warned of.
const WARNED: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A file of certificates or a key is no larger.
const LARGEST: u64 = 1 << 20;

/// Two files, and what they held when it could be used last.
#[derive(Debug)]
pub struct ServerCertificate {
    files: Files,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Debug)]
struct Inside {
    pair: Pair,
    /// What the files were when they were looked at last.
    seen: [Option<Version>; 2],
    /// What is wrong with the files as they are now.
    fault: Option<String>,
    /// Whether the fault was said; a pair whose files are being written is given until the next look.
    said: bool,
}

/// A certificate with its key.
#[derive(Clone, Debug)]
struct Pair {
    key: Arc<CertifiedKey>,
    end: Option<Timestamp>,
}

/// What tells one content of a file from the next without reading it.
type Version = (u64, u64, i64, i64);

/// How the certificate is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateState {
    /// When the one in force ends; `None` for one that ends beyond the calendar.
    pub end: Option<Timestamp>,
    /// What a person has to see to, in words.
    pub fault: Option<String>,
}

/// What looking at the files came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Looked {
    /// They are as before.
    Same,
    /// Another pair is in force.
    Exchanged,
    /// They cannot be used; the one before stays. Said once for each fault.
    Broken(String),
}

impl ServerCertificate {
    /// Reads both files, or says which is wrong, what is wrong and what to do.
    pub fn open(certificate: PathBuf, key: PathBuf) -> Result<Arc<ServerCertificate>, String> {
        let files = Files { certificate, key };
        let seen = files.versions();
        let pair = files.read()?;
        let inside = Mutex::new(Inside { pair, seen, fault: None, said: false });
        Ok(Arc::new(ServerCertificate { files, inside }))
    }

    /// Looks whether the files have changed. `at_once` because somebody asked for it: then a fault is said at the first
    /// look, not at the second.
    pub fn look(&self, at_once: bool) -> Looked {
        let versions = self.files.versions();
        let mut inside = self.inside();
        if versions == inside.seen && inside.fault.is_none() && !at_once {
            return Looked::Same;
        }
        let is_second = versions == inside.seen;
        inside.seen = versions;
        match self.files.read() {
            Ok(pair) => {
                let same = pair.key.cert == inside.pair.key.cert && inside.fault.is_none();
                (inside.pair, inside.fault, inside.said) = (pair, None, false);
                if same { Looked::Same } else { Looked::Exchanged }
            }
            Err(fault) => {
                let known = inside.said && inside.fault.as_ref() == Some(&fault);
                inside.fault = Some(fault.clone());
                inside.said = known || is_second || at_once;
                if inside.said && !known { Looked::Broken(fault) } else { Looked::Same }
            }
        }
    }

    /// How it is at `now`.
    pub fn state(&self, now: Timestamp) -> CertificateState {
        let inside = self.inside();
        let end = inside.pair.end;
        let broken = inside.fault.as_ref().filter(|_| inside.said);
        let fault = broken.map(|fault| format!("{fault}; the one before stays in force{}", until(end)));
        CertificateState { end, fault: fault.or_else(|| ending(end?, now)) }
    }

    /// How a server shakes hands with it.
    pub fn server_config(self: &Arc<Self>) -> ServerConfig {
        let versions = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = versions.expect("the provider knows TLS 1.2 and 1.3").with_no_client_auth();
        let mut config = builder.with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("no code panics while it holds this lock")
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.inside().pair.key.clone())
    }
}

impl Files {
    fn versions(&self) -> [Option<Version>; 2] {
        [&self.certificate, &self.key].map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
        })
    }

    fn read(&self) -> Result<Pair, String> {
        let (shown, shown_key) = (self.certificate.display(), self.key.display());
        let pem = read("TLS_CERTIFICATE", &self.certificate)?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain = chain.map_err(|error| format!("TLS_CERTIFICATE: {shown} holds a damaged certificate: {error}"))?;
        let Some(first) = chain.first() else {
            return Err(format!(
                "TLS_CERTIFICATE: {shown} holds no certificate; expected PEM, the server's own first and then those that \
                 lead to its authority"
            ));
        };
        let Some((_, end)) = certificate::validity(first) else {
            return Err(format!("TLS_CERTIFICATE: the first certificate in {shown} is damaged"));
        };
        let pem = read("TLS_KEY", &self.key)?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
            format!(
                "TLS_KEY: {shown_key} holds no private key that can be read; expected PEM without a password, which begins \
                 with -----BEGIN PRIVATE KEY-----"
            )
        })?;
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("TLS_KEY: {shown_key} is not the key of the certificate in {shown}; bring the two that belong together")
            }
            other => format!("TLS_KEY: {shown_key} cannot be used: {other}"),
        })?;
        // A certificate without an end has one beyond what an instant can be.
        let end = end.to_zoned(TimeZone::UTC).ok().map(|end| end.timestamp());
        Ok(Pair { key: Arc::new(key), end })
    }
}

fn read(setting: &str, path: &Path) -> Result<Vec<u8>, String> {
    let wrong = |what: String| format!("{setting}: {} cannot be read: {what}", path.display());
    let file = fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if file.len() > LARGEST {
        return Err(wrong(format!("it has {} bytes, and no such file is larger than {LARGEST}", file.len())));
    }
    fs::read(path).map_err(|error| wrong(error.to_string()))
}

/// What to say of a certificate that ends at `end`, if it is time to.
fn ending(end: Timestamp, now: Timestamp) -> Option<String> {
    let left = end.duration_since(now);
    if left <= SignedDuration::ZERO {
        return Some(format!(
            "the certificate of this server has expired at {end}; renew it, and it is taken up by itself"
        ));
    }
    let days = left.as_hours() / 24;
    (left <= WARNED).then(|| {
        let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        format!("the certificate of this server ends in {days}, at {end}; renew it, and it is taken up by itself")
    })
}

fn until(end: Option<Timestamp>) -> String {
    end.map_or_else(String::new, |end| format!(" until {end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Made {
        _folder: tempfile::TempDir,
        certificate: PathBuf,
        key: PathBuf,
    }

    fn pair(year: i32) -> (String, String) {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 3, 1);
        pair_of(&params)
    }

    /// One that is meant to have no end: until the last second of 9999.
    fn pair_without_end() -> (String, String) {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(9999, 12, 31) + std::time::Duration::from_secs(86_399);
        pair_of(&params)
    }

    fn pair_of(params: &rcgen::CertificateParams) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn made(year: i32) -> Made {
        made_of(&pair(year))
    }

    fn made_of(pair: &(String, String)) -> Made {
        let folder = tempfile::tempdir().unwrap();
        let made =
            Made { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem"), _folder: folder };
        made.write(pair);
        made
    }

    impl Made {
        fn write(&self, (certificate, key): &(String, String)) {
            fs::write(&self.certificate, certificate).unwrap();
            fs::write(&self.key, key).unwrap();
        }

        fn open(&self) -> Result<Arc<ServerCertificate>, String> {
            ServerCertificate::open(self.certificate.clone(), self.key.clone())
        }
    }

    #[test]
    fn another_pair_is_taken_up_and_a_broken_one_is_not() {
        let made = made(2031);
        let now: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let certificate = made.open().unwrap();
        let in_force = || certificate.inside().pair.key.cert[0].clone();
        let first = in_force();
        assert_eq!((certificate.look(false), certificate.look(true)), (Looked::Same, Looked::Same));

        let next = pair(2032);
        fs::write(&made.certificate, &next.0).unwrap();
        assert_eq!(certificate.look(false), Looked::Same, "the key may be on its way");
        assert_eq!(certificate.state(now).fault, None);
        let Looked::Broken(said) = certificate.look(false) else { panic!("it stays wrong") };
        assert!(said.starts_with("TLS_KEY: ") && said.contains("is not the key of the certificate in"), "{said}");
        assert_eq!(certificate.look(false), Looked::Same, "it is said once");
        let fault = certificate.state(now).fault.unwrap();
        assert!(fault.ends_with("; the one before stays in force until 2031-03-01T00:00:00Z"), "{fault}");
        assert_eq!(in_force(), first);

        fs::write(&made.key, &next.1).unwrap();
        assert_eq!(certificate.look(false), Looked::Exchanged);
        assert_ne!(in_force(), first);
        assert_eq!(certificate.state(now), CertificateState { end: "2032-03-01T00:00:00Z".parse().ok(), fault: None });
        fs::remove_file(&made.key).unwrap();
        let Looked::Broken(said) = certificate.look(true) else { panic!("it was asked for") };
        assert!(said.contains("cannot be read: No such file"), "{said}");
    }

    #[test]
    fn its_end_is_warned_of() {
        let certificate = made(2031).open().unwrap();
        let fault = |now: &str| certificate.state(now.parse().unwrap()).fault;
        assert_eq!(fault("2031-02-14T00:00:00Z"), None);
        assert!(fault("2031-02-15T00:00:00Z").unwrap().contains("ends in 14 days, at 2031-03-01T00:00:00Z"));
        assert!(fault("2031-02-28T00:00:00Z").unwrap().contains("ends in 1 day, "));
        assert!(fault("2031-03-02T00:00:00Z").unwrap().contains("has expired at 2031-03-01"));
        assert_eq!(made(9999).open().unwrap().state("2031-01-01T00:00:00Z".parse().unwrap()).fault, None);
    }

    #[test]
    fn one_without_an_end_is_used_and_never_warned_of() {
        let made = made_of(&pair_without_end());
        let certificate = made.open().unwrap();
        for now in ["2031-01-01T00:00:00Z".parse().unwrap(), Timestamp::MAX] {
            assert_eq!(certificate.state(now), CertificateState { end: None, fault: None }, "{now}");
        }
        fs::remove_file(&made.key).unwrap();
        let Looked::Broken(_) = certificate.look(true) else { panic!("it was asked for") };
        let fault = certificate.state(Timestamp::MAX).fault.unwrap();
        assert!(fault.ends_with("; the one before stays in force"), "{fault}");
    }

    #[test]
    fn what_is_wrong_with_the_files_is_said_by_its_setting() {
        let made = made(2031);
        let said = |certificate: &str, key: &str| {
            made.write(&(certificate.to_owned(), key.to_owned()));
            made.open().unwrap_err()
        };
        let (certificate, key) = pair(2031);
        assert!(said("", &key).contains("TLS_CERTIFICATE: ") && said("", &key).contains("holds no certificate"));
        assert!(
            said(&certificate, "").contains("TLS_KEY: ") && said(&certificate, "").contains("holds no private key")
        );
        assert!(said(&certificate, &certificate).contains("holds no private key"));
        assert!(said(&certificate, &pair(2031).1).contains("is not the key of the certificate"));
        let damaged = certificate.replace('M', "A");
        assert!(said(&damaged, &key).contains("TLS_CERTIFICATE: "), "{}", said(&damaged, &key));
        let large = "x".repeat(2 << 20);
        assert!(said(&large, &key).contains("no such file is larger"));
    }
}
