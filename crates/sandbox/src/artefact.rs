//! The embedded interpreter: CPython and its standard library as one WebAssembly module, made by `guest/` and committed
//! there, packed.

use std::io::{self, Read};

/// `python.wasm`, packed with zstd.
static PACKED: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest/python.wasm.zst"));

/// What it was made from, with its hashes.
static DESCRIPTION: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest/python.json"));

/// Names the artefact: what was compiled from another one is of no use. It is the description's, which has the hash of the
/// artefact in it: reading all of that at every start would keep seven megabytes of the program in memory.
pub(crate) fn checksum() -> blake3::Hash {
    blake3::hash(DESCRIPTION.as_bytes())
}

/// The module's bytes, about 30 MB.
pub(crate) fn unpack() -> io::Result<Vec<u8>> {
    let mut module = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(PACKED).map_err(io::Error::other)?.read_to_end(&mut module)?;
    Ok(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_that_of_the_artefact() {
        let described: serde_json::Value = serde_json::from_str(DESCRIPTION).unwrap();
        let hex = |bytes: &[u8]| {
            use sha2::Digest;
            sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        assert_eq!(described["compressed_sha256"], hex(PACKED).as_str());
        assert_eq!(described["wasm_sha256"], hex(&unpack().unwrap()).as_str());
    }
}
