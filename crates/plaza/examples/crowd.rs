//! Measures a plaza server as a process of its own, under a crowd from this one.
//!
//! `cargo run --release -p lifeboat-plaza --example crowd -- walk 500` lets 500 people walk about
//! and prints the server's share of a core; `… -- arrive 10000` lets so many connect at once.

#[path = "../tests/plaza/support.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod support;

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use lifeboat_plaza::Plaza;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval, sleep};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use support::{Endpoint, claims, settings, ticket};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Ticks of the processor's clock per second, in `/proc/<pid>/stat`.
const CLOCK_TICKS_PER_SECOND: f64 = 100.0;
const MEASURED: Duration = Duration::from_secs(20);

/// What the crowd got.
#[derive(Debug, Default)]
struct Tally {
    welcomed: AtomicU64,
    frames: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", endpoint] => serve(endpoint.parse()?).await,
        ["walk", people] => measure(people.parse()?, Some(Duration::from_millis(100))).await,
        ["arrive", people] => measure(people.parse()?, None).await,
        _ => Err("usage: crowd walk|arrive PEOPLE".into()),
    }
}

#[expect(clippy::print_stdout, reason = "the address is handed to the parent process")]
async fn serve(endpoint: SocketAddr) -> Result<(), Failure> {
    let plaza = Plaza::listen(settings(endpoint))?;
    println!("{}", plaza.address());
    plaza.serve(std::future::pending()).await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
async fn measure(people: u64, step_every: Option<Duration>) -> Result<(), Failure> {
    let endpoint = Arc::new(Endpoint::default());
    let running = endpoint.start(0).await;
    let (server, address) = start(running.address).await?;
    let pid = server.id().ok_or("the server ended")?;
    let tickets: Vec<_> = (0..people).map(|n| ticket(&claims(&format!("walker{n}")))).collect();
    let resting_kb = memory_kb(pid)?;
    let tally = Arc::new(Tally::default());
    let started = Instant::now();
    for (n, token) in tickets.into_iter().enumerate() {
        let tally = tally.clone();
        tokio::spawn(async move {
            if stay(address, token, n, step_every, &tally).await.is_err() {
                tally.lost.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let launched = started.elapsed();
    while tally.welcomed.load(Ordering::Relaxed) + tally.lost.load(Ordering::Relaxed) < people {
        sleep(Duration::from_millis(5)).await;
    }
    println!(
        "{} of {people} welcomed in {:.2?} (tasks started in {launched:.2?}), {} lost, processor {:.2} s",
        tally.welcomed.load(Ordering::Relaxed),
        started.elapsed(),
        tally.lost.load(Ordering::Relaxed),
        processor_seconds(pid)?,
    );
    sleep(Duration::from_secs(5)).await;
    let before = processor_seconds(pid)?;
    let (frames, bytes) =
        (tally.frames.swap(0, Ordering::Relaxed), tally.bytes.swap(0, Ordering::Relaxed));
    println!("until then {frames} frames, {} kB", bytes / 1000);
    sleep(MEASURED).await;
    let seconds = MEASURED.as_secs_f64();
    let per_second = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / seconds;
    println!(
        "server: {:.1} % of a core, {} MB ({:.1} kB a person); {:.0} frames/s, {:.1} MB/s, {} lost",
        (processor_seconds(pid)? - before) / seconds * 100.0,
        memory_kb(pid)? / 1024,
        (memory_kb(pid)? - resting_kb) as f64 / people as f64,
        per_second(&tally.frames),
        per_second(&tally.bytes) / 1e6,
        tally.lost.load(Ordering::Relaxed),
    );
    Ok(())
}

async fn start(endpoint: SocketAddr) -> Result<(Child, SocketAddr), Failure> {
    let mut server = Command::new(std::env::current_exe()?)
        .args(["serve", &endpoint.to_string()])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = server.stdout.take().ok_or("no output")?;
    let line = BufReader::new(output).lines().next_line().await?.ok_or("no address")?;
    Ok((server, line.parse()?))
}

/// One person, who walks in a circle.
async fn stay(
    address: SocketAddr,
    token: String,
    n: usize,
    step_every: Option<Duration>,
    tally: &Tally,
) -> Result<(), Failure> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let url = format!("ws://{address}/?ticket={token}");
    let (mut socket, _) = Box::pin(client_async_with_config(url, stream, Some(config))).await?;
    let welcome = loop {
        match socket.next().await.ok_or("ended")?? {
            Message::Text(text) => break serde_json::from_str::<serde_json::Value>(&text)?,
            Message::Close(_) => return Err("refused".into()),
            _ => {}
        }
    };
    let coordinate = |name: &str| welcome["you"][name].as_f64().ok_or("not welcomed");
    let (x, y) = (coordinate("x")?, coordinate("y")?);
    tally.welcomed.fetch_add(1, Ordering::Relaxed);
    let mut steps = interval(step_every.unwrap_or(Duration::from_secs(3600)));
    let mut angle = n as f64;
    loop {
        tokio::select! {
            _ = steps.tick() => {
                angle += 0.1;
                let (x, y) = (x + 600.0 * angle.cos(), y + 600.0 * angle.sin());
                let step = json!({"type": "move", "x": x, "y": y, "heading": angle.to_degrees()});
                socket.send(Message::text(step.to_string())).await?;
            }
            message = socket.next() => {
                let message = message.ok_or("ended")??;
                tally.frames.fetch_add(1, Ordering::Relaxed);
                tally.bytes.fetch_add(message.len() as u64, Ordering::Relaxed);
                if message.is_close() {
                    return Err("closed".into());
                }
            }
        }
    }
}

fn processor_seconds(pid: u32) -> Result<f64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit_once(')').ok_or("no such process")?.1;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / CLOCK_TICKS_PER_SECOND)
}

fn memory_kb(pid: u32) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no memory line")?;
    Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse()?)
}
