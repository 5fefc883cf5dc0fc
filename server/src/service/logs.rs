//! Log records: pages of history, counts, patterns, and what surrounds a record.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use app::{
    api::{ApiError, LogPort, Scope},
    model::{
        AttributeFacet, LogCondition, LogContext, LogContextQuery, LogFilter, LogId, LogPage, LogPatterns, LogQuery,
        LogRecord, LogSummary, LogTerm, LogViewQuery, RangeSpec, UnixMillis, UnixNanos, ValueCount,
    },
};
use async_trait::async_trait;
use serde_json::Value;

use super::{Services, read_cursor, store_failed, write_cursor};
use crate::store::{
    LogSelection,
    log::{CountScan, LogMatcher, PatternScan, SearchError},
};

/// Matches are counted up to here.
const COUNT_BOUND: u64 = 10_000;
/// Longest name of a service, in bytes.
const MAX_SERVICE_BYTES: usize = 256;
/// Bytes of records that are unpacked for a page; then the search ends, and who asks may let it go on.
const PAGE_EFFORT_BYTES: u64 = 128 << 20;
/// Records whose texts are looked at for counts and patterns; of more an evenly spread part.
const MOST_TEXTS: u64 = 200_000;
/// Records of which only time, level and service are looked at for counts.
const MOST_NARROW: u64 = 4_000_000;
/// The part of a range, from its end, in which a pattern that was not there before is new.
const NEW_PART: i64 = 5;
/// Patterns that are looked up in the part of a range that was only sampled.
const MOST_LOOKUPS: usize = 20;
/// Bytes that are unpacked for one of these.
const LOOKUP_EFFORT_BYTES: u64 = 4 << 20;
/// Attributes that are told apart, and values of each, before the most frequent are chosen.
const MOST_KEYS: usize = 500;
const MOST_VALUES: usize = 2000;
/// Longer values are no choices.
const LONGEST_VALUE_BYTES: usize = 200;

/// Makes a matcher; what is wrong with the search names the field.
pub fn matcher_of(filter: &LogFilter) -> Result<LogMatcher, ApiError> {
    if filter.service.as_ref().is_some_and(|service| service.len() > MAX_SERVICE_BYTES) {
        return Err(ApiError::invalid("service", format!("at most {MAX_SERVICE_BYTES} bytes")));
    }
    LogMatcher::new(filter).map_err(|error: SearchError| ApiError::invalid("search", error.to_string()))
}

/// A range as the store takes it: a relative one is open to the future, as emitters' clocks may run ahead of ours.
fn bounds(range: RangeSpec, now: UnixMillis) -> (UnixNanos, UnixNanos) {
    let resolved = range.resolve(now);
    let to = if range.is_relative() { UnixNanos(i64::MAX) } else { resolved.to.to_nanos() };
    (resolved.from.to_nanos(), to)
}

impl Services {
    /// A page of records, newest first, and where the next one begins; nothing is counted.
    pub async fn log_slice(
        &self,
        scope: Scope,
        matcher: LogMatcher,
        (from, to): (UnixNanos, UnixNanos),
        before: Option<(UnixNanos, LogId)>,
        limit: usize,
    ) -> Result<(Vec<LogRecord>, Option<(UnixNanos, LogId)>), ApiError> {
        let selection = LogSelection { matcher, from, to, before, limit, count_bound: 0 };
        let search = self.stores.logs.search_within(scope.tenant, selection, PAGE_EFFORT_BYTES);
        let slice = search.await.map_err(store_failed)?;
        let last = slice.records.last().filter(|_| slice.has_more).map(|record| (record.timestamp, record.id));
        let next = slice.ended_at.map(|ended_at| (ended_at, LogId(i64::MAX))).or(last);
        Ok((slice.records, next))
    }

    /// The bounds of a range now.
    pub fn log_bounds(&self, range: RangeSpec) -> (UnixNanos, UnixNanos) {
        bounds(range, self.clock.now_millis())
    }

    /// What attributes say in the newest matching records.
    async fn attribute_facets(
        &self,
        scope: Scope,
        matcher: LogMatcher,
        range: (UnixNanos, UnixNanos),
    ) -> Result<(Vec<AttributeFacet>, u64), ApiError> {
        let limit = LogSummary::ATTRIBUTE_LINES as usize;
        let (records, _) = self.log_slice(scope, matcher, range, None, limit).await?;
        let count = records.len() as u64;
        let facets = tokio::task::spawn_blocking(move || facets_of(&records)).await;
        Ok((facets.map_err(|_| ApiError::internal())?, count))
    }

    /// Takes the mark from patterns that are in the part of the range that was only sampled.
    async fn look_up_new(
        &self,
        scope: Scope,
        patterns: &mut LogPatterns,
        filter: &LogFilter,
        (from, to): (UnixNanos, UnixNanos),
    ) -> Result<(), ApiError> {
        let mut left = MOST_LOOKUPS;
        for pattern in patterns.patterns.iter_mut().filter(|pattern| pattern.is_new) {
            if left == 0 {
                pattern.is_new = false;
                continue;
            }
            left -= 1;
            let term = LogTerm::wants(LogCondition::Pattern(pattern.pattern.clone()));
            let filter = LogFilter { search: Some(term.to_string()), ..filter.clone() };
            let Ok(matcher) = matcher_of(&filter) else { continue };
            let selection = LogSelection { matcher, from, to, before: None, limit: 1, count_bound: 0 };
            let search = self.stores.logs.search_within(scope.tenant, selection, LOOKUP_EFFORT_BYTES);
            let slice = search.await.map_err(store_failed)?;
            // Who does not know does not say.
            pattern.is_new = slice.records.is_empty() && slice.ended_at.is_none();
        }
        Ok(())
    }
}

#[async_trait]
impl LogPort for Services {
    async fn list(&self, scope: Scope, query: LogQuery) -> Result<LogPage, ApiError> {
        if query.limit > LogQuery::MAX_LIMIT {
            return Err(ApiError::invalid("limit", format!("1 to {}", LogQuery::MAX_LIMIT)));
        }
        let matcher = matcher_of(&query.filter)?;
        let before = query.cursor.as_deref().map(read_cursor).transpose()?;
        // What is committed after this is for the live stream; what was before is for the page.
        let last_id = self.stores.logs.head(scope.tenant).await.map_err(store_failed)?;
        let limit = if query.limit == 0 { LogQuery::DEFAULT_LIMIT } else { query.limit };
        let (from, to) = self.log_bounds(query.range);
        let selection = LogSelection {
            matcher,
            from,
            to,
            before: before.map(|(time, id)| (UnixNanos(time), LogId(id as i64))),
            limit: limit as usize,
            count_bound: COUNT_BOUND,
        };
        let search = self.stores.logs.search_within(scope.tenant, selection, PAGE_EFFORT_BYTES);
        let mut slice = search.await.map_err(store_failed)?;
        let last = slice.records.last().filter(|_| slice.has_more);
        let last = last.map(|record| write_cursor(record.timestamp.0, record.id.0 as u128));
        let next_cursor = slice.ended_at.map(|at| write_cursor(at.0, i64::MAX as u128)).or(last);
        slice.records.retain(|record| record.id <= last_id);
        Ok(LogPage {
            logs: slice.records,
            next_cursor,
            searched_to: slice.ended_at,
            last_id,
            matched: slice.matched,
            matched_is_partial: slice.matched_is_partial,
            services: slice.services,
            any_stored: last_id.0 > 0,
        })
    }

    async fn summary(&self, scope: Scope, query: LogViewQuery) -> Result<LogSummary, ApiError> {
        let matcher = matcher_of(&query.filter)?;
        let resolved = query.range.resolve(self.clock.now_millis());
        let (from, to) = self.log_bounds(query.range);
        let most = if matcher.needs_text() { MOST_TEXTS } else { MOST_NARROW };
        let scan = CountScan::new(matcher.clone(), from, to, resolved.to.to_nanos(), LogSummary::COLUMNS);
        let scan = Arc::new(Mutex::new(scan));
        let shared = scan.clone();
        let (coverage, (attributes, attribute_lines)) = tokio::try_join!(
            async { self.stores.logs.scan(scope.tenant, from, to, most, shared).await.map_err(store_failed) },
            self.attribute_facets(scope, matcher, (from, to)),
        )?;
        let scan = Arc::into_inner(scan).ok_or_else(ApiError::internal)?;
        let counts = scan.into_inner().unwrap_or_else(PoisonError::into_inner).finish(coverage);
        let more_services = counts.services.len().saturating_sub(LogSummary::MAX_SERVICES) as u64;
        let mut services = counts.services;
        services.truncate(LogSummary::MAX_SERVICES);
        Ok(LogSummary {
            from: resolved.from,
            to: resolved.to,
            columns: counts.columns,
            levels: counts.levels,
            services,
            more_services,
            is_estimate: !coverage.is_complete(),
            attributes,
            attribute_lines,
        })
    }

    async fn patterns(&self, scope: Scope, query: LogViewQuery) -> Result<LogPatterns, ApiError> {
        let matcher = matcher_of(&query.filter)?;
        let resolved = query.range.resolve(self.clock.now_millis());
        let (from, to) = self.log_bounds(query.range);
        let new_after = UnixMillis(resolved.to.0 - (resolved.to.0 - resolved.from.0) / NEW_PART);
        let scan = Arc::new(Mutex::new(PatternScan::new(matcher, from, to)));
        let shared = scan.clone();
        let coverage = self.stores.logs.scan(scope.tenant, from, to, MOST_TEXTS, shared).await.map_err(store_failed)?;
        let scan = Arc::into_inner(scan).ok_or_else(ApiError::internal)?;
        let clusters = scan.into_inner().unwrap_or_else(PoisonError::into_inner).clusters;
        let lines = clusters.lines();
        let mut patterns = clusters.finish();
        let more_patterns = patterns.len().saturating_sub(LogPatterns::MAX_PATTERNS) as u64;
        let had_any_before = patterns.iter().any(|pattern| pattern.first_seen < new_after.to_nanos());
        patterns.truncate(LogPatterns::MAX_PATTERNS);
        for pattern in &mut patterns {
            pattern.lines = (pattern.lines as f64 * coverage.weight()).round() as u64;
            pattern.is_new = had_any_before && pattern.first_seen >= new_after.to_nanos();
        }
        let is_estimate = !coverage.is_complete();
        let mut found = LogPatterns { patterns, more_patterns, lines, is_estimate, new_after };
        if is_estimate {
            self.look_up_new(scope, &mut found, &query.filter, (from, new_after.to_nanos())).await?;
        }
        Ok(found)
    }

    async fn context(&self, scope: Scope, query: LogContextQuery) -> Result<LogContext, ApiError> {
        if query.lines > LogContext::MAX_LINES {
            return Err(ApiError::invalid("lines", format!("at most {}", LogContext::MAX_LINES)));
        }
        let logs = &self.stores.logs;
        let found = logs.record(scope.tenant, query.id).await.map_err(store_failed)?;
        let record = found.ok_or_else(|| ApiError::not_found("log line; it may have been removed after its time"))?;
        let (place, limit) = ((record.timestamp, record.id), query.lines as usize);
        if limit == 0 {
            return Ok(LogContext { record, before: Vec::new(), after: Vec::new() });
        }
        let filter = LogFilter { service: Some(record.service.clone()), ..LogFilter::default() };
        let matcher = LogMatcher::new(&filter).map_err(|_| ApiError::internal())?;
        let after = logs.following(scope.tenant, &matcher, place, limit).await.map_err(store_failed)?;
        let range = (UnixNanos(i64::MIN), UnixNanos(place.0.0.saturating_add(1)));
        let (mut before, _) = self.log_slice(scope, matcher, range, Some(place), limit).await?;
        before.reverse();
        Ok(LogContext { record, before, after })
    }
}

/// The most frequent attributes of records, each with its most frequent values.
fn facets_of(records: &[LogRecord]) -> Vec<AttributeFacet> {
    let mut keys: HashMap<&str, (u64, HashMap<String, u64>)> = HashMap::new();
    for record in records {
        for (key, value) in &record.attributes {
            let is_choice =
                LogTerm::attribute(key, "").is_some() && (keys.len() < MOST_KEYS || keys.contains_key(key.as_str()));
            let Some(value) = choice_of(value).filter(|_| is_choice) else { continue };
            let (lines, values) = keys.entry(key).or_default();
            *lines += 1;
            if let Some(count) = values.get_mut(&value) {
                *count += 1;
            } else if values.len() < MOST_VALUES {
                values.insert(value, 1);
            }
        }
    }
    let facet = |(key, (lines, values)): (&str, (u64, HashMap<String, u64>))| {
        let distinct = values.len();
        let mut values: Vec<ValueCount> =
            values.into_iter().map(|(value, lines)| ValueCount { value, lines }).collect();
        values.sort_by(|one, other| other.lines.cmp(&one.lines).then_with(|| one.value.cmp(&other.value)));
        values.truncate(LogSummary::MAX_VALUES);
        let more_values = (distinct - values.len()) as u64;
        AttributeFacet { key: key.to_owned(), lines, values, more_values }
    };
    let mut facets: Vec<AttributeFacet> = keys.into_iter().map(facet).collect();
    // What is different in every record tells nothing apart, and what all of a host have hardly more: they come last.
    let is_of_host = |facet: &AttributeFacet| facet.key.starts_with("resource.") || facet.key.starts_with("otel.");
    let is_id = |facet: &AttributeFacet| facet.values.first().is_some_and(|value| value.lines == 1 && facet.lines > 4);
    facets.sort_by(|one, other| {
        let by_lines = other.lines.cmp(&one.lines).then_with(|| one.key.cmp(&other.key));
        let rank = |facet| (is_id(facet), is_of_host(facet));
        rank(one).cmp(&rank(other)).then(by_lines)
    });
    facets.truncate(LogSummary::MAX_ATTRIBUTES);
    facets
}

/// A value as a search has it; none for what is no choice.
fn choice_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (text.len() <= LONGEST_VALUE_BYTES).then_some(text)
}

#[cfg(test)]
mod tests {
    use app::model::Level;
    use serde_json::json;

    use super::*;

    #[test]
    fn attributes_are_choices_with_ids_last() {
        let record = |n: i64| LogRecord {
            id: LogId(n),
            timestamp: UnixNanos(n),
            level: Level::Info,
            service: "s".into(),
            message: String::new(),
            trace_id: None,
            span_id: None,
            attributes:
                json!({ "request.id": format!("r{n}"), "status": if n % 3 == 0 { 500 } else { 200 }, "list": [1] })
                    .as_object()
                    .cloned()
                    .unwrap(),
        };
        let facets = facets_of(&(0..30).map(record).collect::<Vec<_>>());
        assert_eq!(facets.len(), 2);
        assert_eq!((facets[0].key.as_str(), facets[0].lines, facets[0].more_values), ("status", 30, 0));
        let values: Vec<(&str, u64)> = facets[0].values.iter().map(|one| (one.value.as_str(), one.lines)).collect();
        assert_eq!(values, [("200", 20), ("500", 10)]);
        assert_eq!((facets[1].key.as_str(), facets[1].more_values), ("request.id", 22));
    }
}
