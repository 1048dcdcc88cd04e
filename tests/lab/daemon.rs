//! A daemon and all that it starts, which end together, whatever happens to the test.
//!
//! It runs in a process namespace of its own, whose first process is a shell. When that is killed the
//! kernel kills the rest; and it is killed when its parent ends, which is when the test run does.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::lab::node::Node;

const START: Duration = Duration::from_secs(30);

/// The parent-death signal belongs to the thread that started the child, so a thread is kept for it.
pub(crate) struct Daemon {
    child: Arc<Mutex<Child>>,
    stop: Option<Sender<()>>,
    keeper: Option<JoinHandle<()>>,
}

impl Daemon {
    /// Starts it and waits until these ports listen.
    pub(crate) fn start(node: &Node, command: &[&str], ports: &[u16]) -> Daemon {
        let (stop, stopped) = channel();
        let (started, start) = channel();
        let words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let space = node.space().try_clone();
        let keeper = std::thread::spawn(move || {
            space.enter();
            keep(&words, &started, &stopped);
        });
        let child = start.recv().expect("the keeper starts the daemon");
        let mut outputs = child.lock().expect("no one panicked with the child");
        outputs.stdout.take().into_iter().for_each(|output| node.log_lines().follow(output));
        outputs.stderr.take().into_iter().for_each(|output| node.log_lines().follow(output));
        drop(outputs);
        let daemon = Daemon { child, stop: Some(stop), keeper: Some(keeper) };
        daemon.wait_for(node, command, ports);
        daemon
    }

    /// The kernel tells nobody that a port has begun to listen, so this one thing is polled.
    fn wait_for(&self, node: &Node, command: &[&str], ports: &[u16]) {
        let end = Instant::now() + START;
        loop {
            let listening = node.listening();
            if ports.iter().all(|port| listening.contains(port)) {
                return;
            }
            assert!(self.runs(), "{command:?} ended at once:\n{}", node.log());
            let late = Instant::now() > end;
            assert!(!late, "{command:?} listens on {listening:?}, not on {ports:?}:\n{}", node.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn runs(&self) -> bool {
        let mut child = self.child.lock().expect("no one panicked with the child");
        matches!(child.try_wait(), Ok(None))
    }

    /// The daemon's own process, as this side of the process namespace knows it.
    pub(crate) fn pid(&self) -> Option<i32> {
        let unshare = self.child.lock().expect("no one panicked with the child").id();
        only_child(only_child(unshare)?)
    }

    /// Sends a signal to the daemon alone, not to what it started.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.pid().expect("the daemon runs");
        kill(Pid::from_raw(pid), signal).expect("a process of ours takes a signal");
    }

    /// Waits until the daemon has ended by itself, which ends the rest of its namespace.
    pub(crate) fn wait(self) {
        let end = Instant::now() + START;
        while self.runs() {
            assert!(Instant::now() < end, "the daemon has not ended after {START:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The process namespace, for nsenter(1): outside it the pid files name other processes.
    pub(crate) fn process_namespace(&self) -> String {
        let pid = self.child.lock().expect("no one panicked with the child").id();
        format!("/proc/{}/ns/pid", only_child(pid).expect("the daemon runs"))
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

fn keep(words: &[String], started: &Sender<Arc<Mutex<Child>>>, stopped: &Receiver<()>) {
    let child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"])
        .args(["sh", "-c", "\"$@\" & wait $!", "sh"])
        .args(words)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("setpriv and unshare are part of util-linux");
    let pid = child.id();
    let child = Arc::new(Mutex::new(child));
    if started.send(child.clone()).is_ok() {
        // Nothing is ever sent: the other end is dropped when the daemon is to stop.
        let _ = stopped.recv();
    }
    // The first process of the namespace is reaped after all others there are gone.
    match only_child(pid) {
        Some(first) => drop(kill(Pid::from_raw(first), Signal::SIGKILL)),
        None => drop(child.lock().expect("no one panicked with the child").kill()),
    }
    let _ = child.lock().expect("no one panicked with the child").wait();
}

fn only_child(pid: impl std::fmt::Display) -> Option<i32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
