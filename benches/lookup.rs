//! How fast a relay answers at RCPT time from a table of a million contacts, and how soon after its start.
//!
//! `cargo bench --bench lookup -- [CONTACTS] [LOOKUPS]` builds the tables, loads them as `relay run` does, and asks for
//! recipients in no order, each once: contacts, unknown ones of our domain, and foreign ones. It prints the median of
//! eleven loads, and what one decision took in the median and in the best of many rounds. A decision about a contact is
//! two lookups: of the recipient, and of what it becomes.

#![expect(clippy::disallowed_methods, reason = "a benchmark writes files and looks at the clock")]

use std::error::Error;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use mailswitch::emit::cdb::Cdb;
use mailswitch::relay::config::parse;
use mailswitch::relay::route::{Decision, Router};
use mailswitch::relay::smtp::path::{RcptPath, recipient};

type Fallible<T> = Result<T, Box<dyn Error>>;

const LOADS: usize = 11;
/// Short enough that most rounds are not interrupted.
const ROUND: usize = 1000;

fn main() -> Fallible<()> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let contacts = numbers.first().copied().unwrap_or(1_000_000);
    let lookups = numbers.get(1).copied().unwrap_or(200_000);
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    write(at, contacts)?;

    let before = resident()?;
    let mut loads = Vec::new();
    let mut router = load(at)?;
    for _ in 0..LOADS {
        let started = Instant::now();
        router = load(at)?;
        loads.push(started.elapsed());
    }
    println!("{contacts} contacts: loaded in {:.1} ms", median(loads).as_secs_f64() * 1e3);
    println!("resident memory: {} KiB more than before", resident()?.saturating_sub(before));
    let started = Instant::now();
    router.check_tables().map_err(|problems| format!("{problems:?}"))?;
    println!("every record checked in {:.0} ms", started.elapsed().as_secs_f64() * 1e3);

    let client: IpAddr = [10, 0, 0, 1].into();
    for (what, address) in [
        ("a contact", &(|n| contact(n).0) as &dyn Fn(usize) -> String),
        ("a recipient that nobody has", &|n| format!("nobody{n}@contoso.com")),
        ("a foreign recipient", &|n| format!("user{n}@example.org")),
    ] {
        let paths = asked(contacts, lookups, address)?;
        let rounds = paths.chunks_exact(ROUND).map(|paths| ask(&router, client, paths));
        let rounds = rounds.collect::<Fallible<Vec<Duration>>>()?;
        let each = |round: Duration| round.as_nanos() / ROUND as u128;
        let best = rounds.iter().min().copied().unwrap_or_default();
        println!("{what}: {} ns, {} ns at best", each(median(rounds)), each(best));
    }
    Ok(())
}

/// The contact's secondary and primary.
fn contact(n: usize) -> (String, String) {
    (format!("first.last.{n}@contoso.com"), format!("first{n}@unix.contoso.com"))
}

fn write(folder: &Path, contacts: usize) -> Fallible<()> {
    let mut table = Cdb::default();
    for n in 0..contacts {
        let (secondary, primary) = contact(n);
        table.add(secondary.as_bytes(), primary.as_bytes())?;
    }
    fs::write(folder.join("contacts.cdb"), table.finish())?;
    let mut accounts = Cdb::default();
    accounts.add(b"bob@contoso.com", b"exchange")?;
    fs::write(folder.join("accounts.cdb"), accounts.finish())?;
    fs::write(folder.join("recipients.cdb"), Cdb::default().finish())?;
    Ok(())
}

fn load(folder: &Path) -> Fallible<Router> {
    let config = parse(CONFIG).map_err(|malformed| malformed.message)?;
    let router = Router::load(config, folder).map_err(|problems| format!("{problems:?}"))?;
    router.settle(folder).map_err(|problems| format!("{problems:?}"))?;
    Ok(router)
}

/// Recipients in no order.
fn asked(contacts: usize, lookups: usize, address: &dyn Fn(usize) -> String) -> Fallible<Vec<RcptPath>> {
    let mut random = fastrand::Rng::with_seed(20_080_317);
    let path = |_| recipient(&address(random.usize(..contacts))).ok_or_else(|| "it is no address".into());
    (0..lookups).map(path).collect()
}

fn ask(router: &Router, client: IpAddr, paths: &[RcptPath]) -> Fallible<Duration> {
    let started = Instant::now();
    let mut sent = 0;
    for path in paths {
        sent += usize::from(matches!(router.rcpt(client, path)?, Decision::Send(_)));
    }
    let took = started.elapsed();
    if sent == 0 || sent == paths.len() { Ok(took) } else { Err("some are sent and some not".into()) }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn resident() -> Fallible<usize> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

const CONFIG: &str = "\
version: 1
server:
  hostname: mail.contoso.com
  listen: ['127.0.0.1:25']
routing:
  trust: [10.0.0.0/8]
  postmaster: bob@contoso.com
  subaddress: '+'
  tables: { contacts: contacts.cdb, accounts: accounts.cdb, recipients: recipients.cdb }
  domains:
  - { domain: contoso.com, reject: 5.1.1 }
  systems:
  - { name: exchange, tiers: [[to-exchange]] }
  spaces:
  - { domain: unix.contoso.com, tiers: [[to-unix]] }
  - { domain: '*', tiers: [[internet]] }
  connectors:
  - { name: to-exchange, to: exchange, hosts: ['exchange.contoso.com:25'], protocol: smtp, tls: { level: opportunistic } }
  - { name: to-unix, to: unix, hosts: ['unix.contoso.com:25'], protocol: smtp, tls: { level: opportunistic } }
  - { name: internet, to: internet, dns: true, protocol: smtp, tls: { level: opportunistic } }
";
