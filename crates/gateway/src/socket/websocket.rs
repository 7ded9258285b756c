//! The WebSocket framing (RFC 6455) of the session channel: whole text messages without
//! extensions. Small, because a connection must not cost a buffer; the handshake is the HTTP
//! server's.

use lifeboat_core::limits::CLIENT_FRAME_BYTES_MAX;

const OPCODE_CONTINUATION: u8 = 0x0;
const OPCODE_TEXT: u8 = 0x1;
const OPCODE_CLOSE: u8 = 0x8;
const OPCODE_PING: u8 = 0x9;
const OPCODE_PONG: u8 = 0xA;
const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
/// Payload bytes of a control frame at the most, by the RFC.
const CONTROL_BYTES_MAX: usize = 125;

/// A message from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// A whole text message; not yet known to be UTF-8.
    Text(Vec<u8>),
    /// To be answered with the same bytes.
    Ping(Vec<u8>),
    /// Nothing to do, but a sign of life.
    Pong,
    /// The client closes.
    Close,
}

/// The client broke the framing; its channel is closed as 4009.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken(pub(super) &'static str);

/// Puts messages together from bytes as they come. Empty, and without any allocation, while no
/// message is under way.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// Bytes of a frame that is not whole yet.
    partial: Vec<u8>,
    /// The text of a fragmented message so far.
    fragments: Option<Vec<u8>>,
}

impl Decoder {
    /// Takes bytes and hands out every message that is whole.
    pub(super) fn feed(
        &mut self,
        bytes: &mut [u8],
        mut each: impl FnMut(Message),
    ) -> Result<(), Broken> {
        if self.partial.is_empty() {
            let used = self.frames(bytes, &mut each)?;
            if used < bytes.len() {
                self.partial = bytes[used..].to_vec();
            }
            return Ok(());
        }
        let mut joined = std::mem::take(&mut self.partial);
        joined.extend_from_slice(bytes);
        let used = self.frames(&mut joined, &mut each)?;
        joined.drain(..used);
        if !joined.is_empty() {
            self.partial = joined;
        }
        Ok(())
    }

    /// Reads the frames at the front of `bytes` and says how many bytes they are.
    fn frames(
        &mut self,
        bytes: &mut [u8],
        each: &mut impl FnMut(Message),
    ) -> Result<usize, Broken> {
        let mut used = 0;
        while let Some(frame) = Header::read(&bytes[used..])? {
            let start = used + frame.bytes;
            let end = start + frame.payload_bytes;
            if bytes.len() < end {
                break;
            }
            unmask(&mut bytes[start..end], frame.mask);
            if let Some(message) = self.frame(&frame, &bytes[start..end])? {
                each(message);
            }
            used = end;
        }
        Ok(used)
    }

    fn frame(&mut self, frame: &Header, payload: &[u8]) -> Result<Option<Message>, Broken> {
        match (frame.opcode, self.fragments.take()) {
            (OPCODE_TEXT, None) if frame.is_last => Ok(Some(Message::Text(payload.to_vec()))),
            (OPCODE_TEXT, None) => {
                self.fragments = Some(payload.to_vec());
                Ok(None)
            }
            (OPCODE_TEXT, Some(_)) => Err(Broken("a message began inside another")),
            (OPCODE_CONTINUATION, Some(mut text)) => {
                text.extend_from_slice(payload);
                if text.len() > CLIENT_FRAME_BYTES_MAX {
                    return Err(Broken("a message has at most 4096 bytes"));
                }
                if frame.is_last {
                    return Ok(Some(Message::Text(text)));
                }
                self.fragments = Some(text);
                Ok(None)
            }
            (OPCODE_CONTINUATION, None) => Err(Broken("there is nothing to continue")),
            (control, fragments) => {
                self.fragments = fragments;
                match control {
                    OPCODE_CLOSE => Ok(Some(Message::Close)),
                    OPCODE_PING => Ok(Some(Message::Ping(payload.to_vec()))),
                    OPCODE_PONG => Ok(Some(Message::Pong)),
                    _ => Err(Broken("only text messages are understood")),
                }
            }
        }
    }
}

/// The header of a client's frame.
struct Header {
    is_last: bool,
    opcode: u8,
    mask: [u8; 4],
    bytes: usize,
    payload_bytes: usize,
}

impl Header {
    /// Reads a header; none while it is not whole.
    fn read(bytes: &[u8]) -> Result<Option<Self>, Broken> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        let opcode = first & 0x0f;
        let is_last = first & FIN != 0;
        if first & 0x70 != 0 {
            return Err(Broken("no extension was agreed on"));
        }
        if second & MASKED == 0 {
            return Err(Broken("a client's frame is masked"));
        }
        let (payload_bytes, length_bytes) = match (second & !MASKED, rest) {
            (126, [a, b, ..]) => (usize::from(u16::from_be_bytes([*a, *b])), 2),
            (126, _) => return Ok(None),
            (127, _) => return Err(Broken("a message has at most 4096 bytes")),
            (short, _) => (usize::from(short), 0),
        };
        if opcode >= OPCODE_CLOSE && (payload_bytes > CONTROL_BYTES_MAX || !is_last) {
            return Err(Broken("a control frame is whole and has at most 125 bytes"));
        }
        if payload_bytes > CLIENT_FRAME_BYTES_MAX {
            return Err(Broken("a message has at most 4096 bytes"));
        }
        let Some(mask) = rest.get(length_bytes..length_bytes + 4) else { return Ok(None) };
        let mask = [mask[0], mask[1], mask[2], mask[3]];
        Ok(Some(Self { is_last, opcode, mask, bytes: 2 + length_bytes + 4, payload_bytes }))
    }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// A text message as one unmasked frame, with room for a close frame after it.
pub(super) fn text_frame(text: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(text.len() + 14);
    write_text(text, &mut frame);
    frame
}

/// Appends a text message as one unmasked frame.
pub(super) fn write_text(text: &[u8], out: &mut Vec<u8>) {
    write_frame(OPCODE_TEXT, text, out);
}

/// Appends the answer to a ping.
pub(super) fn write_pong(payload: &[u8], out: &mut Vec<u8>) {
    write_frame(OPCODE_PONG, payload, out);
}

/// Appends a close frame.
pub(super) fn write_close(code: u16, out: &mut Vec<u8>) {
    write_frame(OPCODE_CLOSE, &code.to_be_bytes(), out);
}

fn write_frame(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(FIN | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short), _) if short < 126 => out.push(short),
        (_, Ok(medium)) => {
            out.push(126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut frame = vec![first];
        match u8::try_from(payload.len()) {
            Ok(short) if short < 126 => frame.push(MASKED | short),
            _ => {
                frame.push(MASKED | 126);
                frame.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
            }
        }
        frame.extend_from_slice(&mask);
        let start = frame.len();
        frame.extend_from_slice(payload);
        unmask(&mut frame[start..], mask);
        frame
    }

    fn decode(decoder: &mut Decoder, mut bytes: Vec<u8>) -> Result<Vec<Message>, Broken> {
        let mut messages = Vec::new();
        decoder.feed(&mut bytes, |message| messages.push(message))?;
        Ok(messages)
    }

    #[test]
    fn a_fragmented_message_is_put_together_around_a_ping() {
        let mut decoder = Decoder::default();
        let mut bytes = client_frame(OPCODE_TEXT, b"he");
        bytes.extend(client_frame(FIN | OPCODE_PING, b"p"));
        bytes.extend(client_frame(FIN | OPCODE_CONTINUATION, b"llo"));
        assert_eq!(
            decode(&mut decoder, bytes).unwrap(),
            [Message::Ping(b"p".to_vec()), Message::Text(b"hello".to_vec())]
        );
    }

    #[test]
    fn what_breaks_the_framing_is_refused() {
        let cases: &[Vec<u8>] = &[
            vec![FIN | OPCODE_TEXT, 1, b'x'],
            client_frame(FIN | 0x40 | OPCODE_TEXT, b"x"),
            client_frame(FIN | 0x2, b"x"),
            client_frame(FIN | OPCODE_CONTINUATION, b"x"),
            client_frame(FIN | OPCODE_PING, &[0; 126]),
            client_frame(OPCODE_PING, b"x"),
            client_frame(FIN | OPCODE_TEXT, &vec![0; CLIENT_FRAME_BYTES_MAX + 1]),
            vec![FIN | OPCODE_TEXT, MASKED | 127],
        ];
        for case in cases {
            assert!(decode(&mut Decoder::default(), case.clone()).is_err(), "{case:?}");
        }
        let mut endless = client_frame(OPCODE_TEXT, &[b'x'; 3_000]);
        endless.extend(client_frame(OPCODE_CONTINUATION, &[b'x'; 3_000]));
        assert!(decode(&mut Decoder::default(), endless).is_err());
    }

    proptest! {
        #[test]
        fn messages_survive_however_the_bytes_are_cut(
            texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8),
            cuts in prop::collection::vec(1usize..64, 1..400),
        ) {
            let bytes: Vec<u8> =
                texts.iter().flat_map(|text| client_frame(FIN | OPCODE_TEXT, text)).collect();
            let mut decoder = Decoder::default();
            let mut messages = Vec::new();
            let mut cuts = cuts.into_iter().cycle();
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(cuts.next().unwrap().min(rest.len()));
                messages.extend(decode(&mut decoder, piece.to_vec()).unwrap());
                rest = after;
            }
            let expected: Vec<_> = texts.into_iter().map(Message::Text).collect();
            prop_assert_eq!(messages, expected);
            prop_assert!(decoder.partial.capacity() == 0 || decoder.partial.is_empty());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode(&mut Decoder::default(), bytes);
        }
    }
}
