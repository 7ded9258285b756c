//! The operator's side: one blocking HTTP connection for what is set up before a measurement.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::machine;
use crate::wire::{self, Piece};

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An operator with a key.
pub(crate) struct Operator {
    address: SocketAddr,
    key: String,
}

impl Operator {
    pub(crate) fn new(address: SocketAddr, key: String) -> Self {
        Self { address, key }
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The request as bytes, for a generator that sends it itself.
    pub(crate) fn request(&self, method: &str, path: &str, body: &Value) -> Vec<u8> {
        wire::request(method, path, Some(&self.key), &body.to_string())
    }

    /// Sends a request and awaits its JSON.
    ///
    /// # Errors
    /// When the answer is not a 2xx.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.write_all(&self.request(method, path, body))?;
        let mut bytes = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let count = stream.read(&mut chunk)?;
            bytes.extend_from_slice(&chunk[..count]);
            if let Some((Piece::Response(status, body), _)) = wire::next(&bytes, false) {
                let json = serde_json::from_slice(body).unwrap_or(Value::Null);
                if !(200..300).contains(&status) {
                    bail!("{method} {path}: {status} {json}");
                }
                return Ok(json);
            }
            if count == 0 {
                bail!("{method} {path}: the connection ended");
            }
        }
    }

    /// Asks until `is_so` holds of the answer.
    pub(crate) fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
        let end = Instant::now() + TIMEOUT;
        loop {
            let seen = self.call("GET", path, &Value::Null)?;
            if is_so(&seen) {
                return Ok(seen);
            }
            if Instant::now() > end {
                bail!("{path} stays at {seen}");
            }
            machine::pause(Duration::from_millis(20));
        }
    }
}
