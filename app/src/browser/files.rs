//! Text that leaves the page, into the clipboard, and text that comes into it, from a file.

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

/// The text of the file that was chosen in a field.
#[cfg(feature = "hydrate")]
pub async fn text_of(input: web_sys::HtmlInputElement) -> Option<String> {
    let file = input.files()?.get(0)?;
    wasm_bindgen_futures::JsFuture::from(file.text()).await.ok()?.as_string()
}

/// No file is chosen on the server.
#[cfg(not(feature = "hydrate"))]
pub fn text_of(_input: leptos::web_sys::HtmlInputElement) -> impl Future<Output = Option<String>> {
    std::future::ready(None)
}
