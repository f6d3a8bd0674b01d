//! The log-ins of PostgreSQL that prove a password without sending it: SCRAM-SHA-256 (RFC 5802, 7677) and MD5.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::{Digest, Sha256};

use crate::hexadecimal::hex;

/// More rounds than any server asks for in earnest; each costs us two hashes.
const MOST_ROUNDS: u32 = 2_000_000;

/// One exchange.
pub(super) struct Scram {
    password: String,
    nonce: String,
    /// What the server has to show in the end that it knows the password too; there once our own proof is.
    signature: Option<[u8; 32]>,
}

impl Scram {
    /// `nonce` is a text that nobody can guess.
    pub(super) fn new(password: &str, nonce: String) -> Scram {
        // Passwords that cannot be prepared are taken as they are, as the server has done when it stored them.
        let password = stringprep::saslprep(password).map_or_else(|_| password.to_owned(), |text| text.into_owned());
        Scram { password, nonce, signature: None }
    }

    /// The first message. The user is the session's own, so none is named.
    pub(super) fn first(&self) -> String {
        format!("n,,n=,r={}", self.nonce)
    }

    /// The proof, once the server has sent its salt. Long work, if the server wants many rounds.
    pub(super) fn proof(&mut self, challenge: &str) -> Result<String, String> {
        let wrong = || "the server's challenge cannot be read".to_owned();
        if self.signature.is_some() {
            return Err("the server challenges a second time".to_owned());
        }
        let part = |key: &str| challenge.split(',').find_map(|part| part.strip_prefix(key)).ok_or_else(wrong);
        let nonce = part("r=")?;
        let salt = BASE64_STANDARD.decode(part("s=")?).map_err(|_| wrong())?;
        let rounds: u32 = part("i=")?.parse().map_err(|_| wrong())?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err("the server's challenge is not for this log-in".to_owned());
        }
        if !(1..=MOST_ROUNDS).contains(&rounds) {
            return Err(format!("the server wants {rounds} rounds of hashing"));
        }
        let salted = salted(self.password.as_bytes(), &salt, rounds);
        let (client, server) = (keyed(&salted, b"Client Key"), keyed(&salted, b"Server Key"));
        let all = format!("n=,r={},{challenge},c=biws,r={nonce}", self.nonce);
        let stored: [u8; 32] = Sha256::digest(client).into();
        let mut proof = keyed(&stored, all.as_bytes());
        proof.iter_mut().zip(client).for_each(|(proof, client)| *proof ^= client);
        self.signature = Some(keyed(&server, all.as_bytes()));
        Ok(format!("c=biws,r={nonce},p={}", BASE64_STANDARD.encode(proof)))
    }

    /// Whether the server knows the password as well.
    pub(super) fn is_proven(&self, last: &str) -> bool {
        let signature = last.split(',').find_map(|part| part.strip_prefix("v="));
        signature
            .and_then(|text| BASE64_STANDARD.decode(text).ok())
            .is_some_and(|found| self.signature.is_some_and(|signature| found == signature))
    }
}

/// PBKDF2 with one block.
fn salted(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
    let mut block = [salt, &[0, 0, 0, 1]].concat();
    let mut all = [0; 32];
    let key = mac(password);
    for _ in 0..rounds {
        let mut mac = key.clone();
        mac.update(&block);
        block = mac.finalize().into_bytes().to_vec();
        all.iter_mut().zip(&block).for_each(|(all, byte)| *all ^= byte);
    }
    all
}

fn keyed(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = mac(key);
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key may have any length")
}

/// The older proof, which PgBouncer still asks for.
pub(super) fn md5(user: &str, password: &str, salt: &[u8]) -> String {
    let hash = |parts: [&[u8]; 2]| {
        let mut hash = Md5::new();
        parts.iter().for_each(|part| hash.update(part));
        hex(&hash.finalize())
    };
    format!("md5{}", hash([hash([password.as_bytes(), user.as_bytes()]).as_bytes(), salt]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677, section 3; there the user is named, so only what does not depend on that can be compared.
    #[test]
    fn the_example_of_the_standard_comes_out() {
        let salt = BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let salted = salted(b"pencil", &salt, 4096);
        let all = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                   s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = keyed(&keyed(&salted, b"Server Key"), all.as_bytes());
        assert_eq!(BASE64_STANDARD.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_found_out() {
        let mut scram = Scram::new("pencil", "abc".to_owned());
        assert_eq!(scram.first(), "n,,n=,r=abc");
        assert!(!scram.is_proven(&format!("v={}", BASE64_STANDARD.encode([0; 32]))), "before any challenge");
        for challenge in ["", "r=xyz,s=QQ==,i=1", "r=abc,s=QQ==,i=1", "r=abcd,s=?,i=1", "r=abcd,s=QQ==,i=4000000000"] {
            assert!(scram.proof(challenge).is_err(), "{challenge}");
        }
        let proof = scram.proof("r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2").unwrap();
        assert!(proof.starts_with("c=biws,r=abcdef,p="), "{proof}");
        assert!(scram.is_proven(&format!("v={}", BASE64_STANDARD.encode(scram.signature.unwrap()))));
        for last in ["", "v=", "v=AAAA", "e=other-error"] {
            assert!(!scram.is_proven(last), "{last}");
        }
        assert!(scram.proof("r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2").is_err(), "a second challenge");
    }

    #[test]
    fn the_older_proof_is_as_the_server_computes_it() {
        // select 'md5' || md5(md5('secret' || 'alice') || 'salt')
        assert_eq!(md5("alice", "secret", b"salt"), "md5986e2194384c07f4fd1df4b1351b3e68");
    }
}
