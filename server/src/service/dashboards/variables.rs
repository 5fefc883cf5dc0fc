//! What can be chosen of variables, and what stands in their place.

use std::collections::{BTreeSet, HashSet};

use app::{
    api::ApiError,
    model::{Filling, TenantId, TimeRange, Variable, VariableSource, VariableState, VariableValue, overview::Grid},
};

use tokio::time::{Instant, timeout_at};

use crate::{
    promql,
    service::{Services, store_failed},
    store::sample::{Comparison, Labels, Matcher},
};

/// Values that all of a variable's are written out for; of more, all is whatever there is.
const MOST_WRITTEN_OUT: usize = 100;
/// Longest value that can be chosen, in bytes.
const MOST_BYTES: usize = 4000;
/// Values that can be chosen at once.
const MOST_CHOSEN: usize = 100;

/// For when variables are asked, and until when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Over which range.
    pub range: TimeRange,
    /// The instants of courses.
    pub grid: Grid,
    /// When the page waits no longer.
    pub deadline: Instant,
}

impl Services {
    /// The variables with what was chosen of them; each may use those before it.
    pub(super) async fn variables(
        &self,
        tenant: TenantId,
        variables: &[Variable],
        chosen: &[VariableValue],
        Asked { range, grid, deadline }: Asked,
    ) -> Result<Vec<VariableState>, ApiError> {
        let mut states: Vec<VariableState> = Vec::with_capacity(variables.len());
        for variable in variables {
            let known: Vec<VariableValue> = states.iter().map(|state| state.value.clone()).collect();
            let filling = Filling { values: &known, step_ms: grid.step_ms, range_ms: range.duration_ms() };
            let (options, problem) = match &variable.source {
                VariableSource::Label { series, label } => {
                    let filled = filling.fill(series);
                    let found = timeout_at(deadline, self.values_of(tenant, &filled, label, range)).await;
                    found.unwrap_or_else(|_| Ok((Vec::new(), Some("finding its values takes too long".to_owned()))))?
                }
                VariableSource::List { values } => (values.clone(), None),
                VariableSource::Text => (Vec::new(), None),
            };
            let wanted = chosen.iter().find(|value| value.name == variable.name).map(|value| value.values.as_slice());
            states.push(state(variable, wanted, options, problem));
        }
        Ok(states)
    }

    /// The values that a label of some series has, in their order, or why they are not known.
    async fn values_of(
        &self,
        tenant: TenantId,
        series: &str,
        label: &str,
        range: TimeRange,
    ) -> Result<(Vec<String>, Option<String>), ApiError> {
        let mut matchers = match promql::selector(series) {
            Ok(matchers) => matchers,
            Err(error) => return Ok((Vec::new(), Some(error.to_string()))),
        };
        matchers.push(Matcher { label: label.to_owned(), comparison: Comparison::NotEqual, value: String::new() });
        let found = match self.stores.metrics.series(tenant, &matchers, range.from.0).await {
            Ok(found) => found,
            Err(crate::store::StoreError::Matcher(why)) => return Ok((Vec::new(), Some(why))),
            Err(error) => return Err(store_failed(error)),
        };
        let label = label.to_owned();
        let values = tokio::task::spawn_blocking(move || distinct(&found, &label)).await;
        Ok((values.map_err(|_| ApiError::internal())?, None))
    }
}

fn distinct(all: &[Labels], label: &str) -> Vec<String> {
    let values: BTreeSet<&str> = all.iter().map(|labels| labels.get(label)).collect();
    values.into_iter().take(Variable::MOST_VALUES).map(str::to_owned).collect()
}

/// A variable with what was chosen of it; what was not chosen is its default.
fn state(
    variable: &Variable,
    wanted: Option<&[String]>,
    mut options: Vec<String>,
    problem: Option<String>,
) -> VariableState {
    let is_text = variable.source == VariableSource::Text;
    let most = if variable.is_multi && !is_text { MOST_CHOSEN } else { 1 };
    let mut seen = HashSet::new();
    options.retain(|option| seen.insert(option.clone()));
    seen.clear();
    // Of a text, nothing is a choice, too.
    let wanted = wanted.unwrap_or_default().iter().filter(|value| is_text || !value.is_empty());
    let wanted = wanted.filter(|value| value.len() <= MOST_BYTES && seen.insert((*value).clone()));
    let mut chosen: Vec<String> = wanted.take(most).cloned().collect();
    if chosen.is_empty() {
        chosen = variable.default.iter().take(most).cloned().collect();
    }
    // What queries need is a value, even where nobody has chosen one.
    if chosen.is_empty() && !variable.is_multi {
        chosen = if is_text { vec![String::new()] } else { options.first().cloned().into_iter().collect() };
    }
    let is_all = chosen.is_empty() || chosen.iter().any(|value| value == Variable::ALL);
    let values = match (is_all, options.len()) {
        (false, _) => chosen.clone(),
        (true, 1..=MOST_WRITTEN_OUT) => options.clone(),
        (true, _) => Vec::new(),
    };
    if is_all {
        chosen.clear();
    }
    let value = VariableValue { name: variable.name.clone(), values };
    VariableState { options, chosen, value, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variable: &Variable, wanted: &[&str], options: &[&str]) -> (String, String) {
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let state = state(variable, Some(&owned(wanted)), owned(options), None);
        (state.chosen.join(","), state.value.values.join(","))
    }

    fn is(chosen: &str, value: &str) -> (String, String) {
        (chosen.to_owned(), value.to_owned())
    }

    #[test]
    fn of_several_values_all_are_chosen_unless_some_are() {
        let variable = Variable { name: "job".into(), is_multi: true, ..Variable::default() };
        assert_eq!(told(&variable, &[], &["a", "b"]), is("", "a,b"));
        assert_eq!(told(&variable, &["b", "b"], &["a", "b", "a"]), is("b", "b"));
        assert_eq!(told(&variable, &["gone"], &["a", "b"]), is("gone", "gone"));
        assert_eq!(told(&variable, &[], &[]), is("", ""));
        let usual = Variable { default: vec!["a".into()], ..variable };
        assert_eq!(told(&usual, &[], &["a", "b"]), is("a", "a"));
        assert_eq!(told(&usual, &["$__all"], &["a", "b"]), is("", "a,b"));
    }

    #[test]
    fn of_one_value_the_first_is_chosen_unless_another_is() {
        let variable = Variable { name: "job".into(), ..Variable::default() };
        assert_eq!(told(&variable, &[], &["a", "b"]), is("a", "a"));
        assert_eq!(told(&variable, &["b", "a"], &["a", "b"]), is("b", "b"));
        let text = Variable { source: VariableSource::Text, ..variable };
        assert_eq!(told(&text, &[], &[]), is("", ""));
        assert_eq!(told(&text, &["x"], &[]), is("x", "x"));
        let text = Variable { default: vec!["usual".into()], ..text };
        assert_eq!(told(&text, &[""], &[]), is("", ""));
        assert_eq!(told(&text, &[], &[]), is("usual", "usual"));
    }
}
