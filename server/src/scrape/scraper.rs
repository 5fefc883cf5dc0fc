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
    fetch::{Answer, Limits, Memory, fetch},
    pace::{Stamps, first_wait},
    reading::{KnownSeries, Read, Terms, Times, report},
};
use crate::{
    config::Config,
    ingest::{IngestError, Submission},
    outgoing::{self, Reach, Trust},
    series,
    service::Services,
    store::{
        NewMetrics, NewSample, NotedState,
        sample::{NAME, STALE},
    },
};

/// What only one Console does.
const DUTY: &str = "scraper";
/// How long another Console waits before it takes over, in seconds.
const DUTY_SECONDS: u32 = 15;
/// How often it is seen to that the right targets are asked.
const ROUND: Duration = Duration::from_secs(5);
/// How often the state of a target is stored in which nothing changed, in milliseconds.
const NOTE_EVERY: i64 = 15_000;
/// Answers up to this size are read where they arrive, others on a thread for work.
const SMALL_BYTES: usize = 64 * 1024;
/// What is expected of an answer of which nothing is known, in bytes.
const EXPECTED_BYTES: usize = 1024 * 1024;
/// Series of all targets of a tenant that are remembered: so many times as many as it may have.
const KNOWN_SERIES: usize = 2;
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
    /// This Console among those that share a store.
    me: Uuid,
    /// How the targets fare that this Console asks.
    states: Mutex<HashMap<Uuid, Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    tenant: TenantId,
    state: ScrapeState,
    /// Series of it that are remembered.
    series: usize,
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
            me: Uuid::new_v4(),
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
                let limits = Limits { most, expected: most.min(EXPECTED_BYTES) };
                match fetch(&client, &self.reach, target, limits, &self.memory).await {
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

    /// Whether the other targets of its tenant leave room for what is remembered of a target.
    fn has_room(&self, config: &Config, target: &Target) -> bool {
        let all = self.lock();
        let others = all.iter().filter(|(id, known)| **id != target.id && known.tenant == target.tenant);
        let series: usize = others.map(|(_, known)| known.series).sum();
        series < config.ingest.series_per_tenant.saturating_mul(KNOWN_SERIES)
    }

    /// Notes how many series of a target are remembered.
    fn remember(&self, target: &Target, series: usize) {
        if let Some(known) = self.lock().get_mut(&target.id) {
            known.series = series;
        }
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
            last_asked: i64::MIN,
            expected_bytes: EXPECTED_BYTES,
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
    let me = scraper.me;
    let mut following: HashMap<Uuid, Following> = HashMap::new();
    let mut is_on_duty = false;
    let mut is_waiting = false;
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
                if !is_waiting {
                    tracing::info!("another Console scrapes the targets; this one waits");
                }
                (is_on_duty, is_waiting) = (false, true);
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
                (is_on_duty, is_waiting) = (true, false);
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
            states.entry(*id).or_insert(Known { tenant: target.tenant, state, series: 0, noted: None });
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
    /// The time of the newest scrape.
    last_asked: i64,
    expected_bytes: usize,
}

impl Follower {
    async fn run(mut self, token: CancellationToken, ends: Arc<AtomicBool>) {
        let client = self.services.scraper.client(&self.target);
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

    async fn fetch(&self, client: &Result<Client, String>) -> Result<Answer, ScrapeError> {
        let scraper = &self.services.scraper;
        let client = client.as_ref().map_err(|problem| ScrapeError::Unreachable(problem.clone()))?;
        let most = self.services.config.scrape.body_bytes;
        let limits = Limits { most, expected: self.expected_bytes.min(most) };
        fetch(client, &scraper.reach, &self.target, limits, &scraper.memory).await
    }

    /// Stores what was answered at `asked`, in milliseconds since the Unix epoch, and what came of asking.
    async fn take(&mut self, asked: i64, begun: Instant, answer: Result<Answer, ScrapeError>) {
        let services = self.services.clone();
        let bytes = answer.as_ref().map_or(0, |answer| answer.body.len());
        if bytes > 0 {
            self.expected_bytes = bytes + bytes / 4;
        }
        let outcome = match answer {
            Ok(_) if !services.scraper.has_room(&services.config, &self.target) => Err(ScrapeError::TooManySeries),
            Ok(answer) => read(&mut self.known, answer, &self.terms, services.scrape_times(asked)).await,
            Err(error) => Err(error),
        };
        // What ends, ends after its last sample, also when the clock was set back.
        let ended = asked.max(self.last_asked.saturating_add(1));
        self.last_asked = self.last_asked.max(asked);
        let took = begun.elapsed();
        let (read, mut error) = match outcome {
            Ok(read) => (read, None),
            Err(error) => {
                let ends = self.known.end_all(self.terms.tenant, ended);
                (Read { metrics: ends.into(), ..Read::default() }, Some(error))
            }
        };
        let Read { metrics, metadata, samples, added, refused: left_out } = read;
        let kept = if error.is_none() { samples - left_out.as_ref().map_or(0, |(count, _)| *count) } else { 0 };
        let told = [
            (UP, f64::from(u8::from(error.is_none()))),
            (DURATION, took.as_secs_f64()),
            (SAMPLES, samples as f64),
            (SAMPLES_KEPT, kept as f64),
            (SERIES_ADDED, added as f64),
        ];
        let told = report(&self.terms, asked, &told);
        let mut warning = left_out.map(|(count, why)| refused(count, &why));
        // Whatever becomes of the rest, it is known how the target fares.
        let (reported, stored) =
            tokio::join!(store_report(&services, told), store(&services, self.terms.tenant, metrics));
        match stored {
            Ok(no_room) => warning = no_room.or(warning),
            Err(refusal) => error = error.or(Some(refusal.into())),
        }
        error = error.or(reported.err().map(ScrapeError::from));
        services.scraper.remember(&self.target, self.known.len());
        services.describe_metrics(self.terms.tenant, metadata).await;
        services.metrics.scraped(error.is_none());
        let health = if error.is_none() { ScrapeHealth::Up } else { ScrapeHealth::Down };
        let change = |state: &mut ScrapeState| {
            state.duration_ms = took.as_secs_f64() * 1000.0;
            (state.bytes, state.samples, state.series_added) = (bytes as u64, samples, added);
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
        let at = self.services.clock.now_millis().0.max(self.last_asked.saturating_add(1));
        let ends = self.known.end_all(self.terms.tenant, at);
        let told = [UP, DURATION, SAMPLES, SAMPLES_KEPT, SERIES_ADDED].map(|name| (name, STALE));
        let told = report(&self.terms, at, &told);
        let (reported, ended) =
            tokio::join!(store_report(&self.services, told), store(&self.services, self.terms.tenant, ends.into()));
        if let Err(error) = reported.and(ended.map(|_| ())) {
            tracing::warn!(%error, "the ends of series could not be stored; they end as time goes by");
        }
    }
}

/// Stores what is told of a scrape. There is always room for that.
async fn store_report(services: &Services, told: Vec<NewSample>) -> Result<(), IngestError> {
    let deadline = Instant::now() + STORE_PATIENCE;
    loop {
        let submission = Submission { metrics: told.clone().into(), ..Submission::default() };
        match services.ingest.submit(submission).await {
            Ok(()) => return Ok(()),
            Err(error) if error == IngestError::TooLarge || Instant::now() + STORE_PAUSE > deadline => {
                return Err(error);
            }
            Err(_) => tokio::time::sleep(STORE_PAUSE).await,
        }
    }
}

/// Stores what a scrape brings; a store that is busy is asked again for a while. Says what there was no room for.
async fn store(services: &Services, tenant: TenantId, metrics: NewMetrics) -> Result<Option<String>, IngestError> {
    let deadline = Instant::now() + STORE_PATIENCE;
    let NewMetrics { samples, exemplars } = metrics;
    if samples.is_empty() {
        return Ok(None);
    }
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
        let redactor = self.self_log.redactor();
        let labels = target.labels();
        let pairs = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        // As those of the series, which have them too: otherwise they would not go together.
        let clean = series::read(pairs.chain([(NAME, UP)]), redactor).map(|clean| {
            let others = clean.iter().filter(|(name, _)| *name != NAME);
            others.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        });
        Terms {
            tenant: target.tenant,
            labels: clean.unwrap_or(labels),
            honor_labels: target.settings.honor_labels,
            honor_timestamps: target.settings.honor_timestamps,
            samples: self.config.scrape.samples,
            redactor: redactor.clone(),
        }
    }

    fn scrape_times(&self, asked: i64) -> Times {
        let oldest = self.oldest_sample(UnixNanos(asked.saturating_mul(1_000_000)));
        Times { asked, oldest: oldest.to_millis().0 }
    }
}
