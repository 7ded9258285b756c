//! The shared test vectors of the client's state machine: `sdk/vectors/client.json` holds sequences
//! of inputs with what this machine makes of them, and every other SDK has to do the same.

use std::fs;
use std::path::Path;

use lifeboat_core::code::ErrorCode;
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::client::{Client, Input, Settings};
use lifeboat_protocol::join::ClientInfo;
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/vectors/client.json");
const START_MS: i64 = 1_795_000_000_000;
const RUNS: u64 = 16;
const STEPS: usize = 32;

/// A sequence of inputs in the making: a client, its clock, and what was recorded.
struct Sequence {
    name: String,
    client: Client,
    now_ms: i64,
    random: f64,
    steps: Vec<Value>,
}

impl Sequence {
    fn new(name: impl Into<String>) -> Self {
        let client = ClientInfo {
            base_version: None,
            kind: Some("vectors".into()),
            accepts: vec!["placement".into()],
        };
        Self {
            name: name.into(),
            client: Client::new(Settings { client }),
            now_ms: START_MS,
            random: 0.5,
            steps: Vec::new(),
        }
    }

    fn in_world(name: impl Into<String>) -> Self {
        Self::new(name)
            .give(json!({ "input": "start" }))
            .give(json!({ "input": "joined", "answer": answer("main") }))
            .frame(hello(&Value::Null))
            .give(json!({ "input": "gameConnected" }))
    }

    fn give(mut self, input: Value) -> Self {
        let parsed: Input =
            serde_json::from_value(input.clone()).expect("the inputs here are written by us");
        let actions = self.client.handle(parsed, Timestamp::from_ms(self.now_ms), self.random);
        self.steps.push(json!({
            "input": input, "now": self.now_ms, "random": self.random,
            "actions": actions, "deadline": self.client.deadline().map(Timestamp::as_ms),
            "status": self.client.status(),
        }));
        self
    }

    fn frame(self, frame: Value) -> Self {
        self.give(json!({ "input": "frame", "frame": frame }))
    }

    fn after(mut self, ms: i64) -> Self {
        self.now_ms += ms;
        self
    }

    fn random(mut self, random: f64) -> Self {
        self.random = random;
        self
    }

    /// Goes on to the deadline, if there is one.
    fn wait(mut self) -> Self {
        if let Some(at) = self.client.deadline() {
            self.now_ms = at.as_ms().max(self.now_ms);
        }
        self.give(json!({ "input": "timer" }))
    }

    /// One line a step, so that a change of the machine shows where it is.
    fn text(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(|step| format!("    {step}")).collect();
        format!("  {{\"name\":{},\"steps\":[\n{}\n  ]}}", json!(self.name), steps.join(",\n"))
    }
}

fn answer(world: &str) -> Value {
    json!({
        "session": "ses_1", "user": "usr_1", "requestedWorld": "wld_main",
        "world": format!("wld_{world}"), "deployment": format!("dep_{world}"),
        "launchContext": null, "redirected": world != "main", "previousAccepted": true,
        "server": format!("srv_{world}"), "endpoint": format!("ws://{world}/"),
        "streaming": { "launchMode": "same-tab" }, "allClients": 0, "revision": 7,
        "ticket": format!("ticket-{world}"), "sessionToken": format!("token-{world}"),
        "sessionUrl": "ws://lifeboat/session"
    })
}

fn hello(rejoin: &Value) -> Value {
    json!({ "type": "hello", "session": "ses_1", "revision": 7, "allClients": 0,
            "liveConfig": { "game": {}, "project": { "Stage": { "DoorsOpen": true } } },
            "heartbeatSeconds": 15, "rejoin": rejoin, "reopens": true })
}

/// Of a server that does not let a channel begin anew over its connection.
fn hello_without_reopen() -> Value {
    let mut frame = hello(&Value::Null);
    frame["reopens"] = json!(false);
    frame
}

fn force(leave_ms: u64, rejoin_ms: u64, message: Option<&str>) -> Value {
    json!({ "type": "forceDisconnect", "allClients": 1, "leaveAfterMs": leave_ms,
            "rejoinAfterMs": rejoin_ms, "reason": "failover", "failover": "fo_1",
            "message": message })
}

fn placement(world: &str) -> Value {
    pushed(answer(world))
}

fn pushed(mut answer: Value) -> Value {
    answer["type"] = json!("placement");
    answer
}

/// An answer that was decided on another catalog, with tokens of its own.
fn answer_at(revision: u64, world: &str) -> Value {
    let mut answer = answer(world);
    answer["revision"] = json!(revision);
    for token in ["ticket", "sessionToken"] {
        answer[token] = json!(format!("{token}-{world}-{revision}"));
    }
    answer
}

fn joined(answer: &Value) -> Value {
    json!({ "input": "joined", "answer": answer })
}

fn failed(code: Option<&str>, retry_after_ms: Option<u64>) -> Value {
    json!({ "input": "joinFailed", "code": code, "retryAfterMs": retry_after_ms })
}

fn closed(code: Option<u16>) -> Value {
    json!({ "input": "channelClosed", "code": code })
}

fn lost() -> Value {
    json!({ "input": "gameLost" })
}

fn moves() -> Vec<Sequence> {
    let rejoin = json!({ "leaveAfterMs": 0, "rejoinAfterMs": 2000, "reason": "failover" });
    vec![
        Sequence::in_world("an order to leave, a slot, a join, the standby")
            .frame(force(0, 4_000, Some("<b>We move</b>")))
            .wait()
            .give(json!({ "input": "joined", "answer": answer("standby") }))
            .frame(hello(&Value::Null))
            .give(json!({ "input": "gameConnected" })),
        Sequence::in_world("a graceful order keeps the world until the slot")
            .frame(force(4_000, 4_000, None))
            .wait(),
        Sequence::in_world("a placement moves only the game connection")
            .frame(force(0, 9_000, None))
            .frame(placement("standby"))
            .give(json!({ "input": "gameConnected" }))
            .wait(),
        Sequence::in_world("a hello after the counter rose")
            .give(closed(Some(1006)))
            .wait()
            .frame(hello(&rejoin))
            .wait(),
        Sequence::in_world("hold, the slow poll, a placement")
            .frame(force(0, 1_000, None))
            .frame(json!({ "type": "progress", "over": 3_120, "present": 5_000 }))
            .frame(json!({ "type": "hold" }))
            .wait()
            .frame(placement("standby")),
        Sequence::in_world("a lost game, one join, then a slow poll")
            .random(0.29)
            .give(lost())
            .wait()
            .give(failed(Some("world_not_active"), Some(3_000)))
            .after(1_000)
            .frame(json!({ "type": "ping" }))
            .wait(),
        Sequence::in_world("a lost game, no answer, then a slow poll")
            .random(0.57)
            .give(lost())
            .wait()
            .give(failed(None, None))
            .wait(),
        Sequence::in_world("game and channel lost together").give(closed(None)).give(lost()).wait(),
        Sequence::in_world("an order, and the target is not there")
            .frame(force(0, 1_000, None))
            .wait()
            .give(failed(Some("target_not_active"), Some(3_000)))
            .wait(),
        Sequence::in_world("an order while a join is on its way")
            .frame(force(0, 0, None))
            .wait()
            .frame(force(0, 0, None))
            .after(1_000)
            .give(json!({ "input": "timer" }))
            .give(lost()),
        Sequence::in_world("a lost game during an order keeps the slot")
            .frame(force(5_000, 8_000, None))
            .after(1_000)
            .give(lost())
            .wait(),
    ]
}

/// Joins of a client whose channel is open.
fn reopened() -> Vec<Sequence> {
    let joined = |sequence: Sequence, world: &str| {
        sequence.give(json!({ "input": "joined", "answer": answer(world) }))
    };
    let ordered = |name: &str| Sequence::in_world(name).frame(force(0, 1_000, None)).wait();
    let elsewhere = |field: &str, value: &str| {
        let mut answer = answer("standby");
        answer[field] = json!(value);
        ordered(&format!("a join with another {field}"))
            .give(json!({ "input": "joined", "answer": answer }))
    };
    // A client's frame has at most 4 KiB.
    let token_of = |bytes: usize| {
        let mut answer = answer("standby");
        answer["sessionToken"] = json!("t".repeat(bytes));
        ordered(&format!("a join with a session token of {bytes} bytes"))
            .give(json!({ "input": "joined", "answer": answer }))
    };
    vec![
        joined(ordered("what comes before the hello is of the channel before"), "standby")
            .frame(force(0, 9_000, None))
            .frame(placement("main"))
            .frame(json!({ "type": "hold" }))
            .frame(json!({ "type": "tokens", "ticket": "t2", "sessionToken": "s2" }))
            .frame(json!({ "type": "liveConfig", "revision": 8, "changes": { "/game/A": 1 } }))
            .frame(json!({ "type": "ping" }))
            .frame(hello(&Value::Null))
            .frame(json!({ "type": "ping" }))
            .give(json!({ "input": "gameConnected" })),
        joined(ordered("a channel that begins anew and is closed"), "standby")
            .frame(json!({ "type": "error", "code": "session_expired", "detail": "",
                           "retryAfterMs": null }))
            .give(closed(Some(4002)))
            .wait(),
        joined(ordered("a channel that begins anew and stays silent"), "standby").wait().wait(),
        joined(
            Sequence::in_world("a channel that was silent is opened elsewhere").after(15_000),
            "main",
        ),
        joined(ordered("a server that does not take it").frame(hello_without_reopen()), "standby"),
        elsewhere("session", "ses_2"),
        elsewhere("sessionUrl", "ws://other/session"),
        token_of(4_061),
        token_of(4_062),
    ]
}

/// Joins that a pushed placement overtakes.
fn overtaken() -> Vec<Sequence> {
    // A game server that was lost and a slot that came are the two that ask while they are called.
    let asked = |name: &str| Sequence::in_world(name).give(lost()).wait();
    let slot = |name: &str| Sequence::in_world(name).frame(force(0, 1_000, None)).wait();
    let elsewhere = pushed(answer_at(9, "standby"));
    let mut all = vec![
        asked("overtaken, and the answer is older")
            .frame(elsewhere.clone())
            .give(joined(&answer_at(8, "main")))
            .give(json!({ "input": "gameConnected" })),
        asked("overtaken, and the answer is newer and leads elsewhere")
            .frame(elsewhere.clone())
            .give(json!({ "input": "gameConnected" }))
            .give(joined(&answer_at(9, "garden")))
            .frame(hello(&Value::Null))
            .give(json!({ "input": "gameConnected" })),
        slot("overtaken, and the answer is newer and leads to the same place")
            .frame(elsewhere.clone())
            .give(json!({ "input": "gameConnected" }))
            .give(joined(&answer_at(9, "standby")))
            .frame(hello(&Value::Null)),
        asked("overtaken, and an order comes before the answer")
            .frame(elsewhere.clone())
            .frame(force(0, 2_000, None))
            .give(joined(&answer_at(8, "main")))
            .wait(),
        asked("overtaken, lost again, and the answer is older")
            .frame(elsewhere.clone())
            .give(lost())
            .give(joined(&answer_at(8, "main")))
            .wait(),
        asked("overtaken, lost again, and the answer is newer")
            .frame(elsewhere.clone())
            .give(lost())
            .give(joined(&answer_at(9, "standby"))),
        asked("overtaken once, and the next join is a join like any other")
            .frame(elsewhere.clone())
            .give(failed(None, None))
            .give(lost())
            .wait()
            .give(joined(&answer_at(8, "main"))),
    ];
    for code in [None, Some("admission_paced"), Some("banned")] {
        let name = code.unwrap_or("no answer");
        all.push(
            slot(&format!("overtaken, and then {name}"))
                .frame(elsewhere.clone())
                .give(failed(code, code.map(|_| 1_000)))
                .give(json!({ "input": "gameConnected" }))
                .wait(),
        );
        all.push(
            asked(&format!("overtaken, lost again, and then {name}"))
                .frame(elsewhere.clone())
                .give(lost())
                .give(failed(code, None))
                .wait(),
        );
    }
    all
}

/// Whoever is sent to where it is stays there.
fn stays() -> Vec<Sequence> {
    let with = |field: &str, value: Value| {
        let mut answer = answer_at(8, "main");
        answer[field] = value;
        answer
    };
    let renewed = |name: &str| Sequence::in_world(name).give(closed(Some(4002))).wait();
    let mut all = vec![
        renewed("a token that expired costs nobody the game")
            .give(joined(&answer_at(8, "main")))
            .frame(hello(&Value::Null)),
        Sequence::in_world("a placement to where it is")
            .frame(pushed(answer_at(8, "main")))
            .give(closed(None))
            .wait(),
    ];
    for (field, value) in [
        ("session", json!("ses_2")),
        ("deployment", json!("dep_2")),
        ("server", json!("srv_2")),
        ("endpoint", json!("ws://2/")),
        ("allClients", json!(1)),
    ] {
        let name = format!("with another {field} it connects anew");
        all.push(renewed(&name).give(joined(&with(field, value))));
    }
    all
}

fn channels() -> Vec<Sequence> {
    let bye = |reason: &str| json!({ "type": "bye", "reason": reason, "retryAfterMs": 1_700 });
    let mut all = vec![
        Sequence::in_world("a silent server is given up").wait().wait(),
        Sequence::in_world("new tokens are used from then on")
            .frame(json!({ "type": "tokens", "ticket": "t2", "sessionToken": "s2" }))
            .give(closed(None))
            .wait()
            .give(closed(Some(4002)))
            .wait(),
        Sequence::in_world("values, messages, pings, strangers")
            .frame(json!({ "type": "liveConfig", "revision": 8,
                           "changes": { "/project/Stage/DoorsOpen": false } }))
            .frame(json!({ "type": "message", "text": "hello" }))
            .frame(json!({ "type": "ping" }))
            .frame(json!({ "type": "of tomorrow", "x": [1] })),
        Sequence::in_world("an error says when to come back")
            .frame(json!({ "type": "error", "code": "rate_limited", "detail": "later",
                           "retryAfterMs": 2_500 }))
            .give(closed(Some(4009)))
            .wait(),
        Sequence::in_world("reasons and codes of tomorrow")
            .frame(json!({ "type": "forceDisconnect", "allClients": 1, "leaveAfterMs": 0,
                           "rejoinAfterMs": 2_000, "reason": "of tomorrow" }))
            .frame(json!({ "type": "error", "code": "of tomorrow", "detail": "",
                           "retryAfterMs": 300 }))
            .give(closed(None))
            .wait()
            .frame(hello(&json!({ "leaveAfterMs": 0, "rejoinAfterMs": 100,
                                  "reason": "of tomorrow" })))
            .frame(bye("of tomorrow"))
            .give(closed(Some(1001)))
            .wait(),
        Sequence::in_world("after a wait that was asked for, the next is everybody's first")
            .frame(bye("shutdown"))
            .give(closed(Some(1001)))
            .wait()
            .give(closed(None))
            .wait()
            .give(closed(None))
            .wait(),
        Sequence::in_world("the user leaves").give(json!({ "input": "leave" })),
    ];
    for reason in ["shutdown", "replaced", "kicked", "expired", "slow"] {
        let name = format!("bye: {reason}");
        all.push(Sequence::in_world(name).frame(bye(reason)).give(closed(Some(1001))).wait());
    }
    for code in [1001, 4001, 4002, 4003, 4004, 4008, 4009] {
        all.push(Sequence::in_world(format!("close code {code}")).give(closed(Some(code))).wait());
    }
    all
}

fn refusals() -> Vec<Sequence> {
    let codes = ErrorCode::ALL.iter().map(|code| {
        Sequence::new(format!("refused: {code}"))
            .give(json!({ "input": "start" }))
            .give(failed(Some(code.as_str()), None))
            .wait()
    });
    let mut backoff = Sequence::new("no answer, again and again").give(json!({ "input": "start" }));
    for random in [0.1, 0.29, 0.57, 0.7, 0.999, 0.0, 0.3, 0.61, 0.9] {
        backoff = backoff.random(random).give(failed(None, None)).wait();
    }
    let mut doors = Sequence::new("a game server that refuses again and again")
        .give(json!({ "input": "start" }));
    for random in [0.2, 0.4, 0.6, 0.8, 0.29] {
        doors = doors
            .random(random)
            .give(json!({ "input": "joined", "answer": answer("main") }))
            .give(lost())
            .wait();
    }
    let asked = Sequence::new("a wait that is asked for is kept exactly")
        .give(json!({ "input": "start" }))
        .give(failed(Some("admission_paced"), Some(1_234)))
        .wait()
        .give(failed(None, Some(10)))
        .wait();
    let mut herd = Sequence::new("paced, then no answer").give(json!({ "input": "start" }));
    for retry_after_ms in [None, None, Some(200), None, None] {
        herd = herd.give(failed(None, retry_after_ms)).wait();
    }
    codes.chain([backoff, doors, asked, herd]).collect()
}

/// Numbers that look random and are the same in each run (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

fn some_answer(dice: &mut Dice) -> Value {
    let world = ["main", "standby"][dice.below(2) as usize];
    answer_at(7 + dice.below(3), world)
}

fn drawn(dice: &mut Dice) -> Value {
    let frame = |frame: Value| json!({ "input": "frame", "frame": frame });
    match dice.below(16) {
        0 => frame(hello(&Value::Null)),
        1 => frame(force(dice.below(2) * dice.below(5_000), dice.below(9_000), None)),
        2 => frame(pushed(some_answer(dice))),
        3 => frame(json!({ "type": "hold" })),
        4 => frame(json!({ "type": "ping" })),
        5 => frame(json!({ "type": "tokens", "ticket": "t", "sessionToken": "s" })),
        6 => frame(json!({ "type": "bye", "reason": "slow", "retryAfterMs": null })),
        7 | 8 => joined(&some_answer(dice)),
        9 => failed(None, None),
        10 => failed(Some("target_not_active"), Some(dice.below(4_000))),
        11 => closed([None, Some(4002), Some(1006)][dice.below(3) as usize]),
        12 => json!({ "input": "gameConnected" }),
        13 => lost(),
        _ => json!({ "input": "timer" }),
    }
}

fn mixtures() -> impl Iterator<Item = Sequence> {
    (0..RUNS).map(|run| {
        let mut dice = Dice(run);
        let start = Sequence::new(format!("mixture {run}")).give(json!({ "input": "start" }));
        (0..STEPS).fold(start, |sequence, _| {
            // 53 bits, as far as a double is exact.
            let random = (dice.next() >> 11) as f64 / (1u64 << 53) as f64;
            let sequence = sequence.random(random);
            if dice.below(3) == 0 {
                return sequence.wait();
            }
            let gap_ms = i64::try_from(dice.below(20_000)).expect("it is below 20 000");
            let input = drawn(&mut dice);
            sequence.after(gap_ms).give(input)
        })
    })
}

#[test]
fn the_vectors_for_other_languages_are_those_of_this_machine() {
    let written =
        [moves(), reopened(), overtaken(), stays(), channels(), refusals()].into_iter().flatten();
    let all = written.chain(mixtures());
    let sequences: Vec<String> = all.map(|sequence| sequence.text()).collect();
    let text = format!("[\n{}\n]\n", sequences.join(",\n"));
    let path = Path::new(FILE);
    if fs::read_to_string(path).is_ok_and(|kept| kept == text) {
        return;
    }
    fs::write(path, &text).unwrap();
    panic!("{FILE} was stale and has been written again: run the test of each SDK and commit it");
}
