//! The browser's entry point: attaches the pages to the HTML that the server rendered.

/// Called once by the loader script of the page.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        app::browser::dom::show_broken();
    }));
    wasm_bindgen_futures::spawn_local(async {
        // Hydration must be one step: effects that ran while it waits for a page's file would change what is still to
        // be compared with the server's HTML.
        app::load_page(&app::browser::dom::path()).await;
        leptos::mount::hydrate_body(app::App);
        app::browser::dom::mark_hydrated();
    });
}
