//! What an operator asks of a failover or failback.

use clap::Args;
use serde_json::{Value, json};

use crate::api::WorldView;

/// How people are moved.
#[derive(Debug, Args)]
pub(crate) struct MoveArgs {
    /// Why, for the audit log and the report.
    #[arg(long)]
    reason: Option<String>,
    /// Let people stay until it is their turn, instead of dropping everyone at once.
    #[arg(long)]
    graceful: bool,
    /// How many are let in per second at the most.
    #[arg(long, value_name = "N")]
    max_rejoins_per_second: Option<f64>,
    /// What the players are told, up to 500 characters.
    #[arg(long)]
    message: Option<String>,
    /// Override the rules that may be overridden.
    #[arg(long, requires = "reason")]
    force: bool,
}

/// Which way people go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Into the backup.
    There {
        /// The world to go to, if not the standby.
        target: Option<String>,
        /// Launch it first if it sleeps.
        wait_for_target: bool,
    },
    /// Home.
    Back,
}

impl Way {
    /// Where it is asked for, below the world's address.
    pub(super) fn path(&self) -> &'static str {
        match self {
            Self::There { .. } => "/failover",
            Self::Back => "/failback",
        }
    }

    /// What the operator is asked before it begins.
    pub(super) fn question(&self, world: &WorldView) -> String {
        let (name, people) = (&world.name, world.status.sessions);
        match self {
            Self::There { target: Some(target), .. } => {
                format!("Move the {people} people in {name} to {target}?")
            }
            Self::There { target: None, .. } => {
                format!("Move the {people} people in {name} into its standby?")
            }
            Self::Back => format!("Bring everyone home to {name}?"),
        }
    }
}

impl MoveArgs {
    /// Whether rules are to be overridden.
    pub(super) fn is_forced(&self) -> bool {
        self.force
    }

    /// The body of the request.
    pub(super) fn body(&self, way: &Way) -> Value {
        let mut body = json!({ "mode": if self.graceful { "graceful" } else { "emergency" } });
        if let Some(reason) = &self.reason {
            body["reason"] = json!(reason);
        }
        if let Some(rate) = self.max_rejoins_per_second {
            body["maxRejoinsPerSecond"] = json!(rate);
        }
        if let Some(message) = &self.message {
            body["message"] = json!(message);
        }
        if self.force {
            body["force"] = json!(true);
        }
        if let Way::There { target, wait_for_target } = way {
            if let Some(target) = target {
                body["targetWorldId"] = json!(target);
            }
            if *wait_for_target {
                body["waitForTarget"] = json!(true);
            }
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use lifeboat_core::failover::FailoverRequest;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        moves: MoveArgs,
    }

    #[test]
    fn the_body_is_what_the_server_reads() {
        let typed = [
            "t",
            "--reason",
            "it is down",
            "--graceful",
            "--max-rejoins-per-second",
            "25",
            "--message",
            "one moment",
            "--force",
        ];
        let moves = Typed::try_parse_from(typed).unwrap().moves;
        let way = Way::There { target: Some("wld_2".to_owned()), wait_for_target: true };
        let request: FailoverRequest = serde_json::from_value(moves.body(&way)).unwrap();
        assert_eq!(request.reason, "it is down");
        assert_eq!(request.max_rejoins_per_second, Some(25.0));
        assert!(request.force && request.wait_for_target && !request.dry_run);
        let bare = Typed::try_parse_from(["t"]).unwrap().moves.body(&Way::Back);
        assert_eq!(bare, json!({ "mode": "emergency" }));
    }

    #[test]
    fn force_needs_a_reason() {
        assert!(Typed::try_parse_from(["t", "--force"]).is_err());
    }
}
