use proptest::{prelude::*, sample::Index};

use super::*;
use crate::store::sample::{Labels, NAME};

const TEXT: &str = r#"# HELP http_requests_total Requests, \\ and "all"\nof them.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{ code = "400" , method = "post" , }	3	 1395066363001  

#a comment
# HELPFUL comment
# another {comment}
#	TYPE  rpc_seconds   histogram 
rpc_seconds_bucket{le="1"}+Inf
rpc_seconds_bucket {le="+Inf" x="y"} NaN
msdos_file{path="C:\\DIR\\F.TXT",error="no \"F\"\n\x"} 1.458255915e9
  indented -3.5e-2
{"my.metric",region="eu","a b"="ö"} 1
{ region = "us" , "my.metric" } 2
# HELP "my.metric" Dots
# HELP my.metric Dots without quotes
# HELP none
last 0"#;

const OPEN_METRICS: &str = r#"# TYPE foo_seconds counter
# UNIT foo_seconds seconds
# HELP foo_seconds A "\"counter\"\n
foo_seconds_total{a="b"} 17.0 1520879607.789 # {trace_id="abc",span="d"} 0.5 1520879607.001
foo_seconds_created{a="b"} 1520872607.123
# TYPE bar histogram
bar_bucket{le="1"} 2 # {} 0.67
bar_bucket{le="+Inf"} 3
bar_count 3
{"dotted.name","l.1"="x",} -Inf
# TYPE "dotted.name" unknown
# UNIT bar 
# EOF
"#;

/// All events, each on a line, up to an error.
fn read(text: impl AsRef<[u8]>, format: Format) -> Vec<String> {
    let at = |time: Option<i64>| time.map(|time| format!(" @{time}")).unwrap_or_default();
    let written = |event: Result<Event<'_>, ParseError>| match event {
        Ok(Event::Metadata(Metadata { family, about })) => match about {
            About::Kind(kind) => format!("{family} is a {}", kind.as_str()),
            About::Help(help) => format!("{family} means {help:?}"),
            About::Unit(unit) => format!("{family} is in {unit:?}"),
        },
        Ok(Event::Sample(Sample { series, value, timestamp_ms, exemplar })) => {
            let series = series.labels(&Limits::NONE).unwrap();
            let exemplar = exemplar.map(|exemplar| {
                let labels = exemplar.labels(&Limits::NONE).unwrap();
                format!(" of {labels:?} {}{}", exemplar.value, at(exemplar.timestamp_ms))
            });
            format!("{series:?} {value}{}{}", at(timestamp_ms), exemplar.unwrap_or_default())
        }
        Err(error) => error.to_string(),
    };
    match Parser::new(text.as_ref(), format, Limits::NONE) {
        Ok(parser) => parser.map(written).collect(),
        Err(error) => vec![error.to_string()],
    }
}

/// The error in a text, which has to have one.
fn error(text: impl AsRef<[u8]>, format: Format) -> String {
    read(text, format).pop().unwrap()
}

#[test]
fn prometheus_text_is_read() {
    let expected = [
        r#"http_requests_total means "Requests, \\ and \"all\"\nof them.""#,
        "http_requests_total is a counter",
        r#"http_requests_total{code="200", method="post"} 1027 @1395066363000"#,
        r#"http_requests_total{code="400", method="post"} 3 @1395066363001"#,
        "rpc_seconds is a histogram",
        r#"rpc_seconds_bucket{le="1.0"} inf"#,
        r#"rpc_seconds_bucket{le="+Inf", x="y"} NaN"#,
        r#"msdos_file{error="no \"F\"\n\\x", path="C:\\DIR\\F.TXT"} 1458255915"#,
        "indented -0.035",
        r#"my.metric{a b="ö", region="eu"} 1"#,
        r#"my.metric{region="us"} 2"#,
        r#"my.metric means "Dots""#,
        r#"none means """#,
        "last 0",
    ];
    assert_eq!(read(TEXT, Format::Text), expected);
    assert!(read("", Format::Text).is_empty());
    assert!(read("\n\n# x", Format::Text).is_empty());
}

#[test]
fn open_metrics_is_read() {
    let expected = [
        "foo_seconds is a counter",
        r#"foo_seconds is in "seconds""#,
        r#"foo_seconds means "A \"\"counter\"\n""#,
        r#"foo_seconds_total{a="b"} 17 @1520879607789 of {span="d", trace_id="abc"} 0.5 @1520879607001"#,
        r#"foo_seconds_created{a="b"} 1520872607.123"#,
        "bar is a histogram",
        r#"bar_bucket{le="1.0"} 2 of {} 0.67"#,
        r#"bar_bucket{le="+Inf"} 3"#,
        "bar_count 3",
        r#"dotted.name{l.1="x"} -inf"#,
        "dotted.name is a unknown",
        r#"bar is in """#,
    ];
    assert_eq!(read(OPEN_METRICS, Format::OpenMetrics), expected);
    assert!(read("# EOF", Format::OpenMetrics).is_empty());
}

#[test]
fn a_bad_line_of_prometheus_text_is_refused_with_its_number() {
    let cases = [
        ("a", "expected a value, found the end of the text"),
        ("a\n", "expected a value, found the end of the line"),
        ("a{b='c'} 1", "expected a quoted value of a label, found \"'c'} 1\""),
        ("a{b=\"c\"", "expected a label or `}`, found the end of the text"),
        ("a{b=\"c\\\"} 1", "a quoted text does not end"),
        ("a{b=\"\\\n\"} 1", "a quoted text does not end"),
        ("a{=\"x\"} 1", "expected a label or `}`, found \"=\\\"x\\\"} 1\""),
        ("a{,} 1", "expected a label or `}`, found \",} 1\""),
        ("a{b} 1", "expected `=` after the name of a label, found \"} 1\""),
        ("a{\"b\"} 1", "the series has two names"),
        ("{\"a\",\"b\"} 1", "the series has two names"),
        ("{a=\"b\"} 1", "the series has no name"),
        ("{\"\"} 1", "a name is empty"),
        ("a{\"\"=\"b\"} 1", "a name is empty"),
        ("a-b 1", "expected a value, or labels in braces, after the name of a metric, found \"-b 1\""),
        ("1a 1", "expected the name of a metric, or a comment, found \"1a 1\""),
        ("\0a 1", "expected the name of a metric, or a comment, found \"\\0a 1\""),
        ("a true", "\"true\" is no number"),
        ("a 1\r\n", "\"1\\r\" is no number"),
        ("a 1_0", "\"1_0\" is written in a way that is not taken; hexadecimal numbers and underscores are not"),
        ("a 1 1.5", "\"1.5\" is no timestamp"),
        (
            "a 1 # {b=\"c\"} 1",
            "expected the end of the line or a timestamp in whole milliseconds, found \"# {b=\\\"c\\\"} 1\"",
        ),
        ("a 1 2 3", "expected the end of the line or a timestamp in whole milliseconds, found \"3\""),
        ("# TYPE a", "\"\" is no type of a metric"),
        ("# TYPE a counters", "\"counters\" is no type of a metric"),
        ("# TYPE a.b counter", "expected the name of a metric after # TYPE, found \".b counter\""),
    ];
    for (line, message) in cases {
        assert_eq!(error(format!("good 1\n# bye\n{line}"), Format::Text), format!("line 3: {message}"), "{line}");
    }
    assert_eq!(error(b"a 1\n\nb{c=\"\xff\"} 1\n", Format::Text), "line 3: not valid UTF-8");
    let spanning = "a{b=\"\n\n\"} 1\nb{c=\"\n\"} x";
    assert_eq!(error(spanning, Format::Text), "line 4: \"x\" is no number");
}

#[test]
fn open_metrics_is_strict_where_it_says_so() {
    let cases = [
        ("", "the text does not end with # EOF: it may be cut off"),
        ("a 1", "the text does not end with # EOF: it may be cut off"),
        ("a{b=\"\n\"} 1\n", "a quoted text does not end"),
        ("\n# EOF", "expected the name of a metric, or a comment, found the end of the line"),
        ("# a comment\n# EOF", "expected HELP, TYPE, UNIT or EOF after `#`, found \" a comment\""),
        ("# HELP a\n# EOF", "expected a blank after the name of a metric, found the end of the text"),
        ("# TYPE a untypical\n", "\"untypical\" is no type of a metric"),
        ("# UNIT a_seconds second\n", "the name of the metric does not end in its unit \"second\""),
        ("# UNIT seconds seconds\n", "the name of the metric does not end in its unit \"seconds\""),
        ("a  1\n# EOF", "expected a value, found \" 1\""),
        ("a\t1\n# EOF", "expected a blank and a value, found \"\\t1\""),
        ("a {b=\"c\"} 1\n", "\"{b=\\\"c\\\"}\" is no number"),
        ("a{b=\"c\"}1\n", "expected a blank and a value, found \"1\""),
        ("a{b=\"c\" d=\"e\"} 1\n", "expected `,` or `}` after a label, found \" d=\\\"e\\\"} 1\""),
        ("a 1 \n", "\"\" is no number"),
        ("a 1 NaN\n", "\"NaN\" is no timestamp"),
        ("a 1 2 3\n", "expected the end of the line, found \" 3\""),
        ("a 1 # {b=\"c\"}\n", "expected a blank and a value, found the end of the line"),
        ("a 1 # {\"b\"} 1\n", "expected labels of an exemplar, each with a value, found \"{\\\"b\\\"} 1\""),
        ("a 1 # {} 1 2 # {} 1\n", "expected the end of the line, found \" # {} 1\""),
    ];
    for (line, message) in cases {
        assert_eq!(error(line, Format::OpenMetrics), format!("line 1: {message}"), "{line}");
    }
    assert_eq!(error("a 1\n# EOF\n\n", Format::OpenMetrics), "line 2: there is more after # EOF");
}

#[test]
fn after_an_error_there_is_nothing() {
    let mut parser = Parser::new(b"a 1\nb\nc 1", Format::Text, Limits::NONE).unwrap();
    assert!(parser.next().is_some_and(|event| event.is_ok()));
    assert!(parser.next().is_some_and(|event| event.is_err()));
    assert!(parser.next().is_none() && parser.next().is_none());
}

fn samples(text: &str, format: Format) -> Vec<Sample<'_>> {
    let events = Parser::new(text.as_bytes(), format, Limits::NONE).unwrap().map(Result::unwrap);
    events.filter_map(|event| if let Event::Sample(sample) = event { Some(sample) } else { None }).collect()
}

#[test]
fn the_text_of_a_series_is_what_stands_there() {
    let texts: Vec<&str> = samples(TEXT, Format::Text).iter().map(|sample| sample.series.text()).collect();
    let expected = [
        r#"http_requests_total{method="post",code="200"}"#,
        r#"http_requests_total{ code = "400" , method = "post" , }"#,
        r#"rpc_seconds_bucket{le="1"}"#,
        r#"rpc_seconds_bucket {le="+Inf" x="y"}"#,
        r#"msdos_file{path="C:\\DIR\\F.TXT",error="no \"F\"\n\x"}"#,
        "indented",
        r#"{"my.metric",region="eu","a b"="ö"}"#,
        r#"{ region = "us" , "my.metric" }"#,
        "last",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn only_bounds_of_histograms_and_summaries_are_numbers() {
    let text = "# TYPE a gauge\na{le=\"1\"} 1\n# TYPE b summary\nb{quantile=\"1\",le=\"1\"} 1\n\
                # TYPE c histogram\nc_bucket{le=\"1000000\",quantile=\"1\"} 1\n";
    let labels = ["a{le=\"1\"} 1", "b{le=\"1\", quantile=\"1.0\"} 1", "c_bucket{le=\"1e+06\", quantile=\"1\"} 1"];
    let read = read(text, Format::Text);
    assert_eq!([&read[1], &read[3], &read[5]], labels);
}

#[test]
fn limits_end_a_scrape() {
    let limits = Limits { samples: 2, labels: 2, name_bytes: 8, value_bytes: 4 };
    let problem = |text: &str| {
        let parser = Parser::new(text.as_bytes(), Format::Text, limits).unwrap();
        let labels = parser.map(|event| match event? {
            Event::Sample(sample) => sample.series.labels(&limits).map(|_| ()),
            Event::Metadata(_) => Ok(()),
        });
        labels.collect::<Result<Vec<()>, ParseError>>().err()
    };
    assert_eq!(problem("a{b=\"1234\"} 1\na 1\n"), None);
    assert_eq!(problem("a 1\na 2\n\na 3"), Some(Problem::TooManySamples(2).at(4)));
    assert_eq!(problem("a{b=\"\",c=\"\"} 1"), Some(Problem::TooManyLabels(2).at(1)));
    let name = "\"b23456789\"".to_owned();
    assert_eq!(problem("a{b23456789=\"\"} 1"), Some(Problem::NameTooLong { name, limit: 8 }.at(1)));
    let name = "\"b\"".to_owned();
    assert_eq!(problem("\na{b=\"12345\"} 1"), Some(Problem::ValueTooLong { name, limit: 4 }.at(2)));
    assert_eq!(problem("a{b=\"12\\\\\\n\"} 1"), None);
    let name = "\"__name__\"".to_owned();
    assert_eq!(problem("a2345 1"), Some(Problem::ValueTooLong { name, limit: 4 }.at(1)));
}

#[test]
fn a_label_that_is_there_twice_is_refused() {
    let problem = |text| samples(text, Format::Text).remove(0).series.labels(&Limits::NONE).unwrap_err().problem;
    assert_eq!(problem("a{b=\"1\",b=\"1\"} 1"), Problem::DuplicateLabel("\"b\"".to_owned()));
    assert_eq!(problem("a{\"b\"=\"1\",b=\"2\"} 1"), Problem::DuplicateLabel("\"b\"".to_owned()));
    assert_eq!(problem("a{__name__=\"b\"} 1"), Problem::DuplicateLabel("\"__name__\"".to_owned()));
}

#[test]
fn the_labels_of_an_exemplar_are_short() {
    let text = |length: usize| format!("a 1 # {{b=\"{}\"}} 1\n# EOF", "ö".repeat(length));
    let labels = |text: &str| {
        let sample = samples(text, Format::OpenMetrics).remove(0);
        sample.exemplar.unwrap().labels(&Limits::NONE)
    };
    assert!(labels(&text(127)).is_ok());
    assert_eq!(labels(&text(128)), Err(Problem::ExemplarTooLong(128).at(1)));
}

#[test]
fn a_long_line_is_read_and_its_error_is_short() {
    let value = "x".repeat(3_000_000);
    assert_eq!(samples(&format!("a{{b=\"{value}\"}} 1"), Format::Text).len(), 1);
    assert!(error(format!("a {value}"), Format::Text).len() < 200);
    assert!(error(format!("a{{b=\"{value}"), Format::Text).len() < 200);
    assert!(error(format!("# TYPE a {value}"), Format::Text).len() < 200);
}

fn format() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Text), Just(Format::OpenMetrics)]
}

/// Reads everything there is to read.
fn exhaust(bytes: &[u8], format: Format) {
    let Ok(parser) = Parser::new(bytes, format, Limits::NONE) else { return };
    for event in parser.flatten() {
        if let Event::Sample(sample) = event {
            assert!(!sample.series.text().is_empty());
            let _ = sample.series.labels(&Limits::NONE);
            let _ = sample.exemplar.map(|exemplar| exemplar.labels(&Limits::NONE));
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), any::<i32>().prop_map(f64::from), Just(f64::NAN), Just(f64::INFINITY)]
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(bytes: Vec<u8>, format in format()) {
        exhaust(&bytes, format);
    }

    #[test]
    fn any_signs_do_no_harm(text in "[ab {}\",=\\\\#\n\t0-9.é\0-]{0,40}", format in format()) {
        exhaust(text.as_bytes(), format);
    }

    #[test]
    fn changed_bytes_do_no_harm(
        changes in prop::collection::vec((any::<Index>(), any::<u8>(), 0..3), 1..6),
        format in format(),
    ) {
        let mut bytes = if format == Format::Text { TEXT } else { OPEN_METRICS }.as_bytes().to_vec();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        exhaust(&bytes, format);
    }

    #[test]
    fn what_is_cut_off_is_seen_in_open_metrics(at in 0..OPEN_METRICS.len() - 1) {
        let is_whole = OPEN_METRICS[..at].ends_with("# EOF");
        let last = Parser::new(&OPEN_METRICS.as_bytes()[..at], Format::OpenMetrics, Limits::NONE).unwrap().last();
        prop_assert_eq!(last.is_none_or(|event| event.is_ok()), is_whole);
    }

    #[test]
    fn what_is_written_is_read_again(
        name in ".+",
        labels in prop::collection::btree_map(".+", any::<String>(), 0..5),
        name_at in any::<Index>(),
        (value, time) in (any_number(), prop::option::of(0_i64..4_000_000_000_000)),
        format in format(),
    ) {
        prop_assume!(!labels.contains_key(NAME));
        let mut items: Vec<String> =
            labels.iter().map(|(name, value)| format!("{}={}", quoted(name), quoted(value))).collect();
        items.insert(name_at.index(items.len() + 1), quoted(&name));
        let series = format!("{{{}}}", items.join(","));
        let stamp = match (time, format) {
            (None, _) => String::new(),
            (Some(time), Format::Text) => format!(" {time}"),
            (Some(time), Format::OpenMetrics) => format!(" {}.{:03}", time / 1000, time % 1000),
        };
        let text = format!("{series} {value}{stamp}\n# EOF\n");
        let read = samples(&text, format);
        prop_assert_eq!(read.len(), 1);
        prop_assert_eq!(read[0].series.text(), series.as_str());
        let expected = Labels::new(labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))).with(NAME, &name);
        prop_assert_eq!(read[0].series.labels(&Limits::NONE).unwrap(), expected);
        prop_assert!(read[0].value.to_bits() == value.to_bits() || value.is_nan() && read[0].value.is_nan());
        prop_assert_eq!(read[0].timestamp_ms, time);
    }
}
