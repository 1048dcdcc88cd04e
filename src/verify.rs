//! Real MTAs held against the plan: each runs its emitted folder in a laboratory, gets real mail, and is judged by what
//! `plan/route` says.
//!
//! ```text
//! plan ──> ask ──> stage ──> exchange ──> judge ──> report
//!          what    a world     real       what it
//!          to ask  around it   mail       should be
//! ```
//!
//! The world that an estate's MTAs are put in has a server for each smart host and each domain's mail exchanger, and is
//! bent on purpose where the meaning speaks of failures (`weather`). The meaning itself is never derived again here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::emit::File;
use crate::lab::Result;
use crate::plan::route::Router;
use crate::plan::{MtaId, Plan, TargetKind};

pub mod ask;
mod asking;
mod exchange;
pub mod forms;
pub mod judge;
mod logs;
pub mod share;
mod stage;
mod tiers;
pub mod weather;

use ask::Ask;
use judge::Saw;
use stage::Stage;
use weather::Weather;

/// What one MTA of the plan runs.
#[derive(Debug, Clone)]
pub struct Part {
    pub kind: TargetKind,
    /// Its emitted folder.
    pub files: Vec<File>,
}

/// What a laboratory needs to know of the machine that it is on.
#[derive(Debug, Clone)]
pub struct Means {
    /// Unpacked packages, or whole file systems of another release, that lie over this machine's own.
    pub layers: Vec<PathBuf>,
    /// This program, which is the relay.
    pub program: PathBuf,
    /// How long mail may take.
    pub patience: Duration,
    /// How many questions a message may carry; one: a message for each.
    pub together: usize,
}

/// A question that did not get what the plan says.
#[derive(Debug, Clone)]
pub struct Disagreement {
    /// Into the questions of the run.
    pub ask: usize,
    pub saw: Saw,
    /// What the MTAs' logs say of the message.
    pub log: Vec<String>,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Report {
    /// How many recipients were sent real mail, and how many messages that took.
    pub mailed: usize,
    pub messages: usize,
    pub disagreements: Vec<Disagreement>,
    /// What the MTAs' own checkers say, and what was left in a queue.
    pub problems: Vec<String>,
    /// What each MTA says that it is.
    pub versions: BTreeMap<MtaId, String>,
}

/// What has been done of a run, for whoever waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Starting { mta: MtaId },
    Asked { done: usize, of: usize },
    Waiting,
}

/// Puts the MTAs into a world with this weather, asks, and judges.
pub fn run(
    plan: &Plan,
    parts: &[Part],
    asks: &[Ask],
    weather: &Weather,
    means: &Means,
    watch: &(dyn Fn(Progress) + Sync),
) -> Result<Report> {
    let router = Router::new(plan);
    let stage = Stage::new(&router, parts, asks, weather, means, watch)?;
    let mut report = Report { problems: stage.problems(), versions: stage.versions(), ..Report::default() };
    exchange::exchange(&stage, asks, means, watch, &mut report)?;
    Ok(report)
}
