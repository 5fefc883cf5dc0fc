//! Which target tenant and API a changed file belongs to, by a pattern such as `tenants/{tenant}/apis/{api}/`.

use std::collections::BTreeMap;

use serde::Serialize;

/// A pattern over the segments of a path. What follows its last segment is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Tenant,
    Api,
    /// `*`: any one segment.
    Any,
}

/// What changed files touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// Target tenant.
    pub tenant: Option<String>,
    /// API.
    pub api: Option<String>,
    /// How many of the changed files belong to it.
    pub files: usize,
}

impl PathPattern {
    /// Reads a pattern; every text is one.
    pub fn new(pattern: &str) -> Self {
        let segment = |text: &str| match text {
            "{tenant}" => Segment::Tenant,
            "{api}" => Segment::Api,
            "*" => Segment::Any,
            literal => Segment::Literal(literal.to_owned()),
        };
        let kept = pattern.split('/').filter(|text| !text.is_empty() && *text != "…" && *text != "**");
        Self(kept.map(segment).collect())
    }

    /// Tenant and API of a path that fits.
    fn find<'a>(&self, path: &'a str) -> Option<(Option<&'a str>, Option<&'a str>)> {
        let (mut tenant, mut api) = (None, None);
        let mut segments = path.split('/').filter(|text| !text.is_empty());
        for expected in &self.0 {
            let found = segments.next()?;
            match expected {
                Segment::Literal(literal) if literal == found => {}
                Segment::Literal(_) => return None,
                Segment::Any => {}
                Segment::Tenant => tenant = Some(found),
                Segment::Api => api = Some(found),
            }
        }
        Some((tenant, api))
    }

    /// The targets that the files touch, most files first.
    pub fn targets<'a>(&self, files: impl IntoIterator<Item = &'a str>) -> Vec<Target> {
        let mut counts: BTreeMap<(Option<&str>, Option<&str>), usize> = BTreeMap::new();
        for target in files.into_iter().filter_map(|file| self.find(file)) {
            *counts.entry(target).or_default() += 1;
        }
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let mut targets: Vec<Target> = counts
            .into_iter()
            .map(|((tenant, api), files)| Target { tenant: owned(tenant), api: owned(api), files })
            .collect();
        targets.sort_by_key(|target| std::cmp::Reverse(target.files));
        targets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_by_target_most_first() {
        let pattern = PathPattern::new("tenants/{tenant}/apis/{api}/…");
        let files = [
            "tenants/acme/apis/orders/openapi.yaml",
            "tenants/globex/apis/users/openapi.yaml",
            "tenants/globex/apis/users/policies/rate.yaml",
            "README.md",
            "tenants/acme",
        ];
        let targets = pattern.targets(files);
        assert_eq!(targets.len(), 2);
        assert_eq!(
            (targets[0].tenant.as_deref(), targets[0].api.as_deref(), targets[0].files),
            (Some("globex"), Some("users"), 2)
        );
    }

    #[test]
    fn other_patterns_work_too() {
        let pattern = PathPattern::new("services/*/{api}");
        assert_eq!(pattern.targets(["services/eu/pay/main.rs"])[0].api.as_deref(), Some("pay"));
        assert!(pattern.targets(["other/eu/pay/main.rs"]).is_empty());
    }
}
