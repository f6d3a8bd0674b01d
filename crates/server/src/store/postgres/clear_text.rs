//! The password never goes over a network as it is.
//!
//! The client library shows the password in whatever way the server asks for it, over whatever connection there is. So where
//! nothing says that the connection must be encrypted, the server is asked first, without the password, whether it encrypts,
//! and if not, in which way it wants the password. One that encrypts once is held to it, by all connections.

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Asks for TLS; 1234 and 5679, which no version of the protocol has.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const PROTOCOL: i32 = 3 << 16;
/// The way of showing a password in which it is sent as it is.
const AS_IT_IS: i32 = 3;

/// The server wants it so.
#[derive(Debug, thiserror::Error)]
#[error("the password was asked for as it is, over a connection without TLS")]
pub(super) struct AskedInTheClear;

/// Whether a server encrypts what it is asked to. Refuses one that does not and wants the password as it is.
pub(super) async fn offers_tls(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let host = options.get_host().trim_start_matches('[').trim_end_matches(']');
    let mut stream = TcpStream::connect((host, options.get_port())).await?;
    if matches!(options.get_ssl_mode(), PgSslMode::Prefer) {
        stream.write_all(&TLS_REQUEST).await?;
        if stream.read_u8().await? == b'S' {
            return Ok(true);
        }
    }
    stream.write_all(&hello(options)).await?;
    // What it answers else, as that it lets nobody in, the client library will be told too.
    if stream.read_u8().await? != b'R' {
        return Ok(false);
    }
    let _length = stream.read_i32().await?;
    if stream.read_i32().await? != AS_IT_IS {
        return Ok(false);
    }
    Err(sqlx::Error::Configuration(Box::new(AskedInTheClear)))
}

/// Who comes, and to which database: how every connection begins.
fn hello(options: &PgConnectOptions) -> Vec<u8> {
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    let database = options.get_database().unwrap_or(options.get_username());
    for text in ["user", options.get_username(), "database", database] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = i32::try_from(body.len() + 4).unwrap_or(i32::MAX);
    [&length.to_be_bytes(), body.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What is made of a server that answers the request for TLS with `tls`, and the beginning with `then`.
    async fn asked(mode: PgSslMode, tls: Option<u8>, then: &'static [u8]) -> Result<bool, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            if let Some(answer) = tls {
                let mut request = [0; 8];
                stream.read_exact(&mut request).await.unwrap();
                assert_eq!(request, TLS_REQUEST);
                stream.write_all(&[answer]).await.unwrap();
            }
            if tls != Some(b'S') {
                let length = stream.read_i32().await.unwrap();
                let mut body = vec![0; usize::try_from(length).unwrap() - 4];
                stream.read_exact(&mut body).await.unwrap();
                assert_eq!(body, b"\0\x03\0\0user\0revere\0database\0d\0\0");
                stream.write_all(then).await.unwrap();
            }
            // What was not read breaks the connection off, in the place of an end.
            let _ = stream.read_to_end(&mut seen).await;
            assert_eq!(seen, b"", "nothing more is sent");
        });
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).username("revere");
        let offers = offers_tls(&options.database("d").password("s3cret").ssl_mode(mode)).await;
        server.await.unwrap();
        offers.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_server_that_wants_the_password_as_it_is_gets_it_over_tls_alone() {
        const CLEAR: &[u8] = b"R\0\0\0\x08\0\0\0\x03";
        const SCRAM: &[u8] = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";
        for (mode, tls) in [(PgSslMode::Prefer, Some(b'N')), (PgSslMode::Disable, None), (PgSslMode::Allow, None)] {
            let refused = asked(mode, tls, CLEAR).await.unwrap_err();
            assert!(refused.contains("asked for as it is"), "{refused}");
            assert_eq!(asked(mode, tls, SCRAM).await, Ok(false));
            assert_eq!(asked(mode, tls, b"R\0\0\0\x08\0\0\0\0").await, Ok(false), "it trusts whoever comes");
            assert_eq!(asked(mode, tls, b"E\0\0\0\x05\0").await, Ok(false));
        }
        assert_eq!(asked(PgSslMode::Prefer, Some(b'S'), b"").await, Ok(true));
    }
}
