//! How this Console is set up, as its settings pages show it.

use serde::{Deserialize, Serialize};

/// A section of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingSection {
    /// Its name, e.g. `server`.
    pub name: String,
    /// Its settings, in order.
    pub settings: Vec<Setting>,
}

/// A setting and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its name within the section.
    pub key: String,
    /// Its value as JSON; a secret shows only whether it is set.
    pub value: String,
    /// What it would be if nobody had set it.
    pub default: String,
    /// The variable that sets it.
    pub variable: String,
}

/// What is taken out of records before they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactionRules {
    /// Words of a key that make its value a secret.
    pub keys: Vec<String>,
    /// Values that look like secrets.
    pub values: Vec<RedactionRule>,
    /// Secrets that were taken out since the server started.
    pub redacted: u64,
}

/// A rule about values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactionRule {
    /// What it finds.
    pub name: String,
    /// The regular expression.
    pub pattern: String,
    /// Whether it comes from the configuration.
    pub is_own: bool,
}

/// What would be stored of a sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactedSample {
    /// The sample without its secrets: JSON, indented, if it was JSON.
    pub text: String,
    /// How many secrets it held.
    pub redacted: u64,
}
