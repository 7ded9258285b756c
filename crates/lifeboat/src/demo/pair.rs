//! The demo's worlds: a main world and its standby, both running.

use std::time::Duration;

use anyhow::{Context as _, bail};
use lifeboat_core::ids::WorldId;
use lifeboat_core::phase::Phase;
use lifeboat_core::time::Timestamp;
use lifeboat_core::world::Profile;
use rustix::process::Signal;
use serde_json::json;
use tokio::time::Instant;

use super::control_plane::{ControlPlane, signal};
use crate::api::{Api, ApiError, Call, DeploymentView, WorldView};
use crate::limits::{DEMO_ACTIVE_WITHIN, POLL_EVERY};

/// What was done to a main world.
#[derive(Debug)]
pub(super) struct Failure {
    /// How many servers it had.
    pub(super) servers: usize,
    /// When they were last known to be well.
    pub(super) last_healthy_at: Option<Timestamp>,
}

/// A main world and its standby.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) main: WorldId,
    pub(super) standby: WorldId,
}

impl Pair {
    /// Makes a pair for so many people, starts both and waits until they are Active.
    ///
    /// # Errors
    /// When the API refuses, or a world is not Active in time.
    pub(super) async fn set_up(
        api: &Api,
        plane: &mut ControlPlane,
        name: &str,
        people: u32,
    ) -> anyhow::Result<Self> {
        let body = json!({
            "name": name,
            "build": { "mod": "plaza" },
            "scale": { "profile": smallest_for(people)? },
        });
        let main: WorldView = ApiError::shape(api.send(Call::post("/api/worlds", body)).await?)?;
        api.send(Call::post(format!("/api/worlds/{}/launch", main.id), json!({}))).await?;
        let path = format!("/api/worlds/{}/standby", main.id);
        let standby = api.send(Call::post(path, json!({ "launch": true }))).await?;
        let standby: WorldView = ApiError::shape(standby)?;
        for world in [&main, &standby] {
            until_active(api, &world.id).await?;
            let deployment = deployment(api, &world.id).await?;
            for pid in deployment.servers.iter().filter_map(|server| server.pid) {
                plane.keep_server(pid, &deployment.id);
            }
        }
        Ok(Self { main: main.id.parse()?, standby: standby.id.parse()? })
    }

    /// Ends or freezes the main world's servers for real.
    ///
    /// # Errors
    /// When the API does not name any.
    pub(super) async fn fail_main(&self, api: &Api, how: Signal) -> anyhow::Result<Failure> {
        let servers = deployment(api, self.main.as_str()).await?.servers;
        let pids: Vec<i32> = servers.iter().filter_map(|server| server.pid).collect();
        for pid in &pids {
            signal(*pid, how);
        }
        if pids.is_empty() {
            bail!("the main world has no server to fail");
        }
        let last_healthy_at = servers.iter().filter_map(|server| server.last_healthy_at).max();
        Ok(Failure { servers: pids.len(), last_healthy_at })
    }
}

/// The smallest profile that so many people fit in.
fn smallest_for(people: u32) -> anyhow::Result<Profile> {
    Profile::ALL
        .iter()
        .copied()
        .find(|profile| profile.seats() >= people)
        .with_context(|| format!("no world takes {people} people"))
}

async fn until_active(api: &Api, world: &str) -> anyhow::Result<()> {
    let since = Instant::now();
    loop {
        let view: WorldView = api.read(format!("/api/worlds/{world}")).await?;
        let status = &view.status;
        match status.phase {
            Phase::Active => return Ok(()),
            Phase::Error => {
                let why = status.message.as_deref().unwrap_or("no reason given");
                bail!("{} did not start: {why}", view.name)
            }
            phase if since.elapsed() > DEMO_ACTIVE_WITHIN => {
                bail!("{} is {phase:?}, not Active, after {DEMO_ACTIVE_WITHIN:?}", view.name)
            }
            _ => tokio::time::sleep(POLL_EVERY).await,
        }
    }
}

/// A world's deployment, with its servers.
async fn deployment(api: &Api, world: &str) -> anyhow::Result<DeploymentView> {
    let view: WorldView = api.read(format!("/api/worlds/{world}")).await?;
    let id = view.status.deployment_id.context("the world has no deployment")?;
    Ok(api.read(format!("/api/deployments/{id}")).await?)
}

/// Waits until so many people have an open channel in `world`.
///
/// # Errors
/// When they are not there in time.
pub(super) async fn until_people(
    api: &Api,
    world: &WorldId,
    people: u64,
    within: Duration,
) -> anyhow::Result<()> {
    let since = Instant::now();
    loop {
        let view: WorldView = api.read(format!("/api/worlds/{world}")).await?;
        if view.status.sessions >= people {
            return Ok(());
        }
        if since.elapsed() > within {
            let there = view.status.sessions;
            bail!("only {there} of {people} session channels are open after {within:?}");
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_profile_that_fits_is_taken() {
        assert_eq!(smallest_for(1).unwrap(), Profile::Capacity30);
        assert_eq!(smallest_for(500).unwrap(), Profile::Capacity500);
        assert_eq!(smallest_for(501).unwrap(), Profile::Capacity1500);
        assert!(smallest_for(50_001).is_err());
    }
}
