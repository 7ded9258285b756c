//! `lifeboat audit`: who changed what, when and why.

use clap::Args;

use super::Context;
use crate::exit::Outcome;

/// How much of it.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// How many entries, the newest first.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// Prints the audit log.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(args: &AuditArgs, ctx: &Context) -> anyhow::Result<Outcome> {
    ctx.show_list(
        ctx.api.list_first("/api/audit", args.limit).await?,
        [
            ("WHEN", "/at"),
            ("WHO", "/who"),
            ("WHAT", "/action"),
            ("TO", "/target"),
            ("OUTCOME", "/outcome"),
            ("REASON", "/reason"),
            ("REVISION", "/revision"),
        ],
    )?;
    Ok(Outcome::Done)
}
