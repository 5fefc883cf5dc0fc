use app::model::UnixNanos;
use proptest::prelude::*;

use super::*;
use crate::store::log::{NewLogRecord, block::tests::version_1, encode};

fn refused(text: &str) -> SearchError {
    LogMatcher::new(&LogFilter { search: Some(text.into()), ..LogFilter::default() }).unwrap_err()
}

fn search(text: &str) -> LogMatcher {
    LogMatcher::new(&LogFilter { search: Some(text.into()), ..LogFilter::default() }).unwrap()
}

#[test]
fn words_match_where_a_word_begins_in_any_case() {
    assert!(search("time").matches_text("Upstream TIMEOUT after 5 s", ""));
    assert!(!search("out").matches_text("Upstream TIMEOUT after 5 s", ""));
    assert!(search("größe").matches_text("GRÖSSE GRÖßE 5", ""));
    assert!(search("/v1/orders").matches_text("POST /v1/orders 500", ""));
    assert!(search("a.b*").matches_text("x a.b*c", "") && !search("a.b*").matches_text("x axbc", ""));
}

#[test]
fn all_words_must_occur_in_message_or_attributes() {
    let both = search("deadlock 4121");
    assert!(both.matches_text("deadlock detected", r#"{"pid":4121}"#));
    assert!(!both.matches_text("deadlock detected", r#"{"pid":99}"#));
}

#[test]
fn a_phrase_must_stand_as_it_is() {
    assert!(search(r#""lock wait" 37"#).matches_text("PostgreSQL lock wait: blocks 37", ""));
    assert!(!search(r#""wait lock""#).matches_text("PostgreSQL lock wait", ""));
    assert!(search("\"\" ").matches_text("anything", ""));
}

#[test]
fn fields_are_compared() {
    let trace: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
    let filter =
        LogFilter { level: Some(Level::Warn), service: Some("orders".into()), trace_id: Some(trace), search: None };
    let matcher = LogMatcher::new(&filter).unwrap();
    assert!(matcher.matches_fields(Level::Error, "orders", Some(trace), None));
    assert!(!matcher.matches_fields(Level::Info, "orders", Some(trace), None));
    assert!(!matcher.matches_fields(Level::Error, "users", Some(trace), None));
    assert!(!matcher.matches_fields(Level::Error, "orders", None, None));
    assert!(!matcher.is_countable_from_summary());
}

#[test]
fn fields_of_the_search_count_like_those_beside_it() {
    let trace: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
    let span: SpanId = "00f067aa0ba902b7".parse().unwrap();
    let passes = |text: &str| search(text).matches_fields(Level::Warn, "orders", Some(trace), Some(span));
    for text in [
        "level:warn",
        "level:>info",
        "-level:error",
        "service:orders",
        "-service:users",
        "trace_id:4bf92f3577b34da6a3ce929d0e0e4736",
        "trace_id:* span_id:*",
        "span_id:00f067aa0ba902b7",
    ] {
        assert!(passes(text), "{text}");
    }
    for text in
        ["level:>warn", "-level:>=debug", "service:order", "-service:orders", "-span_id:*", "level:info level:warn"]
    {
        assert!(!passes(text), "{text}");
    }
    assert!(search("level:warn -service:a").is_countable_from_summary());
    assert!(!search("span_id:*").is_countable_from_summary());
}

#[test]
fn every_kind_of_term_has_its_opposite() {
    let message = "Deadlock detected after 12 ms";
    let attributes = r#"{"pid":4121,"route":"/v1/orders"}"#;
    for text in [
        "deadlock",
        r#""detected after""#,
        r"/dead\w+ .* \d+ ms/",
        "/pid.:41/",
        "message:after",
        r#"pattern:"Deadlock detected after <*> ms""#,
        "pid:4121",
        "pid:>4000",
        "route:/v1/orders",
        "route:*",
    ] {
        assert!(search(text).matches_text(message, attributes), "{text}");
        assert!(!search(&format!("-{text}")).matches_text(message, attributes), "-{text}");
    }
    for text in ["message:orders", r#"pattern:"detected after <*> ms""#, "/^after/", "pid:4122", "other:*"] {
        assert!(!search(text).matches_text(message, attributes), "{text}");
        assert!(search(&format!("-{text}")).matches_text(message, attributes), "-{text}");
    }
}

#[test]
fn what_cannot_be_run_is_refused_with_a_reason() {
    assert_eq!(refused("a \"b"), SearchError::Text(LogSearchError::OpenQuote(3)));
    let message = refused("/a(b/").to_string();
    assert!(message.starts_with("`/a(b/` is no regular expression: unclosed group"), "{message}");
    let message = refused(r"/(\w{1000}){1000}/").to_string();
    assert!(message.ends_with("it would take too much memory"), "{message}");
}

proptest! {
    #[test]
    fn a_block_has_the_matches_of_its_records(
        texts in proptest::collection::vec(
            (prop_oneof!["[ab1]{0,2}( [abAB ß]{0,6})?", "[ab]1?[-/][b1]{0,2}", "[kK\u{212a}s\u{17f}1]{0,3}"], attributes()), 1..80),
        search in prop_oneof![
            "[abß1]{1,3}( [ab]{1,2})?",
            "[ab1]{0,2}[/-][ab1]{0,2}",
            "[ks\u{212a}\u{17f}1]{1,2}",
            "[:1]{0,1}[01][,}]?",
            "-?(message|k|k\\.a|n):(a|ab|1|\\*)( b)?",
            "/[ab].?b/( -a)?",
            "-?/(ab|1)?[aß]b1?( a)*/",
            "/(b a)+|1/",
            "/a-1(b a)*/",
            "-?\"(a|1|b)( b|:1|:a|,n)?\"",
            "n:>1( a)?",
        ],
    ) {
        let Ok(search) = LogMatcher::new(&LogFilter { search: Some(search), ..LogFilter::default() }) else {
            return Ok(());
        };
        let records: Vec<NewLogRecord> = texts.iter().map(|(message, attributes)| new(message, attributes)).collect();
        let expected: Vec<usize> = (0..records.len())
            .filter(|at| search.matches_text(&records[*at].message, &records[*at].attributes))
            .collect();
        for payload in [encode(&records).unwrap().payload, version_1(&records)] {
            let block = LogBlock::read(&payload).unwrap();
            let all: Vec<usize> = (0..records.len()).collect();
            let (mut found, mut first) = (all.clone(), all);
            search.retain(&mut BlockTexts::new(&block), &mut found).unwrap();
            search.retain_first(&mut BlockTexts::new(&block), &mut first, 3).unwrap();
            prop_assert_eq!(&found, &expected);
            found.truncate(3);
            prop_assert_eq!(found, first);
        }
    }

    #[test]
    fn no_block_with_a_match_is_ruled_out(
        message in "[abAB ß0-9/:-]{0,12}", value in "[abAB \"\\\\0-9]{0,6}", other in "[ab 0-9]{0,8}",
    ) {
        let attributes = serde_json::json!({ "a.b": value.clone(), "n": 17 }).to_string();
        let block = encode(&[new(&other, ""), new(&message, &attributes)]).unwrap();
        let stored = LogBlock::read(&block.payload).unwrap();
        let pattern = LogTerm::wants(LogCondition::Pattern(log_pattern::pattern_of(&message)));
        let is = LogTerm::attribute("a.b", &value).unwrap();
        for term in [pattern.to_string(), is.to_string(), "a.b:*".into(), "n:>16".into(), format!("{pattern} {is}")] {
            let matcher = search(&term);
            prop_assert!(matcher.matches_text(&message, &attributes), "{term} {message:?}");
            prop_assert!(matcher.may_match(BloomView(&block.filter)), "{term}");
            let mut rows = vec![0, 1];
            matcher.retain(&mut BlockTexts::new(&stored), &mut rows).unwrap();
            prop_assert!(rows.contains(&1), "{term}");
        }
    }
}

fn new(message: &str, attributes: &str) -> NewLogRecord {
    NewLogRecord {
        timestamp: UnixNanos(0),
        level: Level::Info,
        service: "s".into(),
        message: message.into(),
        trace_id: None,
        span_id: None,
        attributes: attributes.into(),
    }
}

/// Attributes of all kinds, with keys in order as they are stored.
fn attributes() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("[\"ab\"]".to_owned()),
        ("[abAB1]{0,3}", 0..3_u8).prop_map(|(text, n)| serde_json::json!({ "k": text, "n": n }).to_string()),
        "[ab]{0,2}".prop_map(|text| serde_json::json!({ "k": { "a": text }, "n": [1, "a"] }).to_string()),
        "[ab]{0,2}".prop_map(|text| serde_json::json!({ "a": true, "k.a": text }).to_string()),
    ]
}
