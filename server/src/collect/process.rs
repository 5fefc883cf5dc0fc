//! Console's own process, as `process_*` metrics tell of it.

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

/// One look at the process.
#[derive(Debug, Clone, Copy)]
pub struct OwnProcess {
    /// Processor time, of user and system, in seconds.
    pub cpu_seconds: f64,
    /// Memory that is resident.
    pub resident_bytes: u64,
    /// Memory that is mapped.
    pub virtual_bytes: u64,
    /// File descriptors that are open, where that can be told.
    pub open_files: Option<u64>,
    /// File descriptors that may be open, where that can be told.
    pub max_files: Option<u64>,
    /// When it started, in seconds since the Unix epoch.
    pub start_seconds: u64,
}

impl OwnProcess {
    /// Looks; nothing where the operating system does not tell.
    pub fn look() -> Option<Self> {
        let own = sysinfo::get_current_pid().ok()?;
        let mut system = System::new();
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, what);
        let process = system.process(own)?;
        Some(Self {
            cpu_seconds: process.accumulated_cpu_time() as f64 / 1000.0,
            resident_bytes: process.memory(),
            virtual_bytes: process.virtual_memory(),
            open_files: process.open_files().map(|files| files as u64),
            max_files: process.open_files_limit().map(|files| files as u64),
            start_seconds: process.start_time(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself() {
        let process = OwnProcess::look().unwrap();
        assert!(process.resident_bytes > 1 << 20 && process.start_seconds > 1_700_000_000, "{process:?}");
        assert!(process.virtual_bytes >= process.resident_bytes && process.open_files != Some(0), "{process:?}");
    }
}
