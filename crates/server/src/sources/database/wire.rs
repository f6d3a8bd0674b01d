//! The bytes between us and a database server: a TCP connection or a Unix socket, with TLS where it is asked for.
//!
//! Servers say how long a message is before they send it, so that one which is too long is refused before it is read.

use std::{io, sync::Arc};

use bytes::{Bytes, BytesMut};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::UnixStream,
};

use super::{faults::Stopped, server::Server};
use crate::answer_memory;

/// How much room is made for what was announced and has not come yet.
const AHEAD: usize = 64 << 10;

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(super) struct Wire {
    io: Box<dyn Io>,
    read: BytesMut,
    write: Vec<u8>,
    is_private: bool,
}

impl Wire {
    pub(super) async fn open(server: &Server) -> io::Result<Wire> {
        let (io, is_private): (Box<dyn Io>, bool) = match &server.socket {
            Some(path) => (Box::new(UnixStream::connect(path).await?), true),
            None => {
                let tcp = server.dialer.connect(&server.host, server.port).await?;
                tcp.set_nodelay(true)?;
                let is_private = tcp.peer_addr()?.ip().to_canonical().is_loopback();
                (Box::new(tcp), is_private)
            }
        };
        Ok(Wire { io, read: BytesMut::new(), write: Vec::new(), is_private })
    }

    /// Over what a test has in its hands.
    #[cfg(test)]
    pub(super) fn over(io: tokio::io::DuplexStream, is_private: bool) -> Wire {
        Wire { io: Box::new(io), read: BytesMut::new(), write: Vec::new(), is_private }
    }

    /// The same, encrypted from here on. Whatever came before would have come unprotected, so there must be nothing.
    pub(super) async fn encrypt(self, config: ClientConfig, name: ServerName<'static>) -> io::Result<Wire> {
        if !self.read.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the server sent more before the encryption began"));
        }
        let io = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, self.io).await?;
        Ok(Wire { io: Box::new(io), read: BytesMut::new(), write: Vec::new(), is_private: true })
    }

    /// Whether nobody on the way can read what is sent: it is encrypted, or does not leave this machine.
    pub(super) fn is_private(&self) -> bool {
        self.is_private
    }

    /// What goes out with the next [`Wire::flush`].
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.write
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.io.write_all(&self.write).await?;
        self.write.clear();
        self.io.flush().await
    }

    /// The next `length` bytes, which are a row.
    pub(super) async fn take_row(&mut self, length: usize) -> Result<Bytes, Stopped> {
        // Small ones are gone before they matter; what is made of them is counted anyway, and stays.
        if length > AHEAD {
            answer_memory::count_passing(length)?;
        }
        Ok(self.take(length).await?)
    }

    /// The next `length` bytes.
    pub(super) async fn take(&mut self, length: usize) -> io::Result<Bytes> {
        while self.read.len() < length {
            self.read.reserve((length - self.read.len()).min(AHEAD));
            if self.io.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.read.split_to(length).freeze())
    }

    /// Ends the sending side, after what is still to be sent.
    pub(super) async fn close(mut self) -> io::Result<()> {
        self.flush().await?;
        self.io.shutdown().await
    }
}
