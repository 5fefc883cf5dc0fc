//! Which format a body has.

/// What to send as `Accept`: both formats, the newer ones first, with names of any characters.
pub const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                          application/openmetrics-text;version=1.0.0;q=0.5,\
                          text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.1";

/// A format of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own text, 0.0.4 and 1.0.0.
    Text,
    /// `OpenMetrics` text.
    OpenMetrics,
}

/// Why a body has no format that is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// There is no `Content-Type`, or an empty one.
    #[error("the target does not say with Content-Type what it sends")]
    Missing,
    /// It is Prometheus' binary format, which is not read.
    #[error("the target sends protobuf, which is not understood")]
    Protobuf,
    /// It is something else.
    #[error("the target sends {0:?}, which is no format of metrics")]
    Other(String),
}

impl Format {
    /// By the `Content-Type` of the answer. As with Prometheus since version 3 a missing or an unknown one is an error.
    /// Versions and other parameters decide nothing.
    pub fn of(content_type: Option<&str>) -> Result<Self, FormatError> {
        let content_type = content_type.unwrap_or_default().trim();
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        match kind.to_ascii_lowercase().as_str() {
            "text/plain" => Ok(Self::Text),
            "application/openmetrics-text" => Ok(Self::OpenMetrics),
            "application/vnd.google.protobuf" => Err(FormatError::Protobuf),
            _ if content_type.is_empty() => Err(FormatError::Missing),
            _ => Err(FormatError::Other(content_type.chars().take(100).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_the_format() {
        let text = Some("text/plain; version=0.0.4; charset=utf-8");
        assert_eq!(Format::of(text), Ok(Format::Text));
        assert_eq!(Format::of(Some("Text/Plain;escaping=allow-utf-8")), Ok(Format::Text));
        let open = Some(" application/OpenMetrics-text;version=1.0.0; charset=utf-8");
        assert_eq!(Format::of(open), Ok(Format::OpenMetrics));
    }

    #[test]
    fn what_is_not_named_is_not_guessed() {
        assert_eq!(Format::of(None), Err(FormatError::Missing));
        assert_eq!(Format::of(Some(" ")), Err(FormatError::Missing));
        assert_eq!(Format::of(Some("text/html")), Err(FormatError::Other("text/html".to_owned())));
        assert_eq!(Format::of(Some(";version=1")), Err(FormatError::Other(";version=1".to_owned())));
        let binary = Some("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily");
        assert_eq!(Format::of(binary), Err(FormatError::Protobuf));
    }
}
