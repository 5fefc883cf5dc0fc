use super::*;

fn terms(honor_labels: bool) -> Terms {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Terms {
        tenant: TenantId::DEFAULT,
        labels: vec![pair("instance", "a:1"), pair("job", "node")],
        honor_labels,
        honor_timestamps: true,
        samples: 100,
        redactor: Redactor::default(),
    }
}

fn at(asked: i64) -> Times {
    Times { asked, oldest: 0 }
}

fn read(known: &mut KnownSeries, text: &str, asked: i64) -> Read {
    known.read(text.as_bytes(), Format::Text, &terms(false), at(asked)).unwrap()
}

/// `series value@milliseconds`, by series; `end` for the end of one.
fn told(samples: &[NewSample]) -> Vec<String> {
    let value = |sample: &NewSample| match sample.value {
        value if value.to_bits() == STALE.to_bits() => "end".to_owned(),
        value => value.to_string(),
    };
    let mut told: Vec<String> = samples
        .iter()
        .map(|sample| format!("{} {}@{}", sample.series, value(sample), sample.time.0 / 1_000_000))
        .collect();
    told.sort();
    told
}

#[test]
fn what_is_missing_in_the_next_answer_has_ended() {
    let mut known = KnownSeries::default();
    let first = read(&mut known, "a 1\nb{x=\"y\"} 2\n", 1000);
    assert_eq!(
        told(&first.metrics.samples),
        [r#"a{instance="a:1", job="node"} 1@1000"#, r#"b{instance="a:1", job="node", x="y"} 2@1000"#]
    );
    assert_eq!((first.samples, first.added), (2, 2));
    let second = read(&mut known, "a 3\n", 2000);
    assert_eq!(
        told(&second.metrics.samples),
        [r#"a{instance="a:1", job="node"} 3@2000"#, r#"b{instance="a:1", job="node", x="y"} end@2000"#]
    );
    assert_eq!((second.samples, second.added), (1, 0));
    // It ends once.
    assert_eq!(read(&mut known, "a 4\n", 3000).metrics.samples.len(), 1);
    let back = read(&mut known, "a 5\nb{x=\"y\"} 6\n", 4000);
    assert_eq!((back.metrics.samples.len(), back.added), (2, 1));
}

#[test]
fn after_a_bad_answer_all_series_end_and_none_that_never_was() {
    let mut known = KnownSeries::default();
    read(&mut known, "a 1\nb 2\n", 1000);
    known.read(b"a 2\nc 1\nthis is no metric\n", Format::Text, &terms(false), at(2000)).unwrap_err();
    let ends = known.end_all(TenantId::DEFAULT, 2000);
    assert_eq!(told(&ends), [r#"a{instance="a:1", job="node"} end@2000"#, r#"b{instance="a:1", job="node"} end@2000"#]);
    assert_eq!(known.end_all(TenantId::DEFAULT, 3000), []);
    assert_eq!(read(&mut known, "a 3\n", 4000).metrics.samples.len(), 1);
}

#[test]
fn labels_of_the_target_win_unless_it_is_honored() {
    let text = "a{job=\"own\",exported_job=\"older\",zone=\"z\"} 1\n";
    let mut known = KnownSeries::default();
    let taken = known.read(text.as_bytes(), Format::Text, &terms(false), at(1)).unwrap();
    assert_eq!(
        told(&taken.metrics.samples),
        [r#"a{exported_exported_job="own", exported_job="older", instance="a:1", job="node", zone="z"} 1@1"#]
    );
    let mut known = KnownSeries::default();
    let honored = known.read(text.as_bytes(), Format::Text, &terms(true), at(1)).unwrap();
    assert_eq!(told(&honored.metrics.samples), [r#"a{exported_job="older", instance="a:1", job="own", zone="z"} 1@1"#]);
    // An empty label says that there is none, whatever the target is called.
    let mut known = KnownSeries::default();
    let none = known.read(b"a{instance=\"\"} 1\n", Format::Text, &terms(true), at(1)).unwrap();
    assert_eq!(told(&none.metrics.samples), [r#"a{job="node"} 1@1"#]);
}

#[test]
fn times_that_a_target_says_are_believed_within_bounds() {
    let mut known = KnownSeries::default();
    let now = 1_700_000_000_000;
    let times = Times { asked: now, oldest: now - 1_000_000 };
    let text = format!("a 1 {}\nb 1 {}\nc 1 {}\nd 1\n", now - 5000, now - 2_000_000, now + 3_600_000);
    let read = known.read(text.as_bytes(), Format::Text, &terms(false), times).unwrap();
    assert_eq!(read.metrics.samples.len(), 2);
    assert_eq!(read.metrics.samples[0].time.0 / 1_000_000, now - 5000);
    let (refused, why) = read.refused.unwrap();
    assert!(refused == 2 && why.contains("older"), "{refused} {why}");
    // What said its time does not end when it is missing.
    let next = known.read(b"", Format::Text, &terms(false), Times { asked: now + 1, ..times }).unwrap();
    assert_eq!(told(&next.metrics.samples), [format!(r#"d{{instance="a:1", job="node"}} end@{}"#, now + 1)]);
    let mut unbelieved = terms(false);
    unbelieved.honor_timestamps = false;
    let read = KnownSeries::default().read(text.as_bytes(), Format::Text, &unbelieved, times).unwrap();
    assert!(read.metrics.samples.iter().all(|sample| sample.time.0 / 1_000_000 == now), "{read:?}");
    assert_eq!(read.metrics.samples.len(), 4);
}

#[test]
fn what_is_there_twice_counts_once_and_is_told() {
    let read = read(&mut KnownSeries::default(), "a 1\na 2\nb NaN\nc +Inf\n", 1000);
    assert_eq!(read.metrics.samples.len(), 3);
    assert_eq!(read.refused, Some((1, r#"a{instance="a:1", job="node"} is there twice"#.to_owned())));
}

#[test]
fn a_series_that_cannot_be_stored_does_not_keep_the_others_from_it() {
    let long = "x".repeat(MAX_BYTES);
    let mut known = KnownSeries::default();
    let read = read(&mut known, &format!("a{{b=\"{long}\"}} 1\nc 1\n"), 1000);
    assert_eq!(read.metrics.samples.len(), 1);
    assert!(read.refused.unwrap().1.contains("too large"));
    assert_eq!((read.samples, read.added), (2, 1));
}

#[test]
fn more_samples_than_are_taken_fail_as_a_whole() {
    let text = "a 1\n".repeat(101);
    let error = KnownSeries::default().read(text.as_bytes(), Format::Text, &terms(false), at(1)).unwrap_err();
    assert!(error.to_string().contains("more than 100 samples"), "{error}");
}

#[test]
fn exemplars_name_their_trace() {
    let text = "# TYPE a counter\n# HELP a What it is.\na_total 3 # {trace_id=\"0af7651916cd43dd8448eb211c80319c\",x=\"y\"} \
                0.5 1.5\n# EOF\n";
    let read = KnownSeries::default().read(text.as_bytes(), Format::OpenMetrics, &terms(false), at(2000)).unwrap();
    let [one] = &read.metrics.exemplars[..] else { panic!("{read:?}") };
    assert_eq!(one.exemplar.trace_id.unwrap().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!((one.exemplar.time.0, one.series.name()), (1_500_000_000, "a_total"));
    let said = &read.metadata[0];
    assert_eq!((said.name.as_str(), said.kind.as_str(), said.help.as_str()), ("a", "counter", "What it is."));
}

#[test]
fn secrets_in_labels_are_not_stored() {
    let read = read(&mut KnownSeries::default(), "a{password=\"hunter2\"} 1\n", 1000);
    assert!(!format!("{:?}", read.metrics).contains("hunter2"));
}
