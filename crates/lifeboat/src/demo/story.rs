//! The story itself, from a quiet evening to everyone in the backup world.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use lifeboat_core::code::ErrorCode;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::DemoArgs;
use super::arrivals::{curve, landings};
use super::control_plane::ControlPlane;
use super::crew::Crew;
use super::pair::{Pair, until_people};
use crate::api::{Api, ApiError, Call, FailoverView};
use crate::commands::plaza::asked_to_end;
use crate::exit::Outcome;
use crate::limits::{BOTS_PER_SECOND, DEMO_ARRIVE_WITHIN, DEMO_LAND_WITHIN, POLL_EVERY};
use crate::ui::{self, MoveProgress};

/// Tells the story.
///
/// # Errors
/// Says what was awaited.
pub(super) async fn tell(args: DemoArgs, plane: &mut ControlPlane) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let clients = args.clients;
    say(args, "A control plane starts, with a main world and its standby.")?;
    let api = plane.api().await?;
    let pair = Pair::set_up(&api, plane, "Main Stage", clients).await?;
    say(args, format!("{clients} clients come to Main Stage."))?;
    let mut crew = gather(&api, plane, &pair, clients).await?;
    let listening = tokio::spawn(async move { crew.listen().await });

    let (how, what) = if args.hang { (Signal::STOP, "hang") } else { (Signal::KILL, "die") };
    let failure = pair.fail_main(&api, how).await?;
    let whose = match failure.servers {
        1 => format!("its server {what}s"),
        servers => format!("its {servers} servers {what}"),
    };
    say(args, format!("Main Stage fails: {whose}. Failover."))?;
    let id = fail_over(&api, &pair).await?;
    let mut record = land(&api, &id).await?;
    let rows = api.list(&format!("/api/failovers/{id}/clients")).await?;
    if record["outageMs"].is_null() {
        // Nobody has noticed yet that the world hangs; but we know.
        let landings = failure.last_healthy_at.map(|healthy| landings(&rows, healthy));
        record["outageMs"] = landings.and_then(|landings| landings.into_iter().max()).into();
    }
    let view: FailoverView = ApiError::shape(record.clone())?;
    if !args.json {
        ui::answer(picture(&rows, &view))?;
        ui::answer(ui::figures(&view))?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let outcome = conclude(args, &record, &view, seconds)?;
    if args.keep {
        stay(args, &api, plane).await?;
    }
    listening.abort();
    plane.dismiss_crew().await;
    Ok(outcome)
}

/// A sentence of the story: the answer for people, beside it for programs.
fn say(args: DemoArgs, text: impl std::fmt::Display) -> std::io::Result<()> {
    if args.json {
        ui::note(text);
        return Ok(());
    }
    ui::answer(text)
}

/// Sends the clients into the main world and shows them arriving.
async fn gather(
    api: &Api,
    plane: &mut ControlPlane,
    pair: &Pair,
    clients: u32,
) -> anyhow::Result<Crew> {
    let ramp = Duration::from_secs((u64::from(clients) / BOTS_PER_SECOND as u64).max(1));
    let within = ramp + DEMO_ARRIVE_WITHIN;
    let count = usize::try_from(clients)?;
    let mut crew = Crew::send(plane, pair.main.as_str(), clients, ramp)?;
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} in Main Stage")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(u64::from(clients)).with_style(style);
    crew.until_in(&pair.main, count, within, |report| {
        bar.set_position(report.counts.in_the(&pair.main) as u64);
    })
    .await?;
    bar.finish();
    until_people(api, &pair.main, u64::from(clients), within).await?;
    Ok(crew)
}

/// Orders the failover; rules that may be overridden are, since the world is down.
async fn fail_over(api: &Api, pair: &Pair) -> anyhow::Result<String> {
    let path = format!("/api/worlds/{}/failover", pair.main);
    let body = json!({ "mode": "emergency", "reason": "demo: the main world failed" });
    let answer = match api.send(Call::post(&path, body.clone())).await {
        Err(error) if error.code() == Some(ErrorCode::FailoverBlocked) => {
            for line in error.advice() {
                ui::note(format_args!("forced: {line}"));
            }
            let mut forced = body;
            forced["force"] = true.into();
            api.send(Call::post(&path, forced)).await
        }
        answer => answer,
    }?;
    Ok(ui::cell(&answer, "/id"))
}

/// Shows the arrivals until everyone is accounted for, and gives the record.
async fn land(api: &Api, id: &str) -> anyhow::Result<Value> {
    let mut progress = MoveProgress::start();
    let since = Instant::now();
    loop {
        let record = api.get(format!("/api/failovers/{id}")).await?;
        let view: FailoverView = ApiError::shape(record.clone())?;
        progress.show(&view);
        if view.is_finished() || since.elapsed() > DEMO_LAND_WITHIN {
            progress.finish();
            return Ok(record);
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

/// When people landed, as a picture.
fn picture(rows: &[Value], view: &FailoverView) -> String {
    let landings = landings(rows, view.started_at.unwrap_or_default());
    format!("\nLandings after the order:\n{}\n", curve(&landings))
}

/// The last line, and whether everyone landed.
fn conclude(
    args: DemoArgs,
    record: &Value,
    view: &FailoverView,
    seconds: f64,
) -> anyhow::Result<Outcome> {
    let clients = usize::try_from(args.clients)?;
    let counts = &view.counts;
    let found = counts.landed + counts.refused + counts.left;
    let lost = clients.saturating_sub(found);
    if args.json {
        ui::answer(json!({
            "clients": clients, "landed": counts.landed, "refused": counts.refused,
            "left": counts.left, "lost": lost, "fanoutMs": record["fanoutMs"],
            "darkMs": record["darkMs"], "outageMs": record["outageMs"],
            "seconds": (seconds * 10.0).round() / 10.0,
        }))?;
    } else {
        ui::answer(format_args!(
            "\n{} of {clients} landed, {lost} lost; the whole story took {seconds:.1} s.",
            counts.landed
        ))?;
    }
    Ok(if counts.landed == clients { Outcome::Done } else { Outcome::Failed })
}

/// Sets up a fresh pair, says where everything is and stays until Ctrl-C.
async fn stay(args: DemoArgs, api: &Api, plane: &mut ControlPlane) -> anyhow::Result<()> {
    let fresh = Pair::set_up(api, plane, "Second Stage", 100).await?;
    let base = api.base();
    let data = plane.data().display().to_string();
    say(args, format!("\nDashboard      {base}/   (key: {data}/admin.key)"))?;
    say(args, format!("Play           {base}/play/{}", fresh.main))?;
    say(args, format!("Its standby    {}", fresh.standby))?;
    say(
        args,
        format!("Fail it over   lifeboat --data {data} failover run 'Second Stage' --reason demo"),
    )?;
    say(args, "Ctrl-C ends it all.")?;
    asked_to_end()?.await;
    Ok(())
}
