//! From a target to a connection that is ready for transactions: dial, TLS, opening.

use std::sync::Arc;

use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::relay::config::{Connector, Protocol, TlsLevel};
use crate::relay::deliver::opening::{Opening, Step, Terms};
use crate::relay::deliver::wire::{Io, Wire, late};
use crate::relay::deliver::{Client, Connection, Kind, Secured, Target, Trouble, auth, tls};
use crate::relay::reply::Status;

/// Connects to one address of a next hop, as the connector's policy wants it.
///
/// Where TLS is opportunistic and cannot be agreed upon, a second connection goes in clear (RFC 7435 3): mail to a host
/// whose TLS is broken would else be less safe from loss, and no safer from others.
pub async fn connect(client: &Client, connector: &Connector, target: &Target) -> Result<Connection, Trouble> {
    match attempt(client, connector, target, connector.tls.level).await {
        Err(trouble) if trouble.kind == Kind::Tls && may_go_clear(connector) => {
            let mut connection = attempt(client, connector, target, TlsLevel::Off).await?;
            connection.note(format!("TLS failed; the connection goes in clear: {trouble}"));
            Ok(connection)
        }
        connection => connection,
    }
}

fn may_go_clear(connector: &Connector) -> bool {
    connector.tls.level == TlsLevel::Opportunistic && connector.protocol != Protocol::Smtps && connector.auth.is_none()
}

async fn attempt(
    client: &Client,
    connector: &Connector,
    target: &Target,
    level: TlsLevel,
) -> Result<Connection, Trouble> {
    let (credentials, note) = match &connector.auth {
        Some(auth) => auth::read(auth, &client.settings.folder).map(|(credentials, note)| (Some(credentials), note))?,
        None => (None, None),
    };
    let (mut io, mut tls) = (dial(client, connector, target).await?, None);
    let secure = connector.protocol == Protocol::Smtps;
    if secure {
        io = handshake(client, connector, target, io, &mut tls).await?;
    }
    let hostname = client.settings.hostname.clone();
    let mut opening = Opening::new(Terms { hostname, protocol: connector.protocol, level, credentials }, secure);
    let wire = open(client, connector, target, &mut opening, Wire::new(io), &mut tls).await?;
    let (offered, mut notes) = opening.into_offered();
    notes.extend(note);
    let lmtp = connector.protocol == Protocol::Lmtp;
    Ok(Connection::new(wire, offered, lmtp, client.settings.timeouts, notes, tls))
}

async fn dial(client: &Client, connector: &Connector, target: &Target) -> Result<Box<dyn Io>, Trouble> {
    let dial = client.dial.dial(target, connector.source_address);
    match timeout(client.settings.timeouts.connect, dial).await {
        Ok(Ok(io)) => Ok(io),
        Ok(Err(error)) => Err(Trouble::new(Kind::Connect, Status(4, 4, 1), format!("cannot connect: {error}"))),
        Err(_) => Err(Trouble::new(Kind::Connect, Status(4, 4, 1), "cannot connect in time")),
    }
}

/// Drives the opening to its end.
async fn open(
    client: &Client,
    connector: &Connector,
    target: &Target,
    opening: &mut Opening,
    mut wire: Wire,
    tls: &mut Option<Secured>,
) -> Result<Wire, Trouble> {
    let timeouts = &client.settings.timeouts;
    let (mut out, mut limit) = (Vec::new(), timeouts.greeting);
    loop {
        let whole = wire.reply(limit).await?;
        limit = timeouts.command;
        match opening.reply(wire.take(whole), &mut out)? {
            Step::Ready => return Ok(wire),
            Step::Reply => {}
            Step::StartTls => {
                // Nobody can have said more than the reply yet: it would be somebody between us and the host.
                let text = "the host said more before TLS than it was asked";
                let io = wire.into_io().ok_or_else(|| Trouble::new(Kind::Protocol, Status(4, 7, 0), text))?;
                wire = Wire::new(handshake(client, connector, target, io, tls).await?);
                opening.secured(&mut out);
            }
        }
        wire.write(&out, &[], timeouts.command).await?;
        out.clear();
    }
}

async fn handshake(
    client: &Client,
    connector: &Connector,
    target: &Target,
    io: Box<dyn Io>,
    secured: &mut Option<Secured>,
) -> Result<Box<dyn Io>, Trouble> {
    let config = client.tls.get(connector, &client.settings.folder)?;
    let name = tls::name(connector, target)?;
    let handshake = TlsConnector::from(Arc::clone(&config)).connect(name, io);
    match timeout(client.settings.timeouts.command, handshake).await {
        Ok(Ok(stream)) => {
            *secured = Some(tls::secured(stream.get_ref().1, connector));
            Ok(Box::new(stream))
        }
        Ok(Err(error)) => Err(tls::trouble(&format!("no TLS with the host: {error}"))),
        Err(_) => Err(Trouble { kind: Kind::Tls, ..late("the host does not answer in TLS") }),
    }
}
