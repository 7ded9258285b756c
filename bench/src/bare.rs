//! The limit: one thread, one poll, one write a socket, nothing decided and nothing remembered. It
//! takes WebSockets at any path, `POST /push` writes one frame to each of them, and `GET /where` is
//! answered from a constant.

use std::io::{ErrorKind, Read, Write};

use anyhow::Result;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rustix::net::listen;
use slab::Slab;

use crate::wire;

const LISTENER: Token = Token(usize::MAX);
/// What is pushed: an order to leave, as long as a real one.
const PUSH: &str = r#"{"type":"forceDisconnect","allClients":2,"leaveAfterMs":0,"rejoinAfterMs":1234,"reason":"failover","failover":"fo_0123456789abcdefghijkl"}"#;
const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"port\":7401}";

struct Held {
    stream: TcpStream,
    is_upgraded: bool,
}

/// Runs until it is killed. The first line of its output is its address.
pub(crate) fn serve() -> Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
    listen(&listener, 4_096)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    let mut held: Slab<Held> = Slab::new();
    let mut events = Events::with_capacity(1_024);
    let mut buffer = vec![0; 16 * 1024];
    let push = frame(PUSH);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut held)?;
            } else if read(&mut held, event.token().0, &mut buffer) {
                for (_, one) in held.iter_mut().filter(|(_, one)| one.is_upgraded) {
                    // A socket that takes nothing is not waited for.
                    let _ = one.stream.write(&push);
                }
            }
        }
    }
}

fn accept(listener: &TcpListener, poll: &Poll, held: &mut Slab<Held>) -> Result<()> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nodelay(true)?;
                let entry = held.vacant_entry();
                let token = Token(entry.key());
                poll.registry().register(&mut stream, token, Interest::READABLE)?;
                entry.insert(Held { stream, is_upgraded: false });
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads what came; says whether it asks for a push.
fn read(held: &mut Slab<Held>, key: usize, buffer: &mut [u8]) -> bool {
    let mut asks_for_push = false;
    while let Some(one) = held.get_mut(key) {
        match one.stream.read(buffer) {
            Ok(count) if count > 0 => {
                let answer = match (&buffer[..count], one.is_upgraded) {
                    (_, true) => continue,
                    (bytes, _) if wire::find(bytes, b"Upgrade: websocket").is_some() => {
                        one.is_upgraded = true;
                        SWITCH
                    }
                    (bytes, _) => {
                        asks_for_push |= bytes.starts_with(b"POST");
                        ANSWER
                    }
                };
                // Its peer may be gone; then the next read says so.
                let _ = one.stream.write(answer);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Ok(_) | Err(_) => {
                held.remove(key);
                break;
            }
        }
    }
    asks_for_push
}

fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 126];
    frame.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    frame.extend_from_slice(text.as_bytes());
    frame
}
