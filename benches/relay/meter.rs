//! What an MTA costs: the CPU time of all its processes, short-lived ones included, and their memory.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often memory is looked at.
const SAMPLE: Duration = Duration::from_millis(250);

/// A control group (version 2), whose `cpu.stat` counts without any controller. It goes with the value.
pub(crate) struct Cgroup {
    pub(crate) path: PathBuf,
}

impl Cgroup {
    /// None where the host has no such file system, or one that is not to be written.
    pub(crate) fn new(name: &str) -> Option<Cgroup> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let mount = mounts.lines().find_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let (folder, kind) = (fields.next()?, fields.next()?);
            (kind == "cgroup2").then(|| PathBuf::from(folder))
        })?;
        let path = mount.join(format!("mailswitch-bench-{}-{name}", std::process::id()));
        fs::create_dir(&path).ok()?;
        Some(Cgroup { path })
    }

    pub(crate) fn cpu(&self) -> Duration {
        let text = fs::read_to_string(self.path.join("cpu.stat")).unwrap_or_default();
        let used = text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.parse().ok());
        Duration::from_micros(used.unwrap_or_default())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Its processes have ended before it; a group that is left over costs nothing.
        let _ = fs::remove_dir(&self.path);
    }
}

/// The time that the machine was busy, for hosts without control groups.
pub(crate) fn busy() -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = first.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    Duration::from_millis((ticks.iter().take(8).sum::<u64>() - idle) * 10)
}

/// The processes of a process namespace, given as one of them sees it under `/proc/PID/ns/pid`.
pub(crate) fn processes(namespace: &str) -> Vec<u32> {
    let Ok(wanted) = fs::read_link(namespace) else { return Vec::new() };
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|pid| fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|own| own == wanted)).collect()
}

/// Proportional set size: what the processes share counts once.
pub(crate) fn pss_kib(pids: &[u32]) -> u64 {
    let of = |pid: &u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = text.lines().find(|line| line.starts_with("Pss:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    pids.iter().filter_map(of).sum()
}

pub(crate) fn resident_kib(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
}

/// Does the work and tells the peak of the memory meanwhile.
pub(crate) fn peak_kib<T>(namespace: &str, work: impl FnOnce() -> T) -> (T, u64) {
    let (over, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                peak.fetch_max(pss_kib(&processes(namespace)), Ordering::Relaxed);
                std::thread::sleep(SAMPLE);
            }
        });
        let result = work();
        over.store(true, Ordering::Relaxed);
        result
    });
    (result, peak.into_inner())
}

/// The times that a disk takes for 4 KB appended and synced, one after the other.
pub(crate) fn syncs(folder: &std::path::Path, count: usize) -> std::io::Result<Vec<Duration>> {
    use std::io::Write;
    let path = folder.join("sync-probe");
    let mut file = fs::File::create(&path)?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begin = Instant::now();
        file.write_all(&[0x55; 4096])?;
        file.sync_data()?;
        times.push(begin.elapsed());
    }
    fs::remove_file(&path)?;
    Ok(times)
}

/// The value below which `share` of them lie; they are sorted for it.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share).ceil() as usize;
    values.get(at.clamp(1, values.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}
