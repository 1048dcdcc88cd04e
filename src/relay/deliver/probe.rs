//! Asks a next hop about a recipient without sending anything: MAIL from `<>`, RCPT, and no more.

use std::sync::Arc;

use crate::relay::config::Connector;
use crate::relay::deliver::capabilities::Capabilities;
use crate::relay::deliver::command::{self, Mail};
use crate::relay::deliver::reply::Raw;
use crate::relay::deliver::{Client, Connection, Kind, Target, Trouble, connect, targets};
use crate::relay::envelope::{Envelope, Recipient};
use crate::relay::reply::{Reply, Status};

/// What a next hop thinks of a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// It answers 5xx to RCPT.
    Refused(Reply),
    /// It could not be asked, does not say, or refuses the question itself.
    Unknown(Trouble),
}

/// Addresses that one question is asked at, at most: somebody waits for the answer.
const MOST_HOSTS: usize = 5;

/// Asks the hosts of a route, the cheaper ones first, until one of them answers.
pub async fn probe(client: &Client, tiers: &[Vec<Arc<Connector>>], recipient: &str) -> Verdict {
    let domain = recipient.rsplit_once('@').map_or("", |(_, domain)| domain);
    let mut last = Trouble::new(Kind::Local, Status(4, 3, 5), "there is no next hop");
    let mut left = MOST_HOSTS;
    for tier in tiers {
        // Those of a tier share the load.
        let mut tier = tier.clone();
        fastrand::shuffle(&mut tier);
        for connector in tier {
            let targets = targets(client, &connector, domain).await;
            match ask_each(client, &connector, targets, recipient, &mut left).await {
                Ok(verdict) => return verdict,
                Err(trouble) => last = trouble.unwrap_or(last),
            }
        }
    }
    Verdict::Unknown(last)
}

/// The first answer of these hosts, or why there is none.
async fn ask_each(
    client: &Client,
    connector: &Connector,
    targets: Result<Vec<Target>, Trouble>,
    recipient: &str,
    left: &mut usize,
) -> Result<Verdict, Option<Trouble>> {
    let mut last = None;
    for target in targets?.iter().take(*left) {
        *left -= 1;
        match connect(client, connector, target).await {
            Ok(connection) => match connection.ask(recipient).await {
                Verdict::Unknown(trouble) => last = Some(trouble),
                verdict => return Ok(verdict),
            },
            Err(trouble) => last = Some(trouble),
        }
    }
    Err(last)
}

impl Connection {
    async fn ask(mut self, recipient: &str) -> Verdict {
        let verdict = self.asked(recipient).await.unwrap_or_else(Verdict::Unknown);
        // Somebody waits for the verdict, and nobody for how the host takes its leave.
        tokio::spawn(self.quit());
        verdict
    }

    async fn asked(&mut self, recipient: &str) -> Result<Verdict, Trouble> {
        let offered = *self.offered();
        let smtputf8 = !recipient.is_ascii();
        if !command::can_stand(recipient) || smtputf8 && !offered.smtputf8 {
            let text = "the next hop does not offer SMTPUTF8".to_owned();
            return Ok(Verdict::Refused(Reply { code: 553, status: Some(Status(5, 6, 7)), text }));
        }
        let (mut line, bare) = (Vec::new(), Capabilities::default());
        command::mail(&mut line, &Envelope::default(), Mail { size: 0, eight_bit: false, smtputf8 }, &bare);
        let mail = self.command(&line).await?;
        if !mail.is_positive() {
            return Err(Trouble::new(Kind::Protocol, Status(4, 5, 0), "the host refuses the question").said(mail));
        }
        line.clear();
        command::rcpt(&mut line, &Recipient { address: recipient.to_owned(), ..Recipient::default() }, &bare);
        let answer = self.command(&line).await?;
        Ok(match answer.code {
            200..300 => Verdict::Accepted,
            500.. => Verdict::Refused(answer),
            _ => Verdict::Unknown(Trouble::new(Kind::Greeting, Status(4, 2, 0), "the host does not say").said(answer)),
        })
    }

    async fn command(&mut self, line: &[u8]) -> Result<Reply, Trouble> {
        self.wire.write(line, &[], self.timeouts.command).await?;
        let whole = self.wire.reply(self.timeouts.command).await?;
        Ok(Raw::to_reply(self.wire.take(whole)))
    }
}
