use std::time::Duration;

use lifeboat_core::access::Ban;
use lifeboat_core::catalog::CatalogChange;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::deployment::ServerPhase;
use lifeboat_core::ids::BanId;
use lifeboat_core::limits::{SEAT_HOLD, SESSION_TOKEN_TTL, SESSIONS_MAX};
use lifeboat_core::phase::Phase;
use lifeboat_core::ticket::Claims;
use lifeboat_protocol::frame::CloseCode;

use super::super::*;
use super::fixture::*;

#[test]
fn people_are_spread_over_the_servers_and_paced() {
    let mut fixture = Fixture::new();
    let servers: Vec<_> =
        (0..10).map(|_| fixture.join("main", None, &[]).unwrap().server.to_string()).collect();
    assert_eq!(servers.iter().filter(|server| *server == "srv_main-1").count(), 5);
    let refusal = fixture.join("main", None, &[]).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::AdmissionPaced);
    fixture.pass(refusal.retry_after.unwrap());
    assert!(fixture.join("main", None, &[]).is_ok());
}

#[test]
fn a_full_world_says_so_until_a_seat_that_was_held_is_given_up() {
    let mut fixture = Fixture::new();
    let players: Vec<_> = (0..100).map(|_| fixture.enter("main", &[])).collect();
    fixture.pass(Duration::from_secs(1));
    assert_eq!(fixture.join("main", None, &[]).unwrap_err().code, ErrorCode::WorldFull);
    let gone = &players[0];
    fixture.desk.closed(gone.key, gone.conn, fixture.now);
    assert_eq!(fixture.join("main", None, &[]).unwrap_err().code, ErrorCode::WorldFull);
    assert!(fixture.join("main", Some(&gone.claims), &[]).is_ok(), "its own seat is held");
    let left = &players[1];
    fixture.desk.closed(left.key, left.conn, fixture.now);
    fixture.pass(SEAT_HOLD);
    fixture.desk.tick(fixture.now);
    assert!(fixture.join("main", None, &[]).is_ok());
}

#[test]
fn a_desk_with_all_its_sessions_refuses_new_ones_and_goes_on_with_the_others() {
    let mut fixture = Fixture::new();
    let first = fixture.enter("main", &[]);
    let stranger = |number: usize| {
        let mut claims = first.claims.clone();
        claims.ses = SessionId::from_unique(&format!("of-another-node-{number}"));
        claims.sub = User::guest(&format!("of-another-node-{number}"));
        claims
    };
    for number in 1..SESSIONS_MAX {
        fixture.open(&stranger(number));
    }
    let conn = ConnRef { shard: 0, slot: u32::MAX, serial: 0 };
    let opened = fixture.desk.open(&stranger(SESSIONS_MAX), conn, fixture.now);
    assert!(matches!(opened, Opened::Refused { code: CloseCode::Slow, .. }));
    let refusal = fixture.join("standby", None, &[]).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::WorldFull);
    assert!(refusal.retry_after.is_some());
    let again = fixture.desk.open(&first.claims, conn, fixture.now);
    assert!(matches!(again, Opened::Welcome { .. }));
    fixture.desk.kick(&stranger(1).ses, fixture.now);
    assert!(fixture.join("standby", None, &[]).is_ok());
}

#[test]
fn a_second_channel_of_a_session_replaces_the_first() {
    let mut fixture = Fixture::new();
    let first = fixture.enter("main", &[]);
    let conn = ConnRef { shard: 0, slot: 900, serial: 0 };
    let opened = fixture.desk.open(&first.claims, conn, fixture.now);
    let Opened::Welcome { effects, .. } = opened else { panic!("refused") };
    assert!(matches!(effects.as_slice(), [Effect::Close { conn, code: CloseCode::Replaced, .. }]
            if *conn == first.conn));
    assert_eq!(fixture.desk.crowd(&world("main")).connected, 1);
}

#[test]
fn a_channel_that_begins_anew_over_its_connection_is_that_of_the_new_placement() {
    let mut fixture = Fixture::new();
    let first = fixture.enter("main", &[]);
    fixture.fail_over(1, 10.0);
    let granted = fixture.join("main", Some(&first.claims), &[]).unwrap();
    fixture.say_in_world(&first);
    assert_eq!(fixture.counts("1").landed, 0, "its client may not know yet where it is placed");
    let conn = ConnRef { serial: first.conn.serial + 1, ..first.conn };
    let opened = fixture.desk.open(&fixture.claims(&granted), conn, fixture.now);
    let Opened::Welcome { key, effects, .. } = opened else { panic!("refused") };
    assert_eq!((key, effects), (first.key, vec![]), "nobody is said goodbye to");
    fixture.say_in_world(&first);
    assert_eq!(fixture.counts("1").landed, 0, "what comes over the channel before is too late");
    fixture.say_in_world(&Player { conn, ..first });
    assert_eq!(fixture.counts("1").landed, 1);
}

#[test]
fn an_older_token_does_not_take_a_channel_from_a_newer_one() {
    let mut fixture = Fixture::new();
    let first = fixture.enter("main", &[]);
    fixture.pass(Duration::from_secs(1));
    let granted = fixture.join("main", Some(&first.claims), &[]).unwrap();
    assert!(granted.previous_accepted && granted.session == first.claims.ses);
    let newer = fixture.claims(&granted);
    fixture.open(&newer);
    let conn = ConnRef { shard: 0, slot: 901, serial: 0 };
    let opened = fixture.desk.open(&first.claims, conn, fixture.now);
    assert!(matches!(opened, Opened::Refused { code: CloseCode::Replaced, .. }));
}

#[test]
fn a_token_alone_brings_a_session_back_at_a_desk_that_never_saw_it() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &[]);
    let mut restarted = Fixture::new();
    let back = restarted.open(&player.claims);
    assert_eq!(back.rejoin, None);
    assert_eq!(restarted.desk.crowd(&world("main")).seats_used, 1);
}

#[test]
fn kicked_and_left_sessions_give_their_seat_back_at_once() {
    let mut fixture = Fixture::new();
    let (kicked, left) = (fixture.enter("main", &[]), fixture.enter("main", &[]));
    let effects = fixture.desk.kick(&kicked.claims.ses, fixture.now).unwrap();
    assert!(matches!(effects.as_slice(), [Effect::Close { code: CloseCode::Kicked, .. }]));
    let leave = lifeboat_protocol::frame::ClientFrame::Leave {};
    fixture.desk.frame(left.key, left.conn, leave, fixture.now);
    assert_eq!(fixture.desk.crowd(&world("main")).seats_used, 0);
    assert!(fixture.desk.is_empty());
}

#[test]
fn tokens_of_a_kicked_session_open_nothing_any_more() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &[]);
    let effects = fixture.kick(&player.claims.ses);
    assert!(matches!(effects.as_slice(), [Effect::Close { code: CloseCode::Kicked, .. }]));
    let again = fixture.desk.open(&player.claims, player.conn, fixture.now);
    assert!(matches!(again, Opened::Refused { code: CloseCode::Kicked, .. }), "{again:?}");
    let anew = fixture.join("main", Some(&player.claims), &[]).unwrap();
    assert!(!anew.previous_accepted && anew.session != player.claims.ses);
}

#[test]
fn whoever_has_tokens_of_a_clock_that_was_ahead_is_not_taken_for_an_older_self() {
    let mut fixture = Fixture::new();
    let mut claims = fixture.enter("main", &[]).claims;
    claims.jti = format!("{:012x}0001", fixture.now.as_ms() + 600_000);
    let mut restarted = Fixture::new();
    restarted.open(&claims);
    for _ in 0..3 {
        let granted = restarted.join("main", Some(&claims), &[]).unwrap();
        claims = restarted.claims(&granted);
        restarted.open(&claims);
    }
}

#[test]
fn a_client_that_was_upgraded_is_no_old_client_any_more() {
    let mut fixture = Fixture::new();
    let mut claims = fixture.enter("main", &[]).claims;
    claims.bv = 37;
    let mut other = Fixture::new();
    other.open(&claims);
    assert_eq!(other.desk.old_clients_of(&world("main")), 1);
    let granted = other.join("main", Some(&claims), &[]).unwrap();
    let claims = other.claims(&granted);
    other.open(&claims);
    assert_eq!(other.desk.old_clients_of(&world("main")), 0);
}

#[test]
fn people_of_a_lost_server_are_called_once_there_is_another() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &["placement"]);
    let (on, id) = (player.claims.srv.clone(), player.claims.dep.clone());
    let deployment = fixture.desk.catalog().deployment(&id).unwrap();
    let mut without = (**deployment).clone();
    without.servers.retain(|server| server.id != on);
    let effects = fixture.change(vec![CatalogChange::Deployment(id, Some(without))]);
    assert_eq!(orders(&effects).len(), 1);
    let tick = fixture.desk.tick(fixture.now);
    let [(conn, granted)] = tick.granted.as_slice() else { panic!("one placement is pushed") };
    assert_eq!(*conn, player.conn);
    assert_ne!(granted.server, on);
}

#[test]
fn people_of_an_ended_deployment_wait_for_the_next_one() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &["placement"]);
    let id = player.claims.dep;
    let mut ended = (**fixture.desk.catalog().deployment(&id).unwrap()).clone();
    ended.phase = Phase::Inactive;
    fixture.change(vec![CatalogChange::Deployment(id, Some(ended))]);
    assert!(fixture.desk.tick(fixture.now).granted.is_empty());
    fixture.change(active("main", "next"));
    fixture.pass(Duration::from_secs(10));
    let tick = fixture.desk.tick(fixture.now);
    assert_eq!(tick.granted[0].1.deployment.as_str(), "dep_next");
}

#[test]
fn tokens_are_renewed_before_they_run_out_each_at_its_own_time() {
    let mut fixture = Fixture::new();
    let players: Vec<_> = (0..40).map(|_| fixture.enter("main", &[])).collect();
    let mut renewed = BTreeMap::new();
    let began = fixture.now;
    while fixture.now.since(began) < SESSION_TOKEN_TTL * 4 / 5 + Duration::from_mins(2) {
        fixture.pass(Duration::from_mins(1));
        for (conn, granted) in fixture.desk.tick(fixture.now).renewed {
            let claims = fixture.claims(&granted);
            assert!(renewed.insert(claims.ses.clone(), (fixture.now, conn, claims)).is_none());
        }
    }
    assert_eq!(renewed.len(), players.len());
    let mut times: Vec<_> = renewed.values().map(|(at, _, _)| *at).collect();
    times.sort_unstable();
    times.dedup();
    assert!(times.len() > 1, "{times:?}");
    assert!(times[0].since(began) >= SESSION_TOKEN_TTL * 2 / 5);
    for player in players {
        let (_, conn, claims) = &renewed[&player.claims.ses];
        assert_eq!(*conn, player.conn);
        let place = |one: &Claims| {
            (one.sub.clone(), one.wld.clone(), one.srv.clone(), one.generation, one.ret)
        };
        assert_eq!(place(claims), place(&player.claims));
        assert!(claims.jti > player.claims.jti);
        // Both are good: the frame may have been lost.
        for known in [&player.claims, claims] {
            assert_eq!(fixture.open(known).rejoin, None);
        }
    }
}

#[test]
fn those_whose_server_is_gone_keep_nobody_from_new_tokens() {
    let mut fixture = Fixture::new();
    let stranded: Vec<_> = (0..70).map(|_| fixture.enter("standby", &[])).collect();
    let others: Vec<_> = (0..5).map(|_| fixture.enter("main", &[])).collect();
    let id = stranded[0].claims.dep.clone();
    let mut broken = (**fixture.desk.catalog().deployment(&id).unwrap()).clone();
    broken.phase = Phase::Error;
    for server in &mut broken.servers {
        server.phase = ServerPhase::Lost;
    }
    fixture.change(vec![CatalogChange::Deployment(id, Some(broken))]);
    fixture.pass(SESSION_TOKEN_TTL * 4 / 5);
    let mut renewed: Vec<_> =
        fixture.desk.tick(fixture.now).renewed.into_iter().map(|(_, new)| new.session).collect();
    renewed.sort_unstable();
    let mut expected: Vec<_> = others.into_iter().map(|player| player.claims.ses).collect();
    expected.sort_unstable();
    assert_eq!(renewed, expected);
}

#[test]
fn the_user_of_a_kicked_session_is_the_same_and_may_be_banned() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &[]);
    fixture.kick(&player.claims.ses);
    fixture.pass(Duration::from_secs(1));
    let again = fixture.join("main", Some(&player.claims), &[]).unwrap();
    assert_eq!((&again.user, again.previous_accepted), (&player.claims.sub, false));
    assert_ne!(again.session, player.claims.ses);
    let ban = Ban {
        id: BanId::from_unique("1"),
        user: player.claims.sub.clone(),
        world: None,
        reason: String::new(),
        at: fixture.now,
        by: String::new(),
    };
    fixture.change(vec![CatalogChange::Ban(ban.id.clone(), Some(ban))]);
    let refused = fixture.join("main", Some(&player.claims), &[]).unwrap_err();
    assert_eq!(refused.code, ErrorCode::Banned);
}
