//! Collectors: what Console measures by itself.

mod host;
mod process;

pub use host::{HostSample, HostSampler};
pub use process::OwnProcess;

/// Metric names, after the OpenTelemetry conventions for hosts and processes as Prometheus spells them.
pub mod names {
    /// Share of all processors in use, 0 to 1.
    pub const CPU: &str = "system_cpu_utilization_ratio";
    /// Processors.
    pub const CPU_COUNT: &str = "system_cpu_logical_count";
    /// Share of memory in use, 0 to 1.
    pub const MEMORY: &str = "system_memory_utilization_ratio";
    /// Memory in use.
    pub const MEMORY_USED: &str = "system_memory_usage_bytes";
    /// Memory in all.
    pub const MEMORY_TOTAL: &str = "system_memory_limit_bytes";
    /// Swap in use.
    pub const SWAP_USED: &str = "system_paging_usage_bytes";
    /// Swap in all.
    pub const SWAP_TOTAL: &str = "system_paging_limit_bytes";
    /// Share of a file system in use, 0 to 1; label `mountpoint`.
    pub const FILESYSTEM: &str = "system_filesystem_utilization_ratio";
    /// Bytes of a file system in use; label `mountpoint`.
    pub const FILESYSTEM_USED: &str = "system_filesystem_usage_bytes";
    /// Bytes read and written since boot; label `direction`.
    pub const DISK_IO: &str = "system_disk_io_bytes_total";
    /// Bytes received and sent since boot; labels `device`, `direction`.
    pub const NETWORK_IO: &str = "system_network_io_bytes_total";
    /// Load average over one minute.
    pub const LOAD_1M: &str = "system_cpu_load_average_1m";
    /// Load average over five minutes.
    pub const LOAD_5M: &str = "system_cpu_load_average_5m";
    /// Load average over fifteen minutes.
    pub const LOAD_15M: &str = "system_cpu_load_average_15m";
    /// Share of one processor that Console uses.
    pub const PROCESS_CPU: &str = "process_cpu_utilization_ratio";
    /// Console's resident memory.
    pub const PROCESS_MEMORY: &str = "process_resident_memory_bytes";
    /// Bytes of the store on disk.
    pub const STORE_BYTES: &str = "console_store_size_bytes";

    /// All of them.
    pub const ALL: [&str; 17] = [
        CPU,
        CPU_COUNT,
        MEMORY,
        MEMORY_USED,
        MEMORY_TOTAL,
        SWAP_USED,
        SWAP_TOTAL,
        FILESYSTEM,
        FILESYSTEM_USED,
        DISK_IO,
        NETWORK_IO,
        LOAD_1M,
        LOAD_5M,
        LOAD_15M,
        PROCESS_CPU,
        PROCESS_MEMORY,
        STORE_BYTES,
    ];
}
