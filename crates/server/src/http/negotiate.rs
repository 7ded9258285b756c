//! Content negotiation: which of the forms that we have a client wants most.

use http::HeaderMap;
use http::header::ACCEPT;

/// The index of the offered media type that `Accept` prefers; the first one when it says nothing,
/// or wants nothing of what there is. Ties go to whichever was offered first.
pub(crate) fn preferred(headers: &HeaderMap, offered: &[&str]) -> usize {
    let accepted: Vec<&str> =
        headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
    let ranges: Vec<(&str, f32)> =
        accepted.iter().flat_map(|one| one.split(',')).map(range).collect();
    let mut best = (0, 0.0);
    for (index, media_type) in offered.iter().enumerate() {
        let quality = quality(&ranges, media_type);
        if quality > best.1 {
            best = (index, quality);
        }
    }
    best.0
}

/// A media range and its quality.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse().ok());
    (name, quality.unwrap_or(1.0))
}

/// How much a media type is wanted: the most specific range that fits decides.
fn quality(ranges: &[(&str, f32)], media_type: &str) -> f32 {
    let kind = media_type.split('/').next().unwrap_or_default();
    let fits = |range: &str| {
        if range.eq_ignore_ascii_case(media_type) {
            3
        } else if range.strip_suffix("/*").is_some_and(|of| of.eq_ignore_ascii_case(kind)) {
            2
        } else {
            u8::from(range == "*/*")
        }
    };
    let fitting = ranges.iter().map(|(range, quality)| (fits(range), *quality));
    let best = fitting.filter(|(fit, _)| *fit > 0).max_by_key(|(fit, _)| *fit);
    best.map_or(0.0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_is_wanted_most_is_given_and_else_the_first() {
        let offered = ["application/json", "text/markdown", "text/html"];
        for (accept, index) in [
            ("", 0),
            ("*/*", 0),
            ("application/json", 0),
            ("text/markdown, application/json;q=0.5", 1),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 2),
            ("text/*;q=0.3, text/html;q=0, application/json;q=0.2", 1),
            ("TEXT/HTML; level=1; q=0.4", 2),
            ("image/png", 0),
            (";;,q=x", 0),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(preferred(&headers, &offered), index, "{accept}");
        }
    }
}
