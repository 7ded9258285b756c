//! One round of deciding: each step looks at the levels and changes the next record.

use std::mem;

use super::words::{self, Loss};
use super::{Action, Health, Observed, Plan, Policy, RestartPolicy, ServerObserved, is_kept_up};
use crate::deployment::{Deployment, Server, ServerPhase};
use crate::ids::ServerId;
use crate::phase::{Phase, PhaseAnswer, PhaseEvent};
use crate::time::Timestamp;

/// The state of one round.
pub(super) struct Round<'a> {
    present: &'a Deployment,
    observed: &'a Observed,
    policy: &'a Policy,
    now: Timestamp,
    next: Deployment,
    actions: Vec<Action>,
    reasons: Vec<String>,
}

impl<'a> Round<'a> {
    pub(super) fn new(
        present: &'a Deployment,
        observed: &'a Observed,
        policy: &'a Policy,
        now: Timestamp,
    ) -> Self {
        let next = present.clone();
        Self { present, observed, policy, now, next, actions: Vec::new(), reasons: Vec::new() }
    }

    pub(super) fn run(mut self, fresh: impl FnMut() -> ServerId) -> Plan {
        self.end_when_its_time_is_over();
        match self.next.phase {
            Phase::Starting | Phase::Active | Phase::Error => {
                let losses = self.survey();
                self.account_for(&losses);
                self.follow_readiness();
                self.end_the_lost();
                if is_kept_up(self.next.phase) {
                    self.fill_vacancies(fresh);
                }
            }
            Phase::Stopping => self.stop_servers(),
            Phase::Inactive => {}
        }
        self.clear_strangers();
        self.finish()
    }

    /// Applies the phase table; the answers to what a deployment goes through are a new phase or
    /// none.
    fn happens(&mut self, event: PhaseEvent) -> bool {
        match self.next.phase.on(event) {
            PhaseAnswer::Become(phase) => {
                self.reasons.push(format!("{:?} becomes {phase:?}: {event:?}", self.next.phase));
                self.next.phase = phase;
                true
            }
            PhaseAnswer::Stay | PhaseAnswer::NewDeployment | PhaseAnswer::Refuse(_) => false,
        }
    }

    fn seen(&self, server: &ServerId) -> Option<&'a ServerObserved> {
        self.observed.servers.get(server)
    }

    fn is_alive(&self, server: &ServerId) -> bool {
        self.seen(server).is_some_and(|seen| seen.alive)
    }

    fn end_when_its_time_is_over(&mut self) {
        if self.now >= self.next.ends_at && self.happens(PhaseEvent::DurationEnded) {
            self.next.message = "its time is over".to_owned();
        }
    }

    /// Takes over what the runtime sees of each server; gives back those lost since last time.
    fn survey(&mut self) -> Vec<Loss> {
        let mut losses = Vec::new();
        for server in &mut self.next.servers {
            let seen = self.observed.servers.get(&server.id);
            if matches!(server.phase, ServerPhase::Lost | ServerPhase::Stopping) {
                continue;
            }
            if let Some(loss) = loss_of(server, seen, self.policy, self.now) {
                server.phase = ServerPhase::Lost;
                losses.push(loss);
            } else if let Some(seen) = seen {
                if seen.ready {
                    server.phase = ServerPhase::Ready;
                }
                if seen.endpoint.is_some() {
                    server.endpoint.clone_from(&seen.endpoint);
                }
            }
        }
        losses
    }

    /// Counts the losses and gives the deployment up when they are too many.
    fn account_for(&mut self, losses: &[Loss]) {
        let Some((first, others)) = losses.split_first() else { return };
        self.reasons.extend(losses.iter().map(Loss::sentence));
        if !is_kept_up(self.next.phase) {
            return;
        }
        let (now, window) = (self.now, self.policy.replacement_window);
        self.next.losses.retain(|at| now.since(*at) < window);
        self.next.losses.extend(losses.iter().map(|_| now));
        let count = self.next.losses.len();
        let is_given_up =
            self.policy.restart == RestartPolicy::Never || count > self.policy.replacements_max;
        let more = others.len();
        if is_given_up && self.happens(PhaseEvent::ReplacementsUsedUp) {
            self.next.message = words::given_up(first, more, count, self.policy, self.present);
        } else {
            self.next.message = words::to_be_replaced(first, more, count, self.policy);
        }
    }

    fn follow_readiness(&mut self) {
        let event = match self.next.ready_servers().next() {
            Some(_) => PhaseEvent::ServerReady,
            None => PhaseEvent::ServersLost,
        };
        self.happens(event);
    }

    /// Ends lost servers whose process is still there. One that asked for it gets the time to end
    /// in order; one that hangs is killed, or left alone where nothing is restarted.
    fn end_the_lost(&mut self) {
        let lost = self.next.servers.iter().filter(|one| one.phase == ServerPhase::Lost);
        for server in lost.map(|one| one.id.clone()) {
            let Some(seen) = self.seen(&server).filter(|seen| seen.alive && !seen.ending) else {
                continue;
            };
            if seen.shutdown_requested {
                self.actions.push(Action::Stop { server });
            } else if self.policy.restart == RestartPolicy::OnFailure {
                self.actions.push(Action::Kill { server });
            }
        }
    }

    fn fill_vacancies(&mut self, mut fresh: impl FnMut() -> ServerId) {
        let due = self.vacancies_due_at().filter(|at| *at <= self.now).count();
        for _ in 0..due {
            let server = fresh();
            self.reasons.push(format!("server {server} is started"));
            self.next.servers.push(Server {
                id: server.clone(),
                phase: ServerPhase::Starting,
                endpoint: None,
                started_at: self.now,
                process: None,
            });
            self.actions.push(Action::Start { server });
        }
        self.clear_the_replaced();
        if self.vacancies() == 0 {
            let ready = self.next.ready_servers().count();
            self.next.message = words::readiness(ready, self.next.servers_wanted);
        }
    }

    fn wanted(&self) -> usize {
        usize::try_from(self.next.servers_wanted).unwrap_or(usize::MAX)
    }

    /// How many servers are missing.
    fn vacancies(&self) -> usize {
        let kept = self.next.servers.iter().filter(|one| one.phase != ServerPhase::Lost).count();
        self.wanted().saturating_sub(kept)
    }

    /// When each missing server may be started: those that a loss left behind after its backoff,
    /// those that never were at once. Losses are made good in their order, so the vacancies are
    /// those of the latest losses.
    fn vacancies_due_at(&self) -> impl Iterator<Item = Timestamp> {
        let after_loss: Vec<_> = self
            .next
            .losses
            .iter()
            .zip(0u32..)
            .map(|(at, earlier)| {
                let doubled = 2u32.saturating_pow(earlier);
                *at + self.policy.replacement_backoff.saturating_mul(doubled)
            })
            .collect();
        let vacancies = self.vacancies();
        let never_were = vacancies.saturating_sub(after_loss.len());
        let made_good = after_loss.len().saturating_sub(vacancies);
        std::iter::repeat_n(self.now, never_were).chain(after_loss.into_iter().skip(made_good))
    }

    /// Drops lost servers that are gone once others stand in their place; until then they show
    /// what is missing.
    fn clear_the_replaced(&mut self) {
        let mut surplus = {
            let gone = self.next.servers.iter().filter(|one| self.is_lost_and_gone(one)).count();
            gone.saturating_sub(self.vacancies())
        };
        for server in mem::take(&mut self.next.servers) {
            if surplus > 0 && self.is_lost_and_gone(&server) {
                surplus -= 1;
            } else {
                self.next.servers.push(server);
            }
        }
    }

    fn is_lost_and_gone(&self, server: &Server) -> bool {
        server.phase == ServerPhase::Lost && !self.is_alive(&server.id)
    }

    fn stop_servers(&mut self) {
        for mut server in mem::take(&mut self.next.servers) {
            let Some(seen) = self.seen(&server.id).filter(|seen| seen.alive) else {
                self.reasons.push(format!("server {} has ended", server.id));
                continue;
            };
            if !seen.ending {
                self.actions.push(Action::Stop { server: server.id.clone() });
            }
            server.phase = ServerPhase::Stopping;
            self.next.servers.push(server);
        }
        let nothing_lives = !self.observed.servers.values().any(|seen| seen.alive);
        if nothing_lives && self.happens(PhaseEvent::ServersGone) {
            self.next.ended_at = Some(self.now);
        }
    }

    /// Processes that no record knows: the living are ended, the dead forgotten.
    fn clear_strangers(&mut self) {
        for (server, seen) in &self.observed.servers {
            if self.next.server(server).is_some() {
                continue;
            }
            let server = server.clone();
            if !seen.alive {
                self.actions.push(Action::Forget { server });
            } else if !seen.ending {
                self.reasons.push(format!("server {server} is in no record"));
                self.actions.push(Action::Kill { server });
            }
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        let ends_at = match self.next.phase {
            Phase::Starting | Phase::Active | Phase::Error => Some(self.next.ends_at),
            Phase::Stopping | Phase::Inactive => None,
        };
        if !is_kept_up(self.next.phase) {
            return ends_at;
        }
        let starting = self.next.servers.iter().filter(|one| one.phase == ServerPhase::Starting);
        let ready_by = starting.map(|one| one.started_at + self.policy.ready_timeout);
        ends_at.into_iter().chain(ready_by).chain(self.vacancies_due_at()).min()
    }

    fn finish(self) -> Plan {
        let wake_at = self.wake_at();
        let next = (self.next != *self.present).then_some(self.next);
        Plan { actions: self.actions, next, wake_at, reasons: self.reasons }
    }
}

/// Whether a server is lost, and how.
fn loss_of(
    server: &Server,
    seen: Option<&ServerObserved>,
    policy: &Policy,
    now: Timestamp,
) -> Option<Loss> {
    let Some(seen) = seen else { return Some(Loss::not_found(server)) };
    if !seen.alive {
        Some(Loss::ended(server, seen))
    } else if seen.shutdown_requested {
        Some(Loss::asked_for_shutdown(server))
    } else if seen.health == Health::Unhealthy {
        Some(Loss::hung(server))
    } else if server.phase == ServerPhase::Starting
        && !seen.ready
        && now.since(server.started_at) >= policy.ready_timeout
    {
        Some(Loss::not_ready(server, policy.ready_timeout))
    } else {
        None
    }
}
