//! Steps as a strip of small squares.

use leptos::prelude::*;

use crate::model::PipelineStatus;

/// One square a step.
#[component]
pub fn StepStrip(
    /// How the steps stand, in order.
    statuses: Vec<PipelineStatus>,
) -> impl IntoView {
    let label = summary(&statuses);
    let squares = statuses.into_iter().map(|status| view! { <i data-status=status.key()></i> }).collect_view();
    view! { <span class="step-strip" role="img" aria-label=label.clone() title=label>{squares}</span> }
}

/// `4 of 6 steps done, 1 failed`
fn summary(statuses: &[PipelineStatus]) -> String {
    let with = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    let mut text = format!("{} of {} steps done", with(PipelineStatus::Success), statuses.len());
    for (status, word) in [
        (PipelineStatus::Failed, "failed"),
        (PipelineStatus::Skipped, "skipped"),
        (PipelineStatus::InProgress, "running"),
    ] {
        let count = with(status);
        if count > 0 {
            text = format!("{text}, {count} {word}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strip_is_told_in_words() {
        use PipelineStatus::{Failed, Skipped, Success};
        assert_eq!(summary(&[Success, Success, Failed, Skipped]), "2 of 4 steps done, 1 failed, 1 skipped");
        assert_eq!(summary(&[Success]), "1 of 1 steps done");
    }
}
