//! The smallest game server: it says Ready to its SDK and then calls health for ever, every so
//! many milliseconds as its argument says.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

fn call(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::var("AGONES_SDK_HTTP_PORT")?.parse()?;
    let period_ms = std::env::args().nth(1).map_or(Ok(1_000), |text| text.parse())?;
    let (_never, pause) = mpsc::channel::<()>();
    call(port, "/ready")?;
    loop {
        // Lifeboat may be restarting; its endpoint will be there again.
        let _ = call(port, "/health");
        let _ = pause.recv_timeout(Duration::from_millis(period_ms));
    }
}
