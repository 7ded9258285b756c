//! The little of HTTP and WebSocket that a load generator has to speak, as cheap as can be: what it
//! costs is taken from what the servers can show.

/// One thing read from a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// An HTTP response: its status and body. A 101 has none.
    Response(u16, &'a [u8]),
    /// The payload of a text frame.
    Text(&'a [u8]),
    /// A close frame.
    Close,
}

/// Takes the next whole piece from `bytes`: it and its length, or none while some is missing.
pub(crate) fn next(bytes: &[u8], is_upgraded: bool) -> Option<(Piece<'_>, usize)> {
    if is_upgraded { frame(bytes) } else { response(bytes) }
}

fn response(bytes: &[u8]) -> Option<(Piece<'_>, usize)> {
    let end = find(bytes, b"\r\n\r\n")? + 4;
    let head = &bytes[..end];
    let status = std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()?;
    let length = header(head, b"content-length: ").unwrap_or(0);
    let body = bytes.get(end..end + length)?;
    Some((Piece::Response(status, body), end + length))
}

fn header(head: &[u8], name: &[u8]) -> Option<usize> {
    let lower = head.to_ascii_lowercase();
    let start = find(&lower, name)? + name.len();
    let digits = lower[start..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0')))
}

fn frame(bytes: &[u8]) -> Option<(Piece<'_>, usize)> {
    let (&opcode, &short) = (bytes.first()?, bytes.get(1)?);
    let (start, length) = match short {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => {
            let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            (10, usize::try_from(length).ok()?)
        }
        short => (2, usize::from(short)),
    };
    let payload = bytes.get(start..start + length)?;
    let piece = if opcode & 0x0f == 8 { Piece::Close } else { Piece::Text(payload) };
    Some((piece, start + length))
}

/// A text frame as clients send it. The mask is zero: a valid mask that costs nothing.
pub(crate) fn masked(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(short) if short < 126 => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            frame.extend_from_slice(&length.to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// The request that opens a WebSocket.
pub(crate) fn upgrade(path: &str, protocols: &str) -> Vec<u8> {
    let protocols = match protocols {
        "" => String::new(),
        list => format!("Sec-WebSocket-Protocol: {list}\r\n"),
    };
    format!(
        "GET {path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{protocols}\r\n"
    )
    .into_bytes()
}

/// A request with a JSON body.
pub(crate) fn request(method: &str, path: &str, key: Option<&str>, body: &str) -> Vec<u8> {
    let key = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: bench\r\n{key}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Where `needle` begins in `haystack`.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The text value of a key in JSON that has it once and without escapes.
pub(crate) fn value<'a>(json: &'a [u8], key: &str) -> Option<&'a str> {
    let mark = format!("\"{key}\":\"");
    let start = find(json, mark.as_bytes())? + mark.len();
    let length = json[start..].iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&json[start..start + length]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_taken_whole_or_not_at_all() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP";
        assert_eq!(next(bytes, false), Some((Piece::Response(200, b"ok"), bytes.len() - 4)));
        assert_eq!(next(&bytes[..bytes.len() - 5], false), None);
    }

    #[test]
    fn frames_are_taken_one_by_one() {
        let bytes = [0x81, 2, b'o', b'k', 0x88, 0];
        assert_eq!(next(&bytes, true), Some((Piece::Text(b"ok"), 4)));
        assert_eq!(next(&bytes[4..], true), Some((Piece::Close, 2)));
        assert_eq!(next(&bytes[..3], true), None);
    }
}
