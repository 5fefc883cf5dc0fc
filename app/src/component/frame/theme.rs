//! The theme: as the system has it, dark or light. `public/theme.js` sets it before the first paint.

use leptos::prelude::*;

use crate::{
    browser::{dom, storage},
    component::{
        icon::{Icon, IconName},
        reactive::{part, text},
    },
};

const STORAGE_KEY: &str = "theme";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Theme {
    #[default]
    System,
    Dark,
    Light,
}

impl Theme {
    fn key(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Dark => Some("dark"),
            Self::Light => Some("light"),
        }
    }

    fn from_key(key: &str) -> Self {
        [Self::Dark, Self::Light].into_iter().find(|theme| theme.key() == Some(key)).unwrap_or_default()
    }

    fn label(self) -> &'static str {
        self.key().unwrap_or("system")
    }

    fn next(self) -> Self {
        match self {
            Self::System => Self::Dark,
            Self::Dark => Self::Light,
            Self::Light => Self::System,
        }
    }

    fn icon(self) -> IconName {
        match self {
            Self::System => IconName::Contrast,
            Self::Dark => IconName::Moon,
            Self::Light => IconName::Sun,
        }
    }
}

/// A button that goes through the themes.
#[component]
pub fn ThemeToggle() -> impl IntoView {
    let theme = RwSignal::new(Theme::System);
    Effect::new(move |_| {
        let stored = storage::get(STORAGE_KEY).map(|key| Theme::from_key(&key)).unwrap_or_default();
        dom::set_theme(stored.key());
        theme.set(stored);
    });
    let toggle = move |_| {
        let next = theme.get_untracked().next();
        storage::set(STORAGE_KEY, next.label());
        dom::set_theme(next.key());
        theme.set(next);
    };
    let label = text(move || format!("Theme: {}", theme.get().label()));
    view! {
        <button type="button" class="icon-button" aria-label=label title=label on:click=toggle>
            {part(move || view! { <Icon name=theme.get().icon() /> }.into_any())}
        </button>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_toggle_visits_every_theme_and_returns() {
        let round: Vec<Theme> =
            std::iter::successors(Some(Theme::System), |theme| Some(theme.next())).take(4).collect();
        assert_eq!(round, [Theme::System, Theme::Dark, Theme::Light, Theme::System]);
    }

    #[test]
    fn a_theme_survives_its_text_form() {
        for theme in [Theme::System, Theme::Dark, Theme::Light] {
            assert_eq!(Theme::from_key(theme.label()), theme);
        }
    }
}
