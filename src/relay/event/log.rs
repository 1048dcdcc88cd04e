//! The log: lines are put into a bounded buffer, and one thread writes them out in batches.
//!
//! Whoever logs never waits for the disk or the journal: where the buffer is full the line is counted and dropped, and
//! the log says so as soon as there is room again. While lines keep coming the writer is woken once a batch, not once a
//! line.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::time::Utc;
use super::{Event, Format};

/// Octets that wait to be written, at most.
const MOST: usize = 4 << 20;
/// Octets that are written without waiting for more.
const PLENTY: usize = 64 << 10;
/// How long the writer lets lines gather.
const GATHER: Duration = Duration::from_millis(20);

/// Where lines go.
pub enum To {
    /// Standard error: the journal, under systemd.
    Stderr,
    /// A file that lines are added to. It is opened anew on [`Log::reopen`], after it was rotated.
    File(PathBuf),
    /// Anything else.
    Stream(Box<dyn Write + Send>),
}

/// A handle of the log; all its clones write to the same place.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

struct Shared {
    format: Format,
    waiting: Mutex<Waiting>,
    wake: Condvar,
    lost: AtomicU64,
    reopen: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// The writer sleeps until somebody wakes it.
    asleep: bool,
    closed: bool,
}

impl Log {
    /// Starts the log. Fails where its file cannot be opened.
    pub fn start(format: Format, to: To) -> io::Result<Log> {
        let mut out = Out::open(to)?;
        let shared = Arc::new(Shared {
            format,
            waiting: Mutex::default(),
            wake: Condvar::new(),
            lost: AtomicU64::new(0),
            reopen: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let run = move || theirs.write_out(&mut out);
        let writer = std::thread::Builder::new().name("log".into()).spawn(run)?;
        Ok(Log { shared, writer: Arc::new(Mutex::new(Some(writer))) })
    }

    /// Logs an event, now. Never waits.
    pub fn write(&self, event: &Event<'_>) {
        thread_local! {
            static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        SCRATCH.with_borrow_mut(|line| {
            line.clear();
            event.line(self.shared.format, Utc::now().0, line);
            line.push(b'\n');
            self.shared.put(line);
        });
    }

    /// Lines that were dropped since the start.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Opens the file anew before anything more is written.
    pub fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::Release);
        self.shared.lock().asleep = false;
        self.shared.wake.notify_one();
    }

    /// Writes what waits and ends the log. What is logged afterwards is lost.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_one();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A writer that panicked has written what it could.
            let _ = writer.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Lines are whole whenever the lock is free.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.closed || waiting.lines.len() + line.len() > MOST {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.lines.extend_from_slice(line);
        let plenty = waiting.lines.len() >= PLENTY && waiting.lines.len() - line.len() < PLENTY;
        let wake = std::mem::take(&mut waiting.asleep) || plenty;
        drop(waiting);
        if wake {
            self.wake.notify_one();
        }
    }

    /// The writer's thread.
    fn write_out(&self, out: &mut Out) {
        let (mut batch, mut told) = (Vec::new(), 0);
        loop {
            let closed = self.next(&mut batch);
            if self.reopen.swap(false, Ordering::AcqRel) {
                out.reopen();
            }
            let lost = self.lost.load(Ordering::Relaxed);
            if lost > told {
                Event::LinesLost { lines: lost - told }.line(self.format, Utc::now().0, &mut batch);
                batch.push(b'\n');
                told = lost;
            }
            if !out.write(&batch) {
                self.lost.fetch_add(memchr::memchr_iter(b'\n', &batch).count() as u64, Ordering::Relaxed);
            }
            batch.clear();
            if closed {
                return;
            }
        }
    }

    /// Waits for lines and takes them all; says whether they are the last ones.
    fn next(&self, batch: &mut Vec<u8>) -> bool {
        let mut waiting = self.lock();
        waiting.asleep = waiting.lines.is_empty();
        let idle = |w: &mut Waiting| w.asleep && !w.closed;
        waiting = self.wake.wait_while(waiting, idle).unwrap_or_else(PoisonError::into_inner);
        waiting.asleep = false;
        let gathering = |w: &mut Waiting| w.lines.len() < PLENTY && !w.closed && !self.reopen.load(Ordering::Acquire);
        let (mut waiting, _) =
            self.wake.wait_timeout_while(waiting, GATHER, gathering).unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut waiting.lines, batch);
        waiting.closed
    }
}

/// What is written to, and whether the last write was good.
struct Out {
    to: Box<dyn Write + Send>,
    path: Option<PathBuf>,
    failed: bool,
}

impl Out {
    fn open(to: To) -> io::Result<Out> {
        let (to, path): (Box<dyn Write + Send>, _) = match to {
            To::Stderr => (Box::new(io::stderr()), None),
            To::File(path) => (Box::new(append(&path)?), Some(path)),
            To::Stream(to) => (to, None),
        };
        Ok(Out { to, path, failed: false })
    }

    fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        match append(path) {
            Ok(file) => self.to = Box::new(file),
            Err(error) => complain(&format!("cannot open the log {} again: {error}", path.display())),
        }
    }

    fn write(&mut self, batch: &[u8]) -> bool {
        let written = self.to.write_all(batch).and_then(|()| self.to.flush());
        if let Err(error) = &written
            && !self.failed
        {
            complain(&format!("cannot write the log: {error}"));
        }
        self.failed = written.is_err();
        !self.failed
    }
}

fn append(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().append(true).create(true).mode(0o640).open(path)
}

/// On standard error, which may be the one place that is left.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "mailswitch: {line}");
}
