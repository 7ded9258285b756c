use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::*;
use crate::http::router;

/// Set it to write the document anew after a change that is meant.
const BLESS: &str = "LIFEBOAT_BLESS";

fn document() -> Value {
    complete(router::api().split_for_parts().1)
}

#[test]
fn the_document_is_the_one_that_was_agreed_on() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/v1.json");
    let now = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os(BLESS).is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &now).unwrap();
    }
    let agreed = fs::read_to_string(&path).unwrap_or_default();
    assert!(agreed == now, "the API changed; if it is meant, run this test with {BLESS}=1");
}

#[test]
fn every_operation_says_what_it_is_for_and_how_it_fails() {
    let document = document();
    let mut ids = HashSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{method} {path}: there is another {id}");
            assert!(operation["responses"]["default"].is_object(), "{method} {path}");
        }
    }
    let codes = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    assert_eq!(codes.len(), ErrorCode::ALL.len());
}
