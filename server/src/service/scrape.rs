//! Targets that are scraped: those of the configuration, and those that people add.

use std::collections::HashMap;

use app::{
    api::{Actor, ApiError, ErrorCode, Scope, ScrapePort},
    model::{
        ScrapeAuth, ScrapeRequest, ScrapeSettings, ScrapeState, ScrapeTarget, ScrapeTargets, ScrapeTrial, TenantId,
    },
};
use async_trait::async_trait;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Services, identity::Action, store_failed};
use crate::{
    config::{ScrapeSecrets, Secret},
    scrape::{Target, Wrong},
    store::{Kept, StoreResult, StoredTarget},
};

/// How long trying may take.
const TRIAL_SECONDS: u32 = 30;
/// Metrics of a target that is tried that are named.
const NAMED_METRICS: usize = 20;

impl From<Wrong> for ApiError {
    fn from(wrong: Wrong) -> Self {
        Self::invalid(wrong.field, wrong.problem)
    }
}

impl Services {
    /// Everything that is to be asked, of all tenants.
    pub async fn wanted_targets(&self) -> StoreResult<Vec<Target>> {
        let mut wanted = self.provisioned().await?;
        let stored = self.stores.scrapes.scrape_targets(None).await?;
        wanted.extend(stored.into_iter().filter_map(|stored| {
            // What was right when it was stored can be wrong for a newer Console.
            let url = stored.url.clone();
            checked(stored).inspect_err(|wrong| tracing::warn!(%wrong, url, "a target cannot be scraped")).ok()
        }));
        wanted.retain(|target| target.settings.is_enabled);
        Ok(wanted)
    }

    /// The targets of the configuration. Files are read again each time: certificates change.
    async fn provisioned(&self) -> StoreResult<Vec<Target>> {
        let jobs = &self.config.scrape.jobs;
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let tenants = self.stores.identity.tenants().await?;
        let tenants: HashMap<&str, TenantId> = tenants.iter().map(|tenant| (tenant.name.as_str(), tenant.id)).collect();
        let mut targets = Vec::new();
        for job in jobs {
            let Some(tenant) = tenants.get(job.tenant.as_str()) else {
                tracing::warn!(job = job.job, tenant = job.tenant, "a job of `scrape.jobs` is of a tenant that is not");
                continue;
            };
            match job.targets(*tenant) {
                Ok(made) => targets.extend(made),
                Err(wrong) => tracing::warn!(job = job.job, %wrong, "a job of `scrape.jobs` cannot be scraped"),
            }
        }
        Ok(targets)
    }

    async fn targets_of(&self, tenant: TenantId) -> Result<Vec<ScrapeTarget>, ApiError> {
        let scrapes = &self.stores.scrapes;
        let noted = scrapes.scrape_states(Some(tenant)).await.map_err(store_failed)?;
        let mut noted: HashMap<Uuid, _> = noted.into_iter().map(|one| (one.target, one.state)).collect();
        let mut state = |id| self.scraper.state(id).or_else(|| noted.remove(&id)).unwrap_or_default();
        let provisioned = self.provisioned().await.map_err(store_failed)?;
        let mut all: Vec<ScrapeTarget> = provisioned
            .into_iter()
            .filter(|target| target.tenant == tenant)
            .map(|target| shown(&target, state(target.id)))
            .collect();
        for stored in scrapes.scrape_targets(Some(tenant)).await.map_err(store_failed)? {
            let id = stored.id;
            match checked(stored) {
                Ok(target) => all.push(shown(&target, state(id))),
                Err(wrong) => tracing::warn!(%wrong, %id, "a target cannot be shown"),
            }
        }
        all.sort_by(|a, b| (&a.job, &a.instance, &a.url).cmp(&(&b.job, &b.instance, &b.url)));
        Ok(all)
    }

    /// A target as it is asked for, with the secrets that it has if none are given.
    fn requested(
        tenant: TenantId,
        id: Uuid,
        request: ScrapeRequest,
        before: Option<&StoredTarget>,
    ) -> Result<Target, ApiError> {
        let ScrapeRequest { job, url, settings, secret, key_pem } = request;
        let given = |text: Option<String>| text.filter(|text| !text.is_empty()).map(Secret::new);
        let (mut secret, mut key_pem) = (given(secret), given(key_pem));
        if let Some(before) = before {
            let kept = &before.secrets;
            let is_left_out =
                (secret.is_none() && kept.secret.is_some()) || (key_pem.is_none() && kept.key_pem.is_some());
            // Who may change a target must not learn its secret by sending it elsewhere, or to somebody unproven.
            let is_elsewhere = origin(&url) != origin(&before.url) || proof(&settings) != proof(&before.settings);
            if is_left_out && is_elsewhere && needs_secret(&settings) {
                let message = "the address, or how the target proves who it is, is another one: say the secret again";
                return Err(ApiError::invalid("secret", message));
            }
            secret = secret.or_else(|| kept.secret.clone());
            key_pem = key_pem.or_else(|| kept.key_pem.clone());
        }
        if settings.auth == ScrapeAuth::None {
            secret = None;
        }
        if settings.tls.certificate_pem.is_empty() {
            key_pem = None;
        }
        let target = Target::new(id, tenant, &job, &url, settings, ScrapeSecrets { secret, key_pem })?;
        Ok(target.with_usable_certificates()?)
    }

    async fn stored_target(&self, tenant: TenantId, id: Uuid) -> Result<StoredTarget, ApiError> {
        let found = self.stores.scrapes.scrape_target(tenant, id).await.map_err(store_failed)?;
        if let Some(found) = found {
            return Ok(found);
        }
        let provisioned = self.provisioned().await.map_err(store_failed)?;
        if provisioned.iter().any(|target| target.tenant == tenant && target.id == id) {
            let message = "it stands in the configuration (`scrape.jobs`) and is changed there";
            return Err(ApiError::new(ErrorCode::Conflict, message));
        }
        Err(ApiError::not_found("target"))
    }

    async fn kept(&self, actor: &Actor, kept: Kept, target: Target, action: Action) -> Result<ScrapeTarget, ApiError> {
        match kept {
            Kept::Stored => {}
            Kept::Exists(id) => {
                let message = "there is a target with this job and address already";
                let details = json!({ "existing_id": id });
                return Err(ApiError { details, ..ApiError::new(ErrorCode::Conflict, message) });
            }
            Kept::Full => {
                let most = self.config.scrape.targets_per_tenant;
                let message = format!("there are {most} targets already (`scrape.targets_per_tenant`)");
                return Err(ApiError::new(ErrorCode::Conflict, message));
            }
            Kept::Gone => return Err(ApiError::not_found("target")),
        }
        self.scraper.look_again();
        self.identity.note(actor, action, target.url.as_str(), details(&target.job)).await?;
        Ok(shown(&target, ScrapeState::default()))
    }
}

fn details(job: &str) -> Map<String, Value> {
    Map::from_iter([("job".to_owned(), json!(job))])
}

fn needs_secret(settings: &ScrapeSettings) -> bool {
    settings.auth != ScrapeAuth::None || !settings.tls.certificate_pem.is_empty()
}

/// What the target has to show.
fn proof(settings: &ScrapeSettings) -> (&str, &str, bool) {
    let tls = &settings.tls;
    (&tls.ca_pem, &tls.server_name, tls.skip_verification)
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> Option<String> {
    url::Url::parse(url.trim()).ok().map(|url| url.origin().ascii_serialization())
}

fn checked(stored: StoredTarget) -> Result<Target, Wrong> {
    let StoredTarget { id, tenant, job, url, settings, secrets, created_at: _ } = stored;
    Target::new(id, tenant, &job, &url, settings, secrets)
}

fn shown(target: &Target, state: ScrapeState) -> ScrapeTarget {
    let instance = target.instance();
    ScrapeTarget {
        id: target.id,
        job: target.job.clone(),
        url: target.url.to_string(),
        instance,
        settings: target.settings.clone(),
        is_provisioned: target.is_provisioned,
        state,
    }
}

#[async_trait]
impl ScrapePort for Services {
    async fn targets(&self, scope: Scope) -> Result<ScrapeTargets, ApiError> {
        let targets = self.targets_of(scope.tenant).await?;
        Ok(ScrapeTargets { targets, most: self.config.scrape.targets_per_tenant })
    }

    async fn target(&self, scope: Scope, id: Uuid) -> Result<ScrapeTarget, ApiError> {
        let all = self.targets_of(scope.tenant).await?;
        all.into_iter().find(|target| target.id == id).ok_or_else(|| ApiError::not_found("target"))
    }

    async fn add_target(&self, actor: &Actor, request: ScrapeRequest) -> Result<ScrapeTarget, ApiError> {
        let target = Self::requested(actor.scope.tenant, Uuid::new_v4(), request, None)?;
        let stored = to_store(&target, self.clock.now_utc());
        let most = self.config.scrape.targets_per_tenant;
        let kept = self.stores.scrapes.add_scrape_target(&stored, most).await.map_err(store_failed)?;
        self.kept(actor, kept, target, Action::TargetAdd).await
    }

    async fn change_target(&self, actor: &Actor, id: Uuid, request: ScrapeRequest) -> Result<ScrapeTarget, ApiError> {
        let before = self.stored_target(actor.scope.tenant, id).await?;
        let target = Self::requested(actor.scope.tenant, id, request, Some(&before))?;
        let stored = to_store(&target, before.created_at);
        let kept = self.stores.scrapes.change_scrape_target(&stored).await.map_err(store_failed)?;
        self.kept(actor, kept, target, Action::TargetChange).await
    }

    async fn remove_target(&self, actor: &Actor, id: Uuid) -> Result<(), ApiError> {
        let before = self.stored_target(actor.scope.tenant, id).await?;
        let removed = self.stores.scrapes.remove_scrape_target(actor.scope.tenant, id).await;
        if !removed.map_err(store_failed)? {
            return Err(ApiError::not_found("target"));
        }
        self.scraper.look_again();
        self.identity.note(actor, Action::TargetRemove, &before.url, details(&before.job)).await
    }

    async fn try_target(
        &self,
        scope: Scope,
        id: Option<Uuid>,
        request: ScrapeRequest,
    ) -> Result<ScrapeTrial, ApiError> {
        let before = match id {
            Some(id) => Some(self.stored_target(scope.tenant, id).await?),
            None => None,
        };
        let mut target = Self::requested(scope.tenant, id.unwrap_or_else(Uuid::new_v4), request, before.as_ref())?;
        // Somebody waits for it.
        target.settings.timeout_seconds = target.settings.timeout_seconds.min(TRIAL_SECONDS);
        let (state, mut metrics, metric_count) = self.scraper.try_out(self, &target).await;
        metrics.truncate(NAMED_METRICS);
        Ok(ScrapeTrial { state, metrics, metric_count })
    }
}

fn to_store(target: &Target, created_at: chrono::DateTime<chrono::Utc>) -> StoredTarget {
    StoredTarget {
        id: target.id,
        tenant: target.tenant,
        job: target.job.clone(),
        url: target.url.to_string(),
        settings: target.settings.clone(),
        secrets: target.secrets.clone(),
        created_at,
    }
}
