//! Status in one word: icon, text and colour say the same.

use leptos::prelude::*;

use super::icon::{Icon, IconName};
use crate::model::PipelineStatus;

/// The status of a pipeline trace or of a step.
#[component]
pub fn StatusBadge(
    /// How it stands.
    status: PipelineStatus,
) -> impl IntoView {
    let icon = match status {
        PipelineStatus::Pending => IconName::Circle,
        PipelineStatus::InProgress => IconName::Dot,
        PipelineStatus::Success => IconName::Check,
        PipelineStatus::Failed => IconName::Close,
        PipelineStatus::Skipped => IconName::Dash,
    };
    view! { <Badge icon status=status.key() label=status.label() /> }
}

/// A word with its icon.
#[component]
pub fn Badge(
    /// Says the same as the word.
    icon: IconName,
    /// Gives the colour: a key of [`PipelineStatus`]; another or none is muted.
    #[prop(optional)]
    status: &'static str,
    /// The word.
    label: &'static str,
) -> impl IntoView {
    view! {
        <span class="badge" data-status=status>
            <Icon name=icon />
            {label}
        </span>
    }
}
