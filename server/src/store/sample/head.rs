//! The newest samples, in memory: what is committed and not yet sorted into blocks.
//!
//! It is read from the committed blocks, so that it is the same for whoever shares the store, and gone with the process
//! without a loss.

use std::sync::Arc;

use app::model::TenantId;
use foldhash::HashMap;

use super::{Samples, block::decode};
use crate::store::StoreResult;

/// A commit's samples of a tenant as they are stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StoredCommit {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub tenant: i64,
    /// When it was written, in milliseconds.
    pub created_at: i64,
    /// The block.
    pub payload: Vec<u8>,
}

/// The samples of some commits that follow each other.
#[derive(Debug, Default)]
pub struct Generation {
    /// Number of the last commit in it.
    pub last: i64,
    /// How many commits.
    pub commits: u64,
    /// How many samples.
    pub samples: usize,
    /// When the first of them was written, in milliseconds.
    pub since: Option<i64>,
    series: HashMap<TenantId, HashMap<i64, Samples>>,
}

impl Generation {
    /// What there is of each series of each tenant.
    pub fn tenants(&self) -> impl Iterator<Item = (TenantId, &HashMap<i64, Samples>)> {
        self.series.iter().map(|(tenant, series)| (*tenant, series))
    }

    fn add(&mut self, commit: &StoredCommit) -> StoreResult<()> {
        self.last = commit.id;
        self.commits += 1;
        self.since = self.since.or(Some(commit.created_at));
        let series = self.series.entry(TenantId(commit.tenant)).or_default();
        for (id, samples) in decode(&commit.payload, |_| true)? {
            self.samples += samples.len();
            series.entry(id).or_default().merge(&samples);
        }
        Ok(())
    }
}

/// What is known of the newest samples: older generations are being sorted into blocks, the newest grows.
#[derive(Debug, Default)]
pub struct Head {
    sealed: Vec<Arc<Generation>>,
    open: Generation,
}

impl Head {
    /// Number of the last commit that is known.
    pub fn last(&self) -> i64 {
        self.open.last
    }

    /// Learns that commits before this one have been sorted into blocks, or that all have.
    pub fn begins_with(&mut self, first: Option<i64>) {
        let is_gone = |generation: &Generation| first.is_none_or(|first| generation.last < first);
        self.sealed.retain(|generation| !is_gone(generation));
        if is_gone(&self.open) {
            self.open = Generation { last: self.open.last, ..Generation::default() };
        }
    }

    /// Learns commits, which follow those that are known. One that cannot be read is left out, and reported.
    pub fn add(&mut self, commits: &[StoredCommit]) {
        for commit in commits {
            if let Err(error) = self.open.add(commit) {
                tracing::error!(%error, commit = commit.id, "samples of a commit cannot be read and are left out");
            }
        }
    }

    /// Forgets everything: it is read anew.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// How many samples there are, and since when, in milliseconds.
    pub fn size(&self) -> (usize, Option<i64>) {
        let sealed = self.sealed.iter().map(Arc::as_ref);
        let all = sealed.chain([&self.open]);
        all.fold((0, None), |(samples, since), next| (samples + next.samples, since.or(next.since)))
    }

    /// Everything that is known, which stays as it is now.
    pub fn seal(&mut self) -> Vec<Arc<Generation>> {
        if self.open.commits > 0 {
            let next = Generation { last: self.open.last, ..Generation::default() };
            self.sealed.push(Arc::new(std::mem::replace(&mut self.open, next)));
        }
        self.sealed.clone()
    }

    /// Samples of some series after one time and up to another, in the order in which they were stored.
    pub fn samples(
        &self,
        tenant: TenantId,
        series: impl Iterator<Item = i64>,
        after: i64,
        to: i64,
    ) -> Vec<(i64, Samples)> {
        let generations = self.sealed.iter().map(Arc::as_ref).chain([&self.open]);
        let of_tenant: Vec<_> = generations.filter_map(|generation| generation.series.get(&tenant)).collect();
        let mut found = Vec::new();
        for id in series {
            let mut all = Samples::default();
            for samples in of_tenant.iter().filter_map(|series| series.get(&id)) {
                let begin = samples.times.partition_point(|time| *time <= after);
                let end = samples.times.partition_point(|time| *time <= to).max(begin);
                let part =
                    Samples { times: samples.times[begin..end].to_vec(), values: samples.values[begin..end].to_vec() };
                all.merge(&part);
            }
            if !all.is_empty() {
                found.push((id, all));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample::block::encode;

    fn commit(id: i64, samples: &[(i64, f64)]) -> StoredCommit {
        let samples: Samples = samples.iter().copied().collect();
        let payload = encode([(7, &samples)].into_iter()).unwrap();
        StoredCommit { id, tenant: 1, created_at: id * 10, payload }
    }

    fn times(head: &Head) -> Vec<i64> {
        head.samples(TenantId(1), [7, 8].into_iter(), 0, 100)
            .into_iter()
            .flat_map(|(_, samples)| samples.times)
            .collect()
    }

    #[test]
    fn it_grows_by_commits_and_shrinks_as_they_are_sorted_into_blocks() {
        let mut head = Head::default();
        head.add(&[commit(1, &[(5, 1.0)]), commit(2, &[(4, 1.0), (6, 2.0)])]);
        assert_eq!((times(&head), head.last(), head.size()), (vec![4, 5, 6], 2, (3, Some(10))));

        let sealed = head.seal();
        head.add(&[commit(3, &[(6, 9.0), (7, 3.0)])]);
        assert_eq!((sealed.len(), sealed[0].commits, times(&head)), (1, 2, vec![4, 5, 6, 7]));

        head.begins_with(Some(3));
        assert_eq!((times(&head), head.last()), (vec![6, 7], 3));
        head.begins_with(None);
        assert_eq!((times(&head), head.last(), head.size()), (vec![], 3, (0, None)));
    }

    #[test]
    fn a_damaged_commit_is_left_out() {
        let mut head = Head::default();
        head.add(&[StoredCommit { payload: vec![9, 9], ..commit(1, &[(5, 1.0)]) }, commit(2, &[(6, 1.0)])]);
        assert_eq!((times(&head), head.last()), (vec![6], 2));
    }
}
