//! Puts the server together, runs it, and takes it down in order.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpListener;

use crate::{
    clock::SharedClock,
    config::Config,
    http,
    ingest::{IngestQueue, Writer},
    jobs,
    lifecycle::Supervisor,
    live::Hub,
    service::{Parts, Services},
    store::{StoreError, Stores},
    telemetry::SelfLog,
};

/// How long tasks may take to end at shutdown; in all the process ends within ten seconds.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long requests under way may take to end at shutdown.
const REQUEST_PATIENCE: Duration = Duration::from_secs(3);

/// Why the server did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {addr} (`server.addr`): {source}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Serving failed.
    #[error("serving failed: {0}")]
    Serve(#[from] std::io::Error),
}

/// A server that listens.
pub struct Server {
    /// The use cases, for tests and tools.
    pub services: Arc<Services>,
    /// Where it listens: the port is known even when any was asked for.
    pub addr: SocketAddr,
    listener: TcpListener,
    /// The writer ends after everything that hands it records.
    writer: Supervisor,
    log: Supervisor,
}

impl Server {
    /// Opens the store, starts the tasks, and listens.
    pub async fn start(config: Config, clock: SharedClock, self_log: SelfLog) -> Result<Self, ServerError> {
        let stores = Stores::open(&config.store).await?;
        let listener = TcpListener::bind(config.server.addr)
            .await
            .map_err(|source| ServerError::Listen { addr: config.server.addr, source })?;
        let addr = listener.local_addr()?;
        let hub = Arc::new(Hub::new(config.live.buffer_events, config.live.max_streams));
        let (ingest, end) = IngestQueue::new(config.ingest.queue_bytes);
        let writer = Supervisor::default();
        let writes = Arc::new(Writer::new(
            ingest.clone(),
            end,
            stores.ingest.clone(),
            hub.clone(),
            clock.clone(),
            config.ingest.commit_records,
        ));
        writer.spawn("writer", move |token| {
            let writes = writes.clone();
            async move { writes.run(token).await }
        });
        let self_log = Arc::new(self_log);
        let log = Supervisor::default();
        {
            let (self_log, ingest) = (self_log.clone(), ingest.clone());
            log.spawn("log", move |token| {
                let (self_log, ingest) = (self_log.clone(), ingest.clone());
                async move { self_log.forward(&ingest, token).await }
            });
        }
        let services = Services::new(Parts {
            stores,
            ingest,
            hub,
            clock,
            config: Arc::new(config),
            self_log,
            supervisor: Supervisor::default(),
        });
        jobs::start(&services);
        Ok(Self { services, addr, listener, writer, log })
    }

    /// Serves until `shutdown` resolves; then stops accepting, drains, commits, and closes the store.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        let supervisor = self.services.supervisor.clone();
        let streams = supervisor.token();
        let router = http::router(self.services.clone(), streams.clone());
        let served = tokio::spawn(http::serve(self.listener, router, {
            let streams = streams.clone();
            async move {
                shutdown.await;
                tracing::info!("shutting down");
                // Open streams would keep connections open for ever: they end with a hint to come back.
                streams.cancel();
            }
        }));
        streams.cancelled().await;
        let outcome = match tokio::time::timeout(REQUEST_PATIENCE, served).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Err(std::io::Error::other(error)),
            // Somebody does not read their answer; they are not waited for.
            Err(_) => Ok(()),
        };
        let ended = supervisor.shut_down(PATIENCE).await;
        self.log.shut_down(PATIENCE).await;
        self.writer.shut_down(PATIENCE).await;
        self.services.stores.admin.close().await;
        if !ended {
            tracing::warn!("some tasks did not end in time");
        }
        outcome.map_err(ServerError::Serve)
    }
}
