//! The world as its viewers know it: they are played by a model that only applies snapshots.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// A client that knows only what it was sent.
#[derive(Debug, Default, PartialEq)]
struct Client {
    people: BTreeMap<u64, (String, i64, i64)>,
    heard: Vec<String>,
}

impl Client {
    fn apply(&mut self, frame: &Frame) {
        let frame: Value = serde_json::from_str(frame.as_str()).unwrap();
        let entries = |name: &str| frame[name].as_array().cloned().unwrap_or_default();
        for line in entries("lines") {
            self.heard.push(line["text"].as_str().unwrap().to_owned());
        }
        if frame["full"] == true {
            self.people.clear();
        }
        for id in entries("gone") {
            self.people.remove(&id.as_u64().unwrap());
        }
        for person in entries("people") {
            let name = person["name"].as_str().unwrap().to_owned();
            let place = (person["x"].as_i64().unwrap(), person["y"].as_i64().unwrap());
            self.people.insert(person["id"].as_u64().unwrap(), (name, place.0, place.1));
        }
        for moved in entries("moved") {
            let known = self.people.get_mut(&moved[0].as_u64().unwrap());
            let known = known.expect("only known people are told to move");
            (known.1, known.2) = (moved[1].as_i64().unwrap(), moved[2].as_i64().unwrap());
        }
    }
}

fn tick(world: &mut World, clients: &mut BTreeMap<PersonId, Client>) {
    world.tick(|id, frame| clients.entry(id).or_default().apply(frame));
    clients.retain(|id, _| world.people.contains_key(id));
}

/// Who is to be seen from where somebody stands.
fn visible(world: &World, viewer: PersonId) -> BTreeMap<u64, (String, i64, i64)> {
    let at = |cell: usize| (cell % world.columns, cell / world.columns);
    let own = at(world.people[&viewer].cell);
    let near = |person: &Person| {
        let cell = at(person.cell);
        own.0.abs_diff(cell.0).max(own.1.abs_diff(cell.1)) <= world.reach.cells()
    };
    let shown = |person: &Person| person.slot < world.crowding.shown_per_cell_max;
    world
        .people
        .iter()
        .filter(|(_, person)| near(person) && shown(person))
        .map(|(id, person)| {
            let (x, y) = (i64::from(person.place.x), i64::from(person.place.y));
            (u64::from(id.0), (person.name.clone(), x, y))
        })
        .collect()
}

#[derive(Debug, Clone)]
enum Act {
    Enter,
    Leave(usize),
    Walk(usize, f64, f64),
    Rename(usize),
    Forget(usize),
    Doors(bool),
    Tick,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => Just(Act::Enter),
        2 => any::<usize>().prop_map(Act::Leave),
        9 => (any::<usize>(), -900.0..10_500.0, -900.0..14_000.0)
            .prop_map(|(who, x, y)| Act::Walk(who, x, y)),
        1 => any::<usize>().prop_map(Act::Rename),
        1 => any::<usize>().prop_map(Act::Forget),
        1 => any::<bool>().prop_map(Act::Doors),
        5 => Just(Act::Tick),
    ];
    prop::collection::vec(act, 1..200)
}

/// So few that every bound is met often.
const TIGHT: Crowding = Crowding {
    whole_max: 4,
    wide_max: 8,
    near_max: 14,
    shown_per_cell_max: 2,
    moves_per_cell_max: 1,
};

proptest! {
    #[test]
    fn whoever_applies_the_snapshots_knows_who_is_in_view(acts in acts()) {
        let mut world = World::new(Map::Garden, TIGHT);
        let mut clients = BTreeMap::new();
        let mut present: Vec<PersonId> = Vec::new();
        let mut now = Duration::ZERO;
        for act in acts {
            now += Duration::from_millis(700);
            let of = |who: usize| present.get(who % present.len().max(1)).copied();
            match act {
                Act::Enter => present.push(world.enter("Ada".to_owned(), now)),
                Act::Leave(who) => if let Some(id) = of(who) {
                    world.leave(id);
                    present.retain(|other| *other != id);
                },
                Act::Walk(who, x, y) => if let Some(id) = of(who) {
                    world.walk(id, (x, y), Some(x), now);
                },
                Act::Rename(who) => if let Some(id) = of(who) {
                    world.rename(id, format!("Bo {now:?}"));
                },
                Act::Forget(who) => if let Some(id) = of(who) { world.forget_view(id) },
                Act::Doors(open) => { world.set_doors(open); }
                Act::Tick => {
                    tick(&mut world, &mut clients);
                    for id in &present {
                        let known: Vec<_> = clients[id].people.keys().copied().collect();
                        let seen: Vec<_> = visible(&world, *id).keys().copied().collect();
                        prop_assert_eq!(known, seen);
                    }
                }
            }
        }
        // One move a cell and tick: two people shown in it are up to date after two.
        for _ in 0..3 {
            tick(&mut world, &mut clients);
        }
        for id in &present {
            prop_assert_eq!(&clients[id].people, &visible(&world, *id));
            let place = world.people[id].place;
            prop_assert_eq!(place, Map::Garden.clamp(place));
        }
    }
}

fn room() -> World {
    World::new(Map::Plaza, Crowding::default())
}

fn second(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn nobody_walks_faster_than_allowed() {
    let mut world = room();
    let id = world.enter("Ada".to_owned(), second(0));
    let start = world.people[&id].place;
    let far = (f64::from(start.x), f64::from(start.y) + 2_000.0);
    let reached = world.walk(id, far, None, second(0)).expect("two seconds' way at once");
    assert_eq!(reached, Place { x: start.x, y: start.y + 800 });
    assert_eq!(world.walk(id, far, None, second(0)), Some(reached));
    assert!(world.walk(id, far, None, second(1)).is_some());
    assert_eq!(world.walk(id, far, None, second(2)), None);
}

#[test]
fn absurd_targets_and_headings_are_survived() {
    let mut world = room();
    let id = world.enter("Ada".to_owned(), second(0));
    for (n, value) in [f64::MAX, f64::MIN, 1e300, -0.0, f64::NAN, f64::INFINITY].iter().enumerate()
    {
        world.walk(id, (*value, *value), Some(*value), second(n as u64));
        let person = &world.people[&id];
        assert_eq!(person.place, Map::Plaza.clamp(person.place));
        assert!(person.heading < 360);
    }
}

#[test]
fn closed_doors_keep_people_off_the_stage_and_put_them_before_it() {
    let mut world = room();
    let id = world.enter("Ada".to_owned(), second(0));
    let on_stage = Place { x: 4_800, y: 600 };
    world.put(id, on_stage);
    let before = Place { x: 4_800, y: 1_200 };
    assert_eq!(world.set_doors(false), [(id, before)]);
    assert_eq!(world.walk(id, (4_800.0, 600.0), None, second(9)), Some(before));
    world.set_doors(true);
    assert_eq!(world.walk(id, (4_800.0, 600.0), None, second(19)), None);
    assert_eq!(world.people[&id].place, on_stage);
}

#[test]
fn those_who_see_the_same_get_the_same_bytes() {
    let mut world = room();
    let ids: Vec<_> = (0..3).map(|_| world.enter("Ada".to_owned(), second(0))).collect();
    let mut frames = Vec::new();
    world.tick(|id, frame| frames.push((id, frame.as_str().as_ptr())));
    assert_eq!(frames.len(), ids.len());
    assert!(frames.iter().all(|(_, bytes)| *bytes == frames[0].1));
}

#[test]
fn a_room_where_nothing_happens_sends_nothing() {
    let mut world = room();
    world.enter("Ada".to_owned(), second(0));
    world.tick(|_, _| {});
    world.tick(|_, _| panic!("nothing changed"));
}

#[test]
fn what_is_said_is_data_and_is_heard_once() {
    let mut world = room();
    let mut clients = BTreeMap::new();
    let id = world.enter("\"</script>".to_owned(), second(0));
    let text = "\"},{\u{2028}<b>\\";
    assert_eq!(world.say(id, text), Said::Heard);
    tick(&mut world, &mut clients);
    tick(&mut world, &mut clients);
    assert_eq!(clients[&id].heard, [text]);
    assert_eq!(clients[&id].people.values().next().unwrap().0, "\"</script>");
}

#[test]
fn what_is_said_between_snapshots_is_bounded() {
    let mut world = room();
    let id = world.enter("Ada".to_owned(), second(0));
    let heard = (0..1_000).filter(|_| world.say(id, "hey") == Said::Heard).count();
    assert_eq!(heard, TEXTS_PER_TICK_MAX);
}

#[test]
fn a_name_is_short_and_visible() {
    assert_eq!(clean_name("  Ada\u{7}\n "), Some("Ada".to_owned()));
    assert_eq!(clean_name(&"x".repeat(99)), Some("x".repeat(32)));
    assert_eq!(clean_name(" \n\t"), None);
    assert_eq!(clean_name("\u{202e}A\u{200b}da\u{feff}"), Some("Ada".to_owned()));
    assert_eq!(clean_name("👩\u{200d}🚀"), Some("👩\u{200d}🚀".to_owned()));
    for unseen in ["\u{200b}", "\u{200d}", " \u{2060} ", "\u{ad}"] {
        assert_eq!(clean_name(unseen), None, "{unseen:?}");
    }
}

#[test]
fn in_a_rush_people_are_let_in_rather_than_shown_around() {
    let mut world = World::new(Map::Plaza, Crowding::default());
    let comes = |world: &mut World, people: u32| {
        for _ in 0..people {
            world.enter("guest".to_owned(), Duration::ZERO);
        }
        world.tick(|_, _| {});
        world.snapshot_rate_hz(10)
    };
    assert_eq!(comes(&mut world, 50), 10, "500 a second are no rush yet");
    assert_eq!(comes(&mut world, 51), 1);
    assert_eq!(comes(&mut world, 501), 1, "of a whole second now");
    assert_eq!(comes(&mut world, 500), 10, "the rush is over");
}
