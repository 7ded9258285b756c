//! JSON pointers (RFC 6901): how changes and problems name their place in the document.

/// The pointer to `key` below `parent`.
pub(super) fn child(parent: &str, key: &str) -> String {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The keys that a pointer goes through; none when the text is not a pointer.
pub(super) fn keys(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let path = pointer.strip_prefix('/')?;
    Some(path.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect())
}
