//! The command line.

mod people;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use app::{
    api::ApiError,
    model::{PipelineTrace, TenantId},
};
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::{
    clock::SystemClock,
    config::{Config, ConfigError, Overrides},
    demo::{DemoError, Load},
    server::{Server, ServerError},
    service::identity::FirstSignIn,
    store::{StoreError, Stores},
    telemetry::{self, Redactor, SelfLog},
};

/// A self-hosted monitoring console.
#[derive(Debug, Parser)]
#[command(name = "console", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
struct Options {
    /// Configuration file [default: Leptos.toml, if it is there]
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// Address to listen on, e.g. 127.0.0.1:3000
    #[arg(long, global = true)]
    addr: Option<SocketAddr>,
    /// Directory of the embedded store
    #[arg(long, global = true)]
    data_dir: Option<PathBuf>,
    /// `postgres://…` to keep data in PostgreSQL
    #[arg(long, global = true)]
    database_url: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (what happens without a command)
    Serve,
    /// Create the store or bring its schema up to date, and end
    Migrate,
    /// People who may sign in; the server may be running
    #[command(subcommand)]
    User(people::UserCommand),
    /// Keys of programs; the server may be running
    #[command(subcommand)]
    Key(people::KeyCommand),
    /// Tenants; the server may be running
    #[command(subcommand)]
    Tenant(people::TenantCommand),
    /// Send the load of a small invented shop, so that there is something to look at
    #[command(args_conflicts_with_subcommands = true)]
    Demo {
        #[command(subcommand)]
        command: Option<DemoCommand>,
        #[command(flatten)]
        load: DemoLoad,
    },
    /// Configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
enum DemoCommand {
    /// Remove all demonstration pipeline traces; the server may be running
    Remove,
}

#[derive(Debug, Args)]
struct DemoLoad {
    /// Where OTLP is taken over gRPC [default: the address in the configuration]
    #[arg(long)]
    endpoint: Option<String>,
    /// A key that may send; not needed on the machine where Console runs
    #[arg(long)]
    key: Option<String>,
    /// Traces a second
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Read the configuration and say what is wrong with it, or show it
    Check,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error("{0}")]
    Refused(#[from] ApiError),
    #[error("setting `log.filter`: {0}")]
    Filter(String),
    #[error("{0}")]
    Start(String),
}

/// Runs the program and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("console: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), CliError> {
    let Options { config, addr, data_dir, database_url } = cli.options;
    let config = Config::load(&Overrides { file: config, addr, data_dir, database_url })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::Start(error.to_string()))?;
    runtime.block_on(async move {
        match cli.command.unwrap_or(Command::Serve) {
            Command::Serve => serve(config).await,
            Command::Migrate => {
                Stores::open(&config.store).await?.admin.close().await;
                println!("The store is up to date.");
                Ok(())
            }
            Command::Demo { command: None, load } => {
                let DemoLoad { endpoint, key, rate } = load;
                let configured = || config.otlp.grpc_addr.0.map(|addr| format!("http://{addr}"));
                let endpoint = endpoint.or_else(configured).ok_or_else(|| {
                    CliError::Start("OTLP over gRPC is off (`otlp.grpc_addr`); say where with --endpoint".to_owned())
                })?;
                Ok(Load { endpoint, key, rate }.run(&SystemClock, stop_signal()).await?)
            }
            Command::Demo { command: Some(DemoCommand::Remove), .. } => {
                let stores = Stores::open(&config.store).await?;
                let removed = stores.pipelines.remove_source(TenantId::DEFAULT, PipelineTrace::DEMO_SOURCE).await?;
                stores.admin.close().await;
                println!("Removed {removed} demonstration pipeline traces.");
                Ok(())
            }
            Command::User(command) => people::user(&config, command).await,
            Command::Key(command) => people::key(&config, command).await,
            Command::Tenant(command) => people::tenant(&config, command).await,
            Command::Config(ConfigCommand::Check) => {
                let shown = serde_json::to_string_pretty(&config);
                println!("{}", shown.map_err(|error| CliError::Start(error.to_string()))?);
                Ok(())
            }
        }
    })
}

async fn serve(config: Config) -> Result<(), CliError> {
    let filter = EnvFilter::builder().parse(&config.log.filter).map_err(|error| CliError::Filter(error.to_string()))?;
    let clock = Arc::new(SystemClock);
    let redactor = Redactor::new(&config.redaction).map_err(|error| CliError::Filter(error.to_string()))?;
    let (sink, self_log) = SelfLog::new(config.log.queue_records, redactor);
    telemetry::install(filter, sink, clock.clone()).map_err(CliError::Start)?;
    let server = Server::start(config, clock, self_log).await?;
    let url = server.url();
    tracing::info!(addr = %server.addr, version = env!("CARGO_PKG_VERSION"), "Console serves on {url}");
    println!("Console serves on {url}");
    match server.services.identity.first_sign_in().await? {
        FirstSignIn::NotNeeded => {}
        FirstSignIn::Provisioned(email) => println!("The first administrator is {email}."),
        // On standard output and not in the log: that is stored and shown.
        FirstSignIn::Link(link) => {
            println!("Nobody can sign in yet. This link makes you the administrator, once, within 15 minutes:");
            println!("  {url}{link}");
        }
    }
    server.run(stop_signal()).await?;
    Ok(())
}

/// Resolves when the process is asked to end.
async fn stop_signal() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}
