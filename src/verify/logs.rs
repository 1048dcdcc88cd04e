//! What the MTAs' logs say of each message, found by its sender and then by the queue ids that it had.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::exchange::message_of;
use super::stage::{SENDERS, Stage};

/// So many lines of each log are quoted.
pub(super) const LINES: usize = 12;
/// The shortest queue id: Postfix makes them of the time and an inode, which is small on a new file system.
const SHORTEST: usize = 6;

/// By the number of the message.
pub(super) struct Logs {
    lines: BTreeMap<usize, Vec<String>>,
    /// What an MTA says of itself when it cannot go on.
    alarms: Vec<String>,
}

impl Logs {
    pub(super) fn of(stage: &Stage<'_>) -> Logs {
        let mut logs = Logs { lines: BTreeMap::new(), alarms: Vec::new() };
        for machine in &stage.machines {
            logs.read(machine.node.name(), &machine.node.log());
        }
        logs
    }

    fn read(&mut self, name: &str, log: &str) {
        let mut ids: HashMap<&str, BTreeSet<usize>> = HashMap::new();
        for line in log.lines() {
            if let (Some(message), Some(id)) = (message_in(line), queue_id(line)) {
                ids.entry(id).or_default().insert(message);
            }
        }
        let mut own: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut alarms = Vec::new();
        for line in log.lines() {
            let named = words(line).filter_map(|word| ids.get(word)).flatten().copied();
            for message in named.chain(message_in(line)).collect::<BTreeSet<_>>() {
                let lines = own.entry(message).or_default();
                if lines.len() < LINES {
                    lines.push(format!("{name}: {line}"));
                }
            }
            if (line.contains("panic") || line.contains("fatal")) && alarms.len() < LINES {
                alarms.push(format!("{name}: {line}"));
            }
        }
        for (message, lines) in own {
            self.lines.entry(message).or_default().extend(lines);
        }
        self.alarms.extend(alarms);
    }

    /// The lines that tell of a message, or may.
    pub(super) fn about(&self, message: usize) -> Vec<String> {
        let own = self.lines.get(&message).into_iter().flatten();
        let others = self.alarms.iter().filter(|line| self.lines.get(&message).is_none_or(|own| !own.contains(line)));
        own.chain(others).cloned().collect()
    }
}

/// The message whose sender a line names.
fn message_in(line: &str) -> Option<usize> {
    let at = line.find(&format!("@{SENDERS}"))?;
    let start = line[..at].rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |before| before + 1);
    message_of(&line[start..at])
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter(|word| word.len() >= SHORTEST)
}

/// `4C1B2A3D5E:` of Postfix, `1abcde-000001-AB` of Exim.
fn queue_id(line: &str) -> Option<&str> {
    line.split(' ').find_map(|word| {
        let bare = word.strip_suffix(':').unwrap_or(word);
        let long = bare.len() >= SHORTEST && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let postfix = long && word.ends_with(':') && bare.bytes().any(|b| b.is_ascii_digit());
        let exim = long && bare.len() >= 16 && bare.matches('-').count() == 2;
        (postfix || exim).then_some(bare)
    })
}
