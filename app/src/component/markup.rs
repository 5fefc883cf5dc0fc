//! Markup as text, for what is drawn very often: the rows of a long list. A browser makes elements from text several times
//! quicker than one by one. Texts and values of attributes are escaped here, names are constants: whatever a sender calls
//! its spans stays text.

/// Markup that grows.
#[derive(Debug, Default)]
pub struct Markup(String);

/// Attributes of an element: names and values.
pub type Attributes<'a> = [(&'static str, &'a str)];

impl Markup {
    /// Adds an element with what `content` adds to it.
    pub fn element(&mut self, name: &'static str, attributes: &Attributes<'_>, content: impl FnOnce(&mut Self)) {
        self.open(name, attributes);
        content(self);
        self.close(name);
    }

    /// Adds an element with nothing in it.
    pub fn empty(&mut self, name: &'static str, attributes: &Attributes<'_>) {
        self.open(name, attributes);
        self.close(name);
    }

    /// Adds an element with a text in it.
    pub fn texted(&mut self, name: &'static str, attributes: &Attributes<'_>, text: &str) {
        self.open(name, attributes);
        self.escaped(text);
        self.close(name);
    }

    /// Adds other markup.
    pub fn add(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    /// The markup, for `inner_html`.
    pub fn into_html(self) -> String {
        self.0
    }

    fn open(&mut self, name: &'static str, attributes: &Attributes<'_>) {
        self.0.push('<');
        self.0.push_str(name);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.escaped(value);
            self.0.push('"');
        }
        self.0.push('>');
    }

    fn close(&mut self, name: &'static str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    fn escaped(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (before, after) = rest.split_at(at);
            self.0.push_str(before);
            self.0.push_str(match after.as_bytes()[0] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            });
            rest = &after[1..];
        }
        self.0.push_str(rest);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_stand_in_one_another() {
        let mut markup = Markup::default();
        markup.element("div", &[("class", "a"), ("hidden", "")], |inside| {
            inside.empty("i", &[]);
            inside.texted("b", &[("title", "1")], "text");
        });
        assert_eq!(markup.into_html(), r#"<div class="a" hidden=""><i></i><b title="1">text</b></div>"#);
    }

    #[test]
    fn what_looks_like_markup_stays_text() {
        let mut markup = Markup::default();
        markup.texted("b", &[("title", "\" onclick='x' &amp;")], "</b><script>&");
        let expected = r#"<b title="&quot; onclick=&#39;x&#39; &amp;amp;">&lt;/b&gt;&lt;script&gt;&amp;</b>"#;
        assert_eq!(markup.into_html(), expected);
    }

    proptest! {
        #[test]
        fn no_text_opens_or_ends_anything(text in "[<>&\"'a-z é]{0,20}") {
            let mut markup = Markup::default();
            markup.texted("b", &[("title", &text)], &text);
            let html = markup.into_html();
            prop_assert_eq!(html.matches(['<', '>']).count(), 4);
            prop_assert_eq!(html.matches(['"', '\'']).count(), 2);
            let back = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
            prop_assert_eq!(back.replace("&amp;", "&"), format!("<b title=\"{text}\">{text}</b>"));
        }
    }
}
