//! The browser's entry point: attaches the pages to the HTML that the server rendered.

/// Called once by the loader script of the page.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
