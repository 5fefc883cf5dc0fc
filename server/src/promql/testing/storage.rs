//! Series in memory.

use std::collections::BTreeMap;

use regex::Regex;

use crate::{
    promql::{Answer, Error, Interrupt, Limits, Params, Query},
    store::sample::{
        Comparison, Data, Labels, Matcher, Resolution, Samples, Selection, Series, SeriesStream, bucket::roll_up,
    },
};

/// Series in memory.
#[derive(Debug, Clone, Default)]
pub struct Storage {
    series: BTreeMap<Labels, Samples>,
}

impl Storage {
    /// Adds samples of a series.
    pub fn add(&mut self, labels: Labels, samples: &Samples) {
        self.series.entry(labels).or_default().merge(samples);
    }

    /// What a selection selects.
    pub fn open(&self, selection: &Selection) -> SeriesStream {
        let found: Vec<Series> = self
            .series
            .iter()
            .filter(|(labels, _)| selection.matchers.iter().all(|matcher| holds(matcher, labels)))
            .filter_map(|(labels, samples)| {
                let mut samples = samples.clone();
                samples.retain(selection.after, selection.to);
                let data = match selection.resolution {
                    Resolution::Raw => Data::Samples(samples.clone()),
                    resolution => Data::Buckets(roll_up(&samples, resolution.millis())),
                };
                (!samples.is_empty()).then(|| Series { labels: labels.clone(), data })
            })
            .collect();
        // Backwards, as no order is promised.
        Box::new(found.into_iter().rev().map(Ok))
    }
}

fn holds(matcher: &Matcher, labels: &Labels) -> bool {
    let value = labels.get(&matcher.label);
    let is_like = || Regex::new(&format!("^(?s:{})$", matcher.value)).unwrap().is_match(value);
    match matcher.comparison {
        Comparison::Equal => value == matcher.value,
        Comparison::NotEqual => value != matcher.value,
        Comparison::Like => is_like(),
        Comparison::NotLike => !is_like(),
    }
}

/// Parses and answers a query.
pub fn ask(storage: &Storage, text: &str, params: Params) -> Result<Answer, Error> {
    let query = Query::parse(text, params)?;
    let selections = query.selections();
    let source = |index: usize| storage.open(&selections[index]);
    query.evaluate(&source, Limits::default(), &Interrupt::default())
}
