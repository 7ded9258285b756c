//! The entity tags that a request names in `If-Match` or `If-None-Match`
//! ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3)).

use http::HeaderMap;
use http::header::HeaderName;

/// The tags of one header.
#[derive(Debug, Clone)]
pub(crate) struct Tags(Vec<String>);

impl Tags {
    /// What `header` names; none when the request does not have it.
    pub(crate) fn of(headers: &HeaderMap, header: HeaderName) -> Option<Self> {
        let lists = headers.get_all(header).iter();
        let tags = lists.flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
        let tags: Vec<_> =
            tags.map(|tag| String::from_utf8_lossy(tag.trim_ascii()).into_owned()).collect();
        (!tags.is_empty()).then_some(Self(tags))
    }

    /// Whether `tag`, in quotes, is one of them. Proxies make strong tags weak and people leave the
    /// quotes out, so neither makes another tag of it.
    pub(crate) fn name(&self, tag: &str) -> bool {
        let bare = tag.trim_matches('"');
        let is_named = |one: &String| one.trim_start_matches("W/").trim_matches('"') == bare;
        self.0.iter().any(|one| one == "*" || is_named(one))
    }
}

impl std::fmt::Display for Tags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::IF_MATCH;

    use super::*;

    fn tags(lines: &[&'static str]) -> Tags {
        let lines = lines.iter().map(|line| (IF_MATCH, HeaderValue::from_static(line)));
        Tags::of(&lines.collect(), IF_MATCH).unwrap()
    }

    #[test]
    fn a_tag_is_named_alone_in_a_list_or_by_a_star() {
        for lines in [
            &["\"12\""][..],
            &["12"],
            &["W/\"12\""],
            &["*"],
            &["\"11\", \"12\""],
            &["\"11\"", "\"12\" , W/\"13\""],
        ] {
            assert!(tags(lines).name("\"12\""), "{lines:?}");
        }
        for lines in [&["\"1\""][..], &["\"112\""], &[""], &["\"1\", \"2\""], &["W/"]] {
            assert!(!tags(lines).name("\"12\""), "{lines:?}");
        }
        assert!(Tags::of(&HeaderMap::new(), IF_MATCH).is_none());
    }
}
