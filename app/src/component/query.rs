//! The address as state: single parameters of the query string, read and written.
//!
//! The query is parsed and written here rather than by the router, which decodes values twice: a search for `%41`
//! has to stay one.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};

/// How a change enters the browser's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// "Back" skips it: typing in a filter.
    Replace,
    /// "Back" undoes it: another time range.
    Push,
}

/// One change of one parameter, waiting for the end of the current task.
#[derive(Debug, Clone)]
struct Change {
    path: String,
    name: &'static str,
    values: Vec<String>,
    history: History,
}

/// Changes made in the same task: they become one navigation, so that none is lost.
#[derive(Clone, Copy)]
struct Pending(StoredValue<Vec<Change>>);

/// Makes the queue that all parameters of the tab share. Called once, by the application.
pub fn provide_query() {
    provide_context(Pending(StoredValue::new(Vec::new())));
}

/// One parameter of the address; setting it replaces the entry in the history and does not scroll.
pub fn use_query_param(name: &'static str) -> (Memo<Option<String>>, SignalSetter<Option<String>>) {
    use_query_param_with(name, History::Replace)
}

/// One parameter of the address, with a say in how changes enter the history. Empty means absent.
pub fn use_query_param_with(
    name: &'static str,
    history: History,
) -> (Memo<Option<String>>, SignalSetter<Option<String>>) {
    let search = use_location().search;
    let get = Memo::new(move |_| search.with(|search| get(search, name)));
    let set = use_setter(name, history);
    (get, SignalSetter::map(move |value: Option<String>| set.run(value.into_iter().collect())))
}

/// A parameter that may be given several times; setting it gives all its values anew and adds an entry to the history.
pub fn use_query_params(name: &'static str) -> (Memo<Vec<String>>, SignalSetter<Vec<String>>) {
    let search = use_location().search;
    let get = Memo::new(move |_| search.with(|search| get_all(search, name)));
    let set = use_setter(name, History::Push);
    (get, SignalSetter::map(move |values| set.run(values)))
}

/// Writes a parameter: changes of one task become one navigation.
fn use_setter(name: &'static str, history: History) -> Callback<Vec<String>> {
    let location = use_location();
    let navigate = use_navigate();
    let pending = use_context::<Pending>().unwrap_or_else(|| Pending(StoredValue::new(Vec::new())));
    Callback::new(move |values: Vec<String>| {
        let change = Change { path: location.pathname.get_untracked(), name, values, history };
        let was_idle = pending.0.try_update_value(|changes| {
            changes.push(change);
            changes.len() == 1
        });
        if was_idle == Some(true) {
            let (location, navigate) = (location.clone(), navigate.clone());
            queue_microtask(move || {
                let changes = pending.0.try_update_value(std::mem::take).unwrap_or_default();
                let path = location.pathname.get_untracked();
                let before = location.search.get_untracked();
                let mut search = before.clone();
                let mut replace = true;
                for change in changes.into_iter().filter(|change| change.path == path) {
                    search = with_all(&search, change.name, &change.values);
                    replace &= change.history == History::Replace;
                }
                if search != before {
                    let options = NavigateOptions { resolve: false, replace, scroll: false, ..Default::default() };
                    navigate(&join(&path, &search), options);
                }
            });
        }
    })
}

/// Makes addresses of the same page with some parameters changed, for links. Reading one tracks the address.
pub fn use_href() -> impl Fn(&[(&'static str, Option<String>)]) -> String + Clone + Send + Sync + 'static {
    let location = use_location();
    move |changes| {
        let search = location.search.get();
        let search = changes.iter().fold(search, |search, (name, value)| with(&search, name, value.as_deref()));
        join(&location.pathname.get(), &search)
    }
}

/// Makes addresses of another page that keep the chosen time: range, compared period and overlay. What the given
/// address says itself stays.
pub fn use_page_href() -> impl Fn(&str) -> String + Clone + Send + Sync + 'static {
    let search = use_location().search;
    move |target| search.with(|search| keep_time(target, search))
}

/// Where one signs in again and then comes back here. The page there is loaded, not navigated to.
pub fn use_sign_in_href() -> Signal<String> {
    let location = use_location();
    Signal::derive(move || {
        let here = join(&location.pathname.get(), location.search.get().trim_start_matches('?'));
        format!("/login?next={}", encode(&here))
    })
}

fn keep_time(target: &str, search: &str) -> String {
    let (target, hash) = target.split_once('#').map_or((target, None), |(target, hash)| (target, Some(hash)));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = ["range", "compare", "overlay"]
        .into_iter()
        .filter(|name| get(query, name).is_none())
        .fold(query.to_owned(), |query, name| with(&query, name, get(search, name).as_deref()));
    let address = join(path, &query);
    hash.map_or_else(|| address.clone(), |hash| format!("{address}#{hash}"))
}

fn join(path: &str, search: &str) -> String {
    if search.is_empty() { path.to_owned() } else { format!("{path}?{search}") }
}

/// The value of the first parameter with this name in a raw query string; an empty one is none.
pub fn get(search: &str, name: &str) -> Option<String> {
    pairs(search).find(|(key, _)| key == name).map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// The values of all parameters with this name in a raw query string, without empty ones.
pub fn get_all(search: &str, name: &str) -> Vec<String> {
    let values = pairs(search).filter(|(key, _)| key == name).map(|(_, value)| value);
    values.filter(|value| !value.is_empty()).collect()
}

/// The raw query string with one parameter set in its place, added at the end, or removed.
pub fn with(search: &str, name: &str, value: Option<&str>) -> String {
    with_all(search, name, value.as_slice())
}

/// The same for a parameter that is given once for each value.
pub fn with_all(search: &str, name: &str, values: &[impl AsRef<str>]) -> String {
    let mut out = String::new();
    let mut push = |key: &str, value: &str| {
        if !out.is_empty() {
            out.push('&');
        }
        encode_into(&mut out, key);
        out.push('=');
        encode_into(&mut out, value);
    };
    let mut values = values.iter().map(AsRef::as_ref).filter(|value| !value.is_empty());
    for (key, old) in pairs(search) {
        if key == name {
            // All of them stand where the first one stood.
            values.by_ref().for_each(|value| push(name, value));
        } else {
            push(&key, &old);
        }
    }
    values.for_each(|value| push(name, value));
    out
}

/// Percent-encodes a value for use in a query string.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode_into(&mut out, text);
    out
}

fn pairs(search: &str) -> impl Iterator<Item = (String, String)> + '_ {
    search.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    })
}

/// Undoes `application/x-www-form-urlencoded` (<https://url.spec.whatwg.org/#urlencoded-parsing>).
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digit = |offset: usize| bytes.get(at + offset).and_then(|byte| char::from(*byte).to_digit(16));
        match (byte, digit(1).zip(digit(2))) {
            (b'%', Some((high, low))) => {
                out.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn encode_into(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_parameter_is_set_in_its_place_added_and_removed() {
        assert_eq!(with("", "range", Some("6h")), "range=6h");
        assert_eq!(with("range=1h&sort=p95", "range", Some("6h")), "range=6h&sort=p95");
        assert_eq!(with("range=1h&sort=p95", "range", None), "sort=p95");
        assert_eq!(with("range=1h&range=2h", "range", Some("")), "");
        assert_eq!(with("a=1", "b", Some("2")), "a=1&b=2");
    }

    #[test]
    fn a_parameter_may_be_given_several_times() {
        let search = with_all("a=1&x=2", "a", &["3", "", "4&5"]);
        assert_eq!(search, "a=3&a=4%265&x=2");
        assert_eq!(get_all(&search, "a"), ["3", "4&5"]);
        assert_eq!(with_all(&search, "a", &["6"]), "a=6&x=2");
        assert_eq!(with_all(&search, "a", &[] as &[&str]), "x=2");
        assert_eq!(with_all("x=2", "a", &["1", "2"]), "x=2&a=1&a=2");
    }

    #[test]
    fn values_are_decoded_once() {
        assert_eq!(get("?search=%2541+b&x", "search").as_deref(), Some("%41 b"));
        assert_eq!(get("search=50%", "search").as_deref(), Some("50%"));
        assert_eq!(get("x=&y=1", "x"), None);
        assert_eq!(get("x=1", "z"), None);
    }

    #[test]
    fn a_link_keeps_the_time_and_its_own_words() {
        let kept = |target| keep_time(target, "range=6h&sort=p95&overlay=1");
        assert_eq!(kept("/monitoring/logs"), "/monitoring/logs?range=6h&overlay=1");
        assert_eq!(kept("/monitoring?sort=rate#latency"), "/monitoring?sort=rate&range=6h&overlay=1#latency");
        assert_eq!(kept("/monitoring/logs?range=1d"), "/monitoring/logs?range=1d&overlay=1");
        assert_eq!(keep_time("/monitoring#io", ""), "/monitoring#io");
    }

    proptest! {
        #[test]
        fn any_text_survives_the_address(text in ".+", other in ".*") {
            let search = with(&with("", "other", Some(&other)), "search", Some(&text));
            prop_assert_eq!(get(&search, "search"), Some(text));
            prop_assert_eq!(get(&search, "other").unwrap_or_default(), other);
        }
    }
}
