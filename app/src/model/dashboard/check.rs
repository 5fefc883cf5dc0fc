//! What a dashboard has to be like.

use std::collections::HashSet;

use super::{Dashboard, Panel, Variable, VariableSource};

/// Characters of a query at most.
const LONGEST_QUERY: usize = 5000;
/// Characters of a value of a variable at most.
const LONGEST_VALUE: usize = 1000;
/// Characters of a text that people read at most.
const LONGEST_TEXT: usize = 4000;

/// What is wrong with a dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Where, e.g. `rows[0].panels[2].width`.
    pub field: String,
    /// What, to be read after the field.
    pub problem: String,
}

fn flaw(field: impl Into<String>, problem: impl Into<String>) -> Flaw {
    Flaw { field: field.into(), problem: problem.into() }
}

fn within(field: impl Fn() -> String, text: &str, most: usize) -> Result<(), Flaw> {
    if text.chars().count() > most {
        return Err(flaw(field(), format!("at most {most} characters")));
    }
    Ok(())
}

fn few(field: &str, count: usize, most: usize, what: &str) -> Result<(), Flaw> {
    if count > most { Err(flaw(field, format!("at most {most} {what}"))) } else { Ok(()) }
}

impl Dashboard {
    /// Whether it can be stored and shown; the first thing that is wrong otherwise. What its queries say is not looked at:
    /// a panel tells what is wrong with them.
    pub fn check(&self) -> Result<(), Flaw> {
        if self.version != Self::VERSION {
            let known = Self::VERSION;
            return Err(flaw("version", format!("it is of version {}, and this Console reads {known}", self.version)));
        }
        if self.title.trim().is_empty() {
            return Err(flaw("title", "it needs a title"));
        }
        within(|| "title".to_owned(), &self.title, Self::LONGEST_TITLE)?;
        within(|| "description".to_owned(), &self.description, LONGEST_TEXT)?;
        few("variables", self.variables.len(), Self::MOST_VARIABLES, "variables")?;
        few("rows", self.rows.len(), Self::MOST_ROWS, "rows")?;
        few("rows", self.panels().count(), Self::MOST_PANELS, "panels")?;
        let mut names = HashSet::new();
        for (at, variable) in self.variables.iter().enumerate() {
            let field = format!("variables[{at}]");
            check_variable(variable, &field)?;
            if !names.insert(variable.name.as_str()) {
                return Err(flaw(format!("{field}.name"), format!("`{}` is there twice", variable.name)));
            }
        }
        for (row_at, row) in self.rows.iter().enumerate() {
            within(|| format!("rows[{row_at}].title"), &row.title, Self::LONGEST_TITLE)?;
            for (at, panel) in row.panels.iter().enumerate() {
                panel.check(&format!("rows[{row_at}].panels[{at}]"))?;
            }
        }
        Ok(())
    }
}

impl Panel {
    /// Whether it can be stored and shown; `field` says where it stands.
    pub fn check(&self, field: &str) -> Result<(), Flaw> {
        let below = |name: &str| format!("{field}.{name}");
        within(|| below("title"), &self.title, Dashboard::LONGEST_TITLE)?;
        within(|| below("help"), &self.help, LONGEST_TEXT)?;
        within(|| below("empty"), &self.empty, LONGEST_TEXT)?;
        if !(Self::NARROWEST..=Self::WIDEST).contains(&self.width) {
            return Err(flaw(below("width"), format!("from {} to {} twelfths", Self::NARROWEST, Self::WIDEST)));
        }
        if self.queries.iter().all(|query| query.text.trim().is_empty()) {
            let name = if self.title.is_empty() { "a panel" } else { self.title.as_str() };
            return Err(flaw(below("queries"), format!("{name} needs a query")));
        }
        few(&below("queries"), self.queries.len(), Self::MOST_QUERIES, "queries")?;
        for (at, query) in self.queries.iter().enumerate() {
            within(|| below(&format!("queries[{at}].text")), &query.text, LONGEST_QUERY)?;
            within(|| below(&format!("queries[{at}].legend")), &query.legend, Dashboard::LONGEST_TITLE)?;
        }
        few(&below("thresholds"), self.thresholds.len(), Self::MOST_THRESHOLDS, "thresholds")?;
        if self.thresholds.iter().any(|limit| !limit.value.is_finite()) {
            return Err(flaw(below("thresholds"), "a threshold is a number"));
        }
        Ok(())
    }
}

/// Whether queries can call a variable so. What begins with two underscores is Console's own.
fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    let first = chars.next();
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with("__")
        && name.len() <= 40
}

fn check_values(field: &str, values: &[String]) -> Result<(), Flaw> {
    few(field, values.len(), Variable::MOST_VALUES, "values")?;
    let mut known = HashSet::new();
    for value in values {
        within(|| field.to_owned(), value, LONGEST_VALUE)?;
        if !known.insert(value) {
            return Err(flaw(field, format!("`{value}` is there twice")));
        }
    }
    Ok(())
}

fn check_variable(variable: &Variable, field: &str) -> Result<(), Flaw> {
    let below = |name: &str| format!("{field}.{name}");
    if !is_name(&variable.name) {
        let rule = "a name is of letters, digits and `_`, and begins with none of the digits nor with `__`";
        return Err(flaw(below("name"), rule));
    }
    within(|| below("label"), &variable.label, Dashboard::LONGEST_TITLE)?;
    check_values(&below("default"), &variable.default)?;
    match &variable.source {
        VariableSource::Label { series, label } => {
            within(|| below("source.series"), series, LONGEST_QUERY)?;
            if series.trim().is_empty() {
                return Err(flaw(below("source.series"), "which series have the label?"));
            }
            if label.trim().is_empty() {
                return Err(flaw(below("source.label"), "which label?"));
            }
        }
        VariableSource::List { values } => {
            if values.is_empty() {
                return Err(flaw(below("source.values"), "at least one value"));
            }
            check_values(&below("source.values"), values)?;
        }
        VariableSource::Text => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{PanelQuery, PanelRow},
        *,
    };

    fn good() -> Dashboard {
        let query = PanelQuery { text: "up".into(), legend: String::new() };
        let panel = Panel { title: "Up".into(), queries: vec![query], ..Panel::default() };
        let variable = Variable { name: "job".into(), ..Variable::default() };
        Dashboard {
            title: "Good".into(),
            variables: vec![variable],
            rows: vec![PanelRow { panels: vec![panel], ..PanelRow::default() }],
            ..Dashboard::default()
        }
    }

    fn field(change: impl FnOnce(&mut Dashboard)) -> String {
        let mut dashboard = good();
        change(&mut dashboard);
        dashboard.check().err().map(|flaw| flaw.field).unwrap_or_default()
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(good().check(), Ok(()));
        assert_eq!(field(|it| it.version = 2), "version");
        assert_eq!(field(|it| it.title = " ".into()), "title");
        assert_eq!(field(|it| it.variables[0].name = "a b".into()), "variables[0].name");
        assert_eq!(field(|it| it.variables[0].name = "__x".into()), "variables[0].name");
        assert_eq!(field(|it| it.variables.push(it.variables[0].clone())), "variables[1].name");
        let none = VariableSource::List { values: Vec::new() };
        assert_eq!(field(|it| it.variables[0].source = none), "variables[0].source.values");
        assert_eq!(field(|it| it.rows[0].panels[0].width = 13), "rows[0].panels[0].width");
        assert_eq!(field(|it| it.rows[0].panels[0].queries.clear()), "rows[0].panels[0].queries");
        assert_eq!(field(|it| it.rows[0].panels[0].help = "x".repeat(5000)), "rows[0].panels[0].help");
        let limit = super::super::Limit { value: f64::NAN, ..Default::default() };
        assert_eq!(field(|it| it.rows[0].panels[0].thresholds.push(limit)), "rows[0].panels[0].thresholds");
        assert_eq!(field(|it| it.rows[0].panels = vec![it.rows[0].panels[0].clone(); 61]), "rows");
    }
}
