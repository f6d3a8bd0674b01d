//! What a script, the interpreter and our own Python are known by: checksums.

use crate::{artefact, prelude};

/// The version of a script: the same text has the same one, everywhere and for good. 32 hexadecimal digits.
pub fn script_version(script: &str) -> String {
    blake3::hash(script.as_bytes()).to_hex()[..32].to_owned()
}

/// The version of the embedded interpreter.
pub fn guest_version() -> String {
    artefact::checksum().to_hex()[..32].to_owned()
}

/// The version of our own Python in it.
pub fn prelude_version() -> String {
    prelude::checksum().to_hex()[..32].to_owned()
}
