//! SMTP: what is said to a mail server, and what it answers.
//!
//! Knows nothing of mails. What a server says before it hears of a mail is about the settings: a name it does not take, a
//! password, encryption it does not have. A setting mends it, so none of that is for good.

use std::{net::IpAddr, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio_rustls::TlsConnector;

use super::super::super::{SendError, plain_text};
use crate::{outbound::Dialer, tls};

/// The longest answer that is read; proper ones have a few lines.
const REPLY_BYTES: usize = 64 << 10;

/// How a server is reached, and what is said to it before a mail.
pub(super) struct MailServer {
    pub(super) host: String,
    pub(super) port: u16,
    /// Connects there.
    pub(super) dialer: Dialer,
    pub(super) security: Security,
    /// User and password.
    pub(super) credentials: Option<(String, String)>,
    /// The name to introduce ourselves by.
    pub(super) helo_name: Option<String>,
}

pub(super) enum Security {
    StartTls(Arc<ClientConfig>),
    Tls(Arc<ClientConfig>),
    None,
}

/// A connection on which mails can be handed over.
pub(super) struct Conversation {
    stream: BufReader<Box<dyn Wire>>,
    /// What the server says it can, one extension each, such as `SIZE 1000000`.
    offers: Vec<String>,
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Why a command was of no avail.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server answered with 4xx or 5xx.
    Refused {
        /// 4xx: it may work later.
        passing: bool,
        /// Code and text.
        said: String,
    },
    /// There is no answer.
    Broken(String),
}

impl Fault {
    pub(super) fn words(&self) -> &str {
        match self {
            Fault::Refused { said, .. } => said,
            Fault::Broken(words) => words,
        }
    }

    /// Of a mail: 5xx is for good; 4xx and whatever the network does may pass. 530 is 5xx and yet not about the mail: the
    /// server wants to be signed in to, or encryption, and there are settings for both.
    pub(super) fn of_mail(self) -> SendError {
        match self {
            Fault::Refused { said, .. } if said.starts_with("530") => SendError::later(said),
            Fault::Refused { passing: false, said } => SendError::never(said),
            other => SendError::later(other.words()),
        }
    }

    /// Of a mail that was handed over whole: where no answer came, it may have been taken.
    pub(super) fn of_whole_mail(self) -> SendError {
        match self {
            Fault::Broken(words) => SendError::unanswered(words),
            refused => refused.of_mail(),
        }
    }

    /// Of what comes before a mail, with the step that it was.
    fn at(self, step: &str) -> SendError {
        SendError::later(format!("{step}: {}", self.words()))
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        Fault::Broken(tls.map_or_else(|| error.to_string(), tls::error_words))
    }
}

impl MailServer {
    /// Connects, encrypts, introduces itself and signs in, as far as each is configured.
    pub(super) async fn connect(&self) -> Result<Conversation, SendError> {
        let step = |fault: Fault| fault.at("connecting");
        let socket = self.dialer.connect(&self.host, self.port).await.map_err(|error| step(error.into()))?;
        let hello = match (&self.helo_name, socket.local_addr()) {
            (Some(name), _) => name.clone(),
            (None, Ok(own)) => own_name(own.ip()),
            (None, Err(error)) => return Err(step(error.into())),
        };
        let mut conversation = match &self.security {
            Security::Tls(config) => Conversation::over(self.encrypt(socket, config).await.map_err(step)?),
            Security::StartTls(_) | Security::None => Conversation::over(Box::new(socket)),
        };
        conversation.reply().await.map_err(step)?;
        conversation.introduce(&hello).await?;
        if let Security::StartTls(config) = &self.security {
            let socket = conversation.leave_the_clear().await?;
            // Nothing that was said in the clear is believed afterwards.
            conversation =
                Conversation::over(self.encrypt(socket, config).await.map_err(|fault| fault.at("STARTTLS"))?);
            conversation.introduce(&hello).await?;
        }
        if let Some((user, password)) = &self.credentials {
            conversation.sign_in(user, password).await?;
        }
        Ok(conversation)
    }

    async fn encrypt<S: Wire + 'static>(&self, socket: S, config: &Arc<ClientConfig>) -> Result<Box<dyn Wire>, Fault> {
        let name = ServerName::try_from(self.host.clone())
            .map_err(|_| Fault::Broken(format!("'{}' is no name that a certificate can be for", self.host)))?;
        Ok(Box::new(TlsConnector::from(Arc::clone(config)).connect(name, socket).await?))
    }
}

impl Conversation {
    fn over(stream: Box<dyn Wire>) -> Self {
        Conversation { stream: BufReader::new(stream), offers: Vec::new() }
    }

    /// Whether the server says that it can `extension`.
    pub(super) fn offers(&self, extension: &str) -> bool {
        self.offers.iter().any(|offer| offer.split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case(extension)))
    }

    /// Says `line`; answers with the code and text of a 2xx or 3xx.
    pub(super) async fn command(&mut self, line: &str) -> Result<String, Fault> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.stream.flush().await?;
        Ok(self.reply().await?.said)
    }

    /// Hands over a mail, whose lines end with CRLF, after `DATA` was taken.
    pub(super) async fn mail(&mut self, mail: &[u8]) -> Result<String, Fault> {
        let mut bytes = Vec::with_capacity(mail.len() + 100);
        for line in mail.split_inclusive(|byte| *byte == b'\n') {
            // A line that is a dot alone would end the mail.
            bytes.extend(line.starts_with(b".").then_some(b'.'));
            bytes.extend_from_slice(line);
        }
        let end: &[u8] = if mail.ends_with(b"\r\n") { b".\r\n" } else { b"\r\n.\r\n" };
        bytes.extend_from_slice(end);
        self.stream.write_all(&bytes).await?;
        self.stream.flush().await?;
        Ok(self.reply().await?.said)
    }

    /// Takes leave without waiting for an answer: whatever it is, it changes nothing.
    pub(super) async fn quit(mut self) {
        let _ = self.stream.write_all(b"QUIT\r\n").await;
        let _ = self.stream.shutdown().await;
    }

    async fn introduce(&mut self, hello: &str) -> Result<(), SendError> {
        let greeted = match self.extensions(&format!("EHLO {hello}")).await {
            // A server of before 1995 knows the other greeting alone, and offers nothing.
            Err(Fault::Refused { passing: false, said }) if said.starts_with("500") || said.starts_with("502") => {
                self.command(&format!("HELO {hello}")).await.map(|_| Vec::new())
            }
            other => other,
        };
        self.offers = greeted.map_err(|fault| match fault {
            Fault::Refused { said, .. } => {
                SendError::later(format!("greeting as {hello}: {said}; 'helo_name' sets another name"))
            }
            broken => broken.at("greeting"),
        })?;
        Ok(())
    }

    async fn extensions(&mut self, greeting: &str) -> Result<Vec<String>, Fault> {
        self.stream.write_all(format!("{greeting}\r\n").as_bytes()).await?;
        self.stream.flush().await?;
        Ok(self.reply().await?.after_the_first)
    }

    async fn leave_the_clear(mut self) -> Result<Box<dyn Wire>, SendError> {
        if !self.offers("STARTTLS") {
            let words = "STARTTLS is not supported by this server; 'security' may be 'tls' (port 465), or 'none'";
            return Err(SendError::later(words));
        }
        self.command("STARTTLS").await.map_err(|fault| fault.at("STARTTLS"))?;
        if !self.stream.buffer().is_empty() {
            return Err(SendError::later("STARTTLS: somebody spoke before the encryption began"));
        }
        Ok(self.stream.into_inner())
    }

    /// Signs in, where the server asks for it: one that offers no way to sign in wants none.
    async fn sign_in(&mut self, user: &str, password: &str) -> Result<(), SendError> {
        let Some(ways) = self.offers.iter().find_map(|offer| {
            let (word, ways) = offer.split_once([' ', '='])?;
            word.eq_ignore_ascii_case("AUTH").then(|| ways.to_ascii_uppercase())
        }) else {
            return Ok(());
        };
        let can = |way: &str| ways.split(' ').any(|offered| offered == way);
        let signed_in = if can("PLAIN") {
            self.command(&format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{user}\0{password}")))).await
        } else if can("LOGIN") {
            self.login(user, password).await
        } else {
            let words = format!("the server lets sign in by {ways} alone, and PLAIN and LOGIN are known here");
            Err(Fault::Broken(words))
        };
        signed_in.map(drop).map_err(|fault| fault.at(&format!("signing in as '{user}'")))
    }

    async fn login(&mut self, user: &str, password: &str) -> Result<String, Fault> {
        self.command("AUTH LOGIN").await?;
        self.command(&STANDARD.encode(user)).await?;
        self.command(&STANDARD.encode(password)).await
    }

    /// Reads one reply, of several lines maybe.
    async fn reply(&mut self) -> Result<Reply, Fault> {
        let mut texts: Vec<String> = Vec::new();
        let mut room = REPLY_BYTES;
        loop {
            let mut line = Vec::new();
            let read = (&mut self.stream).take(room as u64).read_until(b'\n', &mut line).await?;
            room -= read;
            if !line.ends_with(b"\n") {
                let words = if room == 0 { "the server's answer does not end" } else { "the server hung up" };
                return Err(Fault::Broken(words.to_owned()));
            }
            let line = plain_text::one_line(&String::from_utf8_lossy(&line));
            let (code, rest) = line.split_at_checked(3).unwrap_or_default();
            let separator = rest.bytes().next();
            if !code.bytes().all(|byte| byte.is_ascii_digit())
                || code.is_empty()
                || !matches!(separator, None | Some(b' ' | b'-'))
            {
                return Err(Fault::Broken(format!(
                    "this is no mail server: it says '{}'",
                    plain_text::cut(&line, 100)
                )));
            }
            texts.push(rest.get(1..).unwrap_or_default().to_owned());
            if separator == Some(b'-') {
                continue;
            }
            let said = format!("{code} {}", texts.join(" ")).trim_end().to_owned();
            return match code.as_bytes()[0] {
                b'2' | b'3' => Ok(Reply { said, after_the_first: texts.split_off(1) }),
                first => Err(Fault::Refused { passing: first != b'5', said }),
            };
        }
    }
}

/// A 2xx or 3xx.
struct Reply {
    /// Code and text, on one line.
    said: String,
    /// The texts of the lines after the first: after `EHLO`, what the server can.
    after_the_first: Vec<String>,
}

/// This machine's name where it is a full one, else its address: what RFC 5321 wants, and strict servers check.
fn own_name(address: IpAddr) -> String {
    name_or_address(&rustix::system::uname().nodename().to_string_lossy(), address)
}

fn name_or_address(name: &str, address: IpAddr) -> String {
    let full = name.contains('.') && name.split('.').all(is_label);
    match address {
        _ if full => name.to_owned(),
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    }
}

/// Whether `name` can follow `EHLO`: a host name, or an address in brackets.
pub(super) fn is_helo_name(name: &str) -> bool {
    let bracketed = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(address) => address.strip_prefix("IPv6:").unwrap_or(address).parse::<IpAddr>().is_ok(),
        None => name.split('.').all(is_label),
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5321, sections 4.1.1.1 and 4.1.3.
    #[test]
    fn a_machine_without_a_full_name_introduces_itself_by_its_address() {
        let by = |name: &str, address: &str| name_or_address(name, address.parse().unwrap());
        for address in ["192.0.2.7", "2001:db8::7"] {
            assert_eq!(by("vm.example.com", address), "vm.example.com");
        }
        // The last two have a dot, and are no names.
        for name in ["vm", "", "vm.", "my vm.example.com"] {
            for (address, literal) in [
                ("127.0.0.1", "[127.0.0.1]"),
                ("192.0.2.7", "[192.0.2.7]"),
                ("::1", "[IPv6:::1]"),
                ("2001:db8::7", "[IPv6:2001:db8::7]"),
                ("::ffff:192.0.2.7", "[IPv6:::ffff:192.0.2.7]"),
            ] {
                assert_eq!(by(name, address), literal, "{name:?}");
                assert!(is_helo_name(literal), "{literal}");
            }
        }
    }
}
