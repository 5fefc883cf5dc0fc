//! What keys do on every page.

use super::{help, palette};
use crate::{
    browser::{
        dom,
        keys::{self, Focus, KeyPress},
    },
    component::range,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Palette,
    Help,
    Search,
    Range,
    NextRow,
    PreviousRow,
    OpenRow,
}

/// What the key means here; nothing while text is typed or a dialog is open.
fn action(press: &KeyPress) -> Option<Action> {
    if press.command {
        return press.key.eq_ignore_ascii_case("k").then_some(Action::Palette);
    }
    if press.focus == Focus::Field || press.in_overlay {
        return None;
    }
    match press.key.as_str() {
        "?" => Some(Action::Help),
        "/" => Some(Action::Search),
        "t" => Some(Action::Range),
        "j" => Some(Action::NextRow),
        "k" => Some(Action::PreviousRow),
        "Enter" if press.focus == Focus::Page => Some(Action::OpenRow),
        _ => None,
    }
}

/// Listens to the keyboard as long as the frame stands.
pub fn listen() {
    keys::on_key(|press| match action(&press) {
        None => false,
        Some(Action::Palette) => {
            dom::open_dialog(palette::ID);
            true
        }
        Some(Action::Help) => {
            dom::open_dialog(help::ID);
            true
        }
        Some(Action::Range) => {
            dom::toggle_popover(range::MENU_ID);
            true
        }
        Some(Action::Search) => keys::focus_search(),
        Some(Action::NextRow) => keys::move_row(1),
        Some(Action::PreviousRow) => keys::move_row(-1),
        Some(Action::OpenRow) => keys::open_row(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(key: &str) -> KeyPress {
        KeyPress { key: key.to_owned(), command: false, focus: Focus::Page, in_overlay: false }
    }

    #[test]
    fn keys_do_nothing_while_typing_but_for_the_palette() {
        let typing = |key| KeyPress { focus: Focus::Field, ..press(key) };
        for key in ["?", "/", "t", "j", "k", "Enter"] {
            assert!(action(&press(key)).is_some(), "{key}");
            assert_eq!(action(&typing(key)), None, "{key}");
            assert_eq!(action(&KeyPress { in_overlay: true, ..press(key) }), None, "{key}");
        }
        assert_eq!(action(&KeyPress { command: true, ..typing("k") }), Some(Action::Palette));
    }

    #[test]
    fn enter_stays_with_the_control_that_has_the_focus() {
        assert_eq!(action(&KeyPress { focus: Focus::Control, ..press("Enter") }), None);
    }

    #[test]
    fn the_browsers_own_shortcuts_stay_alive() {
        assert_eq!(action(&KeyPress { command: true, ..press("t") }), None);
    }
}
