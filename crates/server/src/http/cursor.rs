//! Cursors: where a page of a list ended. One that the list never gave is refused: to begin anew
//! with it, or to end there, would be a wrong answer that looks like a right one.

use lifeboat_core::problem::FieldProblem;

use super::problem::ApiError;

/// Characters of a cursor that are said again.
const SAID_CHARS_MAX: usize = 80;

/// Whether `text` is the part of a key that orders by time: of the audit log, of a history.
pub(crate) fn is_moment(text: &str) -> bool {
    text.split_once('-').is_some_and(|(time, number)| {
        time.len() == 14
            && number.len() == 8
            && time.bytes().all(|byte| byte.is_ascii_digit())
            && number.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// The refusal of a cursor.
pub(crate) fn refused(cursor: &str) -> ApiError {
    let said: String = cursor.chars().take(SAID_CHARS_MAX).collect();
    let message = format!(
        "no page of this list ended at `{said}`, or that entry is gone; send the `nextCursor` of \
         a page, or none for the first"
    );
    ApiError::fields(vec![FieldProblem::invalid("?cursor", message)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::fixture::Plane;

    #[test]
    fn moments_are_read_as_they_are_written() {
        assert!(is_moment("01795000000000-0000002a"));
        for other in ["", "zz", "-", "01795000000000", "01795000000000-0000002g", "1-2", "é-é"] {
            assert!(!is_moment(other), "{other}");
        }
    }

    /// Follows a list page by page, one entry each; what each page had.
    async fn follow(plane: &Plane, list: &str) -> Vec<serde_json::Value> {
        let (mut pages, mut cursor) = (Vec::new(), String::new());
        for _ in 0..20 {
            let page = plane.ask(&format!("GET {list}?limit=1{cursor}"), None).await;
            assert_eq!(page.status.as_u16(), 200, "{list}{cursor}: {}", page.text);
            pages.push(page.body["items"][0].clone());
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return pages,
            }
        }
        panic!("{list} has no end")
    }

    #[tokio::test]
    async fn a_cursor_that_no_page_gave_is_refused_by_every_list() {
        let plane = Plane::start().await;
        for name in ["One", "Two", "Three"] {
            let body = json!({ "name": name, "build": { "mod": "plaza" } });
            plane.ask("POST /api/worlds", Some(body)).await;
        }
        let worlds = follow(&plane, "/api/worlds").await;
        assert_eq!(worlds.len(), 3);
        let world = format!("/api/worlds/{}", worlds[0]["id"].as_str().unwrap());
        for rate in [5, 6] {
            let patch = json!({ "game": { "Admission": { "JoinsPerSecond": rate } } });
            let line = format!("PATCH {world}/live-config");
            assert_eq!(plane.ask(&line, Some(patch)).await.status.as_u16(), 200);
        }
        let history = format!("{world}/live-config/history");
        let saves = follow(&plane, &history).await;
        assert!(saves.len() >= 2 && saves[0] != saves[1], "{saves:?}");
        let entries = follow(&plane, "/api/audit").await;
        assert!(entries.len() >= 5 && entries[0] != entries[1], "{entries:?}");

        let document = plane.ask("GET /api/openapi.json", None).await.body;
        let mut lists = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            let parameters = methods["get"]["parameters"].as_array().into_iter().flatten();
            if !parameters.into_iter().any(|one| one["name"] == "cursor") {
                continue;
            }
            let path = path.replace("/api/worlds/{id}", &world);
            if path.contains('{') {
                // Of one failover and of one webhook, which take what the lists of all take.
                continue;
            }
            lists += 1;
            for cursor in ["zz", "", "wld%5F", "%2Faudit%2F1"] {
                let answer = plane.ask(&format!("GET {path}?cursor={cursor}"), None).await;
                assert_eq!(answer.status.as_u16(), 422, "{path} {cursor}: {}", answer.text);
                assert_eq!(answer.body["errors"][0]["path"], "?cursor", "{path}");
            }
        }
        assert!(lists >= 9, "{lists}");
    }
}
