//! A drill's bots: a process of their own, so that what is measured is not measured by itself. They
//! get their players' tokens over its standard input and leave when that ends, also when it ends
//! because this process was killed.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use lifeboat_core::ids::{DrillId, WorldId};
use lifeboat_gateway::desk::SessionView;
use lifeboat_protocol::frame::ClientState;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};

use crate::app::App;
use crate::auth::Grant;

/// How long a bot's token is good for: longer than any drill.
const TOKEN_TTL: Duration = Duration::from_hours(12);
/// How long the bots have to say goodbye.
const FAREWELL: Duration = Duration::from_secs(5);

/// The bots of a drill. Dropping them kills their process.
pub(super) struct Bots {
    process: Child,
    tokens: Option<ChildStdin>,
    prefix: String,
    /// The span over which they come.
    pub(super) ramp: Duration,
}

impl Bots {
    /// Sends so many bots into a world, over as many seconds as its rate of joins asks for.
    pub(super) async fn send(
        app: &App,
        id: &DrillId,
        world: &WorldId,
        groups: &[String],
        count: usize,
    ) -> io::Result<Self> {
        let url = tokio::fs::read_to_string(app.config.data.join("url")).await?;
        #[expect(clippy::cast_precision_loss, reason = "a number of bots is far below 2^52")]
        let seconds = (count as f64 / app.catalog().joins_per_second(world)).ceil();
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["bots", "--tokens-from-stdin", "--json", "--url", url.trim()])
            .args(["--world", world.as_str(), "--count", &count.to_string()])
            .args(["--ramp", &format!("{seconds:.0}")])
            .env_remove("LIFEBOAT_API_KEY")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut process = command.spawn()?;
        let mut tokens = process.stdin.take();
        let prefix = format!("{id}-");
        if let Some(stdin) = &mut tokens {
            let now = app.now();
            for number in 0..count {
                let (sub, groups) = (format!("{prefix}{number}"), groups.to_vec());
                let grant = Grant::new(sub, groups, now, now + TOKEN_TTL);
                stdin.write_all(app.auth.player_token(&grant).as_bytes()).await?;
                stdin.write_all(b"\n").await?;
            }
            stdin.flush().await?;
        }
        Ok(Self { process, tokens, prefix, ramp: Duration::from_secs_f64(seconds) })
    }

    /// How many of them are in a world.
    pub(super) fn in_world(&self, app: &App, world: &WorldId) -> usize {
        let sessions = app.gateway.desk().sessions_of_users(&self.prefix);
        let is_here = |one: &&SessionView| {
            one.is_connected && &one.world == world && one.state == ClientState::InWorld
        };
        sessions.iter().filter(is_here).count()
    }

    /// Whether their process ended although nobody asked it to.
    pub(super) fn have_ended(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }

    /// Lets all of them leave.
    pub(super) async fn dismiss(mut self, app: &App) {
        drop(self.tokens.take());
        if tokio::time::timeout(FAREWELL, self.process.wait()).await.is_err() {
            tracing::warn!("bots of a drill did not leave and are removed");
        }
        self.remove(app).await;
    }

    /// Removes all of them at once: who is gone before a real failover begins is nobody's
    /// straggler.
    pub(super) async fn remove(mut self, app: &App) {
        // An error says that the process has ended, which is what is wanted.
        let _ = self.process.start_kill();
        if tokio::time::timeout(FAREWELL, self.process.wait()).await.is_err() {
            tracing::warn!("the process of a drill's bots does not end");
        }
        let now = app.now();
        let effects = {
            let mut desk = app.gateway.desk();
            let ours = desk.sessions_of_users(&self.prefix);
            let kicks = ours.iter().filter_map(|one| desk.kick(&one.id, now));
            kicks.flatten().collect::<Vec<_>>()
        };
        app.gateway.dispatch(effects);
    }
}
