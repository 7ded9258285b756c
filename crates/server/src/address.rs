//! Addresses that people give: which of them name a place that can be reached.

use http::Uri;
use http::uri::Authority;

/// Whether a text begins with `http://` or `https://` and a place.
pub(crate) fn is_address(text: &str) -> bool {
    parts(text).is_some()
}

/// A text as the origin that browsers send for it; none where it is more or less than scheme, host
/// and port.
pub(crate) fn origin(text: &str) -> Option<String> {
    let (scheme, place) = parts(text)?;
    // Browsers leave the usual port out.
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let is_all = text.len() == scheme.len() + "://".len() + place.len();
    let place = place.strip_suffix(usual).unwrap_or(&place);
    is_all.then(|| format!("{scheme}://{}", place.to_ascii_lowercase()))
}

fn parts(text: &str) -> Option<(String, String)> {
    let uri: Uri = text.parse().ok()?;
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
    let place = uri.authority().filter(|place| is_place(place))?;
    Some((scheme.to_owned(), place.to_string()))
}

/// Whether it is a host and at most a port, without user or password.
fn is_place(place: &Authority) -> bool {
    let has_port = place.as_str() != place.host();
    // What is no port is none for the parser: it reads no number above 65535, and no empty one.
    let is_reachable = place.port_u16().map_or(!has_port, |port| port > 0);
    !place.host().is_empty() && !place.as_str().contains('@') && is_reachable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_place_that_can_be_reached() {
        for fine in
            ["http://a", "https://a.example:8443/x?y=1", "http://[::1]:80/", "http://1.2.3.4"]
        {
            assert!(is_address(fine), "{fine}");
        }
        for bad in [
            "",
            "/a",
            "zzz/a",
            "zzz://a",
            "a.example",
            "http://",
            "http:///a",
            "http://me@a/",
            "http://a:99999/",
            "http://a:0/",
            "http://a:/",
            "http://a b/",
            "http://:80/",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port_and_nothing_more() {
        let same = ["https://a.example", "http://a.example:8080", "http://[::1]:5173"];
        for fine in same {
            assert_eq!(origin(fine).as_deref(), Some(fine));
        }
        assert_eq!(origin("https://A.Example:443").as_deref(), Some("https://a.example"));
        for bad in
            ["zzz/a", "*", "null", "https://a/", "https://a/b", "https://a?b", "http://a:99999"]
        {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }
}
