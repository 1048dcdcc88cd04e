//! A relay that moves no mail: its queue is a list in memory, which the control socket shows and changes.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use mailswitch::relay::admin::control::Control;
use mailswitch::relay::admin::protocol::{
    Action, Host, Lane, Part, Recipient, Recipients, Snapshot, State, Status, Totals, Traced,
};
use mailswitch::relay::admin::{Key, Relay};
use mailswitch::relay::envelope::QueueId;
use mailswitch::relay::event::time::Utc;
use mailswitch::relay::metrics::Metrics;
use mailswitch::relay::route::trace::{End, Step, Trace};

use crate::cli::run::{Ran, finish, mailswitch};

/// An entry of the queue.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) part: Part,
    pub(super) whose: Recipients,
}

#[derive(Default)]
pub(super) struct Fake {
    pub(super) rows: Mutex<Vec<Option<Row>>>,
    pub(super) metrics: Metrics,
    pub(super) not_ready: Mutex<Option<String>>,
    pub(super) bad_reload: Mutex<Option<String>>,
    /// Commands, as they would be logged.
    pub(super) used: Mutex<Vec<String>>,
    pub(super) totals: Mutex<Totals>,
}

/// Message `id`, which came so many seconds ago.
pub(super) fn row(id: u64, age: u64, sender: &str, recipients: &[&str], connector: &str) -> Row {
    let recipient = |address: &&str| Recipient {
        recipient: (*address).to_owned(),
        asked: address.replace("@mail.", "@"),
        reason: None,
    };
    Row {
        part: Part {
            id: QueueId(id),
            state: State::Active,
            connector: connector.to_owned(),
            domain: None,
            arrived: Utc(Utc::now().0 - age * 1000),
            size: 4096,
            attempts: 0,
            next: None,
            reasons: Vec::new(),
        },
        whose: Recipients { sender: sender.to_owned(), recipients: recipients.iter().map(recipient).collect() },
    }
}

impl Row {
    pub(super) fn deferred(mut self, reason: &str, tries: u32, wait: u64) -> Row {
        self.part.state = State::Deferred;
        self.part.attempts = tries;
        self.part.next = Some(Utc(Utc::now().0 + wait * 1000));
        self.part.reasons = vec![reason.to_owned()];
        self.whose.recipients.iter_mut().for_each(|r| r.reason = Some(reason.to_owned()));
        self
    }
}

/// A fake relay that listens on a control socket in a folder of its own.
pub(super) struct Served {
    pub(super) relay: Arc<Fake>,
    folder: tempfile::TempDir,
}

impl Served {
    pub(super) fn with(rows: Vec<Row>) -> Served {
        let relay = Fake { rows: Mutex::new(rows.into_iter().map(Some).collect()), ..Fake::default() };
        let served = Served { relay: Arc::new(relay), folder: tempfile::tempdir().unwrap() };
        let control = Control::bind(&served.path(), None).unwrap();
        control.serve(served.relay.clone()).unwrap();
        served
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder().join("control")
    }

    /// Runs `mailswitch relay …` on this relay.
    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = mailswitch();
        command.arg("relay").args(arguments).arg("--control").arg(self.path());
        finish(command.output().unwrap())
    }

    /// The messages that are left, with their states.
    pub(super) fn left(&self) -> Vec<(u64, State)> {
        let rows = self.relay.rows.lock().unwrap();
        rows.iter().flatten().map(|row| (row.part.id.0, row.part.state)).collect()
    }
}

impl Fake {
    fn row(&self, key: Key) -> Option<Row> {
        self.rows.lock().unwrap().get(key.part as usize).cloned().flatten()
    }
}

impl Relay for Fake {
    fn ready(&self) -> Result<(), String> {
        self.not_ready.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn metrics(&self) -> String {
        self.metrics.text()
    }

    fn status(&self) -> Status {
        Status {
            release: "1.2.3".into(),
            hostname: "mail.contoso.com".into(),
            pid: 4711,
            started: Utc(Utc::now().0 - 90_000),
            configured: Utc(Utc::now().0 - 30_000),
            not_ready: self.not_ready.lock().unwrap().clone(),
            sessions: 5,
            entries: self.keys().len() as u64,
            free: 3 << 30,
        }
    }

    fn snapshot(&self, most: usize) -> Snapshot {
        let lane = |i: u64| Lane {
            connector: format!("to-{i}"),
            domain: None,
            active: i,
            waiting: 0,
            connections: 1,
            asleep_until: (i == 2).then(|| Utc(Utc::now().0 + 61_500)),
            reason: (i == 2).then(|| "refused".to_owned()),
        };
        let mut totals = self.totals.lock().unwrap();
        totals.accepted += 10;
        Snapshot {
            time: Utc::now(),
            totals: *totals,
            sessions: 5,
            connections: 3,
            entries: 300,
            lane_count: 200,
            lanes: (0..200).map(lane).take(most).collect(),
            hosts: vec![host()],
        }
    }

    fn keys(&self) -> Vec<Key> {
        let rows = self.rows.lock().unwrap();
        let key = |(part, row): (usize, &Option<Row>)| {
            row.as_ref().map(|row| Key { id: row.part.id, part: u32::try_from(part).unwrap() })
        };
        let mut keys: Vec<Key> = rows.iter().enumerate().filter_map(key).collect();
        keys.sort();
        keys
    }

    fn part(&self, key: Key) -> Option<Part> {
        self.row(key).map(|row| row.part)
    }

    fn recipients(&self, key: Key) -> Result<Option<Recipients>, String> {
        match self.row(key) {
            Some(row) if row.whose.sender == "damaged@spool" => Err("its record is damaged".into()),
            row => Ok(row.map(|row| row.whose)),
        }
    }

    fn header(&self, key: Key) -> Result<Option<String>, String> {
        Ok(Some(format!("Subject: message {}\u{1b}[2J\r\nFrom: ann@contoso.com\r\n", key.id.0)))
    }

    fn act(&self, key: Key, action: Action, _: u32) -> Result<bool, String> {
        let mut rows = self.rows.lock().unwrap();
        let Some(row) = rows.get_mut(key.part as usize) else { return Ok(false) };
        let Some(found) = row else { return Ok(false) };
        match action {
            Action::Hold => found.part.state = State::Held,
            Action::Release | Action::Retry => found.part.state = State::Active,
            Action::Remove | Action::Bounce => *row = None,
        }
        Ok(true)
    }

    fn trace(&self, address: &str, from: Option<IpAddr>) -> Result<Traced, String> {
        if address == "broken" {
            return Err("the table contacts.cdb is damaged".into());
        }
        let sent = End::Sent {
            recipient: "bob@mail.contoso.com".into(),
            tiers: vec![vec!["to-unix".into(), "to-other".into()], vec!["backup".into()]],
            verify: true,
        };
        let end = match from {
            None => sent,
            Some(_) => End::Refused { status: "5.7.1".into(), text: "relaying denied".into() },
        };
        let steps =
            vec![Step::Contact { recipient: "bob@mail.contoso.com".into() }, Step::Account { system: "unix".into() }];
        let trace = Trace { address: address.to_owned(), steps, end };
        Ok(Traced { trace, lane: None, hosts: if from.is_none() { vec![host()] } else { Vec::new() } })
    }

    fn reload(&self) -> Result<String, String> {
        match self.bad_reload.lock().unwrap().clone() {
            Some(why) => Err(why),
            None => Ok("reloaded: 3 tables".into()),
        }
    }

    fn used(&self, command: &str, uid: u32, pid: i32) {
        assert!(pid > 0);
        self.used.lock().unwrap().push(format!("{command} by {uid}"));
    }
}

fn host() -> Host {
    Host {
        connector: "to-unix".into(),
        address: "192.0.2.1:25".parse().unwrap(),
        connections: 0,
        dead_until: Some(Utc(Utc::now().0 + 61_500)),
        reason: Some("connect: connection\nrefused".into()),
    }
}
