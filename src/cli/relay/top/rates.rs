//! How fast something goes: the difference of two snapshots by the time between them.

use crate::relay::admin::protocol::{Snapshot, Totals};

/// What happened in each second between two snapshots; none where there is no first one.
pub(super) struct Rates {
    span: Option<(Totals, f64)>,
    now: Totals,
}

impl Rates {
    pub(super) fn between(before: Option<&Snapshot>, now: &Snapshot) -> Rates {
        let seconds = |before: &Snapshot| now.time.0.saturating_sub(before.time.0).max(1) as f64 / 1000.0;
        Rates { span: before.map(|before| (before.totals, seconds(before))), now: now.totals }
    }

    /// `12.0/s`, or the total where no rate is known.
    pub(super) fn of(&self, what: impl Fn(&Totals) -> u64) -> String {
        match &self.span {
            // Smaller than before: the relay was started anew.
            Some((before, seconds)) => {
                format!("{:.1}/s", what(&self.now).saturating_sub(what(before)) as f64 / seconds)
            }
            None => what(&self.now).to_string(),
        }
    }
}
