//! Scripts: what they load, ask and expect.

use std::collections::BTreeMap;

use regex::Regex;

use super::{
    notation::{parse_number, parse_series, parse_time, parse_values},
    storage::{Storage, ask},
};
use crate::{
    promql::{Answer, Error, MatrixSeries, Params, Value},
    store::sample::{Labels, Samples},
};

/// Numbers are the same if they differ by a smaller share.
const TOLERANCE: f64 = 1e-6;
/// How far around an instant a query is asked again as one of a range.
const AROUND: i64 = 60_000;

/// Runs a script. The error says which lines fail, and why.
pub fn run_script(script: &str) -> Result<(), String> {
    let failures = failures(script);
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

/// Runs a script to its end, and says which lines fail, and why.
pub fn failures(script: &str) -> Vec<String> {
    let lines: Vec<&str> = script.lines().map(str::trim).collect();
    let mut storage = Storage::default();
    let mut failures = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        at += 1;
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let begin = at;
        let is_end = |at: &usize| lines[*at].is_empty() || lines[*at].starts_with('#') || is_command(lines[*at]);
        let end = (at..lines.len()).find(is_end).unwrap_or(lines.len());
        let block = &lines[at..end];
        at = end;
        let result = if line == "clear" {
            storage = Storage::default();
            Ok(())
        } else if let Some(step) = line.strip_prefix("load ").or_else(|| line.strip_prefix("load_with_nhcb ")) {
            load(&mut storage, step, block)
        } else if line.starts_with("eval") {
            Evaluation::parse(line, block).and_then(|evaluation| evaluation.run(&storage))
        } else {
            Err("no command".to_owned())
        };
        failures.extend(result.err().map(|error| format!("line {begin}: {line}: {error}")));
    }
    failures
}

fn is_command(line: &str) -> bool {
    line == "clear" || line.starts_with("load") || line.starts_with("eval ") || line.starts_with("eval_")
}

fn load(storage: &mut Storage, step: &str, block: &[&str]) -> Result<(), String> {
    let step = parse_time(step.trim())?;
    let mut failures = Vec::new();
    // Of two series with the same labels the later one counts.
    let mut all = BTreeMap::new();
    for line in block {
        let parsed = parse_series(line).and_then(|(labels, values)| Ok((labels, parse_values(values)?)));
        match parsed {
            Ok((labels, values)) => {
                let timed = values.into_iter().enumerate();
                let timed = timed.filter_map(|(index, value)| Some((step * index as i64, value?)));
                all.insert(labels, timed.collect::<Samples>());
            }
            Err(error) => failures.push(error),
        }
    }
    for (labels, samples) in all {
        storage.add(labels, &samples);
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join(", ")) }
}

/// A query with what is expected of it.
#[derive(Debug)]
struct Evaluation {
    query: String,
    params: Params,
    expected: Expected,
    is_ordered: bool,
    wants_warning: Option<bool>,
    wants_info: Option<bool>,
}

#[derive(Debug)]
enum Expected {
    Failure(Option<Regex>),
    Scalar(f64),
    Text(String),
    /// Values from the first instant on, at each step.
    Series(Vec<(Labels, Vec<Option<f64>>)>),
}

impl Evaluation {
    fn parse(line: &str, block: &[&str]) -> Result<Self, String> {
        let (command, rest) = line.split_once(' ').ok_or("a query is missing")?;
        let words = |count| rest.splitn(count, char::is_whitespace).collect::<Vec<_>>();
        let (params, query) = match rest.split_whitespace().next() {
            Some("instant") => match words(4).as_slice() {
                [_, "at", time, query] => (Params::instant(parse_time(time)?), *query),
                _ => return Err("`instant at <time> <query>` is expected".to_owned()),
            },
            _ => match words(8).as_slice() {
                ["range", "from", from, "to", to, "step", step, query] => {
                    (Params::range(parse_time(from)?, parse_time(to)?, parse_time(step)?), *query)
                }
                _ => return Err("`range from <time> to <time> step <duration> <query>` is expected".to_owned()),
            },
        };
        let mut this = Self {
            query: query.trim().to_owned(),
            params,
            expected: Expected::Series(Vec::new()),
            is_ordered: command == "eval_ordered",
            wants_warning: (command == "eval_warn").then_some(true),
            wants_info: (command == "eval_info").then_some(true),
        };
        if command == "eval_fail" {
            this.expected = Expected::Failure(None);
        }
        block.iter().try_for_each(|line| this.expect(line))?;
        Ok(this)
    }

    fn expect(&mut self, line: &str) -> Result<(), String> {
        let failure = |pattern: &str| {
            Regex::new(pattern).map(|regex| Expected::Failure(Some(regex))).map_err(|error| error.to_string())
        };
        let after = |directives: [&str; 2]| {
            let mut rests = directives.iter().filter_map(|directive| line.strip_prefix(directive));
            rests.next().map(str::trim)
        };
        if let Some(message) = after(["expect fail msg:", "expected_fail_message"]) {
            self.expected = failure(&regex::escape(message))?;
            return Ok(());
        }
        if let Some(pattern) = after(["expect fail regex:", "expected_fail_regexp"]) {
            self.expected = failure(pattern)?;
            return Ok(());
        }
        if let Some(text) = line.strip_prefix("expect string") {
            self.expected = Expected::Text(text.trim().trim_matches(['"', '`']).to_owned());
            return Ok(());
        }
        match line {
            "expect fail" => self.expected = Expected::Failure(None),
            "expect ordered" => self.is_ordered = true,
            "expect no_warn" => self.wants_warning = Some(false),
            "expect no_info" => self.wants_info = Some(false),
            // Only the values of samples are compared.
            _ if line.starts_with("expect range vector") => {}
            _ if line.starts_with("expect warn") => self.wants_warning = Some(true),
            _ if line.starts_with("expect info") => self.wants_info = Some(true),
            _ => {
                if let Some(number) = parse_number(line).ok().filter(|_| !line.contains(' ')) {
                    self.expected = Expected::Scalar(number);
                    return Ok(());
                }
                let (labels, values) = parse_series(line)?;
                let values = parse_values(values)?;
                match &mut self.expected {
                    Expected::Series(all) => all.push((labels, values)),
                    other => return Err(format!("series beside {other:?}")),
                }
            }
        }
        Ok(())
    }

    fn run(&self, storage: &Storage) -> Result<(), String> {
        let answer = ask(storage, &self.query, self.params);
        if let Expected::Failure(pattern) = &self.expected {
            return check_failure(answer, pattern.as_ref());
        }
        let answer = answer.map_err(|error| error.to_string())?;
        let noted = [("warning", self.wants_warning, &answer.warnings), ("info", self.wants_info, &answer.infos)];
        for (told, wanted, notes) in noted {
            if wanted.is_some_and(|wanted| wanted == notes.is_empty()) {
                return Err(format!("{told}s are {notes:?}"));
            }
        }
        self.compare(&answer.value)?;
        self.ask_around(storage, &answer.value)
    }

    fn compare(&self, value: &Value) -> Result<(), String> {
        let wrong = || Err(format!("{value:?} instead of {:?}", self.expected));
        match (&self.expected, value) {
            (Expected::Scalar(expected), Value::Scalar(_, value)) if are_same(*expected, *value) => Ok(()),
            (Expected::Text(expected), Value::String(_, text)) if expected == text => Ok(()),
            (Expected::Series(expected), Value::Vector(vector)) => {
                let mut expected: Vec<_> = expected.iter().collect();
                let mut found: Vec<_> = vector.iter().collect();
                if !self.is_ordered {
                    expected.sort_by(|one, other| one.0.cmp(&other.0));
                    found.sort_by(|one, other| one.labels.cmp(&other.labels));
                }
                let are_same = expected.len() == found.len()
                    && expected.iter().zip(found).all(|((labels, values), found)| {
                        let value = values.first().copied().flatten();
                        *labels == found.labels && value.is_some_and(|value| are_same(value, found.value))
                    });
                if are_same { Ok(()) } else { wrong() }
            }
            (Expected::Series(expected), Value::Matrix(matrix)) => {
                let expected = expected.iter().filter(|(_, values)| values.iter().any(Option::is_some));
                let mut expected: Vec<_> = expected.collect();
                expected.sort_by(|one, other| one.0.cmp(&other.0));
                let is_same = expected.len() == matrix.len()
                    && expected
                        .iter()
                        .zip(matrix)
                        .all(|((labels, values), found)| *labels == found.labels && self.are_points(values, found));
                if is_same { Ok(()) } else { wrong() }
            }
            _ => wrong(),
        }
    }

    fn are_points(&self, values: &[Option<f64>], found: &MatrixSeries) -> bool {
        let points = values
            .iter()
            .enumerate()
            .filter_map(|(index, value)| Some((self.params.start + self.params.step * index as i64, (*value)?)));
        let points: Vec<(i64, f64)> = points.collect();
        // An instant query answers samples with times of their own: only their values are compared.
        let same_time = |one: i64, other: i64| self.params.step == 0 || one == other;
        points.len() == found.points.len()
            && points
                .iter()
                .zip(&found.points)
                .all(|(one, other)| same_time(one.0, other.0) && are_same(one.1, other.1))
    }

    /// The same query asked for a range around the instant must have the same answer there.
    fn ask_around(&self, storage: &Storage, value: &Value) -> Result<(), String> {
        let is_fixed = self.query.contains("start()") || self.query.contains("end()");
        let Value::Vector(vector) = value else { return Ok(()) };
        if is_fixed {
            return Ok(());
        }
        let time = self.params.start;
        let params = Params::range(time - AROUND, time + AROUND, AROUND);
        let around = match ask(storage, &self.query, params) {
            Ok(around) => around,
            // Elsewhere in the range it may well fail.
            Err(Error::Execution(_)) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let Value::Matrix(matrix) = around.value else { return Err("no matrix for a range".to_owned()) };
        let there = |series: &MatrixSeries| {
            let point = series.points.iter().find(|(at, _)| *at == time);
            point.map(|(_, value)| (series.labels.clone(), *value))
        };
        let mut found: Vec<(Labels, f64)> = matrix.iter().filter_map(there).collect();
        let mut expected: Vec<(Labels, f64)> =
            vector.iter().map(|series| (series.labels.clone(), series.value)).collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        expected.sort_by(|one, other| one.0.cmp(&other.0));
        let is_same = found.len() == expected.len()
            && found.iter().zip(&expected).all(|(one, other)| one.0 == other.0 && are_same(one.1, other.1));
        if is_same { Ok(()) } else { Err(format!("as a range: {found:?} instead of {expected:?}")) }
    }
}

fn check_failure(answer: Result<Answer, Error>, pattern: Option<&Regex>) -> Result<(), String> {
    match answer {
        Ok(answer) => Err(format!("a failure is expected, not {:?}", answer.value)),
        Err(error) => {
            let message = error.to_string();
            let fits = pattern.is_none_or(|pattern| pattern.is_match(&message));
            if fits { Ok(()) } else { Err(format!("fails for another reason: {message}")) }
        }
    }
}

#[expect(clippy::float_cmp, reason = "infinities are the same or not")]
fn are_same(one: f64, other: f64) -> bool {
    if one.is_nan() || other.is_nan() {
        return one.is_nan() && other.is_nan();
    }
    let scale = one.abs().max(other.abs());
    one == other || (scale.is_finite() && (one - other).abs() <= TOLERANCE * scale.max(1e-100))
}
