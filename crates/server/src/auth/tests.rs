use http::HeaderMap;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lifeboat_core::ids::WorldId;
use serde_json::{Value, json};

use super::*;
use crate::config::Issuer;
use crate::http::fixture::{Answer, Plane};

/// An Ed25519 key in PKCS #8, of the seed 1, 1, 1 …, and its public part.
fn foreign_key() -> (EncodingKey, String) {
    use base64::Engine as _;
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let der: Vec<u8> = prefix.into_iter().chain([1; 32]).collect();
    let public = hex_bytes("8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c");
    let x = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(public);
    let jwks = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": x }] });
    (EncodingKey::from_ed_der(&der), jwks.to_string())
}

fn hex_bytes(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn bearing(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    headers
}

#[tokio::test]
async fn a_player_is_known_by_our_own_token_and_nobody_by_a_bad_one() {
    let plane = Plane::start().await;
    let auth = &plane.app.auth;
    assert!(auth.player(&HeaderMap::new(), None).unwrap().is_none(), "no header is a guest");
    let body = json!({ "sub": "alice", "groups": ["crew"], "ttlMinutes": 5 });
    let made = plane.ask("POST /api/tokens", Some(body)).await;
    let token = made.body["token"].as_str().unwrap();
    let alice = auth.player(&bearing(token), None).unwrap().unwrap();
    assert_eq!((alice.user.as_str(), alice.groups), ("alice", vec!["crew".to_owned()]));
    let expired = wall_clock() - std::time::Duration::from_secs(5);
    let old = Grant::new("alice".into(), vec![], expired, expired);
    let guest = Grant::new("usr_1".into(), vec![], wall_clock(), wall_clock());
    let bad = [auth.player_token(&old), auth.player_token(&guest), plane.admin.clone()];
    for bad in bad.iter().map(String::as_str).chain(["", "a.b.c"]) {
        let refused = auth.player(&bearing(bad), None).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Unauthorized, "{bad}");
    }
    for wrong in
        [json!({ "sub": "usr_1" }), json!({ "sub": "" }), json!({ "sub": "a", "ttlMinutes": 0 })]
    {
        assert_eq!(plane.ask("POST /api/tokens", Some(wrong)).await.status, 422);
    }
}

#[tokio::test]
async fn a_configured_issuer_is_believed_and_only_for_its_audience() {
    let (key, jwks) = foreign_key();
    let issuer = Issuer { name: "https://id.example".into(), jwks, audience: Some("event".into()) };
    let plane = Plane::start_with(vec![issuer]).await;
    let sign = |changes: Value| {
        let exp = wall_clock().as_seconds() + 60;
        let mut claims =
            json!({ "iss": "https://id.example", "aud": "event", "sub": "bob", "exp": exp });
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap()
    };
    let player = |changes: Value| plane.app.auth.player(&bearing(&sign(changes)), None);
    let bob = player(json!({})).unwrap().unwrap();
    assert_eq!(bob.user.as_str(), "bob");
    for changes in [
        json!({ "iss": "https://other.example" }),
        json!({ "iss": "lifeboat", "aud": "players" }),
        json!({ "aud": "other" }),
        json!({ "exp": 1 }),
        json!({ "sub": "usr_1" }),
    ] {
        assert!(player(changes.clone()).is_err(), "{changes}");
    }
}

/// A join of `world` by whoever holds `token`, with an earlier session token.
async fn rejoin(plane: &Plane, world: &WorldId, token: &str, previous: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let line = format!("POST /api/worlds/{world}/join");
    let body = json!({ "previous": previous });
    plane.send(&line, &[("authorization", bearer.as_str())], Some(body)).await
}

#[tokio::test]
async fn whoever_is_in_goes_on_after_the_player_s_token_has_expired() {
    let (key, jwks) = foreign_key();
    let issuer = Issuer { name: "https://id.example".into(), jwks, audience: Some("event".into()) };
    let plane = Plane::start_with(vec![issuer]).await;
    let main = plane.world("Main").await;
    plane.activate(&main).await;
    let access = json!({ "access": { "public": false, "guests": false, "groups": ["crew"] } });
    let path = format!("PATCH /api/worlds/{main}");
    assert_eq!(plane.ask(&path, Some(access)).await.status, 200);
    let (now, hour) = (wall_clock(), std::time::Duration::from_hours(1));
    let own = |sub: &str, until| {
        plane.app.auth.player_token(&Grant::new(sub.into(), vec!["crew".into()], now - hour, until))
    };
    let foreign = |aud: &str, sub: &str, until: lifeboat_core::time::Timestamp| {
        let claims = json!({ "iss": "https://id.example", "aud": aud, "sub": sub,
                             "groups": ["crew"], "exp": until.as_seconds() });
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap()
    };
    let ways = [
        (own("alice", now + hour), own("alice", now - hour)),
        (foreign("event", "bob", now + hour), foreign("event", "bob", now - hour)),
    ];
    for (good, expired) in &ways {
        let first = rejoin(&plane, &main, good, &Value::Null).await;
        let previous = &first.body["sessionToken"];
        let again = rejoin(&plane, &main, expired, previous).await;
        assert_eq!(again.status, 200, "{}", again.text);
        assert_eq!(again.body["previousAccepted"], true);
        for kept in ["user", "session"] {
            assert_eq!(again.body[kept], first.body[kept]);
        }
        for wrong in [json!(null), json!("a.b.c"), json!(expired)] {
            let refused = rejoin(&plane, &main, expired, &wrong).await;
            assert_eq!((refused.status.as_u16(), refused.code()), (401, "unauthorized"));
            assert!(refused.text.contains("has expired"), "{}", refused.text);
        }
        let (signed, _) = expired.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", good.rsplit_once('.').unwrap().1);
        for bad in [forged, foreign("other", "bob", now - hour), own("carol", now - hour)] {
            assert_eq!(rejoin(&plane, &main, &bad, previous).await.status, 401);
        }
    }
    let first = rejoin(&plane, &main, &ways[0].0, &Value::Null).await;
    let session = first.body["session"].as_str().unwrap();
    let kicked = plane.ask(&format!("DELETE /api/sessions/{session}"), None).await;
    assert_eq!(kicked.status, 204, "{}", kicked.text);
    let refused = rejoin(&plane, &main, &ways[0].1, &first.body["sessionToken"]).await;
    assert_eq!(refused.status, 401, "a kicked session keeps nobody in");
    let second = rejoin(&plane, &main, &ways[0].0, &Value::Null).await;
    let other = json!({ "access": { "groups": ["staff"] } });
    assert_eq!(plane.ask(&path, Some(other)).await.status, 200);
    let denied = rejoin(&plane, &main, &ways[0].1, &second.body["sessionToken"]).await;
    assert_eq!((denied.status.as_u16(), denied.code()), (403, "access_denied"));
    let mine = json!({ "access": { "groups": ["crew"] } });
    assert_eq!(plane.ask(&path, Some(mine)).await.status, 200);
    let ban = json!({ "user": "alice", "reason": "spam" });
    assert_eq!(plane.ask("POST /api/bans", Some(ban)).await.status, 201);
    let banned = rejoin(&plane, &main, &ways[0].1, &second.body["sessionToken"]).await;
    assert_eq!((banned.status.as_u16(), banned.code()), (403, "banned"));
}

#[test]
fn an_issuer_without_usable_keys_is_refused_at_the_start() {
    let ring = lifeboat_gateway::tokens::KeptKeys::new([7; 32], wall_clock());
    let ring = Arc::new(KeyRing::new(&ring).unwrap());
    for jwks in ["", "{}", r#"{"keys":[]}"#] {
        let issuer = Issuer { name: "a".into(), jwks: jwks.into(), audience: None };
        assert!(Players::new(Arc::clone(&ring), &[issuer]).is_err(), "{jwks}");
    }
}
