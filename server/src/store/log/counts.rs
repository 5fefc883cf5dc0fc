//! Counts log records over time, by level and by service.

use std::collections::HashMap;

use app::model::{Level, LogId, ServiceLines, UnixNanos, log_views::LevelCounts};

use super::{BlockFacts, BlockTexts, LogBlock, LogMatcher, LogScan, ScanCoverage};
use crate::store::StoreResult;

/// Services that are told apart; what comes beyond them counts only in the columns.
const MOST_SERVICES: usize = 10_000;

/// Counts the records of a range. Blocks that level and service decide and that lie in one column are counted from their
/// descriptions.
pub struct CountScan {
    matcher: LogMatcher,
    from: UnixNanos,
    to: UnixNanos,
    /// Where the columns end; the range may go on.
    columns_end: UnixNanos,
    exact: Counts,
    /// Of unpacked blocks: they may stand for more.
    sampled: Counts,
}

#[derive(Debug, Clone, Default)]
struct Counts {
    columns: Vec<LevelCounts>,
    levels: LevelCounts,
    /// Records, and those of level error or fatal.
    services: HashMap<String, (u64, u64)>,
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogCounts {
    /// Matching records by column and level.
    pub columns: Vec<LevelCounts>,
    /// By level, whichever levels were asked for.
    pub levels: LevelCounts,
    /// By service, whichever services were asked for; those with the most first.
    pub services: Vec<ServiceLines>,
}

impl CountScan {
    /// Counts from `from` up to before `to` in so many columns up to `columns_end`; what is later counts in the last one.
    pub fn new(matcher: LogMatcher, from: UnixNanos, to: UnixNanos, columns_end: UnixNanos, columns: usize) -> Self {
        let counts = Counts { columns: vec![LevelCounts::default(); columns.max(1)], ..Counts::default() };
        Self { matcher, from, to, columns_end, exact: counts.clone(), sampled: counts }
    }

    fn column(&self, time: UnixNanos) -> usize {
        let last = self.exact.columns.len() - 1;
        let span = i128::from(self.columns_end.0) - i128::from(self.from.0);
        let offset = i128::from(time.0) - i128::from(self.from.0);
        (offset.max(0) * (last as i128 + 1)).checked_div(span).map_or(0, |column| column.min(last as i128) as usize)
    }

    /// What was counted; `coverage` says how much of the unpacked part was seen.
    pub fn finish(self, coverage: ScanCoverage) -> LogCounts {
        let weight = coverage.weight();
        let scale = |count: u64| (count as f64 * weight).round() as u64;
        let sum = |exact: &LevelCounts, sampled: &LevelCounts| {
            std::array::from_fn(|level| exact[level] + scale(sampled[level]))
        };
        let mut services = self.exact.services;
        for (service, (lines, errors)) in self.sampled.services {
            let known = services.entry(service).or_default();
            *known = (known.0 + scale(lines), known.1 + scale(errors));
        }
        let mut services: Vec<ServiceLines> = services
            .into_iter()
            .filter(|(_, (lines, _))| *lines > 0)
            .map(|(service, (lines, errors))| ServiceLines { service, lines, errors })
            .collect();
        services.sort_by(|one, other| other.lines.cmp(&one.lines).then_with(|| one.service.cmp(&other.service)));
        LogCounts {
            columns: self.exact.columns.iter().zip(&self.sampled.columns).map(|(e, s)| sum(e, s)).collect(),
            levels: sum(&self.exact.levels, &self.sampled.levels),
            services,
        }
    }
}

impl Counts {
    /// Counts records of one service and level.
    fn add(&mut self, matcher: &LogMatcher, column: usize, service: &str, level: Level, count: u64) {
        let (of_level, of_service) = (matcher.matches_level(level), matcher.matches_service(service));
        if of_level && of_service {
            self.columns[column][level as usize] += count;
        }
        if of_service {
            self.levels[level as usize] += count;
        }
        if of_level {
            let errors = if level >= Level::Error { count } else { 0 };
            if let Some(known) = self.services.get_mut(service) {
                *known = (known.0 + count, known.1 + errors);
            } else if self.services.len() < MOST_SERVICES {
                self.services.insert(service.to_owned(), (count, errors));
            }
        }
    }
}

impl LogScan for CountScan {
    fn matcher(&self) -> &LogMatcher {
        &self.matcher
    }

    fn offer(&mut self, block: &BlockFacts<'_>) -> bool {
        let (first, last) = (self.column(block.min_time), self.column(block.max_time));
        let is_inside = block.min_time >= self.from && block.max_time < self.to;
        if !self.matcher.is_countable_from_summary() {
            let may_count = |(service, counts): &(String, [u32; 6])| {
                let of_service = self.matcher.matches_service(service);
                Level::ALL
                    .iter()
                    .zip(counts)
                    .any(|(level, count)| *count > 0 && (of_service || self.matcher.matches_level(*level)))
            };
            return block.summary.0.iter().any(may_count);
        }
        if !is_inside || first != last {
            return true;
        }
        for (service, counts) in &block.summary.0 {
            for (level, count) in Level::ALL.into_iter().zip(counts).filter(|(_, count)| **count > 0) {
                self.exact.add(&self.matcher, first, service, level, u64::from(*count));
            }
        }
        false
    }

    fn take(&mut self, _first_id: LogId, payload: &[u8]) -> StoreResult<()> {
        let block = LogBlock::read(payload)?;
        let matcher = &self.matcher;
        let mut wanted: Vec<usize> = (0..block.records())
            .filter(|index| {
                let time = block.times[*index];
                time >= self.from
                    && time < self.to
                    && (matcher.matches_level(block.levels[*index]) || matcher.matches_service(block.service(*index)))
            })
            .collect();
        matcher.retain_ids(&block, &mut wanted)?;
        matcher.retain(&mut BlockTexts::new(&block), &mut wanted)?;
        for index in wanted {
            let column = self.column(block.times[index]);
            self.sampled.add(matcher, column, block.service(index), block.levels[index], 1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use app::model::LogFilter;

    use super::*;
    use crate::store::log::{NewLogRecord, encode};

    fn record(time: i64, service: &str, level: Level) -> NewLogRecord {
        NewLogRecord {
            timestamp: UnixNanos(time),
            level,
            service: service.into(),
            message: "slow query".into(),
            trace_id: None,
            span_id: None,
            attributes: String::new(),
        }
    }

    fn count(search: &str, records: &[NewLogRecord]) -> (LogCounts, bool) {
        let filter = LogFilter { search: Some(search.into()), ..LogFilter::default() };
        let matcher = LogMatcher::new(&filter).unwrap();
        let mut scan = CountScan::new(matcher, UnixNanos(0), UnixNanos(i64::MAX), UnixNanos(100), 10);
        let block = encode(records).unwrap();
        let facts = BlockFacts {
            min_time: block.min_time,
            max_time: block.max_time,
            levels: block.levels,
            summary: &block.summary,
        };
        let is_unpacked = scan.offer(&facts);
        if is_unpacked {
            scan.take(LogId(1), &block.payload).unwrap();
        }
        let records = block.records as u64;
        (scan.finish(ScanCoverage { wanted: records, seen: records }), is_unpacked)
    }

    #[test]
    fn a_block_in_one_column_is_counted_unseen_and_otherwise_the_same() {
        let records = [record(11, "a", Level::Info), record(12, "b", Level::Error), record(19, "a", Level::Warn)];
        let (unseen, is_unpacked) = count("", &records);
        assert!(!is_unpacked);
        assert_eq!(unseen.columns[1], [0, 0, 1, 1, 1, 0]);
        let (seen, is_unpacked) = count("slow", &records);
        assert!(is_unpacked);
        assert_eq!(unseen, seen);
    }

    #[test]
    fn levels_and_services_are_counted_whichever_is_chosen() {
        let records = [record(11, "a", Level::Info), record(12, "b", Level::Error), record(55, "a", Level::Warn)];
        let (counts, _) = count("service:a level:>=warn", &records);
        assert_eq!(counts.columns.iter().flatten().sum::<u64>(), 1);
        assert_eq!(counts.columns[5], [0, 0, 0, 1, 0, 0]);
        assert_eq!(counts.levels, [0, 0, 1, 1, 0, 0]);
        let services: Vec<(&str, u64, u64)> =
            counts.services.iter().map(|one| (one.service.as_str(), one.lines, one.errors)).collect();
        assert_eq!(services, [("a", 1, 0), ("b", 1, 1)]);
    }

    #[test]
    fn what_is_beyond_the_columns_counts_in_the_last_one() {
        let (counts, _) = count("", &[record(99, "a", Level::Info), record(5_000, "a", Level::Info)]);
        assert_eq!(counts.columns[9], [0, 0, 2, 0, 0, 0]);
    }

    #[test]
    fn what_was_seen_stands_for_all() {
        let mut scan = CountScan::new(LogMatcher::all(), UnixNanos(0), UnixNanos(100), UnixNanos(100), 10);
        let block = encode(&[record(1, "a", Level::Info), record(99, "a", Level::Info)]).unwrap();
        scan.take(LogId(1), &block.payload).unwrap();
        let counts = scan.finish(ScanCoverage { wanted: 20, seen: 2 });
        assert_eq!((counts.levels[2], counts.services[0].lines, counts.columns[0][2]), (20, 20, 10));
    }
}
