//! A daemon and all that it starts, which end together, whatever happens to its owner.
//!
//! It runs in a process namespace of its own, whose first process is a shell. When that is killed the
//! kernel kills the rest; and it is killed when its parent ends, which is when this program does.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::lab::error::{Error, Explain, Result, lock, thread};
use crate::lab::node::Node;
use crate::lab::poll;

const START: Duration = Duration::from_secs(30);

/// The parent-death signal belongs to the thread that started the child, so a thread is kept for it.
pub struct Daemon {
    child: Arc<Mutex<Child>>,
    stop: Option<Sender<()>>,
    keeper: Option<JoinHandle<()>>,
}

impl Daemon {
    /// Starts it and waits until these ports listen.
    pub fn start(node: &Node, command: &[&str], ports: &[u16]) -> Result<Daemon> {
        let (stop, stopped) = channel();
        let (started, start) = channel();
        let words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let space = node.space().clone();
        let keeper = thread(move || match space.enter().and_then(|()| spawn(&words)) {
            Ok(child) => keep(child, &started, &stopped),
            // The other end waits for it.
            Err(error) => drop(started.send(Err(error))),
        })?;
        let child = start.recv().explain(format_args!("cannot start {command:?}"))??;
        let daemon = Daemon { child, stop: Some(stop), keeper: Some(keeper) };
        let (output, errors) = {
            let mut child = lock(&daemon.child);
            (child.stdout.take(), child.stderr.take())
        };
        output.map_or(Ok(()), |output| node.log_lines().follow(output))?;
        errors.map_or(Ok(()), |errors| node.log_lines().follow(errors))?;
        daemon.wait_for(node, command, ports)?;
        Ok(daemon)
    }

    /// The kernel tells nobody that a port has begun to listen, so this one thing is polled.
    fn wait_for(&self, node: &Node, command: &[&str], ports: &[u16]) -> Result<()> {
        let end = Instant::now() + START;
        loop {
            let listening = node.listening()?;
            if ports.iter().all(|port| listening.contains(port)) {
                return Ok(());
            }
            if !self.runs() {
                return Err(Error::new(format!("{command:?} ended at once:\n{}", node.log())));
            }
            if Instant::now() > end {
                let log = node.log();
                return Err(Error::new(format!("{command:?} listens on {listening:?}, not on {ports:?}:\n{log}")));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn runs(&self) -> bool {
        matches!(lock(&self.child).try_wait(), Ok(None))
    }

    /// The daemon's own process, as this side of the process namespace knows it.
    pub fn pid(&self) -> Option<i32> {
        let unshare = lock(&self.child).id();
        only_child(only_child(unshare)?)
    }

    /// Sends a signal to the daemon alone, not to what it started.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self.pid().ok_or_else(ended)?;
        kill(Pid::from_raw(pid), signal).explain(format_args!("cannot send {signal}"))
    }

    /// Waits until the daemon has ended by itself, which ends the rest of its namespace.
    pub fn wait(self) -> Result<()> {
        let over = poll(START, || Ok((!self.runs()).then_some(())))?;
        over.ok_or_else(|| Error::new(format!("the daemon has not ended after {START:?}")))
    }

    /// The process namespace, for nsenter(1): outside it the pid files name other processes.
    pub fn process_namespace(&self) -> Result<String> {
        let pid = lock(&self.child).id();
        Ok(format!("/proc/{}/ns/pid", only_child(pid).ok_or_else(ended)?))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

fn ended() -> Error {
    Error::new("the daemon has ended")
}

fn spawn(words: &[String]) -> Result<Child> {
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"])
        .args(["sh", "-c", "\"$@\" & wait $!", "sh"])
        .args(words)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .explain(format_args!("`setpriv` cannot be started for {words:?} (package util-linux)"))
}

fn keep(child: Child, started: &Sender<Result<Arc<Mutex<Child>>>>, stopped: &Receiver<()>) {
    let pid = child.id();
    let child = Arc::new(Mutex::new(child));
    if started.send(Ok(child.clone())).is_ok() {
        // Nothing is ever sent: the other end is dropped when the daemon is to stop.
        let _ = stopped.recv();
    }
    // The first process of the namespace is reaped after all others there are gone.
    match only_child(pid) {
        Some(first) => drop(kill(Pid::from_raw(first), Signal::SIGKILL)),
        None => drop(lock(&child).kill()),
    }
    let _ = lock(&child).wait();
}

fn only_child(pid: impl std::fmt::Display) -> Option<i32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
