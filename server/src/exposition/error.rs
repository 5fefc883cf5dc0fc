//! Why a text is not understood.

/// Longest piece of a text that an error shows.
const MAX_SHOWN_CHARS: usize = 60;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ParseError {
    /// The line, from one; of a sample that spans several the first.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Something else stands where this has to be.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What has to be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A quoted text has no end.
    #[error("a quoted text does not end")]
    Unterminated,
    /// The bytes are no text.
    #[error("not valid UTF-8")]
    NotUtf8,
    /// A series has no name.
    #[error("the series has no name")]
    NoName,
    /// A series has a name before its braces and one inside, or two inside.
    #[error("the series has two names")]
    TwoNames,
    /// A quoted name is empty.
    #[error("a name is empty")]
    EmptyName,
    /// A label stands there twice.
    #[error("the label {0} is there twice")]
    DuplicateLabel(String),
    /// A value is none.
    #[error("{0} is no number")]
    NotANumber(String),
    /// A number is written in a way that only programs have.
    #[error("{0} is written in a way that is not taken; hexadecimal numbers and underscores are not")]
    NumberStyle(String),
    /// A number does not fit into 64 bits of floating point.
    #[error("{0} is too large for a number")]
    NumberTooLarge(String),
    /// A timestamp is none.
    #[error("{0} is no timestamp")]
    NotATimestamp(String),
    /// A family is of a kind that there is not.
    #[error("{0} is no type of a metric")]
    UnknownKind(String),
    /// A family's name does not end in its unit.
    #[error("the name of the metric does not end in its unit {0}")]
    UnitNotInName(String),
    /// `OpenMetrics` ends in `# EOF`; without it the rest may be lost.
    #[error("the text does not end with # EOF: it may be cut off")]
    NoEof,
    /// Something follows `# EOF`.
    #[error("there is more after # EOF")]
    AfterEof,
    /// There are more samples than are taken.
    #[error("there are more than {0} samples")]
    TooManySamples(usize),
    /// A series has more labels than are taken.
    #[error("a series has more than {0} labels")]
    TooManyLabels(usize),
    /// A label's name is longer than is taken.
    #[error("the label name {name} is longer than {limit} bytes")]
    NameTooLong {
        /// How it begins.
        name: String,
        /// What is taken.
        limit: usize,
    },
    /// A label's value is longer than is taken.
    #[error("the value of the label {name} is longer than {limit} bytes")]
    ValueTooLong {
        /// The label.
        name: String,
        /// What is taken.
        limit: usize,
    },
    /// An exemplar has more labels than `OpenMetrics` lets it have.
    #[error("the labels of an exemplar have more than {0} characters")]
    ExemplarTooLong(usize),
}

impl Problem {
    /// On this line.
    pub(super) fn at(self, line: usize) -> ParseError {
        ParseError { line, problem: self }
    }
}

/// A piece of a text as an error shows it: quoted, escaped, cut.
pub fn shown(piece: &str) -> String {
    match piece.char_indices().nth(MAX_SHOWN_CHARS) {
        None => format!("{piece:?}"),
        Some((end, _)) => format!("{:?}…", piece.get(..end).unwrap_or_default()),
    }
}
