//! What a text says about families of series.

use std::borrow::Cow;

use super::{
    Format,
    cursor::Cursor,
    error::{Problem, shown},
    escape::{unescape, unescape_help},
};

/// One thing about a family: each is a line of its own, in any order, most often before the samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// The family's name: that of its series without `_total`, `_bucket` and the like in `OpenMetrics`, with `_total`
    /// in Prometheus' text.
    pub family: Cow<'a, str>,
    /// What is said.
    pub about: About<'a>,
}

/// What is said about a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About<'a> {
    /// Of which kind it is.
    Kind(Kind),
    /// What it means, for people.
    Help(Cow<'a, str>),
    /// In which unit its values are; may be empty.
    Unit(&'a str),
}

/// Kind of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, or begins anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by bucket.
    Histogram,
    /// Buckets that go up and down.
    GaugeHistogram,
    /// Quantiles.
    Summary,
    /// Labels that say something, with the value 1.
    Info,
    /// A series for each state, with the value 1 for the present one.
    StateSet,
    /// Not known.
    Unknown,
}

impl Kind {
    /// By its name in either format.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "gaugehistogram" => Self::GaugeHistogram,
            "summary" => Self::Summary,
            "info" => Self::Info,
            "stateset" => Self::StateSet,
            "unknown" | "untyped" => Self::Unknown,
            _ => return None,
        })
    }

    /// Its name, as Prometheus has it in its answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }

    /// The label of its series whose value is a number; empty for none.
    pub(super) fn bound(self) -> &'static str {
        match self {
            Self::Histogram => "le",
            Self::Summary => "quantile",
            _ => "",
        }
    }
}

/// A comment line of Prometheus' text, from its `#`. Most say nothing: only `HELP` and `TYPE` do.
pub fn of_text(line: &str) -> Result<Option<Metadata<'_>>, Problem> {
    let mut cursor = Cursor::new(line);
    cursor.eat(b'#');
    if !cursor.skip_blanks() {
        return Ok(None);
    }
    let keyword = cursor.name(false);
    if !matches!(keyword, "HELP" | "TYPE") || !cursor.skip_blanks() {
        return Ok(None);
    }
    let family = family(&mut cursor, Format::Text)?;
    let is_separate = cursor.skip_blanks() || cursor.peek().is_none();
    let about = if keyword == "HELP" {
        if family.is_empty() || !is_separate {
            // Some help on a name that no series can have: exporters that clean the names of series only write it.
            return Ok(None);
        }
        About::Help(unescape_help(cursor.rest(), false))
    } else {
        if family.is_empty() || !is_separate {
            return Err(cursor.expected("the name of a metric after # TYPE"));
        }
        About::Kind(kind(cursor.rest().trim_end_matches([' ', '\t']))?)
    };
    Ok(Some(Metadata { family, about }))
}

/// A comment line of `OpenMetrics`, from its `#`; `# EOF` is none of them.
pub fn of_open_metrics(line: &str) -> Result<Metadata<'_>, Problem> {
    let mut cursor = Cursor::new(line);
    cursor.eat(b'#');
    let begin = cursor;
    let keyword = if cursor.eat(b' ') { cursor.name(false) } else { "" };
    if !matches!(keyword, "HELP" | "TYPE" | "UNIT") || !cursor.eat(b' ') {
        return Err(begin.expected("HELP, TYPE, UNIT or EOF after `#`"));
    }
    let family = family(&mut cursor, Format::OpenMetrics)?;
    if family.is_empty() {
        return Err(cursor.expected("the name of a metric"));
    }
    if !cursor.eat(b' ') {
        return Err(cursor.expected("a blank after the name of a metric"));
    }
    let rest = cursor.rest();
    let about = match keyword {
        "HELP" => About::Help(unescape_help(rest, true)),
        "TYPE" => About::Kind(kind(rest)?),
        _ => {
            let is_unit = |name: &str| name.strip_suffix(rest).is_some_and(|before| before.ends_with('_'));
            if !rest.is_empty() && !is_unit(&family) {
                return Err(Problem::UnitNotInName(shown(rest)));
            }
            About::Unit(rest)
        }
    };
    Ok(Metadata { family, about })
}

/// A family's name, quoted or not; empty if there is none.
fn family<'a>(cursor: &mut Cursor<'a>, format: Format) -> Result<Cow<'a, str>, Problem> {
    if cursor.peek() == Some(b'"') {
        return Ok(unescape(cursor.quoted(format)?));
    }
    Ok(Cow::Borrowed(cursor.name(true)))
}

fn kind(name: &str) -> Result<Kind, Problem> {
    Kind::of(name).ok_or_else(|| Problem::UnknownKind(shown(name)))
}
