//! A line on a terminal that says what takes so long: shown after a second, and gone when the work is done.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Progress {
    /// The thread that draws, and how it learns of a new stage; none where standard error is no terminal.
    drawing: Option<(Sender<String>, JoinHandle<()>)>,
}

impl Progress {
    pub(super) fn start() -> Progress {
        if !io::stderr().is_terminal() {
            return Progress { drawing: None };
        }
        let (stages, receiver) = channel();
        let thread = std::thread::spawn(move || draw(&receiver));
        Progress { drawing: Some((stages, thread)) }
    }

    /// What is being done now: `checking`.
    pub(super) fn stage(&self, stage: impl Into<String>) {
        if let Some((stages, _)) = &self.drawing {
            // Where the thread is gone there is nothing to show it to.
            let _ = stages.send(stage.into());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stages, thread)) = self.drawing.take() {
            drop(stages);
            // The line is gone before anything else is printed.
            let _ = thread.join();
        }
    }
}

fn draw(stages: &Receiver<String>) {
    let mut stage = String::new();
    let mut shown = false;
    loop {
        match stages.recv_timeout(PATIENCE) {
            Ok(next) => stage = next,
            Err(RecvTimeoutError::Timeout) => shown = true,
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if shown {
            // A terminal that is gone needs no line.
            let _ = write!(io::stderr(), "\r\u{1b}[K{stage} …");
        }
    }
    if shown {
        let _ = write!(io::stderr(), "\r\u{1b}[K");
    }
}
