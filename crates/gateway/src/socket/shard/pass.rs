//! One pass of writes over many connections: orders to leave, and what is told to many.

use bytes::Bytes;
use lifeboat_uring::Send;

use super::super::websocket::{text_frame, write_text};
use super::Shard;
use crate::desk::{ConnRef, OrderLine, OrderTemplate};
use crate::gateway::Told;

/// Connections that are written to in one pass; orders of one pass count as written at the same
/// time.
const PASS_MAX: usize = 256;
/// Bytes of orders that are encoded for one pass.
const PASS_BYTES_MAX: usize = 1024 * 1024;

/// What is for one connection.
struct Write<'a> {
    conn: ConnRef,
    bytes: &'a [u8],
}

impl Shard {
    pub(super) fn broadcast(&mut self, to: &[ConnRef], text: &[u8]) {
        let frame = text_frame(text);
        for to in to.chunks(PASS_MAX) {
            let writes: Vec<_> = to.iter().map(|&conn| Write { conn, bytes: &frame }).collect();
            self.write_all(&writes);
        }
    }

    pub(super) fn send_texts(&mut self, texts: &[(ConnRef, String)]) {
        let frames: Vec<_> =
            texts.iter().map(|(conn, text)| (*conn, text_frame(text.as_bytes()))).collect();
        let writes: Vec<_> =
            frames.iter().map(|&(conn, ref bytes)| Write { conn, bytes }).collect();
        self.write_all(&writes);
    }

    pub(super) fn order(
        &mut self,
        template: &OrderTemplate,
        to: &[OrderLine],
        values: Option<&Bytes>,
    ) {
        let (mut text, mut frames) = (String::new(), Vec::new());
        let bytes = template.bytes_max() + values.map_or(0, Bytes::len);
        for lines in to.chunks((PASS_BYTES_MAX / bytes).clamp(1, PASS_MAX)) {
            frames.clear();
            let mut encode = |line: &OrderLine| {
                let start = frames.len();
                text.clear();
                template.write(line, &mut text);
                write_text(text.as_bytes(), &mut frames);
                if let Some(values) = values {
                    write_text(values, &mut frames);
                }
                start..frames.len()
            };
            let places: Vec<_> = lines.iter().map(&mut encode).collect();
            let write =
                |(line, place): (&OrderLine, _)| Write { conn: line.conn, bytes: &frames[place] };
            let writes: Vec<_> = lines.iter().zip(places).map(write).collect();
            let written = self.write_all(&writes);
            if let Some(failover) = template.failover.clone() {
                let told = lines.iter().zip(written).filter(|(_, is_written)| *is_written);
                let keys = told.map(|(line, _)| line.key).collect();
                self.told.push(Told { failover, keys, at: self.gateway.now() });
            }
            self.gateway.orders_written(lines.len());
        }
    }

    /// Writes to each connection what is for it; says of each whether it took it.
    fn write_all(&mut self, writes: &[Write<'_>]) -> Vec<bool> {
        let taken = self.send_all(writes);
        let rest = writes.iter().zip(taken);
        rest.map(|(write, taken)| self.send(write.conn, &write.bytes[taken..])).collect()
    }

    /// Sends to all in one call what they take at once, and says of each how much that was. What is
    /// left is written as always: the only difference that the ring makes is what it costs.
    fn send_all(&mut self, writes: &[Write<'_>]) -> Vec<usize> {
        let mut taken = vec![0; writes.len()];
        let Some(mut ring) = self.ring.take() else { return taken };
        self.pass = self.pass.wrapping_add(1);
        let (mut places, mut sends) = (Vec::new(), Vec::new());
        for (place, &Write { conn, bytes }) in writes.iter().enumerate() {
            let connection = self.slot(conn).map(|slot| &self.connections[slot]);
            if let Some(socket) = connection.and_then(|connection| connection.free(self.pass)) {
                places.push(place);
                sends.push(Send { socket, bytes });
            }
        }
        for (place, sent) in places.into_iter().zip(ring.send_all(&sends)) {
            taken[place] = sent;
        }
        self.ring = Some(ring);
        taken
    }
}
