//! Dashboards that are read and never written: those that come with Console, and those of a folder.

use std::{
    collections::BTreeMap,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use app::model::{Dashboard, DashboardEntry, DashboardSource};

/// Largest file, in bytes.
const MOST_BYTES: u64 = 1024 * 1024;
/// Files of a folder.
const MOST_FILES: usize = 200;
/// How long what was read of the folder is believed.
const BELIEVED_FOR: Duration = Duration::from_secs(5);

/// Dashboards that come with Console, by id.
static SHIPPED: LazyLock<BTreeMap<&'static str, Dashboard>> = LazyLock::new(|| {
    [
        ("console", include_str!("../../../dashboards/console.json")),
        ("essentials", include_str!("../../../dashboards/essentials.json")),
        ("hosts", include_str!("../../../dashboards/hosts.json")),
    ]
    .into_iter()
    // A test reads all of them.
    .filter_map(|(id, text)| Some((id, read(text).ok()?)))
    .collect()
});

/// What the folder holds.
#[derive(Debug, Default)]
pub struct Found {
    /// By id.
    pub dashboards: BTreeMap<String, DashboardEntry>,
    /// What is wrong with files.
    pub problems: Vec<String>,
}

/// The folder of dashboards, read when somebody asks.
#[derive(Debug)]
pub struct DashboardFiles {
    directory: Option<PathBuf>,
    found: Mutex<Option<(Instant, Arc<Found>)>>,
}

impl DashboardFiles {
    /// Those of a folder, if there is one.
    pub fn new(directory: Option<PathBuf>) -> Self {
        Self { directory, found: Mutex::default() }
    }

    /// What comes with Console and what is in the folder, which wins where both have an id. Files are read again after a
    /// few seconds: who changes one wants to see it.
    pub async fn all(&self) -> Arc<Found> {
        let known = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, found)) = known.filter(|(at, _)| at.elapsed() < BELIEVED_FOR) {
            return found;
        }
        let directory = self.directory.clone();
        let found = tokio::task::spawn_blocking(move || gather(directory.as_deref())).await.unwrap_or_default();
        let found = Arc::new(found);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), found.clone()));
        found
    }
}

/// A dashboard as a document has it.
pub fn read(text: &str) -> Result<Dashboard, String> {
    let dashboard: Dashboard = serde_json::from_str(text).map_err(|error| error.to_string())?;
    dashboard.check().map_err(|flaw| format!("{}: {}", flaw.field, flaw.problem))?;
    Ok(dashboard)
}

fn gather(directory: Option<&Path>) -> Found {
    let entry = |id: &str, source, dashboard| DashboardEntry {
        id: id.to_owned(),
        source,
        dashboard,
        ..DashboardEntry::default()
    };
    let shipped = SHIPPED
        .iter()
        .map(|(id, dashboard)| ((*id).to_owned(), entry(id, DashboardSource::Shipped, dashboard.clone())));
    let mut found = Found { dashboards: shipped.collect(), problems: Vec::new() };
    let Some(directory) = directory else { return found };
    let files = match files_of(directory) {
        Ok(files) => files,
        Err(error) => {
            // Where it is is nobody's business who only looks.
            tracing::warn!(%error, directory = %directory.display(), "the folder of dashboards cannot be read");
            found.problems.push("The folder of dashboards cannot be read; Console's log says why.".to_owned());
            return found;
        }
    };
    let (files, left_out) = files;
    if left_out > 0 {
        found.problems.push(format!("{left_out} files are left out: a folder may have {MOST_FILES}."));
    }
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match read_file(&file) {
            Ok((id, changed_at, dashboard)) => {
                let provisioned = entry(&id, DashboardSource::Provisioned, dashboard);
                found.dashboards.insert(id, DashboardEntry { changed_at, ..provisioned });
            }
            Err(problem) => found.problems.push(format!("{name}: {problem}")),
        }
    }
    found
}

/// The first files in the order of their names, and how many more there are.
fn files_of(directory: &Path) -> std::io::Result<(Vec<PathBuf>, usize)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json") && path.is_file())
        .collect();
    files.sort();
    let left_out = files.len().saturating_sub(MOST_FILES);
    files.truncate(MOST_FILES);
    Ok((files, left_out))
}

type Known = (String, Option<chrono::DateTime<chrono::Utc>>, Dashboard);

fn read_file(path: &Path) -> Result<Known, String> {
    let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let is_id = !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if !is_id {
        return Err("its name becomes a part of an address: letters, digits, `-` and `_` alone".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let changed_at = file.metadata().and_then(|about| about.modified()).ok().map(Into::into);
    let mut text = String::new();
    file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > MOST_BYTES {
        return Err(format!("it is larger than {MOST_BYTES} bytes"));
    }
    Ok((id, changed_at, read(&text)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{Params, Query};

    #[test]
    fn what_is_shipped_is_right() {
        for (id, text) in [
            ("console", include_str!("../../../dashboards/console.json")),
            ("essentials", include_str!("../../../dashboards/essentials.json")),
            ("hosts", include_str!("../../../dashboards/hosts.json")),
        ] {
            let dashboard = read(text).unwrap_or_else(|problem| panic!("{id}: {problem}"));
            let values = dashboard.variables.iter().map(|variable| app::model::VariableValue {
                name: variable.name.clone(),
                values: variable.default.clone(),
            });
            let values: Vec<_> = values.collect();
            let filling = app::model::Filling { values: &values, step_ms: 15_000, range_ms: 3_600_000 };
            for panel in dashboard.panels() {
                assert!(!panel.help.is_empty() && !panel.empty.is_empty(), "{id}: {} says what it is", panel.title);
                for query in &panel.queries {
                    let filled = filling.fill(&query.text);
                    Query::parse(&filled, Params::instant(0)).unwrap_or_else(|error| panic!("{id}: {filled}: {error}"));
                }
            }
        }
    }

    #[test]
    fn files_are_dashboards_or_problems() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("mine.json", r#"{"title":"Mine"}"#);
        write("hosts.json", r#"{"title":"Our hosts"}"#);
        write("bad.json", r#"{"title":"#);
        write("two words.json", r#"{"title":"x"}"#);
        write("none.json", r#"{"title":""}"#);
        write("read.me", "no dashboard");
        let found = gather(Some(folder.path()));
        let titles: Vec<_> = found.dashboards.values().map(|entry| entry.dashboard.title.as_str()).collect();
        assert_eq!(found.dashboards.len(), 4, "{titles:?}");
        assert!(titles.contains(&"Mine") && titles.contains(&"Our hosts"));
        let problems = found.problems.join("\n");
        assert_eq!(found.problems.len(), 3, "{problems}");
        assert!(problems.contains("none.json: title: it needs a title"), "{problems}");
    }
}
