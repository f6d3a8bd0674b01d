//! What went wrong with TLS, in words that a person can act on.

use jiff::Timestamp;
use rustls::{AlertDescription, CertificateError, Error, pki_types::UnixTime};

/// `wrong certificate: it expired at 2026-01-01T00:00:00Z`.
pub fn error_words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(wrong) => format!("wrong certificate: {}", certificate_words(wrong)),
        Error::InvalidMessage(_) => "the other side does not speak TLS here; is it http:// instead of https://, or \
                                     another port?"
            .to_owned(),
        Error::AlertReceived(alert) => format!("the other side refused TLS: {}", alert_words(*alert)),
        Error::NoCertificatesPresented => "the other side shows no certificate".to_owned(),
        Error::PeerIncompatible(_) => {
            "the other side speaks no version of TLS, or no cipher, that is still safe (TLS 1.2 is the oldest)"
                .to_owned()
        }
        other => format!("TLS failed: {other}"),
    }
}

fn alert_words(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::HandshakeFailure
        | AlertDescription::ProtocolVersion
        | AlertDescription::InsufficientSecurity => "it knows no version or cipher in common".to_owned(),
        AlertDescription::CertificateRequired | AlertDescription::BadCertificate => {
            "it wants a certificate from this side, and there is no setting for one".to_owned()
        }
        AlertDescription::UnrecognisedName => "it does not know the name it was asked by".to_owned(),
        AlertDescription::NoApplicationProtocol => "it speaks no HTTP there".to_owned(),
        AlertDescription::InternalError => "it failed by itself (internal error)".to_owned(),
        other => split_words(&format!("{other:?}")),
    }
}

fn certificate_words(wrong: &CertificateError) -> String {
    match wrong {
        CertificateError::ExpiredContext { not_after, .. } => format!("it expired at {}", day(not_after)),
        CertificateError::Expired => "it has expired".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("it is not valid before {}", day(not_before))
        }
        CertificateError::NotValidYet => "it is not valid yet".to_owned(),
        CertificateError::UnknownIssuer => {
            "it was issued by an authority that this machine does not trust, or by itself; 'ca_file' names one to trust"
                .to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } if presented.is_empty() => format!(
            "it names no host (it has no subjectAltName), so it is not for {}; one made with -addext \
             subjectAltName=DNS:{0} is",
            expected.to_str()
        ),
        CertificateError::NotValidForNameContext { expected, presented } => {
            format!(
                "it is for {}, not for {}",
                presented.iter().map(|name| shown_name(name)).collect::<Vec<_>>().join(", "),
                expected.to_str()
            )
        }
        CertificateError::NotValidForName => "it is for another name".to_owned(),
        CertificateError::Revoked => "it was revoked".to_owned(),
        CertificateError::BadEncoding => "it is damaged, or no certificate".to_owned(),
        CertificateError::BadSignature => {
            "it was not signed by the authority that it names, but maybe by another of that name; 'ca_file' names one to \
             trust"
                .to_owned()
        }
        CertificateError::UnhandledCriticalExtension => {
            "it demands something (a critical extension) that is not known here".to_owned()
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "it is signed in a way that is not safe, or not known here (SHA-1, MD5, or a rare curve)".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it was made for another purpose than to show who a server is".to_owned()
        }
        CertificateError::Other(other) => other_words(&other.to_string()),
        other => split_words(&other.to_string()),
    }
}

/// What the library for certificates has no public name for.
fn other_words(name: &str) -> String {
    match name {
        "CaUsedAsEndEntity" => {
            "it was made by whoever runs the server, as its own authority (self-signed), and this machine \
                                does not trust it; give it as 'ca_file'"
                .to_owned()
        }
        "UnsupportedCertVersion" => {
            "it is of version 1, which no longer counts; make it anew with openssl req -x509".to_owned()
        }
        "EndEntityUsedAsCa" => "it was signed by a certificate that is no authority".to_owned(),
        "NameConstraintViolation" => "its authority may not vouch for this name".to_owned(),
        "PathLenConstraintViolated" => "its chain of authorities is longer than they allow".to_owned(),
        other => split_words(other),
    }
}

/// `[DnsName("localhost")]`, as the library writes a name, is `localhost`.
fn shown_name(name: &str) -> &str {
    name.split('"').nth(1).or_else(|| name.split_once('(').and_then(|(_, rest)| rest.split(')').next())).unwrap_or(name)
}

/// `InvalidSerialNumber`, a name in the library, as `invalid serial number`.
fn split_words(name: &str) -> String {
    if name.contains(' ') {
        return name.to_owned();
    }
    let mut words = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

fn day(time: &UnixTime) -> String {
    let moment = i64::try_from(time.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| "the end of the calendar".to_owned(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::OtherError;

    use super::*;

    #[test]
    fn the_words_are_not_names_of_the_library() {
        let other = |name: &'static str| CertificateError::Other(OtherError(Arc::new(std::io::Error::other(name))));
        for (wrong, said) in [
            (other("CaUsedAsEndEntity"), "it was made by whoever runs the server, as its own authority (self-signed)"),
            (other("UnsupportedCertVersion"), "it is of version 1"),
            (other("InvalidSerialNumber"), "invalid serial number"),
            (CertificateError::UnknownIssuer, "does not trust, or by itself"),
            (CertificateError::UnknownRevocationStatus, "unknown revocation status"),
            (CertificateError::BadSignature, "it was not signed by the authority that it names"),
        ] {
            let words = error_words(&Error::InvalidCertificate(wrong));
            assert!(words.starts_with("wrong certificate: ") && words.contains(said), "{words}");
            assert!(!words.contains("Error") && !words.contains("Other"), "{words}");
        }
        let refused = |alert| error_words(&Error::AlertReceived(alert));
        assert_eq!(
            refused(AlertDescription::UnrecognisedName),
            "the other side refused TLS: it does not know the name it was asked by"
        );
        assert_eq!(refused(AlertDescription::DecryptError), "the other side refused TLS: decrypt error");
    }
}
