//! The program `console`.

use std::process::ExitCode;

/// Ingest makes millions of small texts on one thread and drops them on another: the system's allocator takes a tenth of
/// the time for that, and does not give the memory back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    server::cli::main()
}
