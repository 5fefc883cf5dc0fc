//! Puts the server together, runs it, and takes it down in order.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, time::Instant};

use crate::{
    clock::SharedClock,
    config::{Config, Listen},
    http,
    http::Tls,
    ingest::{IngestQueue, Writer},
    jobs,
    lifecycle::Supervisor,
    live::Hub,
    service::{Parts, Services},
    store::{StoreError, Stores},
    telemetry::SelfLog,
};

/// When requests under way, tasks, the log, the writer and the store must have ended after the process was asked to
/// end, in milliseconds: in all, ten seconds.
const DEADLINES_MS: [u64; 5] = [3000, 4500, 5000, 9000, 9500];

/// Why the server did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {addr} (`{setting}`): {source}")]
    Listen {
        /// Where the address comes from.
        setting: &'static str,
        /// The address.
        addr: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("the certificate or its key cannot be used (`server.tls_certificate`, `server.tls_key`): {0}")]
    Tls(std::io::Error),
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
    /// Where OTLP alone is taken over HTTP.
    pub otlp_http: Option<TcpListener>,
    /// Where OTLP is taken over gRPC.
    pub otlp_grpc: Option<TcpListener>,
    tls: Option<Tls>,
    /// The writer ends after everything that hands it records.
    writer: Supervisor,
    log: Supervisor,
}

impl Server {
    /// Opens the store, starts the tasks, and listens.
    pub async fn start(config: Config, clock: SharedClock, self_log: SelfLog) -> Result<Self, ServerError> {
        let tls = match config.server.tls() {
            Some((certificate, key)) => Some(Tls::open(certificate, key).await.map_err(ServerError::Tls)?),
            None => None,
        };
        let stores = Stores::open(&config.store).await?;
        let listener = listen("server.addr", config.server.addr).await?;
        let addr = listener.local_addr()?;
        let otlp_http = listen_if("otlp.http_addr", config.otlp.http_addr).await?;
        let otlp_grpc = listen_if("otlp.grpc_addr", config.otlp.grpc_addr).await?;
        let hub = Arc::new(Hub::new(config.live.buffer_events, config.live.max_streams));
        let (ingest, end) = IngestQueue::new(config.ingest.queue_bytes);
        let supervisor = Supervisor::default();
        let (writer, log) = (supervisor.sibling(), supervisor.sibling());
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
        {
            let (self_log, ingest) = (self_log.clone(), ingest.clone());
            log.spawn("log", move |token| {
                let (self_log, ingest) = (self_log.clone(), ingest.clone());
                async move { self_log.forward(&ingest, token).await }
            });
        }
        let services =
            Services::new(Parts { stores, ingest, hub, clock, config: Arc::new(config), self_log, supervisor });
        jobs::start(&services);
        if let Some(tls) = tls.clone() {
            services.supervisor.spawn("certificate", move |token| {
                let tls = tls.clone();
                async move { tls.follow(token).await }
            });
        }
        Ok(Self { services, addr, listener, otlp_http, otlp_grpc, tls, writer, log })
    }

    /// Where people find it.
    pub fn url(&self) -> String {
        self.services.config.server.public_url(self.addr)
    }

    /// Serves until `shutdown` resolves; then stops accepting, drains, commits, and closes the store.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        let supervisor = self.services.supervisor.clone();
        let streams = supervisor.token();
        let router = http::router(self.services.clone(), streams.clone());
        let beside = [
            self.otlp_http.map(|listener| (listener, http::otlp_router(self.services.clone(), streams.clone()))),
            self.otlp_grpc.map(|listener| (listener, http::grpc_router(self.services.clone(), streams.clone()))),
        ];
        let beside: Vec<_> = beside
            .into_iter()
            .flatten()
            .map(|(listener, router)| {
                let ended = streams.clone().cancelled_owned();
                tokio::spawn(http::serve(listener, self.tls.clone(), router, ended))
            })
            .collect();
        let served = tokio::spawn(http::serve(self.listener, self.tls, router, {
            let streams = streams.clone();
            async move {
                shutdown.await;
                tracing::info!("shutting down");
                // Open streams would keep connections open for ever: they end with a hint to come back.
                streams.cancel();
            }
        }));
        streams.cancelled().await;
        let asked_at = Instant::now();
        let [requests, tasks, log, writer, store] = DEADLINES_MS.map(|ms| asked_at + Duration::from_millis(ms));
        let outcome = match tokio::time::timeout_at(requests, served).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Err(std::io::Error::other(error)),
            // Somebody does not read their answer; they are not waited for.
            Err(_) => Ok(()),
        };
        for task in beside {
            // Senders that do not let go of their connections are not waited for.
            let _either = tokio::time::timeout_at(requests, task).await;
        }
        let mut ended = supervisor.shut_down(tasks).await;
        ended &= self.log.shut_down(log).await;
        ended &= self.writer.shut_down(writer).await;
        ended &= tokio::time::timeout_at(store, self.services.stores.admin.close()).await.is_ok();
        if !ended {
            tracing::warn!("some tasks did not end in time");
        }
        outcome.map_err(ServerError::Serve)
    }
}

async fn listen(setting: &'static str, addr: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(addr).await.map_err(|source| ServerError::Listen { setting, addr, source })
}

async fn listen_if(setting: &'static str, listen_on: Listen) -> Result<Option<TcpListener>, ServerError> {
    match listen_on.0 {
        Some(addr) => listen(setting, addr).await.map(Some),
        None => Ok(None),
    }
}
