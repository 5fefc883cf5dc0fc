//! The host: processor, memory, swap, disks, network, load, and Console's own process, by `sysinfo`.

use app::model::{TenantId, UnixNanos};
use sysinfo::{DiskRefreshKind, Disks, Networks, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::names;
use crate::store::{NewSample, sample::Labels};

/// File systems of which the use is recorded; more are left out.
const MAX_MOUNTS: usize = 32;
/// Network devices that are recorded; more are left out.
const MAX_DEVICES: usize = 32;

/// Asks the operating system.
pub struct HostSampler {
    system: System,
    disks: Disks,
    networks: Networks,
    own: Option<Pid>,
}

/// One look at the host.
#[derive(Debug, Clone, Default)]
pub struct HostSample {
    /// Processor use, percent.
    pub cpu_percent: f64,
    /// Memory use, percent.
    pub memory_percent: f64,
    /// Everything as samples.
    pub values: Vec<(Labels, f64)>,
}

impl HostSample {
    /// The samples of a tenant at an instant.
    pub fn into_samples(self, tenant: TenantId, time: UnixNanos) -> Vec<NewSample> {
        self.values.into_iter().map(|(series, value)| NewSample { tenant, series, time, value }).collect()
    }
}

impl Default for HostSampler {
    fn default() -> Self {
        let mut sampler = Self {
            system: System::new(),
            disks: Disks::new_with_refreshed_list(),
            networks: Networks::new_with_refreshed_list(),
            own: sysinfo::get_current_pid().ok(),
        };
        // Processor use is told between two looks; this is the first.
        sampler.refresh();
        sampler
    }
}

impl HostSampler {
    fn refresh(&mut self) {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        if let Some(own) = self.own {
            let what = ProcessRefreshKind::nothing().with_cpu().with_memory().with_disk_usage();
            self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, what);
        }
        self.disks.refresh_specifics(true, DiskRefreshKind::nothing().with_storage().with_io_usage());
        self.networks.refresh(true);
    }

    /// Looks at the host. Takes some milliseconds: not for a thread that serves sockets.
    pub fn sample(&mut self) -> HostSample {
        self.refresh();
        let mut values: Vec<(Labels, f64)> = Vec::new();
        let mut put = |name: &str, labels: &[(&str, &str)], value: f64| {
            if value.is_finite() {
                values.push((Labels::named(name, labels), value));
            }
        };
        let cpu_percent = f64::from(self.system.global_cpu_usage()).clamp(0.0, 100.0);
        put(names::CPU, &[], cpu_percent / 100.0);
        put(names::CPU_COUNT, &[], self.system.cpus().len() as f64);

        let (used, total) = (self.system.used_memory() as f64, self.system.total_memory() as f64);
        let memory_percent = if total > 0.0 { used * 100.0 / total } else { 0.0 };
        put(names::MEMORY, &[], memory_percent / 100.0);
        put(names::MEMORY_USED, &[], used);
        put(names::MEMORY_TOTAL, &[], total);
        put(names::SWAP_USED, &[], self.system.used_swap() as f64);
        put(names::SWAP_TOTAL, &[], self.system.total_swap() as f64);

        let load = System::load_average();
        put(names::LOAD_1M, &[], load.one);
        put(names::LOAD_5M, &[], load.five);
        put(names::LOAD_15M, &[], load.fifteen);

        let (mut read, mut written) = (0.0, 0.0);
        let mut seen_devices = std::collections::HashSet::new();
        let mut mounts = 0;
        for disk in &self.disks {
            // A device that is mounted twice counts once.
            if seen_devices.insert(disk.name().to_owned()) {
                read += disk.usage().total_read_bytes as f64;
                written += disk.usage().total_written_bytes as f64;
            }
            let total = disk.total_space() as f64;
            let mount = disk.mount_point().to_string_lossy();
            let is_file = disk.mount_point().is_file();
            if total <= 0.0 || is_file || mounts >= MAX_MOUNTS {
                continue;
            }
            mounts += 1;
            let used = total - disk.available_space() as f64;
            put(names::FILESYSTEM, &[("mountpoint", &mount)], used / total);
            put(names::FILESYSTEM_USED, &[("mountpoint", &mount)], used);
        }
        put(names::DISK_IO, &[("direction", "read")], read);
        put(names::DISK_IO, &[("direction", "write")], written);

        let mut devices: Vec<_> = self.networks.iter().filter(|(device, _)| !device.starts_with("lo")).collect();
        devices.sort_by_key(|(device, _)| device.as_str());
        for (device, data) in devices.into_iter().take(MAX_DEVICES) {
            let labels = |direction| [("device", device.as_str()), ("direction", direction)];
            put(names::NETWORK_IO, &labels("receive"), data.total_received() as f64);
            put(names::NETWORK_IO, &labels("transmit"), data.total_transmitted() as f64);
        }
        if let Some(process) = self.own.and_then(|own| self.system.process(own)) {
            put(names::PROCESS_CPU, &[], f64::from(process.cpu_usage()) / 100.0);
            put(names::PROCESS_MEMORY, &[], process.memory() as f64);
        }
        HostSample { cpu_percent, memory_percent, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_has_a_processor_memory_and_this_process() {
        let sample = HostSampler::default().sample();
        for name in [names::CPU, names::MEMORY_TOTAL, names::LOAD_1M, names::PROCESS_MEMORY, names::DISK_IO] {
            assert!(sample.values.iter().any(|(key, _)| key.name() == name), "{name}");
        }
        assert!((0.0..=100.0).contains(&sample.memory_percent) && sample.memory_percent > 0.0);
    }
}
