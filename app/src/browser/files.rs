//! Text that leaves the page: into a file, into the clipboard.

/// Offers text as a file to save.
pub fn save(name: &str, mime: &str, content: &str) {
    #[cfg(feature = "hydrate")]
    if let Err(error) = try_save(name, mime, content) {
        leptos::logging::warn!("{name} was not saved: {error:?}");
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (name, mime, content);
}

#[cfg(feature = "hydrate")]
fn try_save(name: &str, mime: &str, content: &str) -> Result<(), wasm_bindgen::JsValue> {
    use leptos::prelude::document;
    use wasm_bindgen::JsCast;
    use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

    let options = BlobPropertyBag::new();
    options.set_type(mime);
    let blob = Blob::new_with_str_sequence_and_options(&js_sys::Array::of1(&content.into()), &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let anchor: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    anchor.set_href(&url);
    anchor.set_download(name);
    anchor.click();
    // The browser may read the blob after the click has returned.
    leptos::prelude::set_timeout(move || drop(Url::revoke_object_url(&url)), std::time::Duration::from_secs(30));
    Ok(())
}

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
