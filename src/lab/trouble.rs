//! What goes wrong at a sink, at which step, and how often before all is well again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Greeting,
    Hello,
    Tls,
    Mail,
    Rcpt,
    Data,
    /// After the first line of a message.
    Content,
    Dot,
    Quit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    HangsUp,
    /// Another answer than the usual one.
    Says(&'static str),
    /// The usual answer, after a while.
    Late(Duration),
    /// The usual answer, with a pause behind each byte.
    Dribbles(Duration),
}

#[derive(Clone)]
pub struct Trouble {
    step: Step,
    how: How,
    left: Arc<AtomicUsize>,
}

impl Trouble {
    pub fn new(step: Step, how: How, times: usize) -> Trouble {
        Trouble { step, how, left: Arc::new(AtomicUsize::new(times)) }
    }

    /// What goes wrong now, if anything does.
    pub fn now(&self, step: Step) -> Option<How> {
        let taken = |left: usize| left.checked_sub(1);
        let due = step == self.step && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok();
        due.then_some(self.how)
    }
}
