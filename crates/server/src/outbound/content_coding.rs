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

/// Whether the headers say that the body is another one than people mean: it is there until it is decoded.
pub(super) fn is_coded(headers: &HeaderMap) -> bool {
    !codings(&named(headers)).is_empty()
}

/// Undoes what the headers say was done to `body`, the last first, up to `most` bytes, and takes the headers away that are
/// no longer true. Others have their turn meanwhile, and it may be ended at any of them.
pub(super) async fn decode(headers: &mut HeaderMap, body: Bytes, most: usize) -> Decoded {
    let named = named(headers);
    let codings = codings(&named);
    // There is nothing to undo where nothing came, as after HEAD.
    if codings.is_empty() || body.is_empty() {
        return Decoded { body, fault: None };
    }
    if let Some(what) = why_unknown(&named, &codings) {
        return Decoded { body, fault: Some(unreadable(what)) };
    }
    headers.remove(header::CONTENT_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    let mut body = body;
    for (left, coding) in codings.iter().enumerate().rev() {
        let mut output = Output { bytes: Vec::new(), most, is_last: left == 0 };
        let ended = output.read(coding, &body).await;
        body = output.bytes.into();
        if let Err(failure) = ended {
            return Decoded { body, fault: Some(failure) };
        }
    }
    answer_memory::passed();
    Decoded { body, fault: None }
}

/// What the headers name, as it stands there. A line that a proxy has written once more counts once.
fn named(headers: &HeaderMap) -> String {
    let mut lines: Vec<_> = headers.get_all(header::CONTENT_ENCODING).iter().map(Reply::header_text).collect();
    lines.dedup();
    lines.join(", ")
}

/// The codings of such a list that change anything, in the order in which they were applied.
fn codings(named: &str) -> Vec<String> {
    let codings = named.split(',').map(|one| one.trim().to_ascii_lowercase());
    codings.filter(|one| !one.is_empty() && one != "identity").collect()
}

fn why_unknown(named: &str, codings: &[String]) -> Option<String> {
    if !codings.iter().all(|one| ["gzip", "x-gzip", "deflate", "br", "zstd"].contains(&one.as_str())) {
        return Some(format!(
            "the answer is encoded as '{named}' (Content-Encoding), and gzip, deflate, br and zstd are known"
        ));
    }
    let times = codings.len();
    (times > MOST_CODINGS).then(|| {
        format!(
            "the answer is encoded {times} times over ('{named}', Content-Encoding), and {MOST_CODINGS} is the most"
        )
    })
}

/// What comes out of one coding.
struct Output {
    bytes: Vec<u8>,
    /// So many at most.
    most: usize,
    /// Whether this is the answer, and not what another coding is to be undone of.
    is_last: bool,
}

impl Output {
    async fn read(&mut self, coding: &str, body: &[u8]) -> Result<(), Failure> {
        match coding {
            "gzip" | "x-gzip" => self.read_members(body).await,
            // Meant is zlib's frame; some send what belongs into it.
            "deflate" if has_zlib_frame(body) => self.read_all(&mut ZlibDecoder::new(body)).await,
            "deflate" => self.read_all(&mut DeflateDecoder::new(body)).await,
            "br" => {
                let mut decoder = Decompressor::new(body, PIECE);
                // RFC 7932 has windows of 16 MiB at most; what came after it has larger ones, and fills them at once.
                decoder.set_parameter(BrotliDecoderParameter::BROTLI_DECODER_PARAM_LARGE_WINDOW, 0);
                self.read_all(&mut decoder).await
            }
            _ => self.read_frames(body).await,
        }
    }

    /// Reads `decoder` to its end.
    async fn read_all(&mut self, decoder: &mut (impl Read + Send)) -> Result<(), Failure> {
        let mut piece = vec![0; PIECE];
        for number in 1_usize.. {
            let came = match decoder.read(&mut piece) {
                Ok(0) => break,
                Ok(came) => came,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Err(not_so_compressed()),
            };
            let room = self.most - self.bytes.len();
            self.bytes.extend_from_slice(&piece[..came.min(room)]);
            if came > room {
                return Err(Failure::too_large(self.most));
            }
            let counted = if self.is_last { answer_memory::count(came) } else { answer_memory::count_passing(came) };
            counted.map_err(|fault| Failure { kind: OutboundKind::NoMemory, what: fault.to_string() })?;
            if number.is_multiple_of(PIECES_IN_A_TURN) {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Reads what gzip made: one member after the other (RFC 1952, section 2.2).
    async fn read_members(&mut self, mut body: &[u8]) -> Result<(), Failure> {
        for _ in 0..MOST_PARTS {
            let mut member = GzDecoder::new(body);
            self.read_all(&mut member).await?;
            body = member.into_inner();
            if body.is_empty() {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
        Err(in_too_many_parts())
    }

    /// Reads what zstd made: one frame after the other, some of which say nothing (RFC 8878, section 3).
    async fn read_frames(&mut self, mut body: &[u8]) -> Result<(), Failure> {
        for _ in 0..MOST_PARTS {
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(LARGEST_WINDOW);
            match StreamingDecoder::new_with_decoder(body, decoder) {
                Ok(mut frame) => {
                    self.read_all(&mut frame).await?;
                    let sum = frame.decoder.get_checksum_from_data();
                    if sum.is_some() && frame.decoder.get_calculated_checksum() != sum {
                        return Err(not_so_compressed());
                    }
                    body = frame.into_inner();
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    body = body.get(8 + length as usize..).ok_or_else(not_so_compressed)?;
                }
                Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => {
                    return Err(unreadable(format!(
                        "the answer takes a window of {} MiB to decompress, and zstd over HTTP has {} at most (RFC 9659)",
                        requested >> 20,
                        LARGEST_WINDOW >> 20
                    )));
                }
                Err(_) => return Err(not_so_compressed()),
            }
            if body.is_empty() {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
        Err(in_too_many_parts())
    }
}

/// Whether this begins as zlib's data do (RFC 1950, section 2.2).
fn has_zlib_frame(body: &[u8]) -> bool {
    let [method, flags, ..] = *body else { return false };
    method & 0x0f == 8 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}

fn not_so_compressed() -> Failure {
    unreadable("the answer is not compressed in the way that its Content-Encoding says".to_owned())
}

fn in_too_many_parts() -> Failure {
    unreadable(format!("the answer is compressed in more than {MOST_PARTS} parts"))
}

fn unreadable(what: String) -> Failure {
    Failure { kind: OutboundKind::Protocol, what }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        time::{Duration, Instant},
    };

    use flate2::{Compression, write::GzEncoder};
    use futures_util::FutureExt as _;

    use super::*;
    use crate::answer_memory::AnswerMemory;

    fn headers(codings: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static(codings))])
    }

    fn gzip(text: &[u8], level: Compression) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), level);
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn others_have_their_turn_while_a_large_answer_is_decoded() {
        let decoded_at_once = |length: usize| {
            let body = gzip(&vec![b'x'; length], Compression::fast()).into();
            decode(&mut headers("gzip"), body, 64 << 20).now_or_never().is_some()
        };
        assert!(decoded_at_once(1000) && !decoded_at_once(1 << 20));
        // Parts that hold nothing cost time as well.
        let body = gzip(b"", Compression::fast()).repeat(100).into();
        assert!(decode(&mut headers("gzip"), body, 1000).now_or_never().is_none());
    }

    #[tokio::test]
    async fn an_answer_has_a_bounded_number_of_parts() {
        const EMPTY_FRAME: [u8; 9] = [0x28, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0];
        for (coding, part) in [("gzip", gzip(b"", Compression::fast())), ("zstd", EMPTY_FRAME.to_vec())] {
            let fits = decode(&mut headers(coding), part.repeat(MOST_PARTS).into(), 1000).await;
            assert!(fits.fault.is_none() && fits.body.is_empty(), "{coding}: {:?}", fits.fault);
            let decoded = decode(&mut headers(coding), part.repeat(MOST_PARTS + 1).into(), 1000).await;
            assert_eq!(decoded.fault.unwrap().what, "the answer is compressed in more than 10000 parts", "{coding}");
        }
    }

    /// What an answer was made of is not there any more: others may have that room.
    #[tokio::test]
    async fn only_what_is_left_of_an_answer_counts_when_it_is_decoded() {
        let memory = AnswerMemory::of(64 << 20);
        let text = vec![b'x'; 3 << 20];
        let once = gzip(&text, Compression::none());
        let twice = gzip(&once, Compression::none());
        let held = memory.during(Instant::now() + Duration::from_secs(60), async {
            answer_memory::count_passing(twice.len())?;
            let decoded = decode(&mut headers("gzip, gzip"), twice.clone().into(), 16 << 20).await;
            assert!(decoded.fault.is_none() && decoded.body == text);
            Ok(memory.used())
        });
        assert_eq!(held.await, Ok(text.len()));
    }
}
