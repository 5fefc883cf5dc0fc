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
    view! {
        <span class="badge" data-status=status.key()>
            <Icon name=icon />
            {status.label()}
        </span>
    }
}
