//! Where in the bytes of a connection each request's head begins and ends, and whether a head announces its body in two
//! ways at once.
//!
//! The HTTP library reads such a request by its `Transfer-Encoding` and hides that there was a `Content-Length`. A proxy
//! that reads it by the length would take the rest for another request: whoever sends both means harm, and is refused.
//! Looks at heads alone and refuses nothing else: what is wrong in other ways, the library says.

/// How much of a line matters: the name of a header, and a length.
const KEPT: usize = 64;

/// Follows the bytes of one connection.
#[derive(Debug)]
pub(super) struct RequestFraming {
    at: At,
    line: Line,
    /// Heads that have ended.
    heads: u64,
    ambiguous: bool,
}

#[derive(Debug)]
enum At {
    /// Before a request or in its head.
    Head(Head),
    /// So many bytes of a body are still to come.
    Body(u64),
    /// The line that says how long the next chunk is.
    ChunkSize,
    /// So many bytes of a chunk, with the line end after it.
    Chunk(u64),
    /// The lines after the last chunk.
    Trailers,
}

#[derive(Debug, Default)]
struct Head {
    /// Whether any line of it has ended: empty lines before it are none of it.
    begun: bool,
    chunked: bool,
    length: Option<u64>,
}

/// The beginning of a line that has not ended yet.
#[derive(Debug)]
struct Line {
    kept: [u8; KEPT],
    length: usize,
}

impl RequestFraming {
    pub(super) fn new() -> Self {
        RequestFraming {
            at: At::Head(Head::default()),
            line: Line { kept: [0; KEPT], length: 0 },
            heads: 0,
            ambiguous: false,
        }
    }

    /// The heads that have ended so far.
    pub(super) fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether a head has begun to come and has not ended.
    pub(super) fn in_head(&self) -> bool {
        matches!(&self.at, At::Head(head) if head.begun || self.line.length > 0)
    }

    /// Whether a body has begun to come and has not ended.
    pub(super) fn in_body(&self) -> bool {
        !matches!(self.at, At::Head(_))
    }

    /// Whether a request had both a `Content-Length` and a `Transfer-Encoding`.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }

    /// Takes in what came next.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.at {
                At::Body(left) | At::Chunk(left) => {
                    let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= taken as u64;
                    bytes = &bytes[taken..];
                    if *left == 0 {
                        let in_chunk = matches!(self.at, At::Chunk(_));
                        self.at = if in_chunk { At::ChunkSize } else { At::Head(Head::default()) };
                    }
                }
                At::Head(_) | At::ChunkSize | At::Trailers => {
                    let end = bytes.iter().position(|byte| *byte == b'\n');
                    let (part, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
                    self.line.push(part);
                    bytes = rest;
                    if end.is_some() {
                        self.line_ended();
                    }
                }
            }
        }
    }

    fn line_ended(&mut self) {
        let line = self.line.text();
        match &mut self.at {
            At::Head(head) if line.is_empty() && head.begun => {
                self.heads += 1;
                self.ambiguous |= head.chunked && head.length.is_some();
                self.at = match (head.chunked, head.length) {
                    (true, _) => At::ChunkSize,
                    (false, Some(length)) if length > 0 => At::Body(length),
                    (false, _) => At::Head(Head::default()),
                };
            }
            At::Head(head) => {
                head.begun |= !line.is_empty();
                let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
                let (name, value) = line.split_at(colon);
                if name.eq_ignore_ascii_case(b"transfer-encoding") {
                    head.chunked = true;
                } else if name.eq_ignore_ascii_case(b"content-length") {
                    let digits = std::str::from_utf8(value).unwrap_or_default().trim_start_matches(':').trim();
                    // What is no number, the library refuses.
                    head.length = Some(digits.parse().unwrap_or(0));
                }
            }
            At::ChunkSize => {
                let text = std::str::from_utf8(line).unwrap_or_default();
                let digits = text.split(';').next().unwrap_or_default().trim();
                self.at = match u64::from_str_radix(digits, 16) {
                    Ok(0) | Err(_) => At::Trailers,
                    Ok(size) => At::Chunk(size.saturating_add(2)),
                };
            }
            At::Trailers if line.is_empty() => self.at = At::Head(Head::default()),
            At::Trailers | At::Body(_) | At::Chunk(_) => {}
        }
        self.line.length = 0;
    }
}

impl Line {
    fn push(&mut self, part: &[u8]) {
        let kept = part.len().min(KEPT - self.length);
        self.kept[self.length..self.length + kept].copy_from_slice(&part[..kept]);
        self.length += kept;
    }

    /// Without its end.
    fn text(&self) -> &[u8] {
        let line = &self.kept[..self.length];
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(text: &str) -> RequestFraming {
        let mut framing = RequestFraming::new();
        framing.read(text.as_bytes());
        framing
    }

    const HARMLESS: &str = "\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\n\
        POST /a HTTP/1.1\r\nContent-Length: 60\r\n\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n            \
        POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n12;x=y\r\ncontent-length: 4\n\r\n0\r\ntrailer: 1\r\n\r\n\
        GET /c HTTP/1.1\nhost: h\n\n";

    #[test]
    fn bodies_are_told_from_heads() {
        let framing = after(HARMLESS);
        assert_eq!((framing.heads(), framing.in_head(), framing.is_ambiguous()), (4, false, false), "{framing:?}");
        assert!(!framing.in_body());
        assert!(after("GET").in_head());
        assert!(after("GET / HTTP/1.1\r\n").in_head());
        assert!(!after("").in_head());
        let half = after("POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nab");
        assert!(half.in_body() && !half.in_head());
        assert!(after("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n").in_body());
    }

    #[test]
    fn both_ways_at_once_are_seen_in_either_order_and_in_any_request() {
        let both = [
            "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nx: y\r\ncontent-length: 4\r\n\r\n",
            "POST / HTTP/1.1\r\nTRANSFER-ENCODING: gzip, chunked\r\nCONTENT-LENGTH:0\r\n\r\n",
        ];
        for both in both {
            assert!(after(both).is_ambiguous(), "{both}");
            assert!(after(&format!("{HARMLESS}{both}")).is_ambiguous(), "{both}");
        }
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_makes_no_difference(cuts in proptest::collection::vec(1usize..40, 1..40)) {
            let text = format!("{HARMLESS}POST / HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n");
            let (mut framing, mut rest, mut sizes) = (RequestFraming::new(), text.as_bytes(), cuts.iter().cycle());
            while !rest.is_empty() {
                let (part, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                framing.read(part);
                rest = after;
            }
            prop_assert_eq!((framing.heads(), framing.is_ambiguous()), (5, true));
        }

        #[test]
        fn anything_at_all_is_no_panic(bytes: Vec<u8>) {
            RequestFraming::new().read(&bytes);
        }
    }
}
