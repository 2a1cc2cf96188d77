//! What kind of machine a run took place on, in words that name neither hosts nor paths.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::servers::output_of;

/// A Markdown list of the machine and of the versions of all `programs`.
pub(crate) fn describe<'a>(
    dir: &Path,
    programs: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let cpu = field(&read("/proc/cpuinfo"), "model name")
        .unwrap_or_else(|| "unknown processor".to_owned());
    let load = read("/proc/loadavg").split_whitespace().next().unwrap_or("?").to_owned();
    let mut lines = vec![
        format!(
            "{cores} cores ({cpu}), {} of memory, shared by the servers and the load generator",
            memory()
        ),
        format!(
            "Linux {}, files on {}",
            read("/proc/sys/kernel/osrelease").trim(),
            file_system(dir)
        ),
        format!("load average before the run: {load}"),
    ];
    lines.extend(programs.map(|(name, version)| format!("{name}: {version}")));
    let rustc = output_of(Command::new("rustc").arg("--version"))
        .unwrap_or_else(|_| "rustc unknown".to_owned());
    lines.push(format!("load generator: mlferry-bench {}, {rustc}", env!("CARGO_PKG_VERSION")));
    format!("- {}\n", lines.join("\n- "))
}

fn memory() -> String {
    let total = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kibibytes: u64 =
        total.split_whitespace().next().and_then(|value| value.parse().ok()).unwrap_or(0);
    format!("{} GiB", (kibibytes + (1 << 19)) >> 20)
}

/// The file system that holds `dir`: the mount with the longest matching path.
fn file_system(dir: &Path) -> String {
    mount_of(&read("/proc/mounts"), dir).unwrap_or_else(|| "an unknown file system".to_owned())
}

fn mount_of(mounts: &str, dir: &Path) -> Option<String> {
    let mut best: Option<(usize, String)> = None;
    for line in mounts.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [device, point, kind, ..] = fields[..] else { continue };
        // Later mounts hide earlier ones at the same place.
        if dir.starts_with(point) && best.as_ref().is_none_or(|(length, _)| *length <= point.len())
        {
            let device = device.rsplit('/').next().unwrap_or(device);
            best = Some((point.len(), format!("{kind} ({device})")));
        }
    }
    best.map(|(_, description)| description)
}

/// The first value of a `name : value` file of `/proc`.
fn field(text: &str, name: &str) -> Option<String> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.into_iter().find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_counts() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmp/x xfs rw 0 0\n";
        assert_eq!(mount_of(mounts, Path::new("/tmp/x/y")).unwrap(), "xfs (b)");
        assert_eq!(mount_of(mounts, Path::new("/tmp/xy")).unwrap(), "tmpfs (tmpfs)");
        assert_eq!(mount_of(mounts, Path::new("/home")).unwrap(), "ext4 (a)");
        assert_eq!(mount_of("", Path::new("/home")), None);
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        assert_eq!(field("model\t: 1\nmodel name\t: X 2\n", "model name").unwrap(), "X 2");
        assert_eq!(field("model\t: 1\n", "model name"), None);
    }
}
