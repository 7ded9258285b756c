//! Markdown as a page.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// A guide as a whole page.
pub(super) fn page(title: &str, text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, options).map(inert).collect();
    name_headings(&mut events);
    let mut body = String::new();
    html::push_html(&mut body, events.into_iter());
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} · Lifeboat</title><style>{STYLE}</style>\
         <nav><a href=\"/docs/\">Guides</a> <a href=\"/\">Dashboard</a></nav>\
         <main>{body}</main></html>"
    )
}

const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-width:46rem;margin:2rem auto;\
    padding:0 1rem;color-scheme:light dark}nav a{margin-right:1rem}pre{overflow-x:auto;padding:1rem;\
    background:#8882}code{font-family:ui-monospace,monospace}table{border-collapse:collapse}\
    td,th{border:1px solid #8886;padding:.3rem .6rem;text-align:left}img{max-width:100%}";

/// HTML within a guide is shown, not obeyed.
fn inert(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        other => other,
    }
}

/// Gives every heading the anchor that links to it use.
fn name_headings(events: &mut [Event<'_>]) {
    let mut open: Option<(usize, String)> = None;
    for index in 0..events.len() {
        match (&events[index], &mut open) {
            (Event::Start(Tag::Heading { .. }), _) => open = Some((index, String::new())),
            (Event::Text(text) | Event::Code(text), Some((_, heading))) => heading.push_str(text),
            (Event::End(TagEnd::Heading(_)), Some(_)) => {
                let Some((start, heading)) = open.take() else { continue };
                if let Event::Start(Tag::Heading { id, .. }) = &mut events[start] {
                    *id = Some(CowStr::from(anchor(&heading)));
                }
            }
            _ => {}
        }
    }
}

/// The anchor of a heading, as links in Markdown name it.
pub(super) fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_can_be_linked_to_and_html_is_inert() {
        let page =
            page("A <b>", "# The `way` back\n\n<script>alert(1)</script>\n\n| a |\n|---|\n| b |");
        assert!(page.contains("<h1 id=\"the-way-back\">"), "{page}");
        assert!(page.contains("<table>"));
        assert!(!page.contains("<script>") && !page.contains("<b>"));
    }
}
