//! The guides: as pages, as Markdown, and as answers to questions.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use rust_embed::RustEmbed;

use super::{answers, html, markdown, media_type};

#[derive(RustEmbed)]
#[folder = "../../docs"]
struct Guides;

/// Characters of a question.
const QUESTION_CHARS_MAX: usize = 500;

/// A guide.
pub(super) struct Guide {
    /// Its address below `/docs/`, without `.md`.
    pub(super) name: String,
    /// Its text, as Markdown.
    pub(super) text: String,
}

impl Guide {
    /// Its first heading.
    pub(super) fn title(&self) -> &str {
        let heading = self.text.lines().find_map(|line| line.strip_prefix("# "));
        heading.unwrap_or(&self.name).trim()
    }
}

/// Every guide, by name.
pub(super) fn all() -> Vec<Guide> {
    let mut names: Vec<String> =
        Guides::iter().filter_map(|file| file.strip_suffix(".md").map(str::to_owned)).collect();
    names.sort();
    names.iter().filter_map(|name| guide(name)).collect()
}

fn guide(name: &str) -> Option<Guide> {
    let file = Guides::get(&format!("{name}.md"))?;
    let text = String::from_utf8_lossy(&file.data).into_owned();
    Some(Guide { name: name.to_owned(), text })
}

/// Answers an address below `/docs/`.
pub(super) fn serve(page: &str, query: Option<&str>) -> Response {
    let question = query.and_then(question);
    let (name, wants_markdown) = match page.strip_suffix(".md") {
        Some(name) => (name, true),
        None => (page.trim_end_matches('/'), false),
    };
    if name.is_empty() {
        return match question {
            Some(question) => text(answers::answer(&question, "", &all())),
            None => html(StatusCode::OK, markdown::page("Guides", &index())),
        };
    }
    if let Some(figure) = Guides::get(page).filter(|_| is_figure(page)) {
        let headers = [(CONTENT_TYPE, media_type(page)), (CACHE_CONTROL, "no-cache")];
        return (headers, figure.data.into_owned()).into_response();
    }
    let Some(guide) = guide(name) else {
        let missing = "# There is no such page\n\nThe guides are listed at [/docs/](/docs/).\n";
        return if wants_markdown {
            (StatusCode::NOT_FOUND, text(missing.to_owned())).into_response()
        } else {
            html(StatusCode::NOT_FOUND, markdown::page("Not found", missing))
        };
    };
    match question {
        Some(question) => text(answers::answer(&question, &guide.name, &all())),
        None if wants_markdown => text(guide.text),
        None => html(StatusCode::OK, markdown::page(guide.title(), &guide.text)),
    }
}

/// Whether a file of the guides is a picture in one of them.
fn is_figure(page: &str) -> bool {
    [".svg", ".png", ".webp"].iter().any(|ending| page.ends_with(ending))
}

fn index() -> String {
    let lines = all().iter().fold(String::new(), |lines, guide| {
        let (title, name) = (guide.title(), &guide.name);
        lines + &format!("- [{title}](/docs/{name}) ([Markdown](/docs/{name}.md))\n")
    });
    format!(
        "# Guides\n\n{lines}\nAsk any of them: `/docs/<page>.md?ask=<question>` answers with the \
         passage that answers it.\n"
    )
}

fn text(text: String) -> Response {
    ([(CONTENT_TYPE, media_type(".md")), (CACHE_CONTROL, "no-cache")], text).into_response()
}

fn question(query: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Ask {
        ask: Option<String>,
    }
    let uri: http::Uri = format!("/?{query}").parse().ok()?;
    let axum::extract::Query(ask) = axum::extract::Query::<Ask>::try_from_uri(&uri).ok()?;
    let question: String = ask.ask?.chars().take(QUESTION_CHARS_MAX).collect();
    (!question.trim().is_empty()).then_some(question)
}
