//! The runbook, taken at its word: every command on the page is run in a shell, as it stands there,
//! against a live pair whose main world dies.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::guest::Guest;
use crate::guide::failover_in;
use crate::server::{Server, lifeboat};
use crate::wait::wait_for;

/// Which of the two ways of a step is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Lifeboat,
    Curl,
}

/// A printed page, and the shell in which it is followed.
struct Page {
    way: Way,
    setup: String,
    /// The commands of each step, by its title.
    steps: BTreeMap<String, [String; 2]>,
    done: BTreeSet<String>,
    folder: TempDir,
}

/// What stands between the fences of the shell's blocks.
fn blocks(text: &str) -> Vec<String> {
    let opened = text.split("```sh\n").skip(1);
    opened.map(|block| block.split("\n```").next().unwrap_or_default().to_owned()).collect()
}

impl Page {
    fn print(server: &Server, world: &str, way: Way) -> Self {
        let output = Command::new(lifeboat())
            .args(["runbook", world, "--data"])
            .arg(server.data())
            .output()
            .expect("the binary starts");
        assert!(output.status.success(), "{output:?}");
        let page = String::from_utf8(output.stdout).expect("UTF-8");
        let mut parts = page.split("\n## ");
        let head = blocks(parts.next().expect("a head"));
        let key = std::fs::read_to_string(server.data().join("admin.key")).expect("a key");
        let blank = "LIFEBOAT_API_KEY=   # an operator's key";
        assert!(head[0].contains(blank), "{}", head[0]);
        let setup = head[0].replace(blank, &format!("LIFEBOAT_API_KEY={}", key.trim()));
        let mut steps = BTreeMap::new();
        for part in parts {
            let title = part.lines().next().unwrap_or_default();
            if let Some((_, title)) = title.split_once(". ") {
                let [lifeboat, curl] = blocks(part).try_into().expect("two ways of a step");
                steps.insert(title.to_owned(), [lifeboat, curl]);
            }
        }
        let folder = TempDir::new().expect("a folder");
        Self { way, setup, steps, done: BTreeSet::new(), folder }
    }

    fn script(&mut self, title: &str) -> String {
        self.done.insert(title.to_owned());
        let found = self.steps.get(title);
        let step = found.unwrap_or_else(|| panic!("{title} is none of {:?}", self.steps.keys()));
        let script = step[usize::from(self.way == Way::Curl)].clone();
        // The page says where the failover's id comes from: the step that shows where it is.
        let is_found = !script.contains("$FAILOVER") || script.contains("FAILOVER=$(");
        let find = if is_found { "" } else { self.steps["See where it is"][1].as_str() };
        let find = find.split("\ncurl").next().unwrap_or_default();
        format!("set -eu\n{}\n{find}\n{script}\n", self.setup)
    }

    fn shell(&self, script: &str) -> Command {
        let programs = lifeboat().parent().expect("a folder").to_owned();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("a path"));
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).env_clear().env("PATH", path).current_dir(self.folder.path());
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        shell
    }

    /// Follows a step that has to work; what it printed.
    fn follow(&mut self, title: &str) -> String {
        let script = self.script(title);
        let output = self.shell(&script).output().expect("a shell");
        printed(title, &script, output)
    }

    /// Follows a step in another terminal, for what goes on until everyone has landed.
    fn begin(&mut self, title: &str) -> (String, std::process::Child) {
        let script = self.script(title);
        let child = self.shell(&script).spawn().expect("a shell");
        (script, child)
    }
}

fn printed(title: &str, script: &str, output: Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{title}:\n{script}\n{out}\n{err}");
    out
}

/// Waits for a step that was begun.
async fn end(title: &str, (script, mut child): (String, std::process::Child)) {
    wait_for(title, async || child.try_wait().expect("our own child")).await;
    printed(title, &script, child.wait_with_output().expect("its output"));
}

async fn follow_the_page(way: Way) {
    let server = Server::start_with(&["--restart-policy", "never"]).await;
    let (main, standby) = server.pair().await;
    // A name that has what looks like the beginning of a failover's id.
    let name = if way == Way::Curl { "info_x" } else { "Main Stage" };
    server.api.patch(&format!("/api/worlds/{main}"), json!({ "name": name })).await.expect(200);
    let mut page = Page::print(&server, name, way);
    let mut guest = Guest::enter(&server.api, &main).await;
    server.signal_servers(&main, Signal::KILL).await;
    server.await_phase(&main, "Error").await;
    wait_for("the alarm", async || {
        page.follow("See what is wrong").contains(&format!("{name}: server gone")).then_some(())
    })
    .await;
    page.follow("Keep automation out of it");
    page.follow("Check that the standby would do");
    let begun = page.begin("Fail over, in one step");
    failover_in(&server, &main, "moving").await;
    page.follow("Hold it");
    page.follow("Go on");
    page.follow("Tell those who are missing again");
    guest.obey().await;
    assert_eq!(guest.world(), standby);
    end("Fail over, in one step", begun).await;
    failover_in(&server, &main, "complete").await;
    page.follow("See where it is");
    page.follow("Keep the account of it");
    let account = page.folder.path().join("failover.html");
    let account = std::fs::read_to_string(account).expect("a report");
    assert!(account.contains("The one person who was there landed"), "{account}");
    page.follow("Launch the main world again");
    server.await_phase(&main, "Active").await;
    let begun = page.begin("Bring everyone home");
    guest.obey().await;
    assert_eq!(guest.world(), main);
    end("Bring everyone home", begun).await;
    page.follow("Or by hand, first: send new joiners to the standby");
    page.follow("By hand, second: make everyone who is connected rejoin");
    guest.obey().await;
    assert_eq!(guest.world(), standby);
    failover_in(&server, &main, "complete").await;
    page.follow("Take it back");
    guest.obey().await;
    assert_eq!(guest.world(), main);
    let forgotten: Vec<_> = page.steps.keys().filter(|title| !page.done.contains(*title)).collect();
    assert!(forgotten.is_empty(), "these steps were not followed: {forgotten:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_page_works_as_it_stands_there() {
    follow_the_page(Way::Lifeboat).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_curl_of_the_page_works_as_it_stands_there() {
    follow_the_page(Way::Curl).await;
}
