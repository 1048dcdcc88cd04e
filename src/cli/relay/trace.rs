//! `mailswitch relay trace`: where an address goes now.

use std::io::{self, Write};
use std::net::IpAddr;

use super::ask::{Relay, Socket};
use super::words;
use crate::cli::outcome::{Outcome, Verdict};
use crate::cli::stream;
use crate::relay::admin::protocol::{Answer, Ask, Host, Lane, Traced};
use crate::relay::event::time::Utc;
use crate::relay::route::trace::{End, Step};

/// Ask a running relay where an address goes now
///
/// The answer is the one that a client would get, from the tables in use, with what the relay knows of the hosts that
/// it would go to. `mailswitch trace` answers from the source instead, and follows an address through the whole estate.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch relay trace ann@contoso.com
  mailswitch relay trace bob@example.org --from 192.0.2.7

Exit status: 0 whatever becomes of the address, 2 no relay could be asked.")]
pub(super) struct Args {
    /// The address (bare `postmaster` is one)
    #[arg(value_name = "ADDRESS")]
    address: String,

    /// Ask as a client at this IP address, not as one in `trust`
    #[arg(long, value_name = "IP")]
    from: Option<IpAddr>,

    /// As an object of JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    socket: Socket,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut out = stream::stdout();
    // As it stands in an SMTP command, for those who paste it from a log.
    let address = args.address.strip_prefix('<').and_then(|a| a.strip_suffix('>')).unwrap_or(&args.address);
    let ask = Ask::Trace { address: address.to_owned(), from: args.from };
    let end = Relay::connect(&args.socket)?.ask(ask, |answer| {
        if let Answer::Traced(traced) = answer {
            if args.json {
                writeln!(out, "{}", serde_json::to_string(&traced).map_err(io::Error::from)?)?;
            } else {
                print(&traced, &mut out)?;
            }
        }
        Ok(())
    })?;
    end.done()?;
    out.flush()?;
    Ok(Verdict::Good)
}

fn print(Traced { trace, lane, hosts }: &Traced, out: &mut dyn Write) -> io::Result<()> {
    let strong = stream::STRONG;
    writeln!(out, "{strong}{}{strong:#}", words::address(&trace.address))?;
    for (i, step) in trace.steps.iter().enumerate() {
        writeln!(out, "  {:>3}. {}", i + 1, self::step(step))?;
    }
    end(&trace.end, out)?;
    let now = Utc::now();
    lane.iter().try_for_each(|lane| writeln!(out, "  {}", waiting(lane, now)))?;
    hosts.iter().try_for_each(|host| writeln!(out, "  {}", self::host(host, now)))
}

fn step(step: &Step) -> String {
    match step {
        Step::Postmaster { recipient } => format!("postmaster: becomes {}", words::line(recipient)),
        Step::Contact { recipient } => format!("contact: becomes {}", words::line(recipient)),
        Step::Account { system } => format!("account of {}", words::line(system)),
        Step::Unresolved { domain } => format!("unresolved in {}", words::line(domain)),
        Step::Space { domain } => format!("address space {}", words::line(domain)),
    }
}

fn end(end: &End, out: &mut dyn Write) -> io::Result<()> {
    match end {
        End::Refused { status, text } => {
            let style = stream::REFUSED;
            writeln!(out, "  {style}refused{style:#} {} {}", words::line(status), words::line(text))
        }
        End::Sent { recipient, tiers, verify } => {
            let style = stream::GOOD;
            let tiers: Vec<String> = tiers.iter().map(|tier| words::line(&tier.join(", "))).collect();
            let asked = if *verify { ", if its next hop takes it" } else { "" };
            let ways = tiers.join(", or else by ");
            writeln!(out, "  {style}sent{style:#} as {} by {ways}{asked}", words::address(recipient))
        }
    }
}

fn waiting(lane: &Lane, now: Utc) -> String {
    let mut text = format!("in line: {} active, {} waiting", lane.active, lane.waiting);
    if let Some(until) = lane.asleep_until {
        text += &format!("; no host answers, tried again {}", words::until(until, now));
    }
    if let Some(reason) = &lane.reason {
        text += &format!(" ({})", words::line(reason));
    }
    text
}

fn host(host: &Host, now: Utc) -> String {
    let mut text = format!("host {} of {}: ", host.address, words::line(&host.connector));
    match host.dead_until {
        None => text += &format!("good, {} connections", host.connections),
        Some(until) => text += &format!("does not answer, tried again {}", words::until(until, now)),
    }
    if let Some(reason) = &host.reason {
        text += &format!(" ({})", words::line(reason));
    }
    text
}
