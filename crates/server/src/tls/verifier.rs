//! Judges the certificate that a server shows.

use std::{fmt::Debug, sync::Arc, time::Duration};

use jiff::civil::DateTime;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::certificate;

/// Trusts what an authority signed, and the certificates of its own list in themselves.
#[derive(Debug)]
pub(super) struct Verifier {
    /// `None` where no authority at all is known.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    /// Trusted as they are: their date and name are checked all the same.
    themselves: Vec<CertificateDer<'static>>,
}

impl Verifier {
    pub(super) fn new(
        authorities: &RootCertStore,
        extra: &[CertificateDer<'static>],
        provider: Arc<CryptoProvider>,
    ) -> Self {
        let mut roots = authorities.clone();
        roots.add_parsable_certificates(extra.iter().cloned());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        // The one error there is without revocation lists is that there is no authority.
        Verifier { authorities: verifier.ok(), themselves: extra.to_vec() }
    }
}

impl Judge for Verifier {
    fn judge(&self, shown: &Shown<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
        if self.themselves.contains(shown.certificate) {
            is_in_time(shown.certificate, now)?;
            return is_for(shown.certificate, name);
        }
        match &self.authorities {
            Some(authorities) => shown.is_issued_by(authorities, name, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }
}

/// What a server shows of itself.
pub(crate) struct Shown<'a> {
    pub(crate) certificate: &'a CertificateDer<'a>,
    intermediates: &'a [CertificateDer<'a>],
    ocsp_response: &'a [u8],
}

impl Shown<'_> {
    /// Whether a chain leads to one of these authorities, and the certificate is for `name` and valid now.
    pub(crate) fn is_issued_by(
        &self,
        authorities: &WebPkiServerVerifier,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        authorities.verify_server_cert(self.certificate, self.intermediates, name, self.ocsp_response, now).map(drop)
    }
}

/// Decides whether to believe what a server shows.
pub(crate) trait Judge: Debug + Send + Sync + 'static {
    fn judge(&self, shown: &Shown<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error>;
}

/// A judge as the library wants it: that the server holds the key of what it shows is checked for every judge alike.
#[derive(Debug)]
pub(crate) struct JudgedBy<J>(pub(crate) J, pub(crate) Arc<CryptoProvider>);

impl<J: Judge> ServerCertVerifier for JudgedBy<J> {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0.judge(&Shown { certificate, intermediates, ocsp_response }, name, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, shown, signed, &self.1.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, shown, signed, &self.1.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.1.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a certificate is valid at this time.
pub(crate) fn is_in_time(shown: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let (begin, end) = certificate::validity(shown).ok_or(CertificateError::BadEncoding)?;
    let (not_before, not_after) = (unix_time(begin), unix_time(end));
    if now.as_secs() < not_before.as_secs() {
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if now.as_secs() > not_after.as_secs() {
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    Ok(())
}

/// Whether a certificate that is trusted itself is for this name.
pub(crate) fn is_for(shown: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
    match verify_server_name(&ParsedCertificate::try_from(shown)?, name) {
        // Without alternative names the subject's common name counts, as OpenSSL has it: `-subj /CN=localhost` makes such.
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }))
            if presented.is_empty() && is_common_name(shown, name) =>
        {
            Ok(())
        }
        judged => judged,
    }
}

fn is_common_name(shown: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    let (Some(common), ServerName::DnsName(name)) = (certificate::common_name(shown), name) else { return false };
    let (common, name) = (common.to_ascii_lowercase(), name.as_ref().to_ascii_lowercase());
    match common.strip_prefix("*.") {
        // A star stands for one label, and not right below a top-level domain.
        Some(below) => below.contains('.') && name.split_once('.').is_some_and(|(_, rest)| rest == below),
        None => common == name,
    }
}

/// Seconds since 1970, or 0 for what was before.
fn unix_time(at: DateTime) -> UnixTime {
    const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    UnixTime::since_unix_epoch(Duration::try_from(at.duration_since(EPOCH)).unwrap_or(Duration::ZERO))
}

/// Trusts whoever answers, whatever it shows, even what nobody can read: `verify_ssl: False`.
#[derive(Debug)]
pub(super) struct AcceptAny(pub(super) Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Trust;

    /// 9999-12-31 23:59:59, which is what RFC 5280 has for "never".
    const LAST_SECOND: u64 = 253_402_300_799;

    fn until_the_last_second() -> CertificateDer<'static> {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(9999, 12, 31) + Duration::from_secs(86_399);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn a_trusted_certificate_without_an_end_is_valid_until_the_last_second_of_the_calendar() {
        let shown = until_the_last_second();
        let verifier = Trust { verify: true, extra: vec![shown.clone()] }.verifier();
        let name = ServerName::try_from("localhost").unwrap();
        let at = |seconds: u64| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let judged = |seconds: u64| verifier.verify_server_cert(&shown, &[], &name, &[], at(seconds)).map(drop);
        // The first second of 2020, one of 2026, and the last.
        for seconds in [1_577_836_800, 1_782_907_200, LAST_SECOND] {
            assert_eq!(judged(seconds), Ok(()), "{seconds}");
            assert_eq!(is_in_time(&shown, at(seconds)), Ok(()), "{seconds}");
        }
        let expired = CertificateError::ExpiredContext { time: at(LAST_SECOND + 1), not_after: at(LAST_SECOND) };
        assert_eq!(judged(LAST_SECOND + 1), Err(expired.into()));
        let early = CertificateError::NotValidYetContext { time: at(1_577_836_799), not_before: at(1_577_836_800) };
        assert_eq!(judged(1_577_836_799), Err(early.into()));
    }
}
