//! Text that leaves the page: into the clipboard.

/// Puts text into the clipboard. Says whether that worked: insecure origins have no clipboard.
#[cfg(feature = "hydrate")]
pub async fn copy(text: String) -> bool {
    let Some(window) = web_sys::window().filter(web_sys::Window::is_secure_context) else { return false };
    wasm_bindgen_futures::JsFuture::from(window.navigator().clipboard().write_text(&text)).await.is_ok()
}

/// There is no clipboard on the server.
#[cfg(not(feature = "hydrate"))]
pub fn copy(_text: String) -> impl Future<Output = bool> {
    std::future::ready(false)
}
