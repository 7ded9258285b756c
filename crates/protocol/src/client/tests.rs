use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::frame::{ClientFrame, Rejoin, RejoinReason, ServerFrame};
use crate::join::JoinAnswer;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::limits::CLIENT_FRAME_BYTES_MAX;
use lifeboat_core::live_config::LiveConfig;
use lifeboat_core::time::Timestamp;

const START: Timestamp = Timestamp::from_ms(1_000_000);

fn answer(world: &str) -> JoinAnswer {
    serde_json::from_value(json!({
        "session": "ses_1", "user": "usr_1", "requestedWorld": "wld_main",
        "world": format!("wld_{world}"), "deployment": format!("dep_{world}"),
        "launchContext": null, "redirected": world != "main", "previousAccepted": true,
        "server": format!("srv_{world}"), "endpoint": format!("ws://{world}/"),
        "streaming": { "launchMode": "same-tab" }, "allClients": 0, "revision": 7,
        "ticket": format!("ticket-{world}"), "sessionToken": format!("token-{world}"),
        "sessionUrl": "ws://lifeboat/session"
    }))
    .unwrap()
}

fn hello(rejoin: Option<Rejoin>) -> ServerFrame {
    ServerFrame::Hello {
        session: "ses_1".parse().unwrap(),
        revision: 7,
        all_clients: 0,
        live_config: LiveConfig::default(),
        heartbeat_seconds: 15,
        rejoin,
        reopens: false,
    }
}

fn force(leave_after_ms: u64, rejoin_after_ms: u64) -> ServerFrame {
    ServerFrame::ForceDisconnect {
        all_clients: 1,
        leave_after_ms,
        rejoin_after_ms,
        reason: RejoinReason::Failover,
        failover: None,
        message: None,
    }
}

/// A client with a clock; `random` is fixed to one half.
struct Driver {
    client: Client,
    now: Timestamp,
}

impl Driver {
    fn in_world() -> Self {
        let mut driver = Self { client: Client::new(Settings::default()), now: START };
        driver.give(Input::Start);
        driver.give(Input::Joined { answer: Box::new(answer("main")) });
        driver.give(Input::Frame { frame: hello(None) });
        driver.give(Input::GameConnected);
        driver
    }

    fn give(&mut self, input: Input) -> Vec<Action> {
        self.client.handle(input, self.now, 0.5)
    }

    fn frame(&mut self, frame: ServerFrame) -> Vec<Action> {
        self.give(Input::Frame { frame })
    }

    /// Runs to the deadline and says how long that took and what happened.
    fn wait(&mut self) -> (Duration, Vec<Action>) {
        let at = self.client.deadline().unwrap();
        let waited = at.since(self.now);
        self.now = at;
        (waited, self.give(Input::Timer))
    }
}

fn has_join(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Join { .. }))
}

fn connects_to(actions: &[Action]) -> Option<&str> {
    actions.iter().find_map(|action| match action {
        Action::ConnectGame { endpoint, .. } => Some(endpoint.as_str()),
        _ => None,
    })
}

#[test]
fn a_join_leads_into_the_world() {
    let mut driver = Driver { client: Client::new(Settings::default()), now: START };
    assert!(has_join(&driver.give(Input::Start)));
    let actions = driver.give(Input::Joined { answer: Box::new(answer("main")) });
    assert_eq!(connects_to(&actions), Some("ws://main/"));
    assert!(actions.contains(&Action::OpenChannel {
        url: "ws://lifeboat/session".into(),
        token: "token-main".into()
    }));
    driver.give(Input::GameConnected);
    assert!(matches!(driver.client.status(), Some(Status::InWorld { .. })));
}

#[test]
fn told_to_leave_it_shows_the_loading_screen_and_asks_again_at_its_slot() {
    let mut driver = Driver::in_world();
    let actions = driver.frame(force(0, 4_000));
    assert!(actions.contains(&Action::DisconnectGame));
    let (waited, actions) = driver.wait();
    assert_eq!(waited, Duration::from_secs(4));
    assert!(has_join(&actions));
}

#[test]
fn a_graceful_order_keeps_it_in_the_world_until_its_slot() {
    let mut driver = Driver::in_world();
    assert!(!driver.frame(force(4_000, 4_000)).contains(&Action::DisconnectGame));
    let (waited, actions) = driver.wait();
    assert_eq!(waited, Duration::from_secs(4));
    assert!(actions.contains(&Action::DisconnectGame) && has_join(&actions));
}

#[test]
fn a_placement_moves_only_the_game_connection() {
    let mut driver = Driver::in_world();
    driver.frame(force(0, 9_000));
    let actions = driver.frame(ServerFrame::Placement(Box::new(answer("standby"))));
    assert_eq!(connects_to(&actions), Some("ws://standby/"));
    assert!(!has_join(&actions));
    assert!(!actions.iter().any(|action| matches!(action, Action::OpenChannel { .. })));
    let actions = driver.give(Input::GameConnected);
    let report = ClientFrame::State {
        state: crate::frame::ClientState::InWorld,
        world: Some("wld_standby".parse().unwrap()),
        server: Some("srv_standby".parse().unwrap()),
        cause: None,
        since_ms: None,
    };
    assert!(actions.contains(&Action::Send { frame: report }));
    let (_, actions) = driver.wait();
    assert!(!has_join(&actions), "the order to ask again is void once it was placed");
}

#[test]
fn a_hello_after_the_counter_rose_is_obeyed_like_the_push() {
    let mut driver = Driver::in_world();
    driver.give(Input::ChannelClosed { code: Some(1006) });
    driver.wait();
    let rejoin =
        Rejoin { leave_after_ms: 0, rejoin_after_ms: 2_000, reason: RejoinReason::Failover };
    let actions = driver.frame(hello(Some(rejoin)));
    assert!(actions.contains(&Action::DisconnectGame));
    assert_eq!(driver.wait().0, Duration::from_secs(2));
}

#[test]
fn losing_the_channel_does_not_disturb_the_game() {
    let mut driver = Driver::in_world();
    let actions = driver.give(Input::ChannelClosed { code: None });
    assert!(actions.is_empty());
    let (waited, actions) = driver.wait();
    assert_eq!(waited, Duration::from_secs(5), "half of the first retry's spread");
    assert!(matches!(actions.as_slice(), [Action::OpenChannel { .. }]));
    assert!(matches!(driver.client.status(), Some(Status::InWorld { .. })));
}

#[test]
fn losing_the_game_it_reports_tries_one_join_and_then_waits_for_a_push() {
    let mut driver = Driver::in_world();
    let actions = driver.give(Input::GameLost);
    assert!(actions.iter().any(|action| matches!(action, Action::Send { frame:
        ClientFrame::State { cause: Some(cause), .. } } if cause == "gameLost")));
    let (waited, actions) = driver.wait();
    assert!(waited <= Duration::from_secs(1) && has_join(&actions));
    driver.give(Input::JoinFailed {
        code: Some(ErrorCode::WorldNotActive),
        retry_after_ms: Some(3_000),
    });
    driver.now = driver.now + Duration::from_secs(1);
    driver.frame(ServerFrame::Ping {});
    let (waited, actions) = driver.wait();
    assert!(waited >= Duration::from_secs(14) && has_join(&actions));
}

#[test]
fn a_wait_that_the_server_asks_for_is_kept_exactly() {
    let mut driver = Driver { client: Client::new(Settings::default()), now: START };
    driver.give(Input::Start);
    for wait_ms in [1_234, 10] {
        driver.give(Input::JoinFailed {
            code: Some(ErrorCode::AdmissionPaced),
            retry_after_ms: Some(wait_ms),
        });
        assert_eq!(driver.wait().0, Duration::from_millis(wait_ms));
    }
}

#[test]
fn a_refusal_for_good_ends_it() {
    let mut driver = Driver::in_world();
    driver.frame(force(0, 0));
    driver.wait();
    let actions =
        driver.give(Input::JoinFailed { code: Some(ErrorCode::Banned), retry_after_ms: None });
    assert!(actions.contains(&Action::CloseChannel));
    assert!(driver.client.is_over() && driver.client.deadline().is_none());
}

#[test]
fn hold_stops_the_timers_and_a_placement_still_moves_it() {
    let mut driver = Driver::in_world();
    driver.frame(force(0, 1_000));
    driver.frame(ServerFrame::Hold {});
    assert!(driver.client.deadline().unwrap().since(driver.now) >= Duration::from_secs(15));
    let actions = driver.frame(ServerFrame::Placement(Box::new(answer("standby"))));
    assert_eq!(connects_to(&actions), Some("ws://standby/"));
}

#[test]
fn a_silent_server_is_given_up_after_two_and_a_half_heartbeats() {
    let mut driver = Driver::in_world();
    let (waited, actions) = driver.wait();
    assert_eq!(waited, Duration::from_millis(37_500));
    assert!(actions.contains(&Action::CloseChannel));
}

#[test]
fn replaced_and_kicked_are_final() {
    for code in [4003, 4004] {
        let mut driver = Driver::in_world();
        let actions = driver.give(Input::ChannelClosed { code: Some(code) });
        assert!(actions.contains(&Action::DisconnectGame));
        assert!(driver.client.is_over());
    }
}

#[test]
fn a_token_that_has_expired_leads_to_a_join() {
    let mut driver = Driver::in_world();
    driver.give(Input::ChannelClosed { code: Some(4002) });
    assert!(has_join(&driver.wait().1));
}

#[test]
fn a_game_server_that_refuses_again_and_again_is_asked_ever_more_slowly() {
    let mut driver = Driver { client: Client::new(Settings::default()), now: START };
    driver.give(Input::Start);
    let mut waits = Vec::new();
    for _ in 0..8 {
        driver.give(Input::Joined { answer: Box::new(answer("main")) });
        driver.give(Input::GameLost);
        let (waited, actions) = driver.wait();
        assert!(has_join(&actions));
        waits.push(waited);
    }
    assert!(waits.last() > waits.get(2), "{waits:?}");
}

#[test]
fn an_order_that_comes_while_a_join_is_on_its_way_is_no_deadline_that_stays_due() {
    let mut driver = Driver::in_world();
    driver.frame(force(0, 0));
    assert!(has_join(&driver.wait().1));
    driver.frame(force(0, 0));
    driver.now = driver.now + Duration::from_secs(1);
    assert!(driver.give(Input::Timer).is_empty());
    assert!(driver.client.deadline().is_some_and(|at| at > driver.now), "the caller would spin");
}

#[test]
fn whoever_loses_the_game_while_it_joins_is_no_longer_shown_in_the_world() {
    let mut driver = Driver::in_world();
    driver.give(Input::ChannelClosed { code: Some(4002) });
    assert!(has_join(&driver.wait().1));
    driver.give(Input::GameLost);
    assert_eq!(driver.client.status(), Some(&Status::Joining));
}

fn answer_at(revision: u64, world: &str) -> JoinAnswer {
    JoinAnswer { revision, session_token: format!("token-{world}-{revision}"), ..answer(world) }
}

/// A client whose join is on its way when a placement is pushed.
fn overtaken() -> Driver {
    let mut driver = Driver::in_world();
    driver.frame(force(0, 1_000));
    assert!(has_join(&driver.wait().1));
    let actions = driver.frame(ServerFrame::Placement(Box::new(answer_at(9, "standby"))));
    assert_eq!(connects_to(&actions), Some("ws://standby/"));
    driver
}

#[test]
fn a_join_that_a_placement_overtook_leads_nowhere_when_its_answer_is_the_older() {
    let mut driver = overtaken();
    let actions = driver.give(Input::Joined { answer: Box::new(answer_at(8, "main")) });
    assert_eq!(actions, []);
    assert_eq!(driver.client.placement(), Some(&answer_at(9, "standby")));
    driver.give(Input::GameConnected);
    assert!(!has_join(&driver.wait().1), "nothing is left to be asked");
}

#[test]
fn a_join_that_a_placement_overtook_is_followed_when_its_answer_is_the_newer() {
    let mut driver = overtaken();
    driver.give(Input::GameConnected);
    let actions = driver.give(Input::Joined { answer: Box::new(answer_at(9, "garden")) });
    assert_eq!(connects_to(&actions), Some("ws://garden/"));
}

#[test]
fn the_newer_tokens_of_the_same_place_are_taken_without_going_again() {
    let mut driver = overtaken();
    driver.give(Input::GameConnected);
    let newer = JoinAnswer { session_token: "newer".into(), ..answer_at(9, "standby") };
    let actions = driver.give(Input::Joined { answer: Box::new(newer) });
    assert!(
        matches!(actions.as_slice(), [
            Action::CloseChannel, Action::OpenChannel { token, .. }
        ] if token == "newer"),
        "{actions:?}"
    );
    assert!(matches!(driver.client.status(), Some(Status::InWorld { .. })));
}

#[test]
fn a_refusal_of_a_join_that_a_placement_overtook_says_nothing() {
    let refusals = [
        (None, None),
        (Some(ErrorCode::AdmissionPaced), Some(50)),
        (Some(ErrorCode::Banned), None),
    ];
    for (code, retry_after_ms) in refusals {
        let mut driver = overtaken();
        assert_eq!(driver.give(Input::JoinFailed { code, retry_after_ms }), []);
        driver.give(Input::GameConnected);
        assert!(matches!(driver.client.status(), Some(Status::InWorld { .. })), "{code:?}");
        assert!(!has_join(&driver.wait().1), "{code:?}");
        // The next one counts again.
        driver.give(Input::GameLost);
        assert!(has_join(&driver.wait().1));
        driver.give(Input::JoinFailed { code: Some(ErrorCode::Banned), retry_after_ms: None });
        assert!(driver.client.is_over());
    }
}

#[test]
fn whoever_loses_the_game_after_it_was_overtaken_asks_once_more() {
    let mut driver = overtaken();
    driver.give(Input::GameLost);
    assert!(matches!(driver.client.status(), Some(Status::Waiting { until: Some(_), .. })));
    driver.give(Input::JoinFailed { code: Some(ErrorCode::Banned), retry_after_ms: None });
    assert!(has_join(&driver.wait().1));
}

#[test]
fn a_token_that_has_expired_costs_nobody_the_game() {
    let mut driver = Driver::in_world();
    driver.give(Input::ChannelClosed { code: Some(4002) });
    driver.wait();
    let actions = driver.give(Input::Joined { answer: Box::new(answer_at(8, "main")) });
    assert!(matches!(actions.as_slice(), [Action::OpenChannel { .. }]), "{actions:?}");
    let risen = JoinAnswer { all_clients: 1, ..answer_at(8, "main") };
    driver.give(Input::ChannelClosed { code: Some(4002) });
    driver.wait();
    let actions = driver.give(Input::Joined { answer: Box::new(risen) });
    assert_eq!(connects_to(&actions), Some("ws://main/"), "the server ends the old connection");
}

#[test]
fn only_what_the_ledger_calls_refused_ends_a_client() {
    for code in ErrorCode::ALL.iter().copied() {
        let mut driver = Driver { client: Client::new(Settings::default()), now: START };
        driver.give(Input::Start);
        driver.give(Input::JoinFailed { code: Some(code), retry_after_ms: None });
        assert_eq!(driver.client.is_over(), matches!(code.status(), 403 | 404 | 409), "{code}");
        assert!(driver.client.is_over() || has_join(&driver.wait().1), "{code}");
    }
}

#[test]
fn the_first_retry_without_a_wait_is_spread_widest_whatever_came_before() {
    let mut driver = Driver { client: Client::new(Settings::default()), now: START };
    driver.give(Input::Start);
    let no_answer = || Input::JoinFailed { code: None, retry_after_ms: None };
    let widest = Duration::from_secs(5);
    for _ in 0..3 {
        let paced = Some(ErrorCode::AdmissionPaced);
        driver.give(Input::JoinFailed { code: paced, retry_after_ms: Some(200) });
        driver.wait();
        driver.give(no_answer());
        assert_eq!(driver.wait().0, widest, "half of the first retry's spread");
    }
    driver.give(no_answer());
    assert!(driver.wait().0 < widest);

    let mut driver = Driver::in_world();
    driver.frame(ServerFrame::Bye {
        reason: crate::frame::ByeReason::Shutdown,
        retry_after_ms: Some(200),
    });
    driver.give(Input::ChannelClosed { code: Some(1001) });
    assert_eq!(driver.wait().0, Duration::from_millis(200));
    driver.give(Input::ChannelClosed { code: None });
    assert_eq!(driver.wait().0, widest);
}

#[test]
fn losing_the_game_with_the_channel_it_is_one_of_a_herd() {
    let mut driver = Driver::in_world();
    driver.give(Input::ChannelClosed { code: None });
    driver.give(Input::GameLost);
    let (_, opens) = driver.wait();
    assert!(matches!(opens.as_slice(), [Action::OpenChannel { .. }, ..]) || has_join(&opens));
    assert_eq!(driver.now.since(START), Duration::from_secs(5), "half of the first retry's spread");
}

#[test]
fn a_client_that_waits_for_a_push_polls_slowly_and_any_other_asks_when_it_is_told() {
    let inactive = |retry_after_ms| Input::JoinFailed {
        code: Some(ErrorCode::TargetNotActive),
        retry_after_ms,
    };
    let slowly = Duration::from_secs(15)..=Duration::from_secs(30);
    let failures = [Input::JoinFailed { code: None, retry_after_ms: None }, inactive(Some(3_000))];
    for failed in failures {
        let mut driver = Driver::in_world();
        driver.give(Input::GameLost);
        driver.wait();
        driver.give(failed);
        assert!(slowly.contains(&driver.wait().0));
    }
    let mut driver = Driver::in_world();
    driver.frame(force(0, 1_000));
    driver.wait();
    driver.give(inactive(Some(3_000)));
    assert_eq!(driver.wait().0, Duration::from_secs(3));
}

#[test]
fn a_token_that_no_frame_of_a_client_holds_is_told_over_another_connection() {
    let mut reopening = hello(None);
    if let ServerFrame::Hello { reopens, .. } = &mut reopening {
        *reopens = true;
    }
    for (bytes, is_told) in [(3_000, true), (CLIENT_FRAME_BYTES_MAX, false)] {
        let mut driver = Driver::in_world();
        driver.frame(reopening.clone());
        let session_token = "x".repeat(bytes);
        let answer = JoinAnswer { session_token, ..answer("standby") };
        let actions = driver.give(Input::Joined { answer: Box::new(answer) });
        let frames = actions.iter().filter_map(|action| match action {
            Action::Send { frame } => Some(frame.to_text().len()),
            _ => None,
        });
        let longest = frames.max();
        assert_eq!(longest.is_some(), is_told, "{bytes}");
        assert!(longest.is_none_or(|longest| longest <= CLIENT_FRAME_BYTES_MAX));
    }
}

fn input() -> impl Strategy<Value = Input> {
    let frames = prop_oneof![
        Just(hello(None)),
        (0u64..5_000, 0u64..5_000).prop_map(|(leave, join)| force(leave, join)),
        (6u64..9).prop_map(|at| ServerFrame::Placement(Box::new(answer_at(at, "standby")))),
        Just(ServerFrame::Hold {}),
        Just(ServerFrame::Ping {}),
        Just(ServerFrame::Unknown),
    ];
    prop_oneof![
        4 => frames.prop_map(|frame| Input::Frame { frame }),
        2 => Just(Input::Joined { answer: Box::new(answer("main")) }),
        2 => Just(Input::JoinFailed { code: None, retry_after_ms: None }),
        1 => Just(Input::ChannelClosed { code: None }),
        2 => Just(Input::GameConnected),
        2 => Just(Input::GameLost),
        4 => Just(Input::Timer),
    ]
}

proptest! {
    /// However things come, a client that is not over and not in the world always has a deadline
    /// or waits for an answer: nobody is stranded.
    #[test]
    fn nobody_waits_for_nothing(
        inputs in prop::collection::vec((input(), 0u64..40_000, 0.0f64..1.0), 0..80)
    ) {
        let mut client = Client::new(Settings::default());
        let mut now = START;
        let (mut joins_open, mut games_open) = (0i32, 0i32);
        let start = client.handle(Input::Start, now, 0.5);
        joins_open += i32::from(has_join(&start));
        for (input, gap_ms, random) in inputs {
            now = now + Duration::from_millis(gap_ms);
            // Answers come only to what was asked.
            match &input {
                Input::Joined { .. } | Input::JoinFailed { .. } if joins_open == 0 => continue,
                Input::Joined { .. } | Input::JoinFailed { .. } => joins_open -= 1,
                Input::GameConnected | Input::GameLost if games_open == 0 => continue,
                _ => {}
            }
            for action in client.handle(input, now, random) {
                match action {
                    Action::Join { .. } => joins_open += 1,
                    Action::ConnectGame { .. } => games_open = 1,
                    Action::DisconnectGame => games_open = 0,
                    _ => {}
                }
            }
            prop_assert!(joins_open <= 1, "one join at a time");
            let in_world = matches!(client.status(),
                Some(Status::InWorld { .. } | Status::Connecting { .. }));
            let is_called = joins_open == 1 || client.deadline().is_some();
            prop_assert!(in_world || is_called || client.is_over());
        }
    }
}
