//! One SMTP connection seen from either end: lines in, bytes out, and TLS half-way.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, ServerConfig, ServerConnection, StreamOwned};

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// What was negotiated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The name that the client asked for.
    pub sni: Option<String>,
    /// Such as `TLSv1_3`.
    pub version: String,
}

pub struct Wire {
    tcp: TcpStream,
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
}

impl Wire {
    pub fn new(tcp: TcpStream, patience: Duration) -> io::Result<Wire> {
        tcp.set_read_timeout(Some(patience))?;
        tcp.set_write_timeout(Some(patience))?;
        tcp.set_nodelay(true)?;
        let stream = Box::new(tcp.try_clone()?);
        Ok(Wire { tcp, stream, unread: Vec::new() })
    }

    pub fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// A line without its CR LF or LF; none at the end of the connection.
    pub fn line(&mut self) -> io::Result<Option<String>> {
        let Some(mut line) = self.raw_line()? else { return Ok(None) };
        while matches!(line.last(), Some(b'\r' | b'\n')) {
            line.pop();
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }

    /// A line up to and with its LF.
    pub fn raw_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.unread[searched..].iter().position(|byte| *byte == b'\n') {
                return Ok(Some(self.unread.drain(..=searched + end).collect()));
            }
            searched = self.unread.len();
            let mut chunk = [0; 8192];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(None),
                Ok(length) => self.unread.extend(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub fn accept_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<Tls> {
        let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
        connection.complete_io(&mut self.tcp)?;
        let sni = connection.server_name().map(str::to_owned);
        let tls = Tls { sni, version: version(connection.protocol_version()) };
        self.switch(StreamOwned::new(connection, self.tcp.try_clone()?));
        Ok(tls)
    }

    pub fn start_tls(&mut self, config: Arc<ClientConfig>, name: ServerName<'static>) -> io::Result<Tls> {
        let sni = Some(name.to_str().into_owned());
        let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        connection.complete_io(&mut self.tcp)?;
        let tls = Tls { sni, version: version(connection.protocol_version()) };
        self.switch(StreamOwned::new(connection, self.tcp.try_clone()?));
        Ok(tls)
    }

    /// What was read before TLS began is forgotten, as RFC 3207 wants it.
    fn switch(&mut self, stream: impl Stream + 'static) {
        self.unread.clear();
        self.stream = Box::new(stream);
    }
}

fn version(version: Option<ProtocolVersion>) -> String {
    version.map(|version| format!("{version:?}")).unwrap_or_default()
}
