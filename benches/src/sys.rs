//! What the kernel knows: limits, cores, and what a process has used.

use std::fs;
use std::io;

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

/// Raises the limit of open files as far as this user may, and tells how far that is.
///
/// # Errors
///
/// None in practice: the soft limit may always rise to the hard one.
pub fn raise_open_files() -> Result<u64> {
    let now = getrlimit(Resource::Nofile);
    let wanted = fs::read_to_string("/proc/sys/fs/nr_open")
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let more = Rlimit {
        current: wanted,
        maximum: wanted,
    };
    // Only a privileged process may raise the hard limit; everyone else takes all there is.
    if wanted.is_none() || setrlimit(Resource::Nofile, more).is_err() {
        let all = Rlimit {
            current: now.maximum,
            maximum: now.maximum,
        };
        setrlimit(Resource::Nofile, all).context("cannot raise the limit of open files")?;
    }
    Ok(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

/// Keeps the calling thread, and what it starts, on one core.
///
/// # Errors
///
/// That there is no such core for this process.
pub fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("cannot run on core {core}"))
}

/// Nanoseconds that all threads of a process, and of its children, have run on a core.
///
/// # Errors
///
/// That the process is gone.
pub fn cpu_ns(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).context("the server is gone")? {
        let task = task?.path();
        // A thread may end between the listing and the reading.
        let Ok(stat) = fs::read_to_string(task.join("schedstat")) else {
            continue;
        };
        sum += stat
            .split(' ')
            .next()
            .and_then(|ns| ns.parse::<u64>().ok())
            .unwrap_or(0);
        for child in fs::read_to_string(task.join("children"))
            .unwrap_or_default()
            .split_whitespace()
        {
            sum += child
                .parse()
                .ok()
                .and_then(|child| cpu_ns(child).ok())
                .unwrap_or(0);
        }
    }
    Ok(sum)
}

/// The same for several processes.
///
/// # Errors
///
/// As [`cpu_ns`].
pub fn cpu_ns_of_all(pids: &[u32]) -> Result<u64> {
    pids.iter().map(|&pid| cpu_ns(pid)).sum()
}

/// The resident memory of a process and of its children, in bytes.
///
/// # Errors
///
/// That the process is gone.
pub fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the server is gone")?;
    let mut sum = field(&status, "VmRSS:").unwrap_or(0) * 1024;
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        sum += child
            .parse()
            .ok()
            .and_then(|child| resident(child).ok())
            .unwrap_or(0);
    }
    Ok(sum)
}

/// How many files a process has open.
///
/// # Errors
///
/// That the process is gone.
pub fn open_files(pid: u32) -> Result<usize> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).context("the server is gone")?;
    Ok(files.count())
}

/// What the kernel's allocator holds on this machine, in bytes: sockets are most of what changes.
///
/// # Errors
///
/// That there is no `/proc/meminfo`.
pub fn kernel_memory() -> Result<u64> {
    let info = fs::read_to_string("/proc/meminfo")?;
    Ok(field(&info, "Slab:").unwrap_or(0) * 1024)
}

/// Connections that the kernel has dropped because a listener's queue was full.
///
/// # Errors
///
/// That there is no `/proc/net/netstat`.
pub fn listen_drops() -> Result<u64> {
    let text = fs::read_to_string("/proc/net/netstat")?;
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let dropped = names
        .split(' ')
        .zip(values.split(' '))
        .filter(|(name, _)| *name == "ListenDrops")
        .find_map(|(_, value)| value.parse().ok());
    dropped.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound).into())
}

/// The processor's name.
pub fn cpu_model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    model.map_or_else(
        || "unknown".into(),
        |name| name.trim_start_matches(['\t', ' ', ':']).into(),
    )
}

fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}
