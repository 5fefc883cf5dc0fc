//! Queries with values in the place of their variables.

use serde::{Deserialize, Serialize};

/// What stands in the place of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct VariableValue {
    /// The variable, without `$`.
    pub name: String,
    /// What was chosen; empty for whatever there is.
    pub values: Vec<String>,
}

/// What is put into queries.
#[derive(Debug, Clone, Copy)]
pub struct Filling<'a> {
    /// The values of variables.
    pub values: &'a [VariableValue],
    /// From one instant to the next, in milliseconds: `$__interval`.
    pub step_ms: i64,
    /// The length of the range, in milliseconds: `$__range`.
    pub range_ms: i64,
}

/// Windows of rates are at least so long, in milliseconds: whatever is reported once a minute has several samples in it.
const SHORTEST_RATE_MS: i64 = 300_000;

/// Longest query with its values, in bytes.
const MOST_BYTES: usize = 100_000;
/// Characters that mean something in an expression.
const META: &str = "\\.+*?()|[]{}^$#&-~";

/// Where a variable is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Outside of quotes.
    Bare,
    /// In quotes that open with this character, and what they are for.
    Quoted(char, Use),
}

/// What a quoted text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// A regular expression that labels match.
    Expression,
    /// Something else.
    Other,
}

impl Filling<'_> {
    /// The query with values in the place of `$name` and `${name}`. What is not known stays as it is.
    ///
    /// Several values become an expression that matches each of them, and `=` and `!=` before it become `=~` and `!~`.
    ///
    /// What is filled does not grow beyond [`MOST_BYTES`]: variables that find no room stay as they are.
    pub fn fill(&self, text: &str) -> String {
        if !text.contains('$') {
            return text.to_owned();
        }
        let mut filled = String::with_capacity(text.len() + 32);
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let (taken, after) = match next {
                '#' => rest.split_at(rest.find('\n').unwrap_or(rest.len())),
                '"' | '\'' | '`' => {
                    let (quoted, after) = rest.split_at(end_of_quoted(rest, next));
                    self.put_quoted(quoted, next, &mut filled);
                    rest = after;
                    continue;
                }
                '$' => {
                    if let Some((name, after)) = variable(rest) {
                        self.put(name, &rest[..rest.len() - after.len()], Place::Bare, &mut filled);
                        rest = after;
                        continue;
                    }
                    rest.split_at(1)
                }
                _ => rest.split_at(next.len_utf8()),
            };
            filled.push_str(taken);
            rest = after;
        }
        filled
    }

    /// The value of a variable, or what stands there where there is none or no room for it.
    fn put(&self, name: &str, written: &str, place: Place, filled: &mut String) {
        // Without looking at the value once there is no room: it may be long.
        let value = if filled.len() < MOST_BYTES { self.value(name, place) } else { None };
        let value = value.filter(|value| filled.len() + value.len() <= MOST_BYTES);
        filled.push_str(value.as_deref().unwrap_or(written));
    }

    /// A quoted text, with its quotes.
    fn put_quoted(&self, quoted: &str, quote: char, filled: &mut String) {
        let inner = quoted.strip_prefix(quote).unwrap_or(quoted);
        let (inner, end) = match inner.strip_suffix(quote) {
            Some(inner) => (inner, &quoted[quoted.len() - 1..]),
            None => (inner, ""),
        };
        let before = filled.trim_end();
        let is_expression = before.ends_with("=~") || before.ends_with("!~");
        let becomes_one = !is_expression && before.ends_with('=') && self.has_several(inner);
        if becomes_one {
            filled.truncate(before.len());
            if filled.ends_with("!=") {
                filled.truncate(filled.len() - 1);
            }
            filled.push('~');
        }
        let use_of = if is_expression || becomes_one { Use::Expression } else { Use::Other };
        filled.push(quote);
        let mut rest = inner;
        while let Some(next) = rest.chars().next() {
            if next == '$'
                && let Some((name, after)) = variable(rest)
            {
                self.put(name, &rest[..rest.len() - after.len()], Place::Quoted(quote, use_of), filled);
                rest = after;
                continue;
            }
            // What is escaped stays so, a `$` too: a value must not come after a `\` that it does not know of.
            let is_escape = next == '\\' && quote != '`';
            let length = rest.chars().take(if is_escape { 2 } else { 1 }).map(char::len_utf8).sum();
            let (taken, after) = rest.split_at(length);
            if becomes_one && !is_escape && META.contains(next) {
                filled.push_str(if quote == '`' { "\\" } else { "\\\\" });
            }
            filled.push_str(taken);
            rest = after;
        }
        filled.push_str(end);
    }

    /// Whether a variable in the text has several values, or any.
    fn has_several(&self, mut text: &str) -> bool {
        while let Some(at) = text.find('$') {
            text = &text[at + 1..];
            // From the sign on, which is one byte before.
            let name = text.strip_prefix('{').map_or_else(
                || &text[..text.find(|c: char| !is_part(c)).unwrap_or(text.len())],
                |braced| braced.split_once('}').map_or("", |(name, _)| name),
            );
            if self.known(name).is_some_and(|value| value.values.len() != 1) {
                return true;
            }
        }
        false
    }

    fn known(&self, name: &str) -> Option<&VariableValue> {
        self.values.iter().find(|value| value.name == name)
    }

    fn value(&self, name: &str, place: Place) -> Option<String> {
        let duration = |ms: i64| if ms % 1000 == 0 { format!("{}s", ms / 1000) } else { format!("{ms}ms") };
        match name {
            "__interval" => return Some(duration(self.step_ms.max(1))),
            "__rate_interval" => return Some(duration(self.step_ms.max(SHORTEST_RATE_MS))),
            "__range" => return Some(duration(self.range_ms.max(1))),
            _ => {}
        }
        let value = self.known(name)?;
        let Place::Quoted(quote, use_of) = place else {
            return Some(if value.values.is_empty() { ".*".to_owned() } else { value.values.join(",") });
        };
        let text = match value.values.as_slice() {
            [] => ".*".to_owned(),
            [one] if use_of == Use::Other => one.clone(),
            [one] => escaped(one),
            several => {
                let several: Vec<String> = several.iter().map(|one| escaped(one)).collect();
                format!("({})", several.join("|"))
            }
        };
        Some(match (quote, use_of) {
            // Nothing is escaped in there: what would end it is told in another way, or left out.
            ('`', Use::Expression) => text.replace('`', "\\x60"),
            ('`', Use::Other) => text.replace('`', ""),
            _ => in_quotes(&text, quote),
        })
    }
}

/// Where a quoted text at the beginning ends, after its closing quote.
fn end_of_quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if quote != '`' => is_escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The name of the variable at the beginning, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let after = text.strip_prefix('$')?;
    let (name, rest) = match after.strip_prefix('{') {
        Some(braced) => braced.split_once('}')?,
        None => after.split_at(after.find(|c| !is_part(c)).unwrap_or(after.len())),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_part);
    is_name.then_some((name, rest))
}

/// As an expression that matches the text alone.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if META.contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn in_quotes(text: &str, quote: char) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\\' => quoted.push_str("\\\\"),
            c if c == quote => {
                quoted.push('\\');
                quoted.push(c);
            }
            c => quoted.push(c),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, values: &[(&str, &[&str])]) -> String {
        let values: Vec<VariableValue> = values
            .iter()
            .map(|(name, values)| VariableValue {
                name: (*name).to_owned(),
                values: values.iter().map(|value| (*value).to_owned()).collect(),
            })
            .collect();
        Filling { values: &values, step_ms: 15_000, range_ms: 3_600_000 }.fill(text)
    }

    #[test]
    fn values_take_the_place_of_variables() {
        assert_eq!(filled(r#"up{job="$job"}"#, &[("job", &["a.b"])]), r#"up{job="a.b"}"#);
        assert_eq!(filled(r#"up{job=~"$job"}"#, &[("job", &["a.b"])]), r#"up{job=~"a\\.b"}"#);
        assert_eq!(filled("up{job=~`$job`}", &[("job", &["a.b"])]), r"up{job=~`a\.b`}");
        assert_eq!(filled(r#"up{job=~"x-${job}-y"}"#, &[("job", &["a", "b"])]), r#"up{job=~"x-(a|b)-y"}"#);
        assert_eq!(filled("topk($n, up)", &[("n", &["5"])]), "topk(5, up)");
        assert_eq!(filled("sum by ($by) (up)", &[("by", &["job", "zone"])]), "sum by (job,zone) (up)");
    }

    #[test]
    fn several_values_make_an_expression_of_a_comparison() {
        let jobs: &[(&str, &[&str])] = &[("job", &["a", "b"])];
        assert_eq!(filled(r#"up{job="$job",x="1"}"#, jobs), r#"up{job=~"(a|b)",x="1"}"#);
        assert_eq!(filled("up{job != '$job'}", jobs), "up{job !~'(a|b)'}");
        assert_eq!(filled(r#"up{job="$job"}"#, &[("job", &[])]), r#"up{job=~".*"}"#);
        assert_eq!(filled(r#"up{job=~"$job"}"#, &[("job", &[])]), r#"up{job=~".*"}"#);
    }

    #[test]
    fn no_value_breaks_out_of_its_quotes() {
        let evil: &[(&str, &[&str])] = &[("job", &[r#"a"} or vector(1) #\"#])];
        assert_eq!(filled(r#"up{job="$job"}"#, evil), r#"up{job="a\"} or vector(1) #\\"}"#);
        assert_eq!(filled("up{job='$job'}", &[("job", &["it's"])]), r"up{job='it\'s'}");
        assert_eq!(filled("up{job=~`$job`}", &[("job", &["a`b"])]), r"up{job=~`a\x60b`}");
        assert_eq!(filled("up{job=`$job`}", &[("job", &["a`b"])]), "up{job=`ab`}");
    }

    #[test]
    fn several_values_within_a_text_leave_the_rest_as_it_is() {
        let jobs: &[(&str, &[&str])] = &[("job", &["a", "b"])];
        assert_eq!(filled(r#"up{job="x.$job"}"#, jobs), r#"up{job=~"x\\.(a|b)"}"#);
        assert_eq!(filled("up{job=`x.${job}`}", jobs), r"up{job=~`x\.(a|b)`}");
    }

    #[test]
    fn an_escape_before_a_variable_does_not_open_its_quotes() {
        let evil: &[(&str, &[&str])] = &[("job", &[r#""} or vector(1) #"#])];
        assert_eq!(filled(r#"up{a="\$job"}"#, evil), r#"up{a="\$job"}"#);
        assert_eq!(filled(r#"up{a="\\$job"}"#, evil), r#"up{a="\\\"} or vector(1) #"}"#);
    }

    #[test]
    fn many_variables_do_not_make_an_endless_query() {
        let long = "x".repeat(60_000);
        let text = "$a".repeat(1000);
        assert_eq!(filled(&text, &[("a", &[&long])]).len(), 60_000 + 999 * 2);
    }

    #[test]
    fn what_is_no_variable_stays() {
        let job: &[(&str, &[&str])] = &[("job", &["a"])];
        assert_eq!(
            filled(r#"label_replace(up, "x", "$1", "job", "(.*)$")"#, job),
            r#"label_replace(up, "x", "$1", "job", "(.*)$")"#
        );
        assert_eq!(filled("up # $job\n+ $none", job), "up # $job\n+ $none");
        assert_eq!(filled(r#"up{a="\"$job"}"#, job), r#"up{a="\"a"}"#);
        assert_eq!(filled(r#"up{a="$job"#, job), r#"up{a="a"#);
        assert_eq!(filled("$", job), "$");
    }

    #[test]
    fn windows_follow_the_step() {
        assert_eq!(filled("rate(x[$__rate_interval])", &[]), "rate(x[300s])");
        assert_eq!(filled("max_over_time(x[$__range]) - x[$__interval]", &[]), "max_over_time(x[3600s]) - x[15s]");
    }
}
