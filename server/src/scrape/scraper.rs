//! Runs the scrapes: a task a target, on one Console of those that share a store.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use app::model::{ScrapeHealth, ScrapeState, TenantId, UnixMillis, UnixNanos};
use reqwest::Client;
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval, interval_at},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use uuid::Uuid;

use super::{
    ScrapeError, Target,
    fetch::{Answer, Memory, fetch},
    pace::{Stamps, first_wait},
    reading::{KnownSeries, Read, Terms, Times, report},
};
use crate::{
    config::Config,
    ingest::IngestError,
    outgoing::{self, Reach, Trust},
    service::Services,
    store::{NewMetrics, NewSample, NotedState},
};

/// What only one Console does.
const DUTY: &str = "scraper";
/// How long another Console waits before it takes over, in seconds.
const DUTY_SECONDS: u32 = 30;
/// How often it is seen to that the right targets are asked.
const ROUND: Duration = Duration::from_secs(5);
/// How often the state of a target is stored in which nothing changed, in milliseconds.
const NOTE_EVERY: i64 = 15_000;
/// Answers up to this size are read where they arrive, others on a thread for work.
const SMALL_BYTES: usize = 64 * 1024;
/// Samples that are handed to the store at once.
const SAMPLES_AT_ONCE: usize = 5000;
/// How long the store may keep a scrape waiting, with trying again.
const STORE_PATIENCE: Duration = Duration::from_secs(10);
const STORE_PAUSE: Duration = Duration::from_millis(300);
/// How long targets that are asked no more have to say so.
const END_PATIENCE: Duration = Duration::from_secs(6);

/// Series that tell of each scrape.
const UP: &str = "up";
const DURATION: &str = "scrape_duration_seconds";
const SAMPLES: &str = "scrape_samples_scraped";
const SAMPLES_KEPT: &str = "scrape_samples_post_metric_relabeling";
const SERIES_ADDED: &str = "scrape_series_added";

/// What scrapes share.
#[derive(Debug)]
pub struct Scraper {
    reach: Reach,
    /// For targets that need none of their own.
    client: OnceLock<Result<Client, String>>,
    memory: Memory,
    changed: Notify,
    /// How the targets fare that this Console asks.
    states: Mutex<HashMap<Uuid, Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    tenant: TenantId,
    state: ScrapeState,
    /// The state as it was stored, and when.
    noted: Option<(ScrapeHealth, Option<String>, i64)>,
}

impl Scraper {
    /// Scrapes as the configuration says.
    pub fn new(config: &Config) -> Self {
        Self {
            reach: Reach::new(&config.outgoing.allowed_networks),
            client: OnceLock::new(),
            memory: Memory::new(config.scrape.memory_bytes),
            changed: Notify::new(),
            states: Mutex::default(),
        }
    }

    /// Sees to the right targets being asked soon: they have changed.
    pub fn look_again(&self) {
        self.changed.notify_one();
    }

    /// A client for a target.
    fn client(&self, target: &Target) -> Result<Client, String> {
        let shared = || self.client.get_or_init(|| outgoing::client(&self.reach, &Trust::default())).clone();
        target.own_client(&self.reach).unwrap_or_else(shared)
    }

    /// How a target fares, if this Console asks it.
    pub fn state(&self, target: Uuid) -> Option<ScrapeState> {
        self.lock().get(&target).map(|known| known.state.clone())
    }

    /// How many targets this Console asks, by whether they answer.
    pub fn healths(&self) -> HashMap<ScrapeHealth, usize> {
        let mut counts = HashMap::new();
        for known in self.lock().values() {
            *counts.entry(known.state.health).or_default() += 1;
        }
        counts
    }

    /// Asks a target once and stores nothing.
    pub async fn try_out(&self, services: &Services, target: &Target) -> (ScrapeState, Vec<String>, u64) {
        let mut state = ScrapeState { scraped_at: Some(services.clock.now_utc()), ..ScrapeState::default() };
        let begun = Instant::now();
        let mut known = KnownSeries::default();
        let outcome = match self.client(target) {
            Err(problem) => Err(ScrapeError::Unreachable(problem)),
            Ok(client) => {
                let most = services.config.scrape.body_bytes;
                match fetch(&client, &self.reach, target, most, &self.memory).await {
                    Err(error) => Err(error),
                    Ok(answer) => {
                        state.bytes = answer.body.len() as u64;
                        let times = services.scrape_times(services.clock.now_millis().0);
                        let terms = Arc::new(services.scrape_terms(target));
                        read(&mut known, answer, &terms, times).await
                    }
                }
            }
        };
        state.duration_ms = begun.elapsed().as_secs_f64() * 1000.0;
        let mut names = Vec::new();
        match outcome {
            Err(error) => {
                state.health = ScrapeHealth::Down;
                state.error = Some(error.to_string());
            }
            Ok(read) => {
                state.health = ScrapeHealth::Up;
                (state.samples, state.series_added) = (read.samples, read.added);
                state.warning = read.refused.map(|(count, why)| refused(count, &why));
                names = read.metrics.samples.iter().map(|sample| sample.series.name().to_owned()).collect();
                names.sort_unstable();
                names.dedup();
            }
        }
        let count = names.len() as u64;
        (state, names, count)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Known>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known of a target. Of one that is not asked any more nothing is.
    fn update(&self, target: &Target, change: impl FnOnce(&mut ScrapeState)) {
        if let Some(known) = self.lock().get_mut(&target.id) {
            change(&mut known.state);
        }
    }

    /// What is to be stored of states, noted as stored.
    fn unnoted(&self, now: i64) -> Vec<NotedState> {
        let mut all = self.lock();
        let due = all.iter_mut().filter(|(_, known)| {
            let same = known.noted.as_ref().is_some_and(|(health, error, at)| {
                *health == known.state.health && *error == known.state.error && now - at < NOTE_EVERY && *at <= now
            });
            known.state.scraped_at.is_some() && !same
        });
        let noted = due.map(|(target, known)| {
            known.noted = Some((known.state.health, known.state.error.clone(), now));
            NotedState { tenant: known.tenant, target: *target, state: known.state.clone() }
        });
        noted.collect()
    }
}

fn refused(count: u64, why: &str) -> String {
    format!("{count} samples were not stored: {why}")
}

/// A target that is asked.
struct Following {
    target: Arc<Target>,
    token: CancellationToken,
    /// Whether its series end with it: they do when it was removed or changed, not when Console shuts down.
    ends: Arc<AtomicBool>,
    task: AbortOnDropHandle<()>,
}

impl Following {
    fn start(services: &Arc<Services>, target: Arc<Target>) -> Self {
        let token = CancellationToken::new();
        let ends = Arc::new(AtomicBool::new(false));
        let follower = Follower {
            terms: Arc::new(services.scrape_terms(&target)),
            interval: Duration::from_secs(target.settings.interval_seconds.into()),
            services: services.clone(),
            target: target.clone(),
            known: KnownSeries::default(),
            stamps: Stamps::default(),
        };
        let task = tokio::spawn(follower.run(token.clone(), ends.clone()));
        Self { target, token, ends, task: AbortOnDropHandle::new(task) }
    }

    /// Stops; with `ends` its series are marked as ended.
    async fn stop(self, ends: bool) {
        self.ends.store(ends, Ordering::SeqCst);
        self.token.cancel();
        let _either = tokio::time::timeout(END_PATIENCE, self.task).await;
    }
}

/// The task: sees to the right targets being asked, as long as it is this Console's duty.
pub async fn run(services: Arc<Services>, token: CancellationToken) {
    let scraper = services.scraper.clone();
    let me = Uuid::new_v4();
    let mut following: HashMap<Uuid, Following> = HashMap::new();
    let mut is_on_duty = false;
    let mut rounds = interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = token.cancelled() => break,
            _ = rounds.tick() => {}
            () = scraper.changed.notified() => {}
        }
        match services.stores.admin.hold_duty(DUTY, me, DUTY_SECONDS).await {
            Ok(true) => {}
            Ok(false) => {
                is_on_duty = false;
                stop_all(&mut following, false).await;
                scraper.lock().clear();
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "it could not be asked whose turn it is to scrape; it is tried again soon");
                continue;
            }
        }
        let planned = async {
            let noted = if is_on_duty { Vec::new() } else { services.stores.scrapes.scrape_states(None).await? };
            services.wanted_targets().await.map(|wanted| (wanted, noted))
        };
        match planned.await {
            Ok((wanted, noted)) => {
                is_on_duty = true;
                follow(&services, &mut following, wanted, noted).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the targets to scrape could not be read; it is tried again soon");
            }
        }
        note(&services).await;
    }
    stop_all(&mut following, false).await;
    note(&services).await;
    if let Err(error) = services.stores.admin.leave_duty(DUTY, me).await {
        tracing::debug!(%error, "another Console waits before it scrapes");
    }
}

async fn note(services: &Services) {
    let now = services.clock.now_millis();
    let states = services.scraper.unnoted(now.0);
    if states.is_empty() {
        return;
    }
    if let Err(error) = services.stores.scrapes.note_scrape_states(&states, now).await {
        tracing::warn!(%error, "how targets fare could not be stored");
    }
}

async fn stop_all(following: &mut HashMap<Uuid, Following>, ends: bool) {
    futures::future::join_all(following.drain().map(|(_, one)| one.stop(ends))).await;
}

/// Stops what is not wanted any more or not like this, and starts what is new.
async fn follow(
    services: &Arc<Services>,
    following: &mut HashMap<Uuid, Following>,
    wanted: Vec<Target>,
    noted: Vec<NotedState>,
) {
    let mut wanted: HashMap<Uuid, Target> = wanted.into_iter().map(|target| (target.id, target)).collect();
    let is_right = |one: &Following| wanted.get(&one.target.id) == Some(&*one.target) && !one.task.is_finished();
    let wrong: Vec<Uuid> = following.iter().filter(|(_, one)| !is_right(one)).map(|(id, _)| *id).collect();
    let stopped = wrong.iter().filter_map(|id| following.remove(id)).map(|one| {
        if one.task.is_finished() {
            tracing::error!(job = one.target.job, url = %one.target.url, "a scrape ended by itself; it begins anew");
        }
        one.stop(true)
    });
    futures::future::join_all(stopped).await;
    wanted.retain(|id, _| !following.contains_key(id));
    let mut noted: HashMap<Uuid, ScrapeState> = noted.into_iter().map(|one| (one.target, one.state)).collect();
    {
        let mut states = services.scraper.lock();
        // One that has changed is another one: what was known does not hold.
        states.retain(|id, _| following.contains_key(id));
        for (id, target) in &wanted {
            let state = noted.remove(id).unwrap_or_default();
            states.entry(*id).or_insert(Known { tenant: target.tenant, state, noted: None });
        }
    }
    for (id, target) in wanted {
        following.insert(id, Following::start(services, Arc::new(target)));
    }
}

/// Reads an answer, on a thread for work if that takes a while.
async fn read(known: &mut KnownSeries, answer: Answer, terms: &Arc<Terms>, times: Times) -> Result<Read, ScrapeError> {
    if answer.body.len() <= SMALL_BYTES {
        return Ok(known.read(&answer.body, answer.format, terms, times)?);
    }
    let (mut taken, terms) = (std::mem::take(known), terms.clone());
    let work = tokio::task::spawn_blocking(move || {
        let read = taken.read(&answer.body, answer.format, &terms, times);
        (taken, read)
    });
    let Ok((taken, read)) = work.await else { return Err(ScrapeError::Internal) };
    *known = taken;
    Ok(read?)
}

/// Asks one target again and again.
struct Follower {
    services: Arc<Services>,
    target: Arc<Target>,
    terms: Arc<Terms>,
    interval: Duration,
    known: KnownSeries,
    stamps: Stamps,
}

impl Follower {
    async fn run(mut self, token: CancellationToken, ends: Arc<AtomicBool>) {
        let client = match self.services.scraper.client(&self.target) {
            Ok(client) => client,
            Err(problem) => {
                let now = self.services.clock.now_millis();
                self.note(now, |state| state.error = Some(problem), ScrapeHealth::Down);
                return token.cancelled().await;
            }
        };
        let first = Instant::now() + first_wait(self.target.id, self.interval, self.services.clock.now_millis().0);
        let mut ticks = interval_at(first, self.interval);
        // What is late is left out: the next one is at its own time again.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = token.cancelled() => break,
                _ = ticks.tick() => {}
            }
            let asked = self.stamps.stamp(self.services.clock.now_millis().0, self.interval);
            let begun = Instant::now();
            // What was answered is stored as a whole; only waiting for it ends at once.
            let Some(answer) = token.run_until_cancelled(self.fetch(&client)).await else { break };
            self.take(asked, begun, answer).await;
        }
        if ends.load(Ordering::SeqCst) {
            self.end().await;
        }
    }

    async fn fetch(&self, client: &Client) -> Result<Answer, ScrapeError> {
        let scraper = &self.services.scraper;
        let most = self.services.config.scrape.body_bytes;
        fetch(client, &scraper.reach, &self.target, most, &scraper.memory).await
    }

    /// Stores what was answered at `asked`, in milliseconds since the Unix epoch, and what came of asking.
    async fn take(&mut self, asked: i64, begun: Instant, answer: Result<Answer, ScrapeError>) {
        let services = self.services.clone();
        let bytes = answer.as_ref().map_or(0, |answer| answer.body.len() as u64);
        let outcome = match answer {
            Ok(answer) => read(&mut self.known, answer, &self.terms, services.scrape_times(asked)).await,
            Err(error) => Err(error),
        };
        let took = begun.elapsed();
        let (read, mut error) = match outcome {
            Ok(read) => (read, None),
            Err(error) => {
                let ends = self.known.end_all(self.terms.tenant, asked);
                (Read { metrics: ends.into(), ..Read::default() }, Some(error))
            }
        };
        let Read { mut metrics, metadata, samples, added, refused: left_out } = read;
        let kept = if error.is_none() { samples - left_out.as_ref().map_or(0, |(count, _)| *count) } else { 0 };
        metrics.samples.extend(report(
            &self.terms,
            asked,
            &[
                (UP, f64::from(u8::from(error.is_none()))),
                (DURATION, took.as_secs_f64()),
                (SAMPLES, samples as f64),
                (SAMPLES_KEPT, kept as f64),
                (SERIES_ADDED, added as f64),
            ],
        ));
        let mut warning = left_out.map(|(count, why)| refused(count, &why));
        match store(&services, self.terms.tenant, metrics).await {
            Ok(no_room) => warning = no_room.or(warning),
            Err(refusal) => error = error.or(Some(refusal.into())),
        }
        services.describe_metrics(self.terms.tenant, metadata).await;
        services.metrics.scraped(error.is_none());
        let health = if error.is_none() { ScrapeHealth::Up } else { ScrapeHealth::Down };
        let change = |state: &mut ScrapeState| {
            state.duration_ms = took.as_secs_f64() * 1000.0;
            (state.bytes, state.samples, state.series_added) = (bytes, samples, added);
            (state.error, state.warning) = (error.map(|error| error.to_string()), warning);
        };
        self.note(UnixMillis(asked), change, health);
    }

    /// Notes how the target fares, and logs when that changes.
    fn note(&self, at: UnixMillis, change: impl FnOnce(&mut ScrapeState), health: ScrapeHealth) {
        let (job, url) = (&self.target.job, self.target.url.as_str());
        self.services.scraper.update(&self.target, |state| {
            change(state);
            let before = std::mem::replace(&mut state.health, health);
            state.scraped_at = Some(at.to_utc());
            if before == health {
                return;
            }
            state.since = Some(at.to_utc());
            match (&state.error, before) {
                (Some(error), _) => tracing::warn!(job, url, error, "a target cannot be scraped"),
                (None, ScrapeHealth::Down) => tracing::info!(job, url, "a target can be scraped again"),
                (None, _) => {}
            }
        });
    }

    /// All of its series end: it is not asked any more, or as another one.
    async fn end(&mut self) {
        let now = self.services.clock.now_millis().0;
        let mut ends = self.known.end_all(self.terms.tenant, now);
        let told = [UP, DURATION, SAMPLES, SAMPLES_KEPT, SERIES_ADDED].map(|name| (name, crate::store::sample::STALE));
        ends.extend(report(&self.terms, now, &told));
        if let Err(error) = store(&self.services, self.terms.tenant, ends.into()).await {
            tracing::warn!(%error, "the ends of series could not be stored; they end as time goes by");
        }
    }
}

/// Stores what a scrape brings; a store that is busy is asked again for a while. Says what there was no room for.
async fn store(services: &Services, tenant: TenantId, metrics: NewMetrics) -> Result<Option<String>, IngestError> {
    let deadline = Instant::now() + STORE_PATIENCE;
    let NewMetrics { samples, exemplars } = metrics;
    let mut parts: Vec<NewMetrics> = Vec::new();
    let mut rest = samples.into_iter().peekable();
    while rest.peek().is_some() {
        parts.push(rest.by_ref().take(SAMPLES_AT_ONCE).collect::<Vec<NewSample>>().into());
    }
    if let Some(last) = parts.last_mut() {
        last.exemplars = exemplars;
    }
    let mut no_room = None;
    for part in parts {
        loop {
            match services.store_metrics(tenant, part.clone()).await {
                Ok(refused) => {
                    no_room = no_room.or(refused.map(|refused| refused.message));
                    break;
                }
                Err(IngestError::TooLarge) => return Err(IngestError::TooLarge),
                Err(error) if Instant::now() + STORE_PAUSE > deadline => return Err(error),
                Err(_) => tokio::time::sleep(STORE_PAUSE).await,
            }
        }
    }
    Ok(no_room)
}

impl Services {
    /// How series of a target are called, and what is taken of them.
    fn scrape_terms(&self, target: &Target) -> Terms {
        Terms {
            tenant: target.tenant,
            labels: target.labels(),
            honor_labels: target.settings.honor_labels,
            honor_timestamps: target.settings.honor_timestamps,
            samples: self.config.scrape.samples,
            redactor: self.self_log.redactor().clone(),
        }
    }

    fn scrape_times(&self, asked: i64) -> Times {
        let oldest = self.oldest_sample(UnixNanos(asked.saturating_mul(1_000_000)));
        Times { asked, oldest: oldest.to_millis().0 }
    }
}
