//! Calls of functions.

use promql_parser::parser::{Call, Expr, VectorSelector};
use regex::Regex;

use super::{
    Order, Planner, Scalar, Vector,
    build::string,
    select::{Use, matchers},
};
use crate::{
    promql::{
        error::Error,
        functions::{histogram::HistogramFunction, instant::InstantFunction, range::RangeFunction},
        grid::Grid,
    },
    store::sample::{Comparison, Labels, NAME},
};

impl Planner<'_> {
    /// Plans a call that answers a vector.
    pub(super) fn call(&mut self, call: &Call, grid: Grid) -> Result<Vector, Error> {
        let name = call.func.name;
        let arguments: Vec<&Expr> = call.args.args.iter().map(|argument| &**argument).collect();
        if let Some(function) = RangeFunction::named(name) {
            return self.range_call(function, &arguments, grid);
        }
        if let Some(function) = InstantFunction::named(name) {
            return self.instant_call(function, &arguments, grid);
        }
        if let Some(function) = HistogramFunction::named(name) {
            let (of, numbers) = arguments.split_last().ok_or_else(|| wrong_call(name))?;
            let numbers = numbers.iter().map(|number| self.scalar(number, grid)).collect::<Result<_, _>>()?;
            return Ok(Vector::Histogram(function, Box::new(self.vector(of, grid)?), numbers, grid));
        }
        match name {
            "label_replace" | "label_join" => self.label_call(name, &arguments, grid),
            "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" => self.sort_call(name, &arguments, grid),
            _ => self.other_call(name, &arguments, grid),
        }
    }

    fn other_call(&mut self, name: &str, arguments: &[&Expr], grid: Grid) -> Result<Vector, Error> {
        match (name, arguments) {
            ("vector", [of]) => Ok(Vector::Single(self.scalar(of, grid)?, grid)),
            ("timestamp", [of]) => self.timestamp(of, grid),
            ("absent", [of]) => Ok(Vector::Absent(Box::new(self.vector(of, grid)?), told_labels(of)?, grid)),
            ("absent_over_time", [of]) => {
                Ok(Vector::AbsentOverTime(self.matrix(of, grid, Use::RolledUp)?, told_labels(of)?))
            }
            ("histogram_count" | "histogram_sum" | "histogram_avg" | "histogram_stddev" | "histogram_stdvar", _) => {
                Err(Error::Unsupported(format!("{name}(), which is for native histograms,")))
            }
            _ => Err(wrong_call(name)),
        }
    }

    fn label_call(&mut self, name: &str, arguments: &[&Expr], grid: Grid) -> Result<Vector, Error> {
        match (name, arguments) {
            ("label_replace", [of, target, replacement, source, pattern]) => {
                let pattern = string(pattern)?;
                let regex = Regex::new(&format!("^(?s:{pattern})$")).map_err(|_| {
                    Error::Execution(format!("invalid regular expression in label_replace(): {pattern}"))
                })?;
                Ok(Vector::LabelReplace {
                    of: Box::new(self.vector(of, grid)?),
                    target: label(name, target)?.into(),
                    replacement: string(replacement)?,
                    source: string(source)?,
                    pattern: regex,
                })
            }
            ("label_join", [of, target, separator, sources @ ..]) => Ok(Vector::LabelJoin {
                of: Box::new(self.vector(of, grid)?),
                target: label(name, target)?.into(),
                separator: string(separator)?,
                sources: sources.iter().map(|source| label(name, source)).collect::<Result<_, _>>()?,
            }),
            _ => Err(wrong_call(name)),
        }
    }

    fn sort_call(&mut self, name: &str, arguments: &[&Expr], grid: Grid) -> Result<Vector, Error> {
        let (of, labels) = arguments.split_first().ok_or_else(|| wrong_call(name))?;
        let order = if name.starts_with("sort_by_label") {
            Order::Labels(labels.iter().map(|label| string(label)).collect::<Result<_, _>>()?)
        } else {
            Order::Value
        };
        if self.params.is_range() {
            let warning = "sort is ineffective for range queries since results are always ordered by labels";
            self.warnings.insert(warning.to_owned());
        }
        let of = Box::new(self.vector(of, grid)?);
        Ok(Vector::Sort { of, order, is_descending: name.ends_with("_desc") })
    }

    fn range_call(&mut self, function: RangeFunction, arguments: &[&Expr], grid: Grid) -> Result<Vector, Error> {
        let used = if function.answers_from_buckets() { Use::RolledUp } else { Use::EverySample };
        // The quantile is the only number that stands before the samples.
        let at = usize::from(function == RangeFunction::Quantile);
        let (mut of, mut numbers) = (None, Vec::<Scalar>::new());
        for (index, argument) in arguments.iter().enumerate() {
            if index == at {
                of = Some(self.matrix(argument, grid, used)?);
            } else {
                numbers.push(self.scalar(argument, grid)?);
            }
        }
        let of = of.ok_or_else(|| Error::Bad("a range vector is missing".to_owned()))?;
        Ok(Vector::Range(function, of, numbers))
    }

    fn instant_call(&mut self, function: InstantFunction, arguments: &[&Expr], grid: Grid) -> Result<Vector, Error> {
        let Some((of, numbers)) = arguments.split_first() else {
            // Parts of a date, now.
            let now = Box::new(Vector::Single(Scalar::Time(grid), grid));
            return Ok(Vector::Instant(function, now, Vec::new(), grid));
        };
        let of = Box::new(self.vector(of, grid)?);
        let numbers = numbers.iter().map(|number| self.scalar(number, grid)).collect::<Result<_, _>>()?;
        Ok(Vector::Instant(function, of, numbers, grid))
    }

    /// When samples of a selector were taken; of everything else, now.
    fn timestamp(&mut self, of: &Expr, grid: Grid) -> Result<Vector, Error> {
        let (function, of) = match without_parens(of) {
            Expr::VectorSelector(selector) => (InstantFunction::Same, self.instants(selector, grid, true)?),
            other => (InstantFunction::Timestamp, self.vector(other, grid)?),
        };
        Ok(Vector::Instant(function, Box::new(of), Vec::new(), grid))
    }
}

/// The name of a label.
fn label(function: &str, expression: &Expr) -> Result<String, Error> {
    let label = string(expression)?;
    if label.is_empty() {
        return Err(Error::Execution(format!("invalid label name {label:?} in {function}()")));
    }
    Ok(label)
}

fn wrong_call(name: &str) -> Error {
    Error::Bad(format!("the arguments of {name}() are not what it takes"))
}

fn without_parens(expression: &Expr) -> &Expr {
    match expression {
        Expr::Paren(paren) => without_parens(&paren.expr),
        other => other,
    }
}

/// The labels that a selector says its series have: those of what is absent.
fn told_labels(expression: &Expr) -> Result<Labels, Error> {
    let selector: &VectorSelector = match without_parens(expression) {
        Expr::VectorSelector(selector) => selector,
        Expr::MatrixSelector(selector) => &selector.vs,
        _ => return Ok(Labels::default()),
    };
    let matchers = matchers(selector)?;
    let is_told = |label: &str| {
        let is_equal = matchers.iter().filter(|matcher| matcher.label == label);
        let mut is_equal = is_equal.map(|matcher| matcher.comparison == Comparison::Equal);
        // An only `=`, with nothing after it.
        is_equal.clone().filter(|is_equal| *is_equal).count() == 1 && is_equal.next_back() == Some(true)
    };
    let told = matchers.iter().filter(|matcher| matcher.label != NAME && is_told(&matcher.label));
    Ok(Labels::new(told.map(|matcher| (matcher.label.as_str(), matcher.value.as_str()))))
}
