//! What `/proc` says about a server and all its descendants, and how to end them.

use std::collections::BTreeMap;
use std::fs;
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::units::to_f64;

/// How long a server may take to stop by itself.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Memory of a whole process tree, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Sum of `VmRSS`; pages that processes share count once for each of them.
    pub(crate) rss: u64,
    /// Sum of `Pss`, where a shared page counts once in total.
    pub(crate) pss: u64,
    /// Number of processes.
    pub(crate) processes: usize,
}

/// The fields of `/proc/PID/stat` that are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    cpu_ticks: u64,
    /// Tells a process from a later one with the same id.
    start_ticks: u64,
}

/// Resident memory of `root` and its descendants.
pub(crate) fn memory(root: u32) -> Result<Memory> {
    let mut total = Memory::default();
    for pid in tree(root)?.into_keys() {
        // A process may end while we look; it then no longer counts.
        let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
        total.processes += 1;
        total.rss += value(&status, "VmRSS:") * 1024;
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        total.pss += value(&rollup, "Pss:") * 1024;
    }
    Ok(total)
}

/// Forgets the peaks of all processes so far.
pub(crate) fn reset_peaks(root: u32) -> Result<()> {
    for pid in tree(root)?.into_keys() {
        // `proc(5)`: 5 resets the peak of the resident set.
        let reset = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        if read_stat(pid).is_some() {
            reset.with_context(|| format!("cannot reset the memory peak of process {pid}"))?;
        }
    }
    Ok(())
}

/// Sum of the peaks of the resident set (`VmHWM`) since [`reset_peaks`], in bytes.
pub(crate) fn peak_memory(root: u32) -> Result<u64> {
    let mut total = 0;
    for pid in tree(root)?.into_keys() {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        total += value(&status, "VmHWM:") * 1024;
    }
    Ok(total)
}

/// Bytes that the tree has written to files on disks so far, including those that were removed since.
pub(crate) fn written_to_disk(root: u32) -> Result<u64> {
    let mut total = 0;
    for pid in tree(root)?.into_keys() {
        let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        total += value(&io, "write_bytes:");
    }
    Ok(total)
}

/// Waits until the tree has used next to no processor time for a second: a server that answers may still
/// have workers that are starting.
pub(crate) async fn wait_until_quiet(root: u32) -> Result<()> {
    const STEP: Duration = Duration::from_millis(500);
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut quiet_steps = 0;
    let mut before = cpu_ticks(root)?;
    while quiet_steps < 2 && Instant::now() < deadline {
        sleep(STEP).await;
        let now = cpu_ticks(root)?;
        quiet_steps = if now.abs_diff(before) <= 2 { quiet_steps + 1 } else { 0 };
        before = now;
    }
    Ok(())
}

/// Asks `child` to stop, waits, and kills what is left of its tree.
pub(crate) async fn stop(child: &mut Child) -> Result<()> {
    let members = tree(child.id())?;
    signal(child.id(), Signal::TERM);
    let deadline = Instant::now() + STOP_LIMIT;
    while child.try_wait()?.is_none() && Instant::now() < deadline {
        sleep(Duration::from_millis(20)).await;
    }
    // Workers follow their parent within a moment; only those that hang are killed.
    while any_alive(&members) && Instant::now() < deadline {
        sleep(Duration::from_millis(20)).await;
    }
    kill_members(child, &members);
    Ok(())
}

/// Kills `child` and its descendants at once, for the ways out that cannot wait.
pub(crate) fn kill(child: &mut Child) {
    let members = tree(child.id()).unwrap_or_default();
    kill_members(child, &members);
}

fn kill_members(child: &mut Child, members: &BTreeMap<u32, Stat>) {
    // `Child::kill` knows whether the process has been reaped already.
    let _ = child.kill();
    let _ = child.wait();
    for (pid, member) in members {
        if is_alive(*pid, member) {
            signal(*pid, Signal::KILL);
        }
    }
}

fn any_alive(members: &BTreeMap<u32, Stat>) -> bool {
    members.iter().any(|(pid, member)| is_alive(*pid, member))
}

fn is_alive(pid: u32, member: &Stat) -> bool {
    read_stat(pid).is_some_and(|stat| stat.start_ticks == member.start_ticks)
}

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // The process may have ended by itself, which is what is wanted.
        let _ = kill_process(pid, signal);
    }
}

/// Processor time, in seconds, that the processes of the tree have used so far.
pub(crate) fn cpu_seconds(root: u32) -> Result<f64> {
    Ok(to_f64(cpu_ticks(root)?) / to_f64(rustix::param::clock_ticks_per_second()))
}

fn cpu_ticks(root: u32) -> Result<u64> {
    Ok(tree(root)?.values().map(|stat| stat.cpu_ticks).sum())
}

/// `root` and everything below it.
fn tree(root: u32) -> Result<BTreeMap<u32, Stat>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir("/proc").context("cannot read /proc")? {
        let pid = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        if let Some(pid) = pid
            && let Some(stat) = read_stat(pid)
        {
            all.insert(pid, stat);
        }
    }
    Ok(descendants(root, &all))
}

fn descendants(root: u32, all: &BTreeMap<u32, Stat>) -> BTreeMap<u32, Stat> {
    let mut members = BTreeMap::new();
    let mut pending = vec![root];
    while let Some(pid) = pending.pop() {
        if let Some(stat) = all.get(&pid) {
            members.insert(pid, *stat);
            pending.extend(
                all.iter().filter(|(_, other)| other.parent == pid).map(|(child, _)| *child),
            );
        }
    }
    members
}

fn read_stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads a line of `/proc/PID/stat`; `None` also for a zombie, which holds nothing any more.
fn parse_stat(line: &str) -> Option<Stat> {
    // The command in parentheses may hold blanks and parentheses itself.
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    if *fields.first()? == "Z" {
        return None;
    }
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        cpu_ticks: number(11)? + number(12)?,
        start_ticks: number(19)?,
    })
}

/// The number behind `field` at the beginning of a line.
fn value(text: &str, field: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|value| value.split_whitespace().next())
        .and_then(|value| value.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "77 (a (b) c) S 12 77 77 0 -1 4194304 1 0 0 0 30 12 0 0 20 0 1 0 4711 42 100";

    #[test]
    fn a_stat_line_is_read_behind_the_command() {
        assert_eq!(parse_stat(LINE), Some(Stat { parent: 12, cpu_ticks: 42, start_ticks: 4711 }));
        assert_eq!(parse_stat(&LINE.replace(" S ", " Z ")), None);
        assert_eq!(parse_stat("nonsense"), None);
    }

    #[test]
    fn the_tree_holds_children_of_children_only() {
        let stat = |parent| Stat { parent, cpu_ticks: 0, start_ticks: 0 };
        let all =
            BTreeMap::from([(1, stat(0)), (5, stat(1)), (6, stat(5)), (7, stat(6)), (8, stat(1))]);
        assert_eq!(descendants(5, &all).into_keys().collect::<Vec<_>>(), [5, 6, 7]);
    }

    #[test]
    fn memory_fields_are_read_in_value() {
        assert_eq!(value("VmPeak:\t 9 kB\nVmRSS:\t  2048 kB\n", "VmRSS:"), 2048);
        assert_eq!(value("cancelled_write_bytes: 1\nwrite_bytes: 7\n", "write_bytes:"), 7);
        assert_eq!(value("", "VmRSS:"), 0);
    }

    #[test]
    fn this_process_has_memory() {
        let own = memory(std::process::id()).unwrap();
        assert!(own.rss > 0 && own.pss > 0 && own.processes >= 1);
    }

    #[test]
    fn this_process_has_a_peak() {
        let own = std::process::id();
        reset_peaks(own).unwrap();
        assert!(peak_memory(own).unwrap() > 0);
    }
}
