//! How MySQL and MariaDB have a password proven: by the plug-ins that servers name.

use curve25519_dalek::{EdwardsPoint, Scalar};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::super::faults::Stopped;

/// Those that are known here, as the documentation lists them.
const KNOWN: &str = "mysql_native_password, caching_sha2_password, sha256_password and client_ed25519 \
                     (mysql_clear_password only over TLS with a checked certificate)";

/// How safe it is to send something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Privacy {
    /// Anyone on the way may read it.
    None,
    /// Nobody on the way can read it, but it is not certain who is at the other end.
    Hidden,
    /// Nobody but the server can read it.
    Certain,
}

/// The first answer to a plug-in that has sent `nonce`.
pub(super) fn proof(plugin: &str, password: &str, nonce: &[u8], privacy: Privacy) -> Result<Vec<u8>, Stopped> {
    let password_bytes = password.as_bytes();
    match plugin {
        "mysql_native_password" | "caching_sha2_password" if password.is_empty() => Ok(Vec::new()),
        "mysql_native_password" => Ok(native(password_bytes, nonce.get(..20).unwrap_or(nonce))),
        "caching_sha2_password" => Ok(caching_sha2(password_bytes, nonce.get(..20).unwrap_or(nonce))),
        "client_ed25519" => Ok(ed25519(password_bytes, nonce.get(..32).unwrap_or(nonce))),
        "sha256_password" if password.is_empty() => Ok(vec![0]),
        "sha256_password" if privacy >= Privacy::Hidden => Ok(plain(password)),
        "sha256_password" => Err(needs_tls(plugin)),
        "mysql_clear_password" if privacy == Privacy::Certain => Ok(plain(password)),
        "mysql_clear_password" => Err(Stopped::LogIn(format!(
            "the server wants the password in the clear ('{plugin}'), which is only sent over TLS with a checked \
             certificate: add ssl_ca=... and ssl_mode=verify_identity to the connection string"
        ))),
        other => Err(Stopped::LogIn(format!(
            "the server wants the log-in '{other}' for this user; known here are {KNOWN}; give the user one of them, for \
             instance: alter user ... identified via ed25519 using password('...')"
        ))),
    }
}

/// The password as it is, with the zero that ends it.
pub(super) fn plain(password: &str) -> Vec<u8> {
    [password.as_bytes(), &[0]].concat()
}

pub(super) fn needs_tls(plugin: &str) -> Stopped {
    Stopped::LogIn(format!(
        "the server wants to be sent the password itself ('{plugin}'), which is only done over TLS: add \
         ssl_mode=required to the connection string"
    ))
}

fn native(password: &[u8], nonce: &[u8]) -> Vec<u8> {
    let once = Sha1::digest(password);
    let mut hash = Sha1::new();
    hash.update(nonce);
    hash.update(Sha1::digest(once));
    once.iter().zip(hash.finalize()).map(|(once, mask)| once ^ mask).collect()
}

fn caching_sha2(password: &[u8], nonce: &[u8]) -> Vec<u8> {
    let once = Sha256::digest(password);
    let mut hash = Sha256::new();
    hash.update(Sha256::digest(once));
    hash.update(nonce);
    once.iter().zip(hash.finalize()).map(|(once, mask)| once ^ mask).collect()
}

/// A signature of the nonce by Ed25519, of which the key is the password itself, of any length.
fn ed25519(password: &[u8], nonce: &[u8]) -> Vec<u8> {
    let wide = |parts: &[&[u8]]| {
        let mut hash = Sha512::new();
        parts.iter().for_each(|part| hash.update(part));
        Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
    };
    let expanded: [u8; 64] = Sha512::digest(password).into();
    let (low, prefix) = expanded.split_at(32);
    let mut clamped = [0; 32];
    clamped.copy_from_slice(low);
    clamped[0] &= 0b1111_1000;
    clamped[31] = clamped[31] & 0b0111_1111 | 0b0100_0000;
    let secret = Scalar::from_bytes_mod_order(clamped);
    let public = EdwardsPoint::mul_base(&secret).compress();
    let once = wide(&[prefix, nonce]);
    let point = EdwardsPoint::mul_base(&once).compress();
    let challenge = wide(&[point.as_bytes(), public.as_bytes(), nonce]);
    [*point.as_bytes(), (once + challenge * secret).to_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hexadecimal::hex;

    /// RFC 8032, 7.1, TEST 2: with a password of 32 bytes it is the standard's own signature.
    #[test]
    fn the_signature_is_that_of_the_standard() {
        let key: Vec<u8> = (0..32)
            .map(|at| {
                let text = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
                u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()
            })
            .collect();
        assert_eq!(
            hex(&ed25519(&key, &[0x72])),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
    }

    #[test]
    fn a_password_is_only_sent_where_it_is_hidden() {
        let tried = |plugin: &str, privacy| {
            proof(plugin, "s3cret", &[7; 32], privacy).map_err(|stopped| format!("{stopped:?}"))
        };
        assert_eq!(tried("sha256_password", Privacy::Hidden).unwrap(), b"s3cret\0");
        assert!(tried("sha256_password", Privacy::None).unwrap_err().contains("ssl_mode=required"));
        assert_eq!(tried("mysql_clear_password", Privacy::Certain).unwrap(), b"s3cret\0");
        assert!(tried("mysql_clear_password", Privacy::Hidden).unwrap_err().contains("verify_identity"));
        let unknown = tried("auth_gssapi_client", Privacy::Certain).unwrap_err();
        assert!(unknown.contains("'auth_gssapi_client'") && unknown.contains("client_ed25519"), "{unknown}");
        assert_eq!(proof("mysql_native_password", "", &[1; 20], Privacy::None).unwrap(), b"");
    }
}
