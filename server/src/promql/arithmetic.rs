//! Operators between two numbers.

use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LSS, T_LTE, T_MOD, T_MUL, T_NEQ, T_POW, T_SUB, TokenId,
};

/// What is done with two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `atan2`
    Atan2,
}

/// How two numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordering {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// An operator between two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Answers what comes out.
    Arithmetic(Arithmetic),
    /// Leaves values for which it holds.
    Filter(Ordering),
    /// Answers 1 where it holds and 0 elsewhere: `bool`.
    Bool(Ordering),
}

impl Operation {
    /// The operator of a token, if it is one between numbers.
    pub fn of(token: TokenId, is_bool: bool) -> Option<Self> {
        let compare = |ordering| Some(if is_bool { Self::Bool(ordering) } else { Self::Filter(ordering) });
        let compute = |arithmetic| Some(Self::Arithmetic(arithmetic));
        match token {
            T_ADD => compute(Arithmetic::Add),
            T_SUB => compute(Arithmetic::Sub),
            T_MUL => compute(Arithmetic::Mul),
            T_DIV => compute(Arithmetic::Div),
            T_MOD => compute(Arithmetic::Mod),
            T_POW => compute(Arithmetic::Pow),
            T_ATAN2 => compute(Arithmetic::Atan2),
            T_EQLC => compare(Ordering::Equal),
            T_NEQ => compare(Ordering::NotEqual),
            T_LSS => compare(Ordering::Less),
            T_LTE => compare(Ordering::LessOrEqual),
            T_GTR => compare(Ordering::Greater),
            T_GTE => compare(Ordering::GreaterOrEqual),
            _ => None,
        }
    }

    /// Whether series keep their name: what is filtered is still what it was.
    pub fn keeps_name(self) -> bool {
        matches!(self, Self::Filter(_))
    }

    /// The result for two numbers; nothing where a filter does not hold, else what a filter leaves is `kept`.
    pub fn apply(self, left: f64, right: f64, kept: f64) -> Option<f64> {
        match self {
            Self::Arithmetic(arithmetic) => Some(arithmetic.apply(left, right)),
            Self::Filter(ordering) => ordering.holds(left, right).then_some(kept),
            Self::Bool(ordering) => Some(f64::from(u8::from(ordering.holds(left, right)))),
        }
    }
}

impl Arithmetic {
    fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Sub => left - right,
            Self::Mul => left * right,
            Self::Div => left / right,
            Self::Mod => left % right,
            Self::Pow => left.powf(right),
            Self::Atan2 => left.atan2(right),
        }
    }
}

impl Ordering {
    #[expect(clippy::float_cmp, reason = "it is what was asked")]
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}
