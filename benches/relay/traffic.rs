//! Postfix's own load generator and its sink around an MTA, all on one machine's loopback.

use std::io::{self, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use mailswitch::lab::Node;

use crate::meter::busy;
use crate::site::{Mta, SINK};

const PATIENCE: Duration = Duration::from_secs(600);

/// What is sent.
#[derive(Clone, Copy)]
pub(crate) struct Traffic {
    pub(crate) count: usize,
    pub(crate) sessions: usize,
    pub(crate) size: usize,
    /// One connection for many messages.
    pub(crate) reuse: bool,
}

/// What a run gave.
pub(crate) struct Run {
    /// Until the last message was in the sink.
    pub(crate) rate: f64,
    /// Of the MTA, a message.
    pub(crate) cpu_ms: f64,
}

/// Sends the traffic through the MTA.
pub(crate) fn through(mta: &Mta, traffic: Traffic) -> io::Result<Run> {
    let sink = Sink::start(&mta.node)?;
    let (cpu, machine, own) = (mta.cgroup.as_ref().map(|group| group.cpu()), busy(), children_cpu());
    let begin = Instant::now();
    source(&mta.node, "127.0.0.1:25", traffic)?;
    sink.wait_for(traffic.count)?;
    let wall = begin.elapsed();
    let used = match (&mta.cgroup, cpu) {
        (Some(group), Some(before)) => Some(group.cpu() - before),
        _ => None,
    };
    let machine = busy().saturating_sub(machine);
    drop(sink);
    let used = used.unwrap_or_else(|| machine.saturating_sub(children_cpu().saturating_sub(own)));
    let each = |value: f64| value / traffic.count as f64;
    Ok(Run { rate: traffic.count as f64 / wall.as_secs_f64(), cpu_ms: each(used.as_secs_f64() * 1000.0) })
}

/// The generator straight into the sink: what no MTA can surpass.
pub(crate) fn ceiling(node: &Node, traffic: Traffic) -> io::Result<f64> {
    let sink = Sink::start(node)?;
    let begin = Instant::now();
    source(node, SINK, traffic)?;
    sink.wait_for(traffic.count)?;
    Ok(traffic.count as f64 / begin.elapsed().as_secs_f64())
}

/// Distinct recipients, `0ann@contoso.com` and so on.
fn source(node: &Node, server: &str, traffic: Traffic) -> io::Result<()> {
    source_to(node, server, traffic, "ann@contoso.com")
}

/// Runs `smtp-source` to its end; it puts a number before the recipient.
pub(crate) fn source_to(node: &Node, server: &str, traffic: Traffic, recipient: &str) -> io::Result<()> {
    let Traffic { count, sessions, size, reuse } = traffic;
    let mut command = Command::new("smtp-source");
    command.args(["-4", "-N", "-f", "s@sender.example", "-t", recipient]);
    command.args(["-m", &count.to_string(), "-s", &sessions.to_string(), "-l", &size.to_string()]);
    command.args(reuse.then_some("-d")).arg(server).stderr(Stdio::piped()).stdout(Stdio::null());
    let output = node.space().run(|| command.output())??;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() && said.is_empty() {
        Ok(())
    } else {
        Err(io::Error::other(format!("smtp-source: {said}")))
    }
}

/// The CPU time of the children that have ended, as the kernel counts it for a parent.
fn children_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default();
    let ticks: u64 = fields.iter().skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// `smtp-sink`, which counts on its output. It ends with the value.
pub(crate) struct Sink {
    child: Child,
    counted: Arc<(Mutex<usize>, Condvar)>,
}

impl Sink {
    pub(crate) fn start(node: &Node) -> io::Result<Sink> {
        let mut command = Command::new("smtp-sink");
        command.args(["-u", "postfix", "-c", "-m", "1000", SINK, "1000"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = node.space().run(|| command.spawn())??;
        let counted = Arc::new((Mutex::new(0), Condvar::new()));
        if let Some(output) = child.stdout.take() {
            let counted = counted.clone();
            std::thread::spawn(move || count(output, &counted));
        }
        let sink = Sink { child, counted };
        let port = SINK.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("the sink has a port");
        while !node.listening()?.contains(&port) {
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(sink)
    }

    /// Returns as soon as so many messages have come.
    pub(crate) fn wait_for(&self, messages: usize) -> io::Result<()> {
        let count = self.counted.0.lock().expect("no one panicked with the count");
        let few = |count: &mut usize| *count < messages;
        let (count, late) = self.counted.1.wait_timeout_while(count, PATIENCE, few).expect("no one panicked");
        if late.timed_out() { Err(io::Error::other(format!("{count} of {messages} messages came"))) } else { Ok(()) }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Follows `sess=1 quit=0 mesg=42\r` and its like.
fn count(mut output: ChildStdout, counted: &(Mutex<usize>, Condvar)) {
    let (mut buffer, mut text) = ([0; 65536], String::new());
    while let Ok(length @ 1..) = output.read(&mut buffer) {
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        // The last number may not be whole yet.
        let Some(end) = text.rfind(|letter: char| !letter.is_ascii_digit()) else { continue };
        let number = text[..end].rsplit_once("mesg=").and_then(|(_, rest)| {
            let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
            rest[..digits].parse().ok()
        });
        if let Some(number) = number {
            *counted.0.lock().expect("no one panicked with the count") = number;
            counted.1.notify_all();
        }
        let keep = text.len().saturating_sub(200);
        text.drain(..text.floor_char_boundary(keep));
    }
}
