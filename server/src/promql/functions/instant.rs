//! Functions of one value.

use super::date::DatePart;

/// A function of one value.
#[derive(Debug, Clone, Copy)]
pub enum InstantFunction {
    /// What needs nothing but the value.
    Simple(fn(f64) -> f64),
    /// A part of the date that the value is.
    Date(DatePart),
    /// `clamp`, between two numbers
    Clamp,
    /// `clamp_max`
    ClampMax,
    /// `clamp_min`
    ClampMin,
    /// `round`, to a multiple of a number
    Round,
    /// The opposite: `-`.
    Negative,
    /// The value as it is.
    Same,
    /// The instant in seconds: `timestamp` of what is no selector.
    Timestamp,
}

impl InstantFunction {
    /// The function of this name.
    pub fn named(name: &str) -> Option<Self> {
        let simple: fn(f64) -> f64 = match name {
            "abs" => f64::abs,
            "acos" => f64::acos,
            "acosh" => f64::acosh,
            "asin" => f64::asin,
            "asinh" => f64::asinh,
            "atan" => f64::atan,
            "atanh" => f64::atanh,
            "ceil" => f64::ceil,
            "cos" => f64::cos,
            "cosh" => f64::cosh,
            "deg" => |value| value * 180.0 / std::f64::consts::PI,
            "exp" => f64::exp,
            "floor" => f64::floor,
            "ln" => f64::ln,
            "log10" => f64::log10,
            "log2" => f64::log2,
            "rad" => |value| value * std::f64::consts::PI / 180.0,
            "sgn" => sign,
            "sin" => f64::sin,
            "sinh" => f64::sinh,
            "sqrt" => f64::sqrt,
            "tan" => f64::tan,
            "tanh" => f64::tanh,
            "clamp" => return Some(Self::Clamp),
            "clamp_max" => return Some(Self::ClampMax),
            "clamp_min" => return Some(Self::ClampMin),
            "round" => return Some(Self::Round),
            _ => return DatePart::named(name).map(Self::Date),
        };
        Some(Self::Simple(simple))
    }
}

/// -1, 0 or 1; zeros and NaN stay what they are.
fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        value
    }
}

/// The lesser of two numbers; NaN if one is, unless nothing is less than the other.
pub fn least(one: f64, other: f64) -> f64 {
    let is_least = |value: f64| value == f64::NEG_INFINITY;
    if (one.is_nan() || other.is_nan()) && !is_least(one) && !is_least(other) { f64::NAN } else { one.min(other) }
}

/// The greater of two numbers; NaN if one is, unless nothing is greater than the other.
pub fn greatest(one: f64, other: f64) -> f64 {
    -least(-one, -other)
}

/// The multiple of a number that is nearest to a value; of two, the greater.
pub fn round(value: f64, to: f64) -> f64 {
    // Dividing by the inverse keeps decimal fractions as short as they were.
    let inverse = 1.0 / to;
    (value * inverse + 0.5).floor() / inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_multiples() {
        for (value, to, expected) in [(2.5, 1.0, 3.0), (-2.5, 1.0, -2.0), (0.4, 1.0, 0.0), (7.16, 0.1, 7.2)] {
            assert!((round(value, to) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn nan_is_neither_least_nor_greatest() {
        assert!(least(f64::NAN, 1.0).is_nan() && greatest(1.0, f64::NAN).is_nan());
        assert!(least(f64::NAN, f64::NEG_INFINITY).is_infinite());
        assert!(sign(f64::NAN).is_nan());
    }
}
