//! The browser's entry point: attaches the pages to the HTML that the server rendered.

/// Called once by the loader script of the page.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    wasm_bindgen_futures::spawn_local(async {
        // In builds that split, this waits for the file of the page that was asked for.
        let root = leptos::mount::hydrate_from_async(leptos::tachys::dom::body(), app::App).await;
        root.forget();
        app::browser::dom::mark_hydrated();
    });
}
