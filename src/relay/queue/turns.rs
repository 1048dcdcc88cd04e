//! Turns: connectors of equal cost and balanced hosts share a load message by message. A connection has a few messages as
//! its lot, and goes to whoever's turn it is; what it leaves of its lot when it ends is for the next one to the same host.
//! So the shares are even whether messages come one by one, in bursts or all at once.

use std::collections::HashMap;

use crate::relay::route::Route;

/// Messages that a connection carries where others share the load with its host. With more of them, a few hundred messages
/// would be shared unevenly; with fewer, much of the time would go into connecting.
pub(super) const LOT: u32 = 10;

/// The routes that share their load, by their keys, with how far each has come. Lanes are forgotten as soon as they have
/// nothing to do, and would begin anew with each message that comes alone.
#[derive(Default)]
pub(super) struct Turns(HashMap<String, Taken>);

/// How many messages were carried, and those that connections have as their lots and did not carry yet: from the line, and
/// of those that go on from a host that refused them for now. Were these counted together, what goes on from such a host
/// would use up the turns of others.
struct Taken {
    line: u64,
    again: u64,
}

impl Taken {
    fn of(&mut self, again: bool) -> &mut u64 {
        if again { &mut self.again } else { &mut self.line }
    }
}

impl Turns {
    /// Whose turn it is for one more connection, as a number that grows by one with each lot. It begins anywhere, so that
    /// not all routes begin with the first of their hosts.
    pub(super) fn take(&mut self, route: &Route, again: bool, random: &mut fastrand::Rng) -> u64 {
        if !route.tiers.iter().any(|tier| Route::shares(tier)) {
            return 0;
        }
        if !self.0.contains_key(&route.key) {
            let mut begin = || u64::from(LOT) * u64::from(random.u32(..));
            self.0.insert(route.key.clone(), Taken { line: begin(), again: begin() });
        }
        let Some(taken) = self.0.get_mut(&route.key) else { return 0 };
        let taken = taken.of(again);
        let turn = *taken / u64::from(LOT);
        *taken += u64::from(LOT);
        turn
    }

    /// A connection ends that has carried so many messages.
    pub(super) fn give_back(&mut self, route: &Route, again: bool, carried: u32) {
        if let Some(taken) = self.0.get_mut(&route.key) {
            let taken = taken.of(again);
            *taken = taken.saturating_sub(u64::from(LOT.saturating_sub(carried)));
        }
    }
}

/// Puts that one first whose turn it is among those that may be had; the others follow in rotation. Answers how often the
/// turn has come round to it. Those that may not be had are no part of it: their turns would all go to the one behind them.
pub(super) fn begin<T>(all: &mut [T], turn: u64, may: impl Fn(&T) -> bool) -> u64 {
    let able: Vec<usize> = (0..all.len()).filter(|at| may(&all[*at])).collect();
    if able.is_empty() {
        return turn;
    }
    let count = able.len() as u64;
    all.rotate_left(able[(turn % count) as usize]);
    turn / count
}
