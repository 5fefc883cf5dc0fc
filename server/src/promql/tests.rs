//! Scripts, properties, and what is said of queries that are refused.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::{
    Answer, Error, ErrorKind, Interrupt, LOOKBACK, Limits, MatrixSeries, Params, Query, Value,
    testing::{Storage, ask, run_script},
};
use crate::store::sample::{Labels, NAME, Resolution, STALE, Samples, SeriesStream};

macro_rules! scripts {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                run_script(include_str!(concat!("scripts/", stringify!($name), ".test"))).unwrap();
            }
        )*
    };
}

mod script {
    use super::run_script;

    scripts! {
        aggregations at_and_offset binary_operators counters dates histograms instant_functions labels literals
        matching over_time regressions selectors sets sorting staleness subqueries trigonometry
    }
}

const FIVE_MINUTES: i64 = 300_000;
const HOUR: i64 = 3_600_000;

fn refused(text: &str, params: Params) -> Error {
    Query::parse(text, params).expect_err(text)
}

fn series(name: &str, samples: impl IntoIterator<Item = (i64, f64)>) -> (Labels, Samples) {
    (Labels::new([(NAME, name), ("job", "a")]), samples.into_iter().collect())
}

#[test]
fn wrong_queries_are_refused_with_a_reason() {
    let cases = [
        ("", "no expression found"),
        ("rate(x)", "expected type matrix"),
        ("exp(Inf)", "expected type instant vector"),
        ("sum(x", "unclosed left parenthesis"),
        ("nonsense(x)", "unknown function"),
        ("mad_over_time(x[5m])", "`mad_over_time` is not supported"),
        ("limitk(2, x)", "`limitk` is not supported"),
        ("histogram_avg(x)", "native histograms"),
        ("{a=\"b\" or c=\"d\"}", "`or` between label matchers is not supported"),
        ("x offset inf", "out of range"),
        ("x offset 4294967295y", "out of range"),
        ("1 < 2", "BOOL"),
    ];
    for (text, reason) in cases {
        let error = refused(text, Params::instant(0));
        assert_eq!(error.kind(), ErrorKind::BadData, "{text}");
        assert!(error.to_string().contains(reason), "{text}: {error}");
    }
    let deep = format!("{}x{}", "(".repeat(3000), ")".repeat(3000));
    assert!(refused(&deep, Params::instant(0)).to_string().contains("nested too deeply"));
    assert!(refused(&"x+".repeat(9000), Params::instant(0)).to_string().contains("too long"));
}

#[test]
fn wrong_times_are_refused_with_a_reason() {
    let cases = [
        (Params::range(0, 11_000_000, 1000), "11,000"),
        (Params::range(1, 0, 1000), "before start"),
        (Params::range(0, 1, -1), "positive"),
        (Params::instant(i64::MAX), "out of range"),
        (Params { lookback: 0, ..Params::instant(0) }, "positive"),
    ];
    for (params, reason) in cases {
        let message = refused("x", params).to_string();
        assert!(message.contains(reason), "{message}");
    }
    assert!(refused("x[5m]", Params::range(0, 1, 1)).to_string().contains("range vector"));
    assert!(Query::parse("x", Params::range(0, 10_999_000, 1000)).is_ok());
}

#[test]
fn a_query_can_be_answered_on_another_thread() {
    fn may_move<T: Send + Sync + 'static>(_: &T) {}
    may_move(&Query::parse("label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")", Params::instant(0)).unwrap());
    may_move(&Interrupt::default());
}

#[test]
fn a_query_says_which_samples_it_needs() {
    let query = Query::parse(
        "rate(a[10m] offset 1m) + a + max_over_time(b[1h:10m] @ 7200) + a",
        Params::range(3_600_000, 7_200_000, 60_000),
    )
    .unwrap();
    let told: Vec<(i64, i64)> = query.selections().iter().map(|selection| (selection.after, selection.to)).collect();
    // The subquery begins ten minutes after an hour before its time, and looks back from there.
    assert_eq!(
        told,
        [
            (3_600_000 - 660_000, 7_200_000 - 60_000),
            (3_600_000 - LOOKBACK, 7_200_000),
            (4_200_000 - LOOKBACK, 7_200_000)
        ]
    );
}

#[test]
fn too_much_is_refused_and_a_query_can_be_ended() {
    let mut storage = Storage::default();
    for job in 0..10 {
        let labels = Labels::new([(NAME, "x".to_owned()), ("job", job.to_string())]);
        storage.add(labels, &(0..100).map(|time| (time * 1000, 1.0)).collect());
    }
    let query = Query::parse("topk(1, x)", Params::range(0, 99_000, 1000)).unwrap();
    let source = |index: usize| storage.open(&query.selections()[index]);
    let evaluate = |limits, interrupt: &Interrupt| query.evaluate(&source, limits, interrupt);
    let interrupt = Interrupt::default();
    let few_samples = evaluate(Limits { samples: 999, ..Limits::default() }, &interrupt).unwrap_err();
    assert!(few_samples.to_string().contains("too many samples"));
    let few_points = evaluate(Limits { points: 999, ..Limits::default() }, &interrupt).unwrap_err();
    assert_eq!(few_points.kind(), ErrorKind::Execution);
    assert_eq!(evaluate(Limits::default(), &interrupt).unwrap().samples_read, 1000);
    interrupt.time_out();
    assert!(matches!(evaluate(Limits::default(), &interrupt), Err(Error::Timeout)));
    interrupt.cancel();
    assert!(matches!(evaluate(Limits::default(), &interrupt), Err(Error::Canceled)));
}

#[test]
fn subqueries_of_too_many_steps_are_refused() {
    let storage = some_storage();
    for of in [
        "vector(1)",
        "vector(time())",
        "vector(scalar(x))",
        "absent(x)",
        "sum(x)",
        "x",
        "x and y",
        "x + y",
        "time() * x",
    ] {
        let error = ask(&storage, &format!("sum_over_time(({of})[100y:1ms])"), Params::instant(1_000_000)).unwrap_err();
        assert!(error.to_string().contains("too many"), "{of}: {error}");
    }
}

#[test]
fn what_may_be_nested_does_not_overflow_the_stack() {
    let nested = |before: &str, behind: &str| format!("{}x{}", before.repeat(120), behind.repeat(120));
    for text in [
        nested("abs(", ")"),
        nested("sum(", ")"),
        nested("-(1 + ", ")"),
        nested("", " + x"),
        nested("last_over_time(", "[1m:1m])"),
    ] {
        let _ = ask(&some_storage(), &text, Params::range(600_000, 1_200_000, 60_000));
    }
    for text in [format!("x{}", "+x".repeat(4000)), format!("{}x", "-".repeat(8000)), format!("x{}", "^x".repeat(4000))]
    {
        assert!(refused(&text, Params::instant(0)).to_string().contains("nested too deeply"));
    }
}

#[test]
fn what_is_aggregated_is_not_held() {
    let mut storage = Storage::default();
    for job in 0..50 {
        let labels = Labels::new([(NAME, "x".to_owned()), ("job", job.to_string())]);
        storage.add(labels, &(0..100).map(|time| (time * 1000, 1.0)).collect());
    }
    let query = Query::parse("sum(rate(x[30s])) + sum(x)", Params::range(0, 99_000, 1000)).unwrap();
    let opened = AtomicUsize::new(0);
    let source = |index: usize| -> SeriesStream {
        opened.fetch_add(1, Ordering::Relaxed);
        storage.open(&query.selections()[index])
    };
    // Ten rows of a hundred steps are enough for two sums of fifty series.
    let limits = Limits { points: 1000, ..Limits::default() };
    query.evaluate(&source, limits, &Interrupt::default()).unwrap();
    assert_eq!(opened.load(Ordering::Relaxed), 2);
}

fn answer(storage: &Storage, text: &str, params: Params) -> Answer {
    ask(storage, text, params).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn matrix(answer: &Answer) -> &[MatrixSeries] {
    let Value::Matrix(matrix) = &answer.value else { panic!("no matrix: {answer:?}") };
    matrix
}

fn are_close(one: &[MatrixSeries], other: &[MatrixSeries]) -> bool {
    let close = |one: f64, other: f64| {
        let distance = (one - other).abs();
        one.to_bits() == other.to_bits()
            || (one.is_nan() && other.is_nan())
            || distance <= 1e-9 * one.abs().max(other.abs()).max(1.0)
    };
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| {
            one.labels == other.labels
                && one.points.len() == other.points.len()
                && one.points.iter().zip(&other.points).all(|(one, other)| one.0 == other.0 && close(one.1, other.1))
        })
}

/// Queries that roll-ups answer.
const ROLLED_UP: [&str; 14] = [
    "x",
    "timestamp(x)",
    "rate(x[10m])",
    "increase(x[15m])",
    "delta(x[10m])",
    "sum_over_time(x[10m])",
    "avg_over_time(x[20m])",
    "min_over_time(x[10m])",
    "max_over_time(x[10m] offset 5m)",
    "count_over_time(x[1h])",
    "last_over_time(x[2h])",
    "present_over_time(x[10m] offset -10m)",
    "absent_over_time(x[10m])",
    "sum(rate(x[1h] @ 7200)) + x offset 15m",
];

fn any_samples() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let value = prop_oneof![12 => (0..1000_i32).prop_map(f64::from), 1 => Just(STALE)];
    let gap = prop_oneof![9 => 1_000..40_000_i64, 1 => 200_000..5_000_000_i64, 2 => Just(60_000_i64)];
    prop::collection::vec((gap, value), 1..400).prop_map(|steps| {
        let mut time = 0;
        let timed = steps.into_iter().map(|(gap, value)| {
            time += gap;
            (time, value)
        });
        timed.collect()
    })
}

proptest! {
    #[test]
    fn roll_ups_answer_as_samples_do(
        samples in any_samples(),
        query in prop::sample::select(&ROLLED_UP[..]),
        steps in 1_i64..12,
    ) {
        let mut storage = Storage::default();
        let (labels, samples) = series("x", samples);
        storage.add(labels, &samples);
        let exact = Params::range(0, 20 * HOUR, steps * FIVE_MINUTES);
        let rolled = Params { coarsest: Resolution::Hour, ..exact };
        let plan = Query::parse(query, rolled).unwrap();
        prop_assert!(!plan.resolutions().contains(&Resolution::Raw), "{query}: {:?}", plan.selections());
        let (exact, rolled) = (answer(&storage, query, exact), answer(&storage, query, rolled));
        prop_assert!(rolled.infos.is_empty());
        prop_assert!(are_close(matrix(&exact), matrix(&rolled)), "{query}: {exact:?} {rolled:?}");
    }
}

#[test]
fn the_coarsest_roll_ups_that_are_exact_are_read() {
    let resolution = |query: &str, step: i64, change: &dyn Fn(&mut Params)| {
        let mut params = Params::range(0, 48 * HOUR, step);
        params.coarsest = Resolution::Hour;
        change(&mut params);
        Query::parse(query, params).unwrap().resolutions()
    };
    let unchanged = |_: &mut Params| {};
    assert_eq!(resolution("rate(x[2h])", HOUR, &unchanged), [Resolution::Hour]);
    assert_eq!(resolution("rate(x[90m])", HOUR, &unchanged), [Resolution::FiveMinutes]);
    assert_eq!(resolution("rate(x[2h])", HOUR / 2, &unchanged), [Resolution::FiveMinutes]);
    assert_eq!(resolution("rate(x[2h] offset 1m)", HOUR, &unchanged), [Resolution::Raw]);
    assert_eq!(resolution("irate(x[2h])", HOUR, &unchanged), [Resolution::Raw]);
    assert_eq!(resolution("rate(x[2h]) + irate(x[2h])", HOUR, &unchanged), [Resolution::Raw, Resolution::Hour]);
    assert_eq!(resolution("x", HOUR, &unchanged), [Resolution::FiveMinutes]);
    assert_eq!(resolution("x", HOUR, &|params| params.lookback = HOUR), [Resolution::Hour]);
    assert_eq!(resolution("x", HOUR, &|params| params.start += 1), [Resolution::Raw]);
    assert_eq!(resolution("x", HOUR, &|params| params.coarsest = Resolution::Raw), [Resolution::Raw]);
    assert_eq!(resolution("x", HOUR, &|params| params.rollups_from = 72 * HOUR), [Resolution::Raw]);
    assert_eq!(resolution("sum_over_time(x[1h:5m])", HOUR, &unchanged), [Resolution::FiveMinutes]);
}

#[test]
fn roll_ups_that_are_all_there_is_answer_as_well_as_they_can() {
    let mut storage = Storage::default();
    let (labels, samples) = series("x", (0..24 * 360).map(|index| (index * 10_000, index as f64)));
    storage.add(labels, &samples);
    let value = |query: &str, finest| {
        let params = Params { finest, ..Params::instant(12 * HOUR + 17_000) };
        let answer = answer(&storage, query, params);
        let Value::Vector(vector) = &answer.value else { panic!("no vector") };
        assert!(!answer.infos.is_empty(), "{query}");
        vector.first().map(|series| series.value)
    };
    for finest in Resolution::ROLLED_UP {
        let near = |query: &str, expected: f64, most: f64| {
            let value = value(query, finest).unwrap_or_else(|| panic!("{query}: nothing"));
            assert!((value - expected).abs() <= most, "{query} from {finest:?}: {value} instead of {expected}");
        };
        near("rate(x[1m])", 0.1, 0.001);
        near("rate(x[7m])", 0.1, 0.001);
        near("increase(x[7m])", 42.0, 0.5);
        near("delta(x[90m])", 540.0, 5.0);
        near("irate(x[5m])", 0.1, 0.01);
        near("deriv(x[90m])", 0.1, 0.01);
        near("count_over_time(x[7m])", 42.0, 1.0);
        near("x", 4321.0, 360.0);
        near("avg_over_time(x[7m])", 4300.0, 360.0);
        near("absent(x) or vector(0)", 0.0, 0.0);
    }
}

const TOKENS: [&str; 50] = [
    "x",
    "sum",
    "rate",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "5m",
    ":",
    "offset",
    "@",
    "-",
    "+",
    "inf",
    "NaN",
    "1e400",
    "\"a\"",
    "'",
    "\\",
    "by",
    "on",
    "group_left",
    "bool",
    "==",
    "=~",
    "!=",
    ",",
    "start",
    "end",
    "()",
    "0x",
    "1.",
    ".",
    "and",
    "or",
    "le",
    "=",
    "é",
    "\"\\xff\"",
    "label_replace",
    "topk",
    "#",
    "\n",
    "99999999999999999999y",
    "vector",
    "time()",
    "$1",
    "9e99",
];
const RANGE_FUNCTIONS: [&str; 15] = [
    "rate",
    "increase",
    "delta",
    "irate",
    "deriv",
    "changes",
    "resets",
    "sum_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "stddev_over_time",
    "last_over_time",
    "absent_over_time",
    "count_over_time",
];
const SIMPLE: [&str; 10] = ["abs", "-", "sgn", "sort", "sort_desc", "absent", "timestamp", "hour", "ln", "scalar"];
const FOLDS: [&str; 11] =
    ["sum", "avg", "min", "max", "count", "group", "stddev", "topk", "bottomk", "quantile", "count_values"];
const BETWEEN: [&str; 24] = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "atan2",
    "==",
    "!=",
    ">",
    "<",
    ">= bool",
    "and",
    "or",
    "unless",
    "+ on (job)",
    "* ignoring (n)",
    "> on (job, n)",
    "and on (job)",
    "or on (n)",
    "unless ignoring (job)",
    "* on (job) group_left (m)",
    "- ignoring (n) group_right",
    "== on (n) group_right",
];

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(texts)
}

/// Expressions that fit together, of samples that exist.
fn any_expression() -> impl Strategy<Value = String> {
    let selector = one_of(&["x", "y", "x{job=\"a\"}", "{__name__=~\"x|y\"}", "z", "x offset 1m", "y @ 600"]);
    let leaf = prop_oneof![4 => selector.prop_map(str::to_owned), 1 => Just("vector(time())".to_owned())];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let ranges = one_of(&["x[3m]", "y[2m]", "x[4m] offset 1m", "{__name__=~\"x|y\"}[90s]", "y[5m] @ 600"]);
        let window = one_of(&["[3m:]", "[5m:30s]", "[1m:1m] offset 30s", "[4m:47s]", "[5m:1m] @ 700"]);
        let by = one_of(&["", "by (job)", "without (n)", "by (__name__, n)"]);
        prop_oneof![
            (one_of(&RANGE_FUNCTIONS), ranges).prop_map(|(function, of)| format!("{function}({of})")),
            (one_of(&RANGE_FUNCTIONS), inner.clone(), window)
                .prop_map(|(function, of, window)| format!("{function}(({of}){window})")),
            (one_of(&SIMPLE), inner.clone()).prop_map(|(function, of)| match function {
                "scalar" => format!("vector(scalar({of}))"),
                _ => format!("{function}({of})"),
            }),
            (one_of(&FOLDS), inner.clone(), by).prop_map(|(fold, of, by)| match fold {
                "topk" | "bottomk" => format!("{fold} {by} (2, {of})"),
                "quantile" => format!("{fold} {by} (0.7, {of})"),
                "count_values" => format!("{fold} {by} (\"n\", {of})"),
                _ => format!("{fold} {by} ({of})"),
            }),
            (inner.clone(), one_of(&BETWEEN), inner.clone())
                .prop_map(|(left, between, right)| format!("({left}) {between} ({right})")),
            (inner.clone(), one_of(&["+ 1", "> 3", "^ 2", "== bool 4"]))
                .prop_map(|(of, with)| format!("({of}) {with}")),
            inner.prop_map(|of| format!("label_replace({of}, \"m\", \"$1\", \"job\", \"(.*)\")")),
        ]
    })
}

fn some_storage() -> Storage {
    let mut storage = Storage::default();
    let jobs = [("a", "1"), ("a", "2"), ("b", "1"), ("c", "3")];
    for (name, phase) in [("x", 0_i64), ("y", 7_000)] {
        for (place, (job, n)) in jobs.into_iter().enumerate() {
            let labels = Labels::new([(NAME, name), ("job", job), ("n", n)]);
            let samples = (0..90_i64).filter(|index| (index + place as i64) % 17 != 0).map(|index| {
                let value = match (index * 7 + place as i64 * 13 + phase) % 23 {
                    0 => f64::NAN,
                    1 => f64::INFINITY,
                    2 => STALE,
                    other => (other % 6) as f64,
                };
                (index * 15_000 + phase + place as i64 * 1000, value)
            });
            storage.add(labels, &samples.collect());
        }
    }
    storage
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn each_step_of_a_range_is_an_instant(text in any_expression()) {
        let storage = some_storage();
        let range = Params::range(300_000, 1_200_000, 75_000);
        // It may fail for what lies in one part of the range; an instant may not if the range does not.
        if let Ok(whole) = ask(&storage, &text, range) {
            let matrix = matrix(&whole);
            for time in (300_000..=1_200_000).step_by(75_000) {
                let there = answer(&storage, &text, Params::instant(time));
                let Value::Vector(vector) = there.value else { panic!("no vector") };
                let mut instant: Vec<MatrixSeries> = vector
                    .into_iter()
                    .map(|series| MatrixSeries { labels: series.labels, points: vec![(time, series.value)] })
                    .collect();
                instant.sort_by(|one, other| one.labels.cmp(&other.labels));
                let there: Vec<MatrixSeries> = matrix
                    .iter()
                    .filter_map(|series| {
                        let point = series.points.iter().find(|(at, _)| *at == time)?;
                        Some(MatrixSeries { labels: series.labels.clone(), points: vec![*point] })
                    })
                    .collect();
                prop_assert!(are_close(&instant, &there), "{text} at {time}: {instant:?} {there:?}");
            }
        }
    }

    #[test]
    fn whatever_is_asked_of_roll_ups_nothing_panics(text in any_expression(), is_hour in any::<bool>()) {
        let finest = if is_hour { Resolution::Hour } else { Resolution::FiveMinutes };
        let _ = ask(&some_storage(), &text, Params { finest, ..Params::range(-100_000, 1_500_000, 61_000) });
    }

    #[test]
    fn whatever_is_written_nothing_panics(text in "\\PC{0,80}") {
        let _ = Query::parse(&text, Params::instant(0));
    }

    #[test]
    fn whatever_tokens_are_strung_together_nothing_panics(
        tokens in prop::collection::vec(one_of(&TOKENS), 0..14),
    ) {
        let text = tokens.join(" ");
        let _ = ask(&some_storage(), &text, Params::instant(1_000_000));
        let _ = ask(&some_storage(), &tokens.concat(), Params::range(0, 1_000_000, 300_000));
    }
}
