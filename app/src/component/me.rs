//! Who looks at the page. That never changes while a page is loaded: signing in, signing out and going to another
//! tenant load a new one.

use leptos::prelude::*;

use crate::model::{Me, Role};

#[derive(Clone)]
struct Known(Option<Me>);

/// Takes who is signed in from the request and carries it to the browser. Called once, by the application.
pub fn provide_me() {
    let me = SharedValue::new(use_context::<Me>).into_inner();
    provide_context(Known(me));
}

/// Who looks at the page; none where nobody is signed in.
pub fn use_me() -> Option<Me> {
    use_context::<Known>()?.0
}

/// Whether who looks may do what this role may. What would be refused is not drawn.
pub fn may(role: Role) -> bool {
    use_me().is_some_and(|me| me.may(role))
}

/// A role as people read it.
pub fn role_label(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Viewer",
        Role::Editor => "Editor",
        Role::Admin => "Admin",
    }
}
