//! The program of the tests' own mod: plaza on the loopback address alone, so that a proxy can
//! stand before it, or, in the worlds that a file names, a server that takes connections, calls
//! health, and never welcomes anybody.
//!
//! Arguments: the `lifeboat` program, and the file.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

const HEALTH_EVERY: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(lifeboat), Some(mute)) = (arguments.next(), arguments.next()) else {
        return Err("say where lifeboat is, and the file of the mute worlds".into());
    };
    let world = std::env::var("LIFEBOAT_WORLD_ID")?;
    if std::fs::read_to_string(mute).unwrap_or_default().contains(&world) {
        return be_mute();
    }
    Err(Command::new(lifeboat).arg("plaza").env("PLAZA_ADDRESS", "127.0.0.1").exec().into())
}

fn be_mute() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, number("PORT")?))?;
    std::thread::spawn(move || {
        // Kept open, and never read.
        let mut taken = Vec::new();
        taken.extend(listener.incoming().map_while(Result::ok));
    });
    let (_never, pause) = mpsc::channel::<()>();
    let sdk = number("AGONES_SDK_HTTP_PORT")?;
    call(sdk, "/ready")?;
    loop {
        // Lifeboat may be restarting; its endpoint will be there again.
        let _ = call(sdk, "/health");
        let _ = pause.recv_timeout(HEALTH_EVERY);
    }
}

fn number(variable: &str) -> Result<u16, Box<dyn std::error::Error>> {
    Ok(std::env::var(variable)?.parse()?)
}

fn call(port: u16, path: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let head = "host: localhost\r\nconnection: close\r\ncontent-length: 2";
    write!(stream, "POST {path} HTTP/1.1\r\n{head}\r\n\r\n{{}}")?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}
