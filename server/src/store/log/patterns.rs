//! Clusters messages by pattern, after Drain (He et al., ICWS 2017): messages with as many words and the same first word
//! belong together if most of their words are the same.

use app::model::{
    Level, LogId, LogPattern, UnixNanos,
    log_pattern::{ANY, keeps_numbers, pattern_of, write_shape},
};

use foldhash::HashMap;

use super::{BlockFacts, BlockTexts, LogBlock, LogMatcher, LogScan};
use crate::store::StoreResult;

/// Share of words that have to be the same.
const SIMILAR: f64 = 0.6;
/// Patterns with fewer words are told apart by each of them.
const FEW_WORDS: usize = 4;
/// Most patterns that are kept; what is beyond counts as others.
const MOST_PATTERNS: usize = 2000;
/// Similar messages that are told apart.
const MOST_VARIANTS: usize = 4;
/// Shapes of messages whose pattern is remembered, at most.
const MOST_SHAPES: usize = 16_384;
/// Messages of more bytes have none.
const LONGEST_SHAPE: usize = 512;
/// Most services that are counted for a pattern.
const MOST_SERVICES: usize = 64;

/// Records with something in common.
#[derive(Debug, Clone)]
struct Tally {
    lines: u64,
    level: Level,
    services: HashMap<String, u64>,
    first: UnixNanos,
    last: UnixNanos,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            lines: 0,
            level: Level::Trace,
            services: HashMap::default(),
            first: UnixNanos(i64::MAX),
            last: UnixNanos(i64::MIN),
        }
    }
}

impl Tally {
    fn add(&mut self, level: Level, service: &str, time: UnixNanos) {
        self.lines += 1;
        self.level = self.level.max(level);
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        if let Some(count) = self.services.get_mut(service) {
            *count += 1;
        } else if self.services.len() < MOST_SERVICES {
            self.services.insert(service.to_owned(), 1);
        }
    }

    fn join(&mut self, other: Self) {
        self.lines += other.lines;
        self.level = self.level.max(other.level);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for (service, count) in other.services {
            *self.services.entry(service).or_default() += count;
        }
    }

    fn into_pattern(self, pattern: String) -> LogPattern {
        let more_services = self.services.len().saturating_sub(1) as u64;
        let most = self.services.into_iter().max_by(|one, other| one.1.cmp(&other.1).then(other.0.cmp(&one.0)));
        LogPattern {
            pattern,
            lines: self.lines,
            level: self.level,
            service: most.map(|(service, _)| service).unwrap_or_default(),
            more_services,
            first_seen: self.first,
            last_seen: self.last,
            is_new: false,
        }
    }
}

/// Similar messages. While there are few different ones, each is a pattern of its own: `cache hit` is not `cache miss`.
/// Of many, what differs is a value.
#[derive(Debug)]
struct Cluster {
    /// What all have, with [`ANY`] where they differ.
    words: Vec<String>,
    /// The different ones, masked.
    variants: Vec<(String, Tally)>,
    /// All of them, once there are too many to tell apart.
    joined: Option<Tally>,
}

impl Cluster {
    /// Where records with this masked message are counted.
    fn tally(&mut self, masked: &str) -> &mut Tally {
        let known = self.variants.iter().position(|(variant, _)| variant == masked);
        if known.is_none() && self.joined.is_none() && self.variants.len() == MOST_VARIANTS {
            let mut all = Tally::default();
            self.variants.drain(..).for_each(|(_, tally)| all.join(tally));
            self.joined = Some(all);
        }
        if let Some(joined) = &mut self.joined {
            return joined;
        }
        let at = known.unwrap_or_else(|| {
            self.variants.push((masked.to_owned(), Tally::default()));
            self.variants.len() - 1
        });
        &mut self.variants[at].1
    }

    /// How far a message is like the others.
    fn similarity(&self, words: &[&str]) -> f64 {
        let same = self.words.iter().zip(words).filter(|(one, other)| one == *other).count();
        same as f64 / words.len() as f64
    }

    fn into_patterns(self) -> Vec<LogPattern> {
        match self.joined {
            Some(joined) => vec![joined.into_pattern(self.words.join(" "))],
            None => self.variants.into_iter().map(|(variant, tally)| tally.into_pattern(variant)).collect(),
        }
    }
}

/// Patterns of the messages that it is shown.
#[derive(Debug, Default)]
pub struct Clusters {
    found: Vec<Cluster>,
    /// Clusters by the number of their words and the first one.
    buckets: HashMap<(usize, String), Vec<usize>>,
    /// Masked messages that were seen before: most are.
    known: HashMap<String, usize>,
    /// Masked messages of shapes all of whose messages have the same.
    shapes: HashMap<String, String>,
    scratch: String,
    lines: u64,
    others: u64,
}

impl Clusters {
    /// Counts a message.
    pub fn add(&mut self, message: &str, level: Level, service: &str, time: UnixNanos) {
        self.lines += 1;
        let mut shape = std::mem::take(&mut self.scratch);
        shape.clear();
        let has_shape = message.len() <= LONGEST_SHAPE;
        if has_shape {
            write_shape(message, &mut shape);
        }
        if has_shape
            && let Some(masked) = self.shapes.get(&shape)
            && let Some(index) = self.known.get(masked)
        {
            self.found[*index].tally(masked).add(level, service, time);
        } else {
            let masked = pattern_of(message);
            match self.known.get(&masked).copied().or_else(|| self.place(&masked)) {
                Some(index) => self.found[index].tally(&masked).add(level, service, time),
                None => self.others += 1,
            }
            if has_shape && self.shapes.len() < MOST_SHAPES && !keeps_numbers(&masked) {
                self.shapes.insert(shape.clone(), masked);
            }
        }
        self.scratch = shape;
    }

    /// The cluster of a masked message that was not seen before; none when there are too many.
    fn place(&mut self, masked: &str) -> Option<usize> {
        let words: Vec<&str> = masked.split(' ').collect();
        let bucket = self.buckets.entry((words.len(), words[0].to_owned())).or_default();
        let nearest = bucket
            .iter()
            .map(|index| (self.found[*index].similarity(&words), *index))
            .max_by(|one, other| one.0.total_cmp(&other.0));
        let limit = if words.len() < FEW_WORDS { 1.0 } else { SIMILAR };
        let index = if let Some((_, index)) = nearest.filter(|(similarity, _)| *similarity >= limit) {
            for (word, other) in self.found[index].words.iter_mut().zip(&words) {
                if word != other {
                    ANY.clone_into(word);
                }
            }
            index
        } else {
            if self.found.len() == MOST_PATTERNS {
                return None;
            }
            let words = words.into_iter().map(str::to_owned).collect();
            self.found.push(Cluster { words, variants: Vec::new(), joined: None });
            bucket.push(self.found.len() - 1);
            self.found.len() - 1
        };
        if self.known.len() < 8 * MOST_PATTERNS {
            self.known.insert(masked.to_owned(), index);
        }
        Some(index)
    }

    /// How many messages were counted.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The patterns, those with the most records first.
    pub fn finish(self) -> Vec<LogPattern> {
        let mut patterns: Vec<LogPattern> = self.found.into_iter().flat_map(Cluster::into_patterns).collect();
        patterns.sort_by(|one, other| other.lines.cmp(&one.lines).then_with(|| one.pattern.cmp(&other.pattern)));
        patterns
    }
}

/// Clusters the matching records of a range.
pub struct PatternScan {
    matcher: LogMatcher,
    from: UnixNanos,
    to: UnixNanos,
    /// What was found.
    pub clusters: Clusters,
}

impl PatternScan {
    /// Of records from `from` up to before `to`.
    pub fn new(matcher: LogMatcher, from: UnixNanos, to: UnixNanos) -> Self {
        Self { matcher, from, to, clusters: Clusters::default() }
    }
}

impl LogScan for PatternScan {
    fn matcher(&self) -> &LogMatcher {
        &self.matcher
    }

    fn offer(&mut self, block: &BlockFacts<'_>) -> bool {
        self.matcher.wants_levels(block.levels) && self.matcher.count_in(block.summary) > 0
    }

    fn take(&mut self, _first_id: LogId, payload: &[u8]) -> StoreResult<()> {
        let block = LogBlock::read(payload)?;
        let mut wanted = self.matcher.rows(&block, (self.from, self.to))?;
        let mut texts = BlockTexts::new(&block);
        self.matcher.retain(&mut texts, &mut wanted)?;
        if wanted.is_empty() {
            return Ok(());
        }
        let messages = texts.messages()?;
        let mut message = String::new();
        for index in wanted {
            message.clear();
            messages.write(index, &mut message);
            self.clusters.add(&message, block.levels[index], block.service(index), block.times[index]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use app::model::{LogCondition, LogFilter, LogTerm};
    use proptest::prelude::*;

    use super::*;

    fn patterns(messages: &[&str]) -> Vec<(String, u64)> {
        let mut clusters = Clusters::default();
        for (time, message) in messages.iter().enumerate() {
            clusters.add(message, Level::Info, "s", UnixNanos(time as i64));
        }
        clusters.finish().into_iter().map(|pattern| (pattern.pattern, pattern.lines)).collect()
    }

    #[test]
    fn messages_of_one_place_share_a_pattern() {
        let names = ["alice", "bob", "carol", "dan", "eve", "frank"];
        let orders: Vec<String> =
            names.iter().map(|name| format!("order failed for customer {name} in shop berlin")).collect();
        let mut messages: Vec<&str> = orders.iter().map(String::as_str).collect();
        messages.extend(["user 1 signed in from 10.0.0.1", "user 2 signed in from 10.0.0.2", "started", "stopped"]);
        assert_eq!(
            patterns(&messages),
            [
                ("order failed for customer <*> in shop berlin".into(), 6),
                ("user <*> signed in from <*>".into(), 2),
                ("started".into(), 1),
                ("stopped".into(), 1),
            ]
        );
    }

    #[test]
    fn few_that_are_alike_are_told_apart() {
        let found = patterns(&["cache hit for order 1", "cache miss for order 2", "cache hit for order 3"]);
        assert_eq!(found, [("cache hit for order <*>".into(), 2), ("cache miss for order <*>".into(), 1)]);
    }

    #[test]
    fn a_pattern_knows_when_where_and_how_serious() {
        let mut clusters = Clusters::default();
        clusters.add("failed 1", Level::Warn, "a", UnixNanos(5));
        clusters.add("failed 2", Level::Error, "b", UnixNanos(3));
        clusters.add("failed 3", Level::Info, "b", UnixNanos(9));
        let found = clusters.finish().remove(0);
        assert_eq!((found.level, found.service.as_str(), found.more_services), (Level::Error, "b", 1));
        assert_eq!((found.first_seen, found.last_seen), (UnixNanos(3), UnixNanos(9)));
    }

    #[test]
    fn the_number_of_patterns_is_bounded() {
        let mut clusters = Clusters::default();
        let name = |n: usize| -> String {
            [n / 676, n / 26 % 26, n % 26].iter().map(|part| char::from(b'a' + *part as u8)).collect()
        };
        for n in 0..MOST_PATTERNS + 500 {
            clusters.add(&name(n), Level::Info, "s", UnixNanos(0));
        }
        assert_eq!(clusters.lines(), MOST_PATTERNS as u64 + 500);
        assert_eq!(clusters.others, 500);
        assert_eq!(clusters.finish().len(), MOST_PATTERNS);
    }

    proptest! {
        #[test]
        fn every_message_is_found_by_a_pattern(messages in proptest::collection::vec("[ab1 ]{0,14}|.{0,10}", 1..30)) {
            let all: Vec<&str> = messages.iter().map(String::as_str).collect();
            let matchers: Vec<LogMatcher> = patterns(&all).into_iter().map(|(pattern, _)| {
                let term = LogTerm::wants(LogCondition::Pattern(pattern));
                LogMatcher::new(&LogFilter { search: Some(term.to_string()), ..LogFilter::default() }).unwrap()
            }).collect();
            for message in all {
                prop_assert!(matchers.iter().any(|matcher| matcher.matches_text(message, "")), "{message:?}");
            }
        }
    }
}
