//! When something is tried again: back-off that grows and is spread, so that what failed together does not return together.

use std::time::Duration;

/// Waits after failures.
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    /// After the first failure, the second, and so on; the last one is repeated.
    pub waits: Vec<Duration>,
    /// Each wait is up to this part shorter or longer.
    pub jitter: f64,
}

impl Backoff {
    /// The wait after so many failures, in milliseconds.
    pub fn wait(&self, failures: u32, random: &mut fastrand::Rng) -> u64 {
        let at = failures.saturating_sub(1) as usize;
        let wait = self.waits.get(at).or(self.waits.last()).copied().unwrap_or(MINUTE);
        let spread = 1.0 + self.jitter * (2.0 * random.f64() - 1.0);
        (wait.as_secs_f64() * spread * 1000.0) as u64
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// No message waits longer: a time that is too long to be counted would be none.
const CENTURY: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// All the times that the queue goes by.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Of a message that a next hop does not take now.
    pub message: Backoff,
    /// Of a host that cannot be had.
    pub host: Backoff,
    /// Until a message is returned to its sender (RFC 5321 4.5.4.1).
    pub lifetime: Duration,
    /// Until the sender of a message is told of its delay, where he asked for that.
    pub warning: Duration,
}

impl Schedule {
    /// With the waits after the first failure, the second, and so on, in seconds.
    pub fn new(retry: &[u32], warning: u32, lifetime: Option<u64>) -> Schedule {
        let seconds = |seconds: &u32| Duration::from_secs(u64::from(*seconds));
        let backoff = Backoff { waits: retry.iter().map(seconds).collect(), jitter: 0.1 };
        Schedule {
            message: backoff.clone(),
            host: backoff,
            lifetime: lifetime.map_or(5 * 24 * 60 * MINUTE, Duration::from_secs).min(CENTURY),
            warning: seconds(&warning),
        }
    }
}
