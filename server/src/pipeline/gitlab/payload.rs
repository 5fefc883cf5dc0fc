//! What a push, tag push or merge request hook says. Only fields that are used are read; all others may change.

use std::collections::BTreeSet;

use serde::Deserialize;

/// Changed files that are kept of one event.
const MAX_FILES: usize = 2000;
/// Longest text that is kept of a field, in characters.
const MAX_FIELD_CHARS: usize = 4000;

/// Why a body cannot be processed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// JSON, but not the shape of the event.
    #[error("{message}")]
    Shape {
        /// Path of the field.
        field: &'static str,
        /// What is wrong.
        message: String,
    },
}

/// What Console takes from an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// `gitlab-push`, `gitlab-tag-push`, `gitlab-merge-request`, or `gitlab-` and what GitLab calls it.
    pub trigger_type: String,
    /// Whether Console knows what to do with it.
    pub is_known: bool,
    /// The commit.
    pub sha: Option<String>,
    /// Its message.
    pub message: Option<String>,
    /// Branch or tag.
    pub branch: Option<String>,
    /// Who wrote the commit; the pusher when no commit is listed.
    pub author: Option<String>,
    /// Their address.
    pub author_email: Option<String>,
    /// Path of the project.
    pub project: Option<String>,
    /// Its page.
    pub project_url: Option<String>,
    /// Changed files, sorted, at most 2000.
    pub files: Vec<String>,
    /// Changed files in all listed commits.
    pub files_total: usize,
    /// Commits in the push: the list holds at most 20 of them.
    pub commits_total: u64,
    /// Commits in the list.
    pub commits_listed: usize,
    /// Branch or tag was deleted: there is nothing to deliver.
    pub is_deletion: bool,
}

#[derive(Deserialize)]
struct Project {
    path_with_namespace: Option<String>,
    web_url: Option<String>,
}

#[derive(Deserialize)]
struct Person {
    name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct Commit {
    id: String,
    message: Option<String>,
    author: Option<Person>,
    #[serde(default)]
    added: Vec<String>,
    #[serde(default)]
    modified: Vec<String>,
    #[serde(default)]
    removed: Vec<String>,
}

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    reference: String,
    after: Option<String>,
    checkout_sha: Option<String>,
    message: Option<String>,
    user_name: Option<String>,
    user_email: Option<String>,
    project: Project,
    #[serde(default)]
    commits: Vec<Commit>,
    total_commits_count: Option<u64>,
}

#[derive(Deserialize)]
struct MergeRequest {
    user: Option<Person>,
    project: Project,
    object_attributes: MergeAttributes,
}

#[derive(Deserialize)]
struct MergeAttributes {
    title: Option<String>,
    source_branch: Option<String>,
    last_commit: Option<Commit>,
}

impl Event {
    /// Reads a body; `header` is `X-Gitlab-Event`.
    pub fn parse(header: Option<&str>, body: &[u8]) -> Result<Self, PayloadError> {
        let value: serde_json::Value =
            serde_json::from_slice(body).map_err(|error| PayloadError::NotJson(error.to_string()))?;
        let kind = value.get("object_kind").and_then(serde_json::Value::as_str);
        match (header, kind) {
            (Some("Push Hook"), _) | (None, Some("push")) => Ok(Self::from_push(shape(value)?, "gitlab-push")),
            (Some("Tag Push Hook"), _) | (None, Some("tag_push")) => {
                Ok(Self::from_push(shape(value)?, "gitlab-tag-push"))
            }
            (Some("Merge Request Hook"), _) | (None, Some("merge_request")) => {
                Ok(Self::from_merge_request(shape(value)?))
            }
            (header, kind) => Ok(Self::unknown(header.or(kind).unwrap_or("event"), &value)),
        }
    }

    fn from_push(push: Push, trigger_type: &str) -> Self {
        let is_zero = |sha: &String| sha.bytes().all(|digit| digit == b'0');
        let is_deletion = push.after.as_ref().is_some_and(is_zero);
        let head = push.checkout_sha.or(push.after).filter(|sha| !is_zero(sha));
        let commit = push.commits.iter().find(|commit| Some(&commit.id) == head.as_ref()).or(push.commits.last());
        let author = commit.and_then(|commit| commit.author.as_ref());
        let branch = push.reference.strip_prefix("refs/heads/").or(push.reference.strip_prefix("refs/tags/"));
        let changed = push.commits.iter().flat_map(|commit| [&commit.added, &commit.modified, &commit.removed]);
        let files: BTreeSet<String> = changed.flatten().cloned().collect();
        Self {
            trigger_type: trigger_type.to_owned(),
            is_known: true,
            message: text(commit.and_then(|commit| commit.message.clone()).or(push.message)),
            author: text(author.and_then(|author| author.name.clone()).or(push.user_name)),
            author_email: text(author.and_then(|author| author.email.clone()).or(push.user_email)),
            branch: text(Some(branch.unwrap_or(&push.reference).to_owned())),
            sha: text(head),
            project: text(push.project.path_with_namespace),
            project_url: web_address(push.project.web_url),
            files_total: files.len(),
            files: files.into_iter().take(MAX_FILES).collect(),
            commits_total: push.total_commits_count.unwrap_or(push.commits.len() as u64),
            commits_listed: push.commits.len(),
            is_deletion,
        }
    }

    fn from_merge_request(request: MergeRequest) -> Self {
        let attributes = request.object_attributes;
        let (mut sha, mut message, mut author, mut email) = (None, None, None, None);
        if let Some(commit) = attributes.last_commit {
            (sha, message) = (Some(commit.id), commit.message);
            if let Some(person) = commit.author {
                (author, email) = (person.name, person.email);
            }
        }
        let commits = u64::from(sha.is_some());
        Self {
            trigger_type: "gitlab-merge-request".to_owned(),
            is_known: true,
            sha: text(sha),
            message: text(attributes.title.or(message)),
            branch: text(attributes.source_branch),
            author: text(author.or(request.user.and_then(|user| user.name))),
            author_email: text(email),
            project: text(request.project.path_with_namespace),
            project_url: web_address(request.project.web_url),
            commits_total: commits,
            commits_listed: commits as usize,
            ..Self::default()
        }
    }

    fn unknown(name: &str, value: &serde_json::Value) -> Self {
        let slug: String = name
            .trim_end_matches(" Hook")
            .chars()
            .take(40)
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .collect();
        let of_project = |key: &str| {
            value.get("project").and_then(|project| project.get(key)).and_then(|text| text.as_str().map(str::to_owned))
        };
        Self {
            trigger_type: format!("gitlab-{slug}"),
            project: text(of_project("path_with_namespace")),
            project_url: web_address(of_project("web_url")),
            ..Self::default()
        }
    }
}

fn shape<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, PayloadError> {
    serde_json::from_value(value).map_err(|error| {
        let message = error.to_string();
        let fields = ["project", "ref", "object_attributes", "commits", "last_commit"];
        let field = fields.into_iter().find(|field| message.contains(&format!("`{field}`"))).unwrap_or("body");
        PayloadError::Shape { field, message }
    })
}

/// A text without surrounding space and of bounded length; none when empty.
fn text(text: Option<String>) -> Option<String> {
    let text = text?;
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return None;
    }
    Some(trimmed.chars().filter(|c| *c != '\0').take(MAX_FIELD_CHARS).collect())
}

/// Only what a link may safely lead to.
fn web_address(url: Option<String>) -> Option<String> {
    text(url).filter(|url| url.starts_with("https://") || url.starts_with("http://"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/../end2end/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn a_push_is_read_with_the_author_of_the_commit() {
        let event = Event::parse(Some("Push Hook"), &fixture("push.json")).unwrap();
        assert!(event.is_known && !event.is_deletion);
        assert_eq!(event.trigger_type, "gitlab-push");
        assert_eq!(event.branch.as_deref(), Some("main"));
        assert_eq!(event.sha.as_deref(), Some("6b1f53303a732ccc8c6aae6640399827c15250e3"));
        assert_eq!(event.project.as_deref(), Some("platform/api-catalogue"));
        assert_ne!(event.author.as_deref(), Some("Tomás Okafor"), "that is the pusher");
        assert_eq!((event.commits_total, event.commits_listed), (2, 2));
        assert!(event.files.iter().any(|file| file.starts_with("tenants/acme/apis/customer-api/")));
    }

    #[test]
    fn more_commits_are_counted_than_listed() {
        let event = Event::parse(Some("Push Hook"), &fixture("push-many.json")).unwrap();
        assert_eq!((event.commits_total, event.commits_listed), (57, 20));
    }

    #[test]
    fn tags_merge_requests_and_deletions_are_read() {
        let tag = Event::parse(Some("Tag Push Hook"), &fixture("tag-push.json")).unwrap();
        assert_eq!(tag.trigger_type, "gitlab-tag-push");
        assert!(tag.branch.is_some() && !tag.branch.unwrap().contains("refs/"));
        let request = Event::parse(Some("Merge Request Hook"), &fixture("merge-request.json")).unwrap();
        assert_eq!(request.trigger_type, "gitlab-merge-request");
        assert!(request.sha.is_some() && request.author.is_some() && request.branch.is_some());
        let deletion = Event::parse(Some("Push Hook"), &fixture("push-delete.json")).unwrap();
        assert!(deletion.is_deletion && deletion.sha.is_none());
    }

    #[test]
    fn the_kind_decides_where_the_header_is_missing() {
        assert_eq!(Event::parse(None, &fixture("push.json")).unwrap().trigger_type, "gitlab-push");
        let other =
            Event::parse(Some("Issue Hook"), br#"{"object_kind":"issue","project":{"web_url":"javascript:x"}}"#);
        let other = other.unwrap();
        assert_eq!((other.trigger_type.as_str(), other.is_known, other.project_url), ("gitlab-issue", false, None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(matches!(Event::parse(Some("Push Hook"), b"{nope"), Err(PayloadError::NotJson(_))));
        let missing = Event::parse(Some("Push Hook"), br#"{"ref":"refs/heads/main"}"#).unwrap_err();
        assert!(matches!(missing, PayloadError::Shape { field: "project", .. }), "{missing:?}");
    }

    proptest! {
        #[test]
        fn any_body_gives_an_event_or_an_error(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _either = Event::parse(Some("Push Hook"), &body);
        }
    }
}
