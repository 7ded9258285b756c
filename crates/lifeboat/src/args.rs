//! What can be typed: the options that every command takes, and the list of commands.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    audit, automation, ban, bots, completions, config, drill, failback, failover, key, runbook,
    serve, session, standby, token, webhook, world,
};
use crate::demo;

/// Moves everyone from a failing world into its backup world, and proves beforehand that it would.
#[derive(Debug, Parser)]
#[command(name = "lifeboat", version, max_term_width = 100, propagate_version = false)]
#[command(after_help = "Worlds are given by id or by name. \
    Exit codes: 0 done, 1 failed, 2 usage, 3 blocked by a rule, 4 out of reach.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Where Lifeboat is; else what the data directory says, else http://127.0.0.1:7400.
    #[arg(
        long,
        global = true,
        env = "LIFEBOAT_URL",
        value_name = "URL",
        help_heading = "Anywhere"
    )]
    pub(crate) url: Option<String>,
    /// The data directory of a Lifeboat on this machine, with the key in `admin.key`; else
    /// .lifeboat.
    #[arg(
        long,
        global = true,
        env = "LIFEBOAT_DATA",
        hide_env_values = true,
        value_name = "DIR",
        help_heading = "Anywhere"
    )]
    pub(crate) data: Option<PathBuf>,
    /// Print tables for people, or JSON for programs.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = Output::Table,
        value_name = "FORM",
        help_heading = "Anywhere"
    )]
    pub(crate) output: Output,
}

impl Global {
    /// The data directory, whether or not one was named.
    pub(crate) fn data(&self) -> &Path {
        self.data.as_deref().unwrap_or(Path::new(".lifeboat"))
    }
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// For programs: as the API answered.
    Json,
}

/// Everything that the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the control plane.
    Serve(serve::ServeArgs),
    /// Show a whole failover with real processes: a world dies, and everyone lands in its backup.
    Demo(demo::DemoArgs),
    /// Set up worlds, start and stop them.
    #[command(subcommand)]
    World(world::WorldCommand),
    /// Read and change the live config of a world.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Give a world its backup, and check that it would do.
    #[command(subcommand)]
    Standby(standby::StandbyCommand),
    /// Move everyone into the backup world, watch it and control it.
    #[command(subcommand)]
    Failover(failover::FailoverCommand),
    /// Bring everyone home to the main world.
    Failback(failback::FailbackArgs),
    /// Have worlds fail over by themselves, and stop all of that.
    #[command(subcommand)]
    Automation(automation::AutomationCommand),
    /// Rehearse a failover with bots on the real pair.
    #[command(subcommand)]
    Drill(drill::DrillCommand),
    /// Send bots into a world, and see where they are.
    Bots(bots::BotsArgs),
    /// See who is connected, and end a session.
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// Keep a user out of one world or all of them.
    Ban(ban::BanArgs),
    /// Print a player's token from the built-in issuer.
    Token(token::TokenArgs),
    /// Give out and revoke the API keys of operators and services.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// See which worlds are in trouble.
    Alarms,
    /// Have other services told what happens, such as a chat.
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Read who changed what, when and why.
    Audit(audit::AuditArgs),
    /// Print a page with the exact commands for this pair of worlds, for the night.
    Runbook(runbook::RunbookArgs),
    /// Print the completions of a shell, to be put where it looks for them.
    Completions(completions::CompletionsArgs),
    /// Run a server of the reference world; Lifeboat starts it.
    #[command(hide = true)]
    Plaza,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn what_can_be_typed_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_reads_well_aloud() {
        insta::assert_snapshot!(Cli::command().term_width(100).render_help());
    }

    #[test]
    fn every_command_and_option_says_what_it_is_for() {
        fn look(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            assert!(command.get_about().is_some(), "{path} has no help");
            for arg in command.get_arguments() {
                assert!(arg.get_help().is_some() || arg.is_hide_set(), "{path}: {}", arg.get_id());
            }
            command.get_subcommands().for_each(|below| look(below, &path));
        }
        let mut command = Cli::command();
        command.build();
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            look(below, "lifeboat");
        }
    }

    #[test]
    fn no_command_has_an_argument_that_would_be_taken_for_a_global_one() {
        fn look(command: &clap::Command, global: &[clap::Id]) {
            for arg in command.get_arguments() {
                assert!(!global.contains(arg.get_id()), "{}: {}", command.get_name(), arg.get_id());
            }
            command.get_subcommands().for_each(|below| look(below, global));
        }
        let command = Cli::command();
        let is_global = |arg: &&clap::Arg| arg.is_global_set();
        let global: Vec<_> =
            command.get_arguments().filter(is_global).map(|arg| arg.get_id().clone()).collect();
        assert!(!global.is_empty());
        command.get_subcommands().for_each(|below| look(below, &global));
    }

    #[test]
    fn the_commands_of_the_contract_are_understood() {
        for line in [
            "serve --listen 127.0.0.1:0 --store sqlite --mods m --public-url http://a \
             --cors-origin http://b --cors-origin http://c --restart-policy never --stop-servers \
             --open-metrics --config f --data d",
            "demo --clients 500 --hang --json --keep",
            "world create Main --mod plaza --launch",
            "config increment Main /game/ForceDisconnect/AllClients",
            "key create --name N --role viewer",
            "standby check Main --output json",
            "failover run Main --reason R --yes",
            "failover plan Main --to Other --graceful",
            "failover hold fo_1",
            "failover report fo_1 --format html --out report.html",
            "failover report Main --format json",
            "failback Main --reason R --yes",
            "automation show",
            "automation show Main",
            "automation set Main --on --grace-seconds 20 --cool-down-seconds 600",
            "automation set Main --off",
            "automation stop --reason R",
            "automation resume",
            "drill run Main --clients 10",
            "bots --world wld_1 --count 5",
            "session kick ses_1",
            "ban alice --reason spam",
            "ban add alice --reason spam",
            "ban remove ban_1",
            "token --sub alice --group crew",
            "alarms",
            "webhook add https://hooks.example/T1 --event alert --event failover --slack",
            "webhook list",
            "webhook test wh_1",
            "webhook deliveries wh_1",
            "webhook remove wh_1",
            "audit --output json",
            "runbook Main",
            "completions bash",
            "plaza",
        ] {
            let words = std::iter::once("lifeboat").chain(line.split_whitespace());
            let parsed = Cli::try_parse_from(words);
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
    }
}
