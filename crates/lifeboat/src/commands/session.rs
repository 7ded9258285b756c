//! `lifeboat session`: who is connected.

use clap::Subcommand;
use lifeboat_core::ids::SessionId;

use super::{Context, WorldRef};
use crate::api::Call;
use crate::exit::Outcome;
use crate::ui;

/// What can be done with sessions.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List who is connected to a world.
    List {
        /// The world, by id or name.
        world: WorldRef,
    },
    /// End a session; its user may join again.
    Kick {
        /// The session.
        id: SessionId,
        /// Never asked for; taken so that scripts may say it everywhere.
        #[arg(long, short, hide = true)]
        yes: bool,
    },
}

/// Carries out a command about sessions.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(command: SessionCommand, ctx: &Context) -> anyhow::Result<Outcome> {
    match command {
        SessionCommand::List { world } => {
            let id = world.id(ctx).await?;
            ctx.show_list(
                ctx.api.list(&format!("/api/worlds/{id}/sessions")).await?,
                [
                    ("SESSION", "/id"),
                    ("USER", "/user"),
                    ("STATE", "/state"),
                    ("SERVER", "/server"),
                    ("SINCE", "/since"),
                ],
            )?;
        }
        SessionCommand::Kick { id, .. } => {
            ctx.api.send(Call::delete(format!("/api/sessions/{id}"))).await?;
            ui::note(format_args!("kicked {id}"));
        }
    }
    Ok(Outcome::Done)
}
