//! Answers to what is asked over the control socket.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use crate::relay::admin::filter::Filter;
use crate::relay::admin::protocol::{Action, Answer, Ask, Entry, LONGEST, Request, Shown, VERSION};
use crate::relay::admin::{Key, Relay};
use crate::relay::envelope::QueueId;
use crate::relay::event::time::Utc;

/// Answers the requests of a user's process until there are no more.
pub(super) fn converse(from: impl Read, to: impl Write, relay: &dyn Relay, (uid, pid): (u32, i32)) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut to = Lines(BufWriter::with_capacity(32 << 10, to));
    let mut line = Vec::new();
    loop {
        line.clear();
        from.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            // The end, or a line that has none.
            return if line.is_empty() { Ok(()) } else { to.error("a request is one line of at most 1 MiB") };
        }
        match read(&line) {
            Ok(ask) => {
                relay.used(ask.name(), uid, pid);
                answer(ask, relay, uid, &mut to)?;
            }
            Err(message) => to.error(&message)?,
        }
        to.0.flush()?;
    }
}

fn read(line: &[u8]) -> Result<Ask, String> {
    #[derive(serde::Deserialize)]
    struct Any {
        version: u32,
    }
    // The version comes first: what another one asks for need not be understood.
    let Any { version } = serde_json::from_slice(line).map_err(|error| format!("no request: {error}"))?;
    if version != VERSION {
        return Err(format!("this relay speaks version {VERSION} of its control protocol, not {version}"));
    }
    let request: Request = serde_json::from_slice(line).map_err(|error| format!("no request: {error}"))?;
    Ok(request.ask)
}

fn answer(ask: Ask, relay: &dyn Relay, uid: u32, to: &mut Lines<impl Write>) -> io::Result<()> {
    match ask {
        Ask::Status => to.only(&Answer::Status(relay.status())),
        Ask::Top { most } => to.only(&Answer::Top(relay.snapshot(most))),
        Ask::Reload => match relay.reload() {
            Ok(note) => to.put(&Answer::Done { count: 0, newest: None, note: Some(note) }),
            Err(why) => to.error(&why),
        },
        Ask::Trace { address, from } => match relay.trace(&address, from) {
            Ok(traced) => to.only(&Answer::Traced(traced)),
            Err(why) => to.error(&why),
        },
        Ask::List { filter } => list(&filter.sorted(), relay, to),
        Ask::Count { filter } => count(&filter.sorted(), relay, to),
        Ask::Show { ids } if ids.is_empty() => to.error("show what?"),
        Ask::Show { ids } => show(&Filter { ids, ..Filter::default() }.sorted(), relay, to),
        Ask::Act { action, filter } => act(action, &filter.sorted(), relay, uid, to),
    }
}

/// What a visit to an entry came to.
enum Met {
    /// It is not meant, or gone.
    No,
    Yes,
    With(Box<Answer>),
}

fn list(filter: &Filter, relay: &dyn Relay, to: &mut Lines<impl Write>) -> io::Result<()> {
    each(filter, relay, to, |key| match entry(key, filter, relay)? {
        Some(entry) => Ok(Met::With(Box::new(Answer::Entry(entry)))),
        None => Ok(Met::No),
    })
}

fn show(filter: &Filter, relay: &dyn Relay, to: &mut Lines<impl Write>) -> io::Result<()> {
    each(filter, relay, to, |key| {
        let Some(entry) = entry(key, filter, relay)? else { return Ok(Met::No) };
        let header = relay.header(key)?.unwrap_or_default();
        Ok(Met::With(Box::new(Answer::Shown(Shown { entry, header }))))
    })
}

fn count(filter: &Filter, relay: &dyn Relay, to: &mut Lines<impl Write>) -> io::Result<()> {
    each(filter, relay, to, |key| Ok(if is_meant(key, filter, relay)? { Met::Yes } else { Met::No }))
}

fn act(action: Action, filter: &Filter, relay: &dyn Relay, uid: u32, to: &mut Lines<impl Write>) -> io::Result<()> {
    let done = |key| -> Result<bool, String> { Ok(is_meant(key, filter, relay)? && relay.act(key, action, uid)?) };
    each(filter, relay, to, |key| Ok(if done(key)? { Met::Yes } else { Met::No }))
}

/// Visits all entries that may be meant, and ends the answer.
fn each(
    filter: &Filter,
    relay: &dyn Relay,
    to: &mut Lines<impl Write>,
    visit: impl Fn(Key) -> Result<Met, String>,
) -> io::Result<()> {
    let mut missing: BTreeSet<QueueId> = filter.ids.iter().copied().collect();
    let (mut count, mut newest) = (0, None);
    for key in relay.keys() {
        if !filter.takes_id(key.id) {
            continue;
        }
        missing.remove(&key.id);
        match visit(key) {
            Ok(Met::No) => continue,
            Ok(Met::Yes) => {}
            Ok(Met::With(answer)) => to.put(&answer)?,
            Err(why) => {
                to.put(&Answer::Failed { id: key.id, why })?;
                continue;
            }
        }
        (count, newest) = (count + 1, Some(key.id));
    }
    missing.into_iter().try_for_each(|id| to.put(&Answer::Missing { id }))?;
    to.put(&Answer::Done { count, newest, note: None })
}

/// Whether an entry is meant; the spool is asked only where the filter needs it.
fn is_meant(key: Key, filter: &Filter, relay: &dyn Relay) -> Result<bool, String> {
    let taken = relay.part(key).is_some_and(|part| filter.takes(&part, Utc::now().0));
    if !taken || !filter.needs_addresses() {
        return Ok(taken);
    }
    Ok(relay.recipients(key)?.is_some_and(|whose| filter.takes_addresses(&whose)))
}

/// An entry, if it is meant.
fn entry(key: Key, filter: &Filter, relay: &dyn Relay) -> Result<Option<Entry>, String> {
    let Some(part) = relay.part(key).filter(|part| filter.takes(part, Utc::now().0)) else { return Ok(None) };
    let whose = relay.recipients(key)?.filter(|whose| filter.takes_addresses(whose));
    Ok(whose.map(|whose| Entry { part, whose }))
}

/// Writes answers, a line each.
struct Lines<W: Write>(BufWriter<W>);

impl<W: Write> Lines<W> {
    fn put(&mut self, answer: &Answer) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, answer)?;
        self.0.write_all(b"\n")
    }

    /// An answer of one part.
    fn only(&mut self, answer: &Answer) -> io::Result<()> {
        self.put(answer)?;
        self.put(&Answer::Done { count: 1, newest: None, note: None })
    }

    fn error(&mut self, message: &str) -> io::Result<()> {
        self.put(&Answer::Error { message: message.to_owned() })?;
        self.0.flush()
    }
}
