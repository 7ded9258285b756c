use proptest::prelude::*;

use super::*;
use crate::sdk::error::SdkErrorKind;

const NOW: Timestamp = Timestamp::from_ms(1_000_000);

fn sdk() -> Sdk {
    let counters = BTreeMap::from([("rooms".into(), Counter { count: 1, capacity: 10 })]);
    Sdk::new(3, BTreeMap::new(), BTreeMap::new(), counters, BTreeMap::new())
}

fn values(sdk: &Sdk) -> Vec<String> {
    sdk.players().to_vec()
}

#[test]
fn a_reservation_leads_back_to_ready_when_its_time_is_up() {
    let mut sdk = sdk();
    sdk.ready(NOW);
    sdk.reserve(5, NOW).unwrap();
    sdk.expire(NOW + Duration::from_millis(4_999));
    assert_eq!(sdk.state(), SdkState::Reserved);
    sdk.expire(NOW + Duration::from_secs(5));
    assert_eq!((sdk.state(), sdk.reserved_until()), (SdkState::Ready, None));
}

#[test]
fn a_reservation_of_zero_seconds_is_for_good() {
    let mut sdk = sdk();
    sdk.reserve(0, NOW).unwrap();
    sdk.expire(NOW + Duration::from_hours(1_000));
    assert_eq!(sdk.state(), SdkState::Reserved);
    assert_eq!(sdk.reserve(-1, NOW).unwrap_err().kind, SdkErrorKind::InvalidArgument);
}

#[test]
fn an_allocation_ends_a_reservation_and_its_timer() {
    let mut sdk = sdk();
    sdk.reserve(5, NOW).unwrap();
    sdk.allocate(NOW);
    sdk.expire(NOW + Duration::from_secs(60));
    assert_eq!(sdk.state(), SdkState::Allocated);
}

#[test]
fn an_unhealthy_server_does_not_make_itself_ready() {
    let mut sdk = sdk();
    sdk.allocate(NOW);
    sdk.mark_unhealthy();
    sdk.ready(NOW);
    sdk.reserve(1, NOW).unwrap();
    assert_eq!(sdk.state(), SdkState::Unhealthy);
    sdk.reinstate();
    assert_eq!(sdk.state(), SdkState::Allocated, "the control plane may take it back");
}

#[test]
fn the_first_ready_is_remembered() {
    let mut sdk = sdk();
    sdk.ready(NOW);
    sdk.shutdown();
    sdk.ready(NOW + Duration::from_secs(9));
    assert_eq!(sdk.ready_at(), Some(NOW));
}

#[test]
fn keys_of_metadata_are_prefixed_and_checked() {
    let mut sdk = sdk();
    sdk.set_label("map", "garden").unwrap();
    sdk.set_own_annotation("note", "any text, ü").unwrap();
    assert_eq!(sdk.labels()["agones.dev/sdk-map"], "garden");
    assert_eq!(sdk.annotations()["agones.dev/sdk-note"], "any text, ü");
    for name in ["", "a/b", "-a", "a b", &"x".repeat(64)] {
        assert_eq!(sdk.set_label(name, "v").unwrap_err().kind, SdkErrorKind::InvalidArgument);
    }
    assert!(sdk.set_label("map", "no spaces").is_err());
}

#[test]
fn the_number_of_keys_is_bounded() {
    let mut sdk = sdk();
    for n in 0..METADATA_ENTRIES_MAX {
        sdk.set_label(&format!("k{n}"), "v").unwrap();
    }
    assert_eq!(sdk.set_label("more", "v").unwrap_err().kind, SdkErrorKind::ResourceExhausted);
    sdk.set_label("k0", "changed").unwrap();
}

#[test]
fn a_counter_stays_within_its_bounds_and_changes_as_a_whole() {
    let mut sdk = sdk();
    let update = |difference| CounterUpdate { difference, ..CounterUpdate::default() };
    assert_eq!(sdk.update_counter("rooms", update(9)).unwrap().count, 10);
    for difference in [1, -11, i64::MIN, i64::MAX] {
        let refusal = sdk.update_counter("rooms", update(difference)).unwrap_err();
        assert_eq!(refusal.kind, SdkErrorKind::OutOfRange);
    }
    let below = CounterUpdate { capacity: Some(5), ..CounterUpdate::default() };
    assert!(sdk.update_counter("rooms", below).is_err());
    assert_eq!(sdk.counter("rooms").unwrap(), Counter { count: 10, capacity: 10 });
    assert_eq!(sdk.counter("none").unwrap_err().kind, SdkErrorKind::NotFound);
}

#[test]
fn a_list_refuses_repetition_overflow_and_strangers() {
    let mut sdk = sdk();
    for value in ["a", "b", "c"] {
        sdk.add_to_list(PLAYERS, value).unwrap();
    }
    assert_eq!(sdk.add_to_list(PLAYERS, "a").unwrap_err().kind, SdkErrorKind::AlreadyExists);
    assert_eq!(sdk.add_to_list(PLAYERS, "d").unwrap_err().kind, SdkErrorKind::OutOfRange);
    assert_eq!(sdk.remove_from_list(PLAYERS, "z").unwrap_err().kind, SdkErrorKind::NotFound);
    sdk.remove_from_list(PLAYERS, "b").unwrap();
    assert_eq!(values(&sdk), ["a", "c"]);
}

#[test]
fn an_update_of_a_list_overwrites_and_drops_what_is_over_capacity() {
    let mut sdk = sdk();
    let update = ListUpdate {
        capacity: Some(2),
        values: Some(["x", "y", "x", "z"].map(String::from).to_vec()),
    };
    sdk.update_list(PLAYERS, update).unwrap();
    assert_eq!(values(&sdk), ["x", "y"]);
    let only_capacity = ListUpdate { capacity: Some(1), values: None };
    sdk.update_list(PLAYERS, only_capacity).unwrap();
    assert_eq!(values(&sdk), ["x"]);
    let huge = ListUpdate { capacity: Some(i64::MAX), values: None };
    assert_eq!(sdk.update_list(PLAYERS, huge).unwrap_err().kind, SdkErrorKind::OutOfRange);
}

#[test]
fn what_changes_nothing_leaves_the_version() {
    let mut sdk = sdk();
    sdk.ready(NOW);
    sdk.set_label("k", "v").unwrap();
    let version = sdk.version();
    sdk.ready(NOW);
    sdk.set_label("k", "v").unwrap();
    sdk.update_counter("rooms", CounterUpdate::default()).unwrap();
    sdk.update_list(PLAYERS, ListUpdate::default()).unwrap();
    assert_eq!(sdk.version(), version);
}

#[test]
fn it_is_the_same_after_being_written_and_read() {
    let mut sdk = sdk();
    sdk.ready(NOW);
    sdk.reserve(7, NOW).unwrap();
    sdk.add_to_list(PLAYERS, "ses_1").unwrap();
    let text = serde_json::to_string(&sdk).unwrap();
    assert_eq!(serde_json::from_str::<Sdk>(&text).unwrap(), sdk);
}

#[derive(Debug, Clone, Copy)]
enum Call {
    Ready,
    Allocate,
    Reserve(i64),
    Expire,
    Unhealthy,
    Reinstate,
    Shutdown,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        Just(Call::Ready),
        Just(Call::Allocate),
        (0_i64..3).prop_map(Call::Reserve),
        Just(Call::Expire),
        Just(Call::Unhealthy),
        Just(Call::Reinstate),
        Just(Call::Shutdown),
    ];
    proptest::collection::vec(call, 0..40)
}

proptest! {
    #[test]
    fn no_sequence_of_calls_leaves_shutdown_or_revives_the_unhealthy(calls in calls()) {
        let mut sdk = sdk();
        let mut now = NOW;
        for call in calls {
            let before = sdk.state();
            let version = sdk.version();
            now = now + Duration::from_secs(1);
            match call {
                Call::Ready => sdk.ready(now),
                Call::Allocate => sdk.allocate(now),
                Call::Reserve(seconds) => sdk.reserve(seconds, now).unwrap(),
                Call::Expire => sdk.expire(now),
                Call::Unhealthy => sdk.mark_unhealthy(),
                Call::Reinstate => sdk.reinstate(),
                Call::Shutdown => sdk.shutdown(),
            }
            let after = sdk.state();
            prop_assert!(before != SdkState::Shutdown || after == SdkState::Shutdown);
            if before == SdkState::Unhealthy && after != SdkState::Unhealthy {
                prop_assert!(matches!(call, Call::Reinstate | Call::Shutdown));
            }
            prop_assert!(before == after || sdk.version() > version);
            prop_assert!(sdk.reserved_until().is_none() || after != SdkState::Ready);
        }
    }
}

#[test]
fn what_a_server_may_say_is_bounded_to_the_byte() {
    let mut sdk = sdk();
    let letters = |count: usize| "x".repeat(count);
    let label = METADATA_NAME_BYTES_MAX - "sdk-".len();
    let full = ListUpdate { capacity: Some(LIST_CAPACITY_MAX), values: None };
    let over = ListUpdate { capacity: Some(LIST_CAPACITY_MAX + 1), values: None };
    for (at, over) in [
        (sdk.set_label(&letters(label), "v"), sdk.set_label(&letters(label + 1), "v")),
        (
            sdk.set_label("a", &letters(LABEL_VALUE_BYTES_MAX)),
            sdk.set_label("a", &letters(LABEL_VALUE_BYTES_MAX + 1)),
        ),
        (
            sdk.set_own_annotation("a", &letters(METADATA_VALUE_BYTES_MAX)),
            sdk.set_own_annotation("a", &letters(METADATA_VALUE_BYTES_MAX + 1)),
        ),
        (sdk.update_list(PLAYERS, full).map(drop), sdk.update_list(PLAYERS, over).map(drop)),
        (
            sdk.add_to_list(PLAYERS, &letters(LIST_VALUE_BYTES_MAX)).map(drop),
            sdk.add_to_list(PLAYERS, &letters(LIST_VALUE_BYTES_MAX + 1)).map(drop),
        ),
    ] {
        at.unwrap();
        let refused = over.unwrap_err();
        let named = refused.message.chars().any(|letter| letter.is_ascii_digit());
        assert!(named, "the limit is named: {}", refused.message);
    }
}
