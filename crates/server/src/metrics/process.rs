//! What the system knows of this process, under the names that all of Prometheus' clients use.

use super::parts::gauge;
use procfs::{
    ProcResult,
    process::{LimitValue, Process},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use std::fmt;

/// The process that this server runs in.
#[derive(Debug)]
pub(super) struct ThisProcess;

struct Usage {
    cpu_seconds: f64,
    start_time: f64,
    resident_bytes: u64,
    virtual_bytes: u64,
    open_fds: u64,
    /// `None` is any number.
    max_fds: Option<u64>,
    threads: u64,
}

impl Usage {
    #[expect(clippy::cast_precision_loss, reason = "ticks of decades fit")]
    fn now() -> ProcResult<Self> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let ticks = procfs::ticks_per_second() as f64;
        let booted = procfs::boot_time_secs()? as f64;
        let max_fds = match process.limits()?.max_open_files.soft_limit {
            LimitValue::Unlimited => None,
            LimitValue::Value(max) => Some(max),
        };
        Ok(Self {
            cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
            start_time: booted + stat.starttime as f64 / ticks,
            resident_bytes: stat.rss * procfs::page_size(),
            virtual_bytes: stat.vsize,
            open_fds: process.fd_count()? as u64,
            max_fds,
            threads: u64::try_from(stat.num_threads).unwrap_or_default(),
        })
    }
}

impl Collector for ThisProcess {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let usage = match Usage::now() {
            Ok(usage) => usage,
            Err(error) => {
                tracing::debug!(%error, "the system tells nothing of this process");
                return Ok(());
            }
        };
        let cpu = encoder.encode_descriptor(
            "process_cpu_seconds",
            "Time that this process had a processor.",
            None,
            MetricType::Counter,
        )?;
        ConstCounter::new(usage.cpu_seconds).encode(cpu)?;
        let start = encoder.encode_descriptor(
            "process_start_time_seconds",
            "When this process was started, in seconds since 1970.",
            None,
            MetricType::Gauge,
        )?;
        ConstGauge::new(usage.start_time).encode(start)?;
        for (name, help, value) in [
            ("process_resident_memory_bytes", "Memory in use.", Some(usage.resident_bytes)),
            ("process_virtual_memory_bytes", "Address space in use.", Some(usage.virtual_bytes)),
            ("process_open_fds", "Open files and connections.", Some(usage.open_fds)),
            ("process_max_fds", "Files and connections that may be open.", usage.max_fds),
            ("process_threads", "Threads.", Some(usage.threads)),
        ] {
            if let Some(value) = value {
                gauge(&mut encoder, name, help, value)?;
            }
        }
        Ok(())
    }
}
