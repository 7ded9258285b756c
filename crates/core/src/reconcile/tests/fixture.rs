//! A runtime that does what it is told at once, and a record that is always written.

use crate::deployment::Deployment;
use crate::ids::{DeploymentId, ServerId, WorldId};
use crate::mods::{ModManifest, Protocol};
use crate::phase::Phase;
use crate::reconcile::{
    Action, Health, LaunchIds, Observed, Plan, Policy, RestartPolicy, ServerObserved, decide,
    launch,
};
use crate::time::Timestamp;
use crate::version::BaseVersion;
use crate::world::{Profile, World, tests::spec};

pub(super) fn world(profile: Profile) -> World {
    let mut spec = spec();
    spec.scale.profile = profile;
    World {
        id: WorldId::from_unique("a"),
        spec,
        standby_for: None,
        standby: None,
        mirror: false,
        deployment: None,
        created_at: Timestamp::default(),
    }
}

pub(super) fn manifest(seats_per_server: u32) -> ModManifest {
    ModManifest {
        name: "plaza".into(),
        version: "1.0.0".into(),
        command: vec!["plaza".into()],
        base_versions: vec![BaseVersion::new(38)],
        content_versions: vec!["2026.11.1".into()],
        maps: vec!["plaza".into()],
        seats_per_server,
        joins_per_second_per_server: 50.0,
        protocol: Protocol::Ws,
        path: "/".into(),
    }
}

pub(super) struct Bench {
    pub(super) record: Deployment,
    pub(super) observed: Observed,
    pub(super) policy: Policy,
    pub(super) now: Timestamp,
    ids_given: usize,
}

impl Bench {
    /// A deployment that was just launched, with `servers` wanted.
    pub(super) fn launched(servers: u32, restart: RestartPolicy) -> Self {
        let now = Timestamp::from_ms(1_000_000);
        let ids = LaunchIds { deployment: DeploymentId::from_unique("a"), launch_context: None };
        let seats = Profile::Capacity500.seats().div_ceil(servers);
        let record = launch(&world(Profile::Capacity500), &manifest(seats), ids, now).unwrap();
        assert_eq!(record.servers_wanted, servers);
        let policy = Policy::new(restart);
        Self { record, observed: Observed::default(), policy, now, ids_given: 0 }
    }

    /// The same, with every server ready.
    pub(super) fn active(servers: u32, restart: RestartPolicy) -> Self {
        let mut bench = Self::launched(servers, restart);
        bench.decide();
        for index in 0..bench.record.servers.len() {
            bench.make_ready(index);
        }
        bench.decide();
        assert_eq!(bench.record.phase, Phase::Active);
        bench
    }

    pub(super) fn plan(&mut self) -> Plan {
        let ids_given = &mut self.ids_given;
        decide(&self.record, &self.observed, &self.policy, self.now, || {
            *ids_given += 1;
            ServerId::from_unique(&ids_given.to_string())
        })
    }

    /// Decides, writes the record and carries the actions out.
    pub(super) fn decide(&mut self) -> Plan {
        let plan = self.plan();
        self.carry_out(&plan);
        plan
    }

    pub(super) fn carry_out(&mut self, plan: &Plan) {
        if let Some(next) = &plan.next {
            self.record = next.clone();
        }
        for action in &plan.actions {
            match action {
                Action::Start { server } => {
                    assert!(self.record.server(server).is_some(), "it is in the record first");
                    let seen = ServerObserved { alive: true, ..ServerObserved::default() };
                    self.observed.servers.insert(server.clone(), seen);
                }
                Action::Stop { server } | Action::Kill { server } => {
                    self.seen(server).ending = true;
                }
                Action::Forget { server } => {
                    let seen = self.observed.servers.remove(server).unwrap();
                    assert!(!seen.alive, "the living are never forgotten");
                }
            }
        }
    }

    pub(super) fn seen(&mut self, server: &ServerId) -> &mut ServerObserved {
        self.observed.servers.get_mut(server).unwrap()
    }

    pub(super) fn make_ready(&mut self, index: usize) {
        let server = self.record.servers[index].id.clone();
        let seen = self.seen(&server);
        seen.ready = true;
        seen.health = Health::Healthy;
        seen.endpoint = Some("ws://127.0.0.1:1/".into());
    }

    pub(super) fn end(&mut self, server: &ServerId, exit: &str) {
        let seen = self.seen(server);
        seen.alive = false;
        seen.exit = Some(exit.into());
    }

    pub(super) fn end_first_ready(&mut self, exit: &str) -> ServerId {
        let server = self.record.ready_servers().next().unwrap().id.clone();
        self.end(&server, exit);
        server
    }
}
