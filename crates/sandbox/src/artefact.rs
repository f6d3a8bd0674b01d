//! The embedded interpreter: CPython and its standard library as one WebAssembly module, made by `guest/` and committed
//! there, packed.

use std::io;

/// `python.wasm`, packed with zstd.
static PACKED: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest/python.wasm.zst"));

/// Names the artefact: what was compiled from another one is of no use.
pub(crate) fn checksum() -> blake3::Hash {
    blake3::hash(PACKED)
}

/// The module's bytes, about 30 MB.
pub(crate) fn unpack() -> io::Result<Vec<u8>> {
    zstd::stream::decode_all(PACKED)
}
