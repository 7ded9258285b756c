//! `lifeboat key`: the API keys of operators and services.

use clap::Subcommand;
use lifeboat_core::ids::KeyId;
use serde_json::json;

use super::Context;
use crate::api::Call;
use crate::exit::Outcome;
use crate::ui;

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print its secret, this once.
    Create {
        /// Whose or what for.
        #[arg(long)]
        name: String,
        /// What it may do; each role includes the ones before.
        #[arg(long, value_parser = ["viewer", "operator", "support", "admin"])]
        role: String,
    },
    /// List the keys, without their secrets.
    List,
    /// Make a key useless, at once.
    Revoke {
        /// The key.
        id: KeyId,
    },
}

/// Carries out a command about keys.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(command: KeyCommand, ctx: &Context) -> anyhow::Result<Outcome> {
    match command {
        KeyCommand::Create { name, role } => {
            let body = json!({ "name": name, "role": role });
            let key = ctx.api.send(Call::post("/api/keys", body)).await?;
            ctx.show(&key, |key| {
                ui::sheet(
                    [("Key", "/id"), ("Name", "/name"), ("Role", "/role"), ("Secret", "/secret")]
                        .map(|(name, pointer)| (name, ui::cell(key, pointer))),
                )
            })?;
            ui::note("the secret is shown this once; only its hash is kept");
        }
        KeyCommand::List => ctx.show_list(
            ctx.api.list("/api/keys").await?,
            [("ID", "/id"), ("NAME", "/name"), ("ROLE", "/role"), ("CREATED", "/createdAt")],
        )?,
        KeyCommand::Revoke { id } => {
            ctx.api.send(Call::delete(format!("/api/keys/{id}"))).await?;
            ui::note(format_args!("revoked {id}"));
        }
    }
    Ok(Outcome::Done)
}
