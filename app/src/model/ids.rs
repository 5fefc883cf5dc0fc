//! Identifiers. Trace and span ids follow W3C Trace Context (<https://www.w3.org/TR/trace-context/>).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The owner of data. Every stored row belongs to one tenant; [`TenantId::DEFAULT`] exists from the first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct TenantId(pub i64);

impl TenantId {
    /// The tenant that exists from the first migration on.
    pub const DEFAULT: Self = Self(1);
}

/// Position of a log record in its tenant's log: assigned at commit, strictly increasing, never reused.
///
/// It is the `id:` of a live event, so that a reader can resume after the last one it saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct LogId(pub i64);

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// Wrong length or a character that is no hexadecimal digit.
    #[error("expected {expected} hexadecimal digits")]
    NotHex {
        /// How many digits the identifier has.
        expected: usize,
    },
    /// All zero, which the specification declares invalid.
    #[error("an identifier of zeros only is invalid")]
    Zero,
}

fn decode_hex<const N: usize>(text: &str) -> Result<[u8; N], ParseIdError> {
    let error = ParseIdError::NotHex { expected: N * 2 };
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return Err(error);
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16).ok_or(error)?;
        let low = char::from(pair[1]).to_digit(16).ok_or(error)?;
        *byte = (high * 16 + low) as u8;
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(ParseIdError::Zero);
    }
    Ok(bytes)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in bytes {
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

/// Sixteen bytes that name a trace. Read from 32 hexadecimal digits or from a hyphenated UUID, written as 32
/// lower-case digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub [u8; 16]);

impl TraceId {
    /// The first eight digits: what a badge shows.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }

    /// The same sixteen bytes as a UUID, for columns and interfaces that want one.
    pub fn as_uuid(&self) -> uuid::Uuid {
        uuid::Uuid::from_bytes(self.0)
    }
}

impl From<uuid::Uuid> for TraceId {
    fn from(id: uuid::Uuid) -> Self {
        Self(id.into_bytes())
    }
}

impl FromStr for TraceId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let hyphenated = text.len() == 36 && [8, 13, 18, 23].iter().all(|at| text.as_bytes()[*at] == b'-');
        if hyphenated { decode_hex(&text.replace('-', "")).map(Self) } else { decode_hex(text).map(Self) }
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

/// Eight bytes that name a span inside its trace, written as 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub [u8; 8]);

impl FromStr for SpanId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        decode_hex(text).map(Self)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

macro_rules! text_id {
    ($($id:ty),+) => {$(
        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

text_id!(TraceId, SpanId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_is_read_from_hex_and_from_a_uuid_and_written_as_hex() {
        let hex: TraceId = "4BF92F3577B34DA6A3CE929D0E0E4736".parse().unwrap();
        let uuid: TraceId = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736".parse().unwrap();
        assert_eq!(hex, uuid);
        assert_eq!(hex.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(hex.short(), "4bf92f35");
        assert_eq!(TraceId::from(hex.as_uuid()), hex);
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in
            ["", "4bf9", "4bf92f3577b34da6a3ce929d0e0e473g", "4bf92f3577b34da6-a3ce929d0e0e47361234", "ééééééééé"]
        {
            assert!(text.parse::<TraceId>().is_err(), "{text}");
        }
        assert_eq!("0".repeat(32).parse::<TraceId>(), Err(ParseIdError::Zero));
        assert_eq!("0".repeat(16).parse::<SpanId>(), Err(ParseIdError::Zero));
    }

    #[test]
    fn ids_are_json_strings() {
        let id: SpanId = "00f067aa0ba902b7".parse().unwrap();
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"00f067aa0ba902b7\"");
        assert_eq!(serde_json::from_str::<SpanId>(&json).unwrap(), id);
        assert!(serde_json::from_str::<TraceId>("\"nope\"").is_err());
    }
}
