//! The audit log: who did what, append-only; entries are written with what they tell of, by the
//! writer.

use serde_json::Value;

/// What stands where a reader must not see the value.
const MASK: &str = "•••";

/// `value` with what is at each JSON Pointer masked, so that the log says that it changed and not
/// what it is.
pub(crate) fn masked(mut value: Value, pointers: &[&str]) -> Value {
    for pointer in pointers {
        if let Some(found) = value.pointer_mut(pointer)
            && !found.is_null()
        {
            *found = Value::from(MASK);
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_internal_is_masked_and_the_rest_is_not() {
        let world = json!({ "name": "Main", "settings": { "key": "secret" } });
        assert_eq!(
            masked(world, &["/settings", "/missing"]),
            json!({ "name": "Main", "settings": MASK })
        );
    }
}
