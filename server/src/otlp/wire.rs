//! From bytes to messages and back: two encodings, two compressions, and limits on what they unfold to.

use std::io::Read;

use prost::Message;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::weight::{self, Shaped};

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`: hexadecimal ids, lowerCamelCase names.
    Json,
}

impl Encoding {
    /// Of a `Content-Type`; none for another one.
    pub fn of(content_type: &str) -> Option<Self> {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let is = |known: &str| kind.eq_ignore_ascii_case(known);
        if is("application/x-protobuf") {
            Some(Self::Protobuf)
        } else if is("application/json") {
            Some(Self::Json)
        } else {
            None
        }
    }

    /// The `Content-Type` of an answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// How a body is made smaller on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Identity,
    /// gzip, of one member or several.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// Of a `Content-Encoding`; none for another one.
    pub fn of(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Why a body is not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It unfolds to more than is taken.
    #[error("the body is larger than {0} bytes when it is decompressed")]
    TooLarge(usize),
    /// It is not compressed as it says.
    #[error("the body cannot be decompressed: {0}")]
    Compression(String),
    /// It has so many small parts that decoding it would take far more memory than its length.
    #[error("the body has too many parts; send fewer at once")]
    TooManyParts,
    /// It is no message of this kind.
    #[error("the body is not understood: {0}")]
    Message(String),
}

/// The body without its compression, if it is not larger than `limit` bytes then.
pub fn decompress(body: Vec<u8>, compression: Compression, limit: usize) -> Result<Vec<u8>, WireError> {
    let broken = |error: std::io::Error| WireError::Compression(error.to_string());
    match compression {
        Compression::Identity => Ok(body),
        Compression::Gzip => read_within(flate2::read::MultiGzDecoder::new(body.as_slice()), limit),
        Compression::Zstd => read_within(zstd::stream::read::Decoder::new(body.as_slice()).map_err(broken)?, limit),
    }
}

fn read_within(reader: impl Read, limit: usize) -> Result<Vec<u8>, WireError> {
    let mut bytes = Vec::new();
    // One byte more than is taken tells that there is more.
    let read = reader.take(limit as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| WireError::Compression(error.to_string()))?;
    if bytes.len() > limit { Err(WireError::TooLarge(limit)) } else { Ok(bytes) }
}

/// Reads a message, unless it would take too much memory.
pub fn decode<T: Shaped + Default + DeserializeOwned>(bytes: &[u8], encoding: Encoding) -> Result<T, WireError> {
    match encoding {
        Encoding::Protobuf => {
            weight::check_protobuf(bytes, T::shape())?;
            T::decode(bytes).map_err(|error| WireError::Message(error.to_string()))
        }
        Encoding::Json => {
            weight::check_json(bytes)?;
            serde_json::from_slice(bytes).map_err(|error| WireError::Message(error.to_string()))
        }
    }
}

/// Writes a message.
pub fn encode<T: Message + Serialize>(message: &T, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Protobuf => message.encode_to_vec(),
        Encoding::Json => serde_json::to_vec(message).unwrap_or_default(),
    }
}

/// `google.rpc.Status`: the body of every refusal.
#[derive(Clone, PartialEq, Eq, Message, Serialize, Deserialize)]
pub struct RpcStatus {
    /// Of `google.rpc.Code`.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// One sentence for developers.
    #[prost(string, tag = "2")]
    pub message: String,
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn what_unfolds_to_too_much_is_refused_before_it_is_all_there() {
        let bomb = gzip(&vec![0; 10_000_000]);
        assert!(bomb.len() < 20_000);
        assert_eq!(decompress(bomb.clone(), Compression::Gzip, 1_000_000), Err(WireError::TooLarge(1_000_000)));
        assert_eq!(decompress(bomb, Compression::Gzip, 10_000_000).unwrap().len(), 10_000_000);
        let zstd = zstd::encode_all(vec![0; 10_000_000].as_slice(), 3).unwrap();
        assert_eq!(decompress(zstd, Compression::Zstd, 1_000_000), Err(WireError::TooLarge(1_000_000)));
    }

    #[test]
    fn what_is_cut_off_or_of_another_kind_is_refused() {
        let mut cut = gzip(b"hello hello hello");
        cut.truncate(cut.len() - 6);
        assert!(matches!(decompress(cut, Compression::Gzip, 100), Err(WireError::Compression(_))));
        assert!(matches!(decompress(b"plain".to_vec(), Compression::Zstd, 100), Err(WireError::Compression(_))));
        let read = |bytes: &[u8], encoding| decode::<ExportLogsServiceRequest>(bytes, encoding);
        assert!(read(b"\x0a\xff", Encoding::Protobuf).is_err());
        assert!(read(b"{\"resourceLogs\":", Encoding::Json).is_err());
        assert!(read(b"", Encoding::Protobuf).unwrap().resource_logs.is_empty());
        assert!(read(b"{}", Encoding::Json).unwrap().resource_logs.is_empty());
    }

    #[test]
    fn headers_name_encoding_and_compression() {
        assert_eq!(Encoding::of("application/json; charset=utf-8"), Some(Encoding::Json));
        assert_eq!(Encoding::of("Application/X-Protobuf"), Some(Encoding::Protobuf));
        assert_eq!(Encoding::of("text/plain"), None);
        assert_eq!(Compression::of("GZIP"), Some(Compression::Gzip));
        assert_eq!(Compression::of("br"), None);
    }
}
