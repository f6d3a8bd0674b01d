//! Why there is no answer, in plain words.

use std::io::ErrorKind;

use super::address_rules::RefusedAddress;
use crate::{descriptors, error_words, tls};

/// There is no answer. The reason comes first, where a narrow column does not cut it away. The texts hold no secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what} ({asked})")]
pub struct OutboundError {
    /// What to do about it.
    pub kind: OutboundKind,
    /// What was asked, as `GET https://example.org/path`.
    pub asked: String,
    /// What happened.
    pub what: String,
}

/// Kinds of failure, by what the caller can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutboundKind {
    /// The request itself cannot be sent; nobody was asked.
    BadRequest,
    /// The host or address may not be asked; nobody was.
    NotAllowed,
    /// No connection: unknown name, refused, no route. The request was not sent.
    Unreachable,
    /// Time was up while a connection was being made. The request was hardly sent.
    NotConnected,
    /// The other side's certificate is wrong, or no TLS was possible. The request was not sent.
    Tls,
    /// Nobody was asked: this process has no file descriptor left.
    NoDescriptor,
    /// The answers that come in at this moment hold all they may together.
    NoMemory,
    /// Time was up. The request may have arrived.
    TimedOut,
    /// The connection broke, or ended before the whole answer. The request may have arrived.
    Broken,
    /// What came back is no HTTP, or leads nowhere.
    Protocol,
    /// The answer is larger than this many bytes.
    TooLarge(usize),
}

impl OutboundError {
    /// Whether the same request may be answered another time.
    pub fn may_pass(&self) -> bool {
        !matches!(self.kind, OutboundKind::BadRequest | OutboundKind::NotAllowed | OutboundKind::TooLarge(_))
    }
}

/// A failure before it is known what was asked, and before its secrets are taken out.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: OutboundKind,
    pub(super) what: String,
}

impl Failure {
    /// The answer is larger than `most` bytes.
    pub(super) fn too_large(most: usize) -> Failure {
        Failure { kind: OutboundKind::TooLarge(most), what: format!("the answer is larger than {most} bytes") }
    }

    /// Finds the cause that a person can act on among the causes of `error`.
    pub(super) fn from_chain(error: &reqwest::Error) -> Failure {
        let mut last = String::new();
        let mut plain = None;
        for current in error_words::causes(error) {
            if let Some(refused) = current.downcast_ref::<RefusedAddress>() {
                return Failure { kind: OutboundKind::NotAllowed, what: refused.to_string() };
            }
            if let Some(tls) = current.downcast_ref::<rustls::Error>() {
                return Failure { kind: OutboundKind::Tls, what: tls::error_words(tls) };
            }
            if let Some(what) = current.downcast_ref::<std::io::Error>().and_then(|io| descriptors::shortage(io)) {
                return Failure { kind: OutboundKind::NoDescriptor, what };
            }
            last = current.to_string();
            if let Some(io) = current.downcast_ref::<std::io::Error>() {
                plain = io_words(io.kind(), error).or(plain);
            }
        }
        if error.is_dns() {
            return Failure {
                kind: OutboundKind::Unreachable,
                what: format!("the name cannot be resolved: {}", error_words::plain(&last)),
            };
        }
        if let Some(failure) = plain {
            return failure;
        }
        let kind = match error {
            error if error.is_builder() => OutboundKind::BadRequest,
            error if error.is_connect() => OutboundKind::Unreachable,
            _ if last.contains("before message completed") => {
                return Failure {
                    kind: OutboundKind::Broken,
                    what: "the connection was closed before an answer came".to_owned(),
                };
            }
            error if error.is_body() || error.is_decode() => OutboundKind::Broken,
            _ => OutboundKind::Protocol,
        };
        let what = match kind {
            OutboundKind::Unreachable => format!("no connection: {last}"),
            OutboundKind::Protocol => format!("the answer is no HTTP: {last}"),
            _ => last,
        };
        Failure { kind, what }
    }

    /// Whether the connection of a request came to its end before there was an answer. One that could not be made is
    /// another matter.
    pub(super) fn connection_died(error: &reqwest::Error) -> bool {
        !error.is_connect() && Failure::from_chain(error).kind == OutboundKind::Broken
    }

    /// Says how far the answer had come.
    pub(super) fn while_reading(self, received: usize, announced: Option<u64>) -> Failure {
        match (self.kind, announced) {
            (OutboundKind::TimedOut, _) => self,
            (_, Some(all)) if (received as u64) < all => Failure {
                kind: OutboundKind::Broken,
                what: format!("the answer broke off after {received} of {all} bytes"),
            },
            (OutboundKind::Protocol, _) => self,
            _ => Failure {
                kind: OutboundKind::Broken,
                what: format!("the answer broke off after {received} bytes: {}", self.what),
            },
        }
    }
}

/// `5 s`, `0.25 s`.
pub(super) fn seconds(seconds: f64) -> String {
    format!("{} s", (seconds * 100.0).round() / 100.0)
}

fn io_words(kind: ErrorKind, error: &reqwest::Error) -> Option<Failure> {
    let connecting = error.is_connect();
    let (kind, what) = match kind {
        ErrorKind::ConnectionRefused => (OutboundKind::Unreachable, "connection refused: nothing listens there"),
        ErrorKind::HostUnreachable => (OutboundKind::Unreachable, "the host cannot be reached"),
        ErrorKind::NetworkUnreachable => (OutboundKind::Unreachable, "the network cannot be reached"),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            (OutboundKind::Broken, "connection reset by the other side")
        }
        ErrorKind::UnexpectedEof if connecting => {
            (OutboundKind::Broken, "the other side hung up during the TLS handshake")
        }
        ErrorKind::UnexpectedEof => (OutboundKind::Broken, "the other side hung up"),
        ErrorKind::TimedOut => (OutboundKind::Unreachable, "no connection: the host does not answer"),
        _ => return None,
    };
    Some(Failure { kind, what: what.to_owned() })
}
