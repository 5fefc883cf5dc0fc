//! Demonstration traces: invented pushes with the steps of real ones. About a quarter fail at the last step.

use app::model::{PipelineStatus, PipelineTrace};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, seq::IndexedRandom};
use serde_json::json;
use uuid::Uuid;

use super::steps::{self, STEP_NAMES};
use crate::store::StoredPipeline;

const AUTHORS: [&str; 6] = ["Amira Haddad", "Jonas Lind", "Mei Tanaka", "Paulo Reis", "Sofia Novak", "Kwame Mensah"];
const MESSAGES: [&str; 8] = [
    "feat: page through order history",
    "fix: refuse expired refresh tokens",
    "chore: raise client library versions",
    "refactor: split the price calculation",
    "docs: describe the retry header",
    "feat: accept partial shipments",
    "fix: round totals half to even",
    "perf: cache the tariff table",
];
const APIS: [&str; 6] = ["customer-api", "order-api", "inventory-api", "payment-api", "shipping-api", "catalog-api"];
const TENANTS: [&str; 4] = ["acme", "globex", "initech", "umbrella"];
const BRANCHES: [&str; 4] = ["main", "main", "release/2.4", "develop"];
const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];
/// Shortest and longest time of each step, in milliseconds.
const STEP_MS: [(f64, f64); 6] =
    [(15.0, 50.0), (5.0, 20.0), (20.0, 100.0), (50.0, 200.0), (30.0, 150.0), (100.0, 500.0)];

fn pick<'a>(rng: &mut impl Rng, choices: &[&'a str]) -> &'a str {
    choices.choose(rng).copied().unwrap_or_default()
}

/// One finished trace that began at `created_at`.
pub fn trace(rng: &mut impl Rng, id: Uuid, created_at: DateTime<Utc>) -> StoredPipeline {
    let author = pick(rng, &AUTHORS);
    let (tenant, api) = (pick(rng, &TENANTS), pick(rng, &APIS));
    let fails = rng.random_ratio(1, 4);
    let mut at = created_at;
    let mut all = steps::all_pending();
    for (step, (shortest, longest)) in all.iter_mut().zip(STEP_MS) {
        let ended = at + TimeDelta::microseconds((rng.random_range(shortest..longest) * 1000.0) as i64);
        let is_last = step.name == STEP_NAMES[STEP_NAMES.len() - 1];
        let outcome = if fails && is_last {
            let details = json!({ "job_id": rng.random_range(1000..9999), "error_code": "ANSIBLE_ERROR" });
            Err(("AWX job failed: the playbook ended with an error".to_owned(), details))
        } else {
            Ok(json!({ "demonstration": true }))
        };
        steps::end(step, at, ended, outcome);
        at = ended;
    }
    let hex = |rng: &mut dyn rand::RngCore| format!("{:08x}", rng.next_u32());
    let sha: String = (0..5).map(|_| hex(rng)).collect();
    let trace = PipelineTrace {
        id,
        trigger_type: "gitlab-push".to_owned(),
        trigger_source: PipelineTrace::DEMO_SOURCE.to_owned(),
        git_commit_sha: Some(sha),
        git_commit_message: Some(pick(rng, &MESSAGES).to_owned()),
        git_branch: Some(pick(rng, &BRANCHES).to_owned()),
        git_author: Some(author.to_owned()),
        git_author_email: Some(format!("{}@example.com", author.to_lowercase().replace(' ', "."))),
        git_project: Some(format!("{tenant}/api-definitions")),
        git_files_changed: vec![format!("tenants/{tenant}/apis/{api}/openapi.yaml")],
        tenant_id: Some(tenant.to_owned()),
        api_id: Some(api.to_owned()),
        api_name: Some(api.to_owned()),
        environment: Some(pick(rng, &ENVIRONMENTS).to_owned()),
        created_at,
        completed_at: Some(at),
        total_duration_ms: Some((at - created_at).num_milliseconds()),
        status: if fails { PipelineStatus::Failed } else { PipelineStatus::Success },
        error_summary: fails.then(|| "awx_trigger: AWX job failed: the playbook ended with an error".to_owned()),
        steps: all,
    };
    StoredPipeline { trace, project_url: None }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::SmallRng};

    use super::*;

    #[test]
    fn about_a_quarter_fails_at_the_last_step_and_steps_follow_each_other() {
        let mut rng = SmallRng::seed_from_u64(7);
        let traces: Vec<_> =
            (0..400_u64).map(|n| trace(&mut rng, Uuid::from_u128(u128::from(n)), DateTime::UNIX_EPOCH).trace).collect();
        let failed = traces.iter().filter(|trace| trace.status == PipelineStatus::Failed).count();
        assert!((70..130).contains(&failed), "{failed}");
        for trace in &traces {
            assert!(trace.summary().is_demo());
            assert_eq!(trace.steps.len(), STEP_NAMES.len());
            assert!(trace.steps.windows(2).all(|pair| pair[0].completed_at == pair[1].started_at));
            assert_eq!(trace.steps[5].status, trace.status);
        }
        let authors: std::collections::HashSet<_> = traces.iter().map(|trace| &trace.git_author).collect();
        assert!(authors.len() > 3);
    }
}
