//! Figures of Console's own endpoints, collected in memory for a few seconds and then committed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use app::model::{TenantId, UnixNanos};

use super::SERVICE;
use crate::store::{EndpointDelta, EndpointKey, Rollup, RollupResolution};

/// Endpoints within one interval; more share one row. Routes come from the route table, so this is never near.
const MAX_ENDPOINTS: usize = 1000;
/// Longest route that is kept, in bytes.
const LONGEST_ROUTE: usize = 200;

/// What happened at each endpoint since the last time it was taken.
#[derive(Debug, Default)]
pub struct EndpointRecorder {
    current: Mutex<HashMap<Slot, Rollup>>,
}

/// (method, route, minute): the names are few and long-lived.
type Slot = (String, String, UnixNanos);

impl EndpointRecorder {
    /// Counts one request.
    pub fn record(&self, method: &str, route: &str, status: u16, duration_ms: f64, now: UnixNanos) {
        let minute = RollupResolution::Minute.floor(now);
        let mut current = self.lock();
        let mut slot = (method.to_owned(), route.to_owned(), minute);
        if current.len() >= MAX_ENDPOINTS && !current.contains_key(&slot) {
            slot = ("_OTHER".to_owned(), "(other)".to_owned(), minute);
        }
        current.entry(slot).or_default().add(status, duration_ms);
    }

    /// Takes what was counted, for the tenant that owns Console's own data.
    pub fn take(&self, tenant: TenantId) -> Vec<EndpointDelta> {
        let taken = std::mem::take(&mut *self.lock());
        taken
            .into_iter()
            .map(|((method, route, time), rollup)| EndpointDelta {
                tenant,
                endpoint: EndpointKey { service: SERVICE.to_owned(), method, route },
                time,
                rollup,
            })
            .collect()
    }

    /// Gives back what could not be committed.
    pub fn put_back(&self, deltas: Vec<EndpointDelta>) {
        let mut current = self.lock();
        for delta in deltas {
            let slot = (delta.endpoint.method, delta.endpoint.route, delta.time);
            if current.len() < MAX_ENDPOINTS || current.contains_key(&slot) {
                current.entry(slot).or_default().merge(&delta.rollup);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Slot, Rollup>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A route of the route table as people read it: `/v1/traces/{id}` becomes `/v1/traces/:id`.
pub fn route_label(matched: &str) -> String {
    let mut label = String::with_capacity(matched.len());
    for c in matched.chars() {
        match c {
            '{' => label.push(':'),
            '}' => {}
            other => label.push(other),
        }
    }
    label.replace(":*", "*")
}

/// A path with the parts that tell one thing from another replaced by what they are: numbers by `:id`, UUIDs by `:uuid`,
/// long hexadecimal texts by `:hash`. A route that names its parts stays as it is, but for how it marks them.
pub fn normalize_route(path: &str) -> String {
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let part = |part: &str| {
        if part.is_empty() {
            return String::new();
        }
        if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            return format!(":{}", name.trim_start_matches('*'));
        }
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            return ":id".to_owned();
        }
        let groups: Vec<&str> = part.split('-').collect();
        let is_uuid =
            groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(|group| is_hex(group));
        if is_uuid {
            return ":uuid".to_owned();
        }
        if part.len() >= 16 && is_hex(part) {
            return ":hash".to_owned();
        }
        part.to_owned()
    };
    let mut route: String = path.split('/').map(part).collect::<Vec<_>>().join("/");
    route.truncate(route.floor_char_boundary(LONGEST_ROUTE));
    if route.is_empty() { "/".to_owned() } else { route }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_tell_one_thing_from_another_are_replaced() {
        let routes = [
            ("/users/42", "/users/:id"),
            ("/o/6f1b1d3e-0000-4000-8000-000000000000/x", "/o/:uuid/x"),
            ("/blob/0123456789abcdef0123", "/blob/:hash"),
            ("/users/{id}/files/{*path}", "/users/:id/files/:path"),
            ("/v1/orders/:order", "/v1/orders/:order"),
            ("", "/"),
            ("/", "/"),
        ];
        for (path, route) in routes {
            assert_eq!(normalize_route(path), route, "{path}");
        }
    }

    #[test]
    fn routes_are_read_as_people_write_them() {
        assert_eq!(route_label("/v1/traces/{id}"), "/v1/traces/:id");
        assert_eq!(route_label("/pkg/{*file}"), "/pkg/*file");
    }

    #[test]
    fn what_could_not_be_committed_is_not_lost() {
        let recorder = EndpointRecorder::default();
        let now = UnixNanos(90_000_000_000);
        recorder.record("GET", "/health", 200, 1.0, now);
        let taken = recorder.take(TenantId::DEFAULT);
        assert_eq!(taken[0].time, UnixNanos(60_000_000_000));
        recorder.record("GET", "/health", 500, 3.0, now);
        recorder.put_back(taken);
        let all = recorder.take(TenantId::DEFAULT);
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].rollup.requests, all[0].rollup.errors()), (2, 1));
        assert!(recorder.take(TenantId::DEFAULT).is_empty());
    }
}
