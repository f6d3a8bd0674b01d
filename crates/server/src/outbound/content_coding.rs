//! Bodies that come compressed (`Content-Encoding`, RFC 9110, section 8.4), read within what an answer may hold.

use std::io::{self, Read};

use brotli_decompressor::{BrotliDecoderParameter, Decompressor};
use bytes::Bytes;
use flate2::{
    bufread::GzDecoder,
    read::{DeflateDecoder, ZlibDecoder},
};
use reqwest::header::{self, HeaderMap, HeaderValue};
use ruzstd::decoding::{
    FrameDecoder, StreamingDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use super::{OutboundKind, Reply, fault::Failure};
use crate::answer_memory;

/// What every request says can be read.
pub(super) const ACCEPTED: HeaderValue = HeaderValue::from_static("gzip, deflate, br, zstd");

/// The largest window of zstd over HTTP (RFC 9659).
const LARGEST_WINDOW: u64 = 8 << 20;
/// More steps than anybody has a use for; each costs as much as the one before.
const MOST_CODINGS: usize = 4;
/// So many members of gzip or frames of zstd: each costs something, though it may hold nothing.
const MOST_PARTS: usize = 10_000;
/// So much is decoded at once.
const PIECE: usize = 32 << 10;
/// And so many pieces before others have their turn.
const PIECES_IN_A_TURN: usize = 8;

/// What a body was made of.
pub(super) struct Decoded {
    pub(super) body: Bytes,
    /// Why there is no more of it.
    pub(super) fault: Option<Failure>,
}

/// Undoes what the headers say was done to `body`, the last first, up to `most` bytes, and takes the headers away that are
/// no longer true. Others have their turn meanwhile, and it may be ended at any of them.
pub(super) async fn decode(headers: &mut HeaderMap, body: Bytes, most: usize) -> Decoded {
    let mut lines: Vec<String> =
        headers.get_all(header::CONTENT_ENCODING).iter().map(|line| Reply::header_text(line).to_string()).collect();
    // What a proxy says once more was not done once more.
    lines.dedup();
    let named = lines.join(", ");
    let codings = named.split(',').map(|one| one.trim().to_ascii_lowercase());
    let codings: Vec<String> = codings.filter(|one| !one.is_empty() && one != "identity").collect();
    // There is nothing to undo where nothing came, as after HEAD.
    if codings.is_empty() || body.is_empty() {
        return Decoded { body, fault: None };
    }
    let known = |one: &String| ["gzip", "x-gzip", "deflate", "br", "zstd"].contains(&one.as_str());
    if !codings.iter().all(known) || codings.len() > MOST_CODINGS {
        let what =
            format!("the answer is encoded as '{named}' (Content-Encoding), and gzip, deflate, br and zstd are known");
        return Decoded { body, fault: Some(Failure { kind: OutboundKind::Protocol, what }) };
    }
    headers.remove(header::CONTENT_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    let mut body = body;
    for coding in codings.iter().rev() {
        let mut decoded = Vec::new();
        let ended = match coding.as_str() {
            "gzip" | "x-gzip" => read_members(&body, &mut decoded, most).await,
            // Meant is zlib's frame; some send what belongs into it.
            "deflate" if has_zlib_frame(&body) => read(&mut ZlibDecoder::new(&*body), &mut decoded, most).await,
            "deflate" => read(&mut DeflateDecoder::new(&*body), &mut decoded, most).await,
            "br" => {
                let mut decoder = Decompressor::new(&*body, PIECE);
                // RFC 7932 has windows of 16 MiB at most; what came after it has larger ones, and fills them at once.
                decoder.set_parameter(BrotliDecoderParameter::BROTLI_DECODER_PARAM_LARGE_WINDOW, 0);
                read(&mut decoder, &mut decoded, most).await
            }
            _ => read_frames(&body, &mut decoded, most).await,
        };
        body = decoded.into();
        if let Err(failure) = ended {
            return Decoded { body, fault: Some(failure) };
        }
    }
    Decoded { body, fault: None }
}

/// Reads `decoder` to its end.
async fn read(decoder: &mut (impl Read + Send), decoded: &mut Vec<u8>, most: usize) -> Result<(), Failure> {
    let mut piece = vec![0; PIECE];
    for number in 1_usize.. {
        let came = match decoder.read(&mut piece) {
            Ok(0) => break,
            Ok(came) => came,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(not_so_compressed()),
        };
        let room = most - decoded.len();
        decoded.extend_from_slice(&piece[..came.min(room)]);
        if came > room {
            return Err(Failure::too_large(most));
        }
        answer_memory::count(came)
            .map_err(|fault| Failure { kind: OutboundKind::NoMemory, what: fault.to_string() })?;
        if number.is_multiple_of(PIECES_IN_A_TURN) {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// Reads what gzip made: one member after the other (RFC 1952, section 2.2).
async fn read_members(mut body: &[u8], decoded: &mut Vec<u8>, most: usize) -> Result<(), Failure> {
    for _ in 0..MOST_PARTS {
        let mut member = GzDecoder::new(body);
        read(&mut member, decoded, most).await?;
        body = member.into_inner();
        if body.is_empty() {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
    Err(not_so_compressed())
}

/// Reads what zstd made: one frame after the other, some of which say nothing (RFC 8878, section 3).
async fn read_frames(mut body: &[u8], decoded: &mut Vec<u8>, most: usize) -> Result<(), Failure> {
    for _ in 0..MOST_PARTS {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(LARGEST_WINDOW);
        match StreamingDecoder::new_with_decoder(body, decoder) {
            Ok(mut frame) => {
                read(&mut frame, decoded, most).await?;
                let sum = frame.decoder.get_checksum_from_data();
                if sum.is_some() && frame.decoder.get_calculated_checksum() != sum {
                    return Err(not_so_compressed());
                }
                body = frame.into_inner();
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                body = body.get(8 + length as usize..).ok_or_else(not_so_compressed)?;
            }
            Err(_) => return Err(not_so_compressed()),
        }
        if body.is_empty() {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
    Err(not_so_compressed())
}

/// Whether this begins as zlib's data do (RFC 1950, section 2.2).
fn has_zlib_frame(body: &[u8]) -> bool {
    let [method, flags, ..] = *body else { return false };
    method & 0x0f == 8 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}

fn not_so_compressed() -> Failure {
    Failure {
        kind: OutboundKind::Protocol,
        what: "the answer is not compressed in the way that its Content-Encoding says".to_owned(),
    }
}
