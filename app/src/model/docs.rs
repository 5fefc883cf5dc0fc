//! The REST interface as its page shows it.

use serde::{Deserialize, Serialize};

/// Routes that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocGroup {
    /// What they are about, e.g. `pipelines`.
    pub name: String,
    /// The routes.
    pub operations: Vec<DocOperation>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocOperation {
    /// In upper case.
    pub method: String,
    /// With its parameters in braces.
    pub path: String,
    /// What it does, in a few words.
    pub summary: String,
    /// What else there is to know.
    pub description: String,
    /// Who may use it, in words, e.g. `Session or key`.
    pub access: String,
    /// What it takes.
    pub parameters: Vec<DocParameter>,
    /// An example of the body that it takes, as indented JSON.
    pub body: Option<String>,
    /// What it answers, by status.
    pub answers: Vec<DocAnswer>,
}

/// Something that a route takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocParameter {
    /// Its name.
    pub name: String,
    /// `query`, `path` or `header`.
    pub place: String,
    /// Whether it must be there.
    pub is_required: bool,
    /// What it is for.
    pub description: String,
}

/// Something that a route answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocAnswer {
    /// HTTP status.
    pub status: String,
    /// What it means.
    pub description: String,
    /// An example of its body, as indented JSON.
    pub body: Option<String>,
}
