//! The upgrade to WebSocket, and where the ticket is in it.

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use crate::limits::{
    CLIENT_FRAME_BYTES_MAX, READ_BUFFER_BYTES, SERVER_FRAME_BYTES_MAX, WRITE_BUFFER_BYTES,
};

/// How a subprotocol that carries a ticket begins.
const TICKET_PREFIX: &str = "ticket.";

/// Upgrades a connection, and gives the ticket that it came with. It always succeeds for a
/// WebSocket client: refusals are frames, which a browser can read, and an HTTP status is not.
///
/// # Errors
/// When it is no WebSocket client.
pub(super) async fn accept(
    stream: TcpStream,
) -> Result<(WebSocketStream<TcpStream>, Option<String>), SocketError> {
    let mut ticket = None;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(SERVER_FRAME_BYTES_MAX)
        .max_message_size(Some(CLIENT_FRAME_BYTES_MAX))
        .max_frame_size(Some(CLIENT_FRAME_BYTES_MAX));
    let socket =
        accept_hdr_async_with_config(stream, TakeTicket(&mut ticket), Some(config)).await?;
    Ok((socket, ticket))
}

struct TakeTicket<'a>(&'a mut Option<String>);

impl Callback for TakeTicket<'_> {
    fn on_request(
        self,
        request: &Request,
        mut answer: Response,
    ) -> Result<Response, ErrorResponse> {
        let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL);
        let subprotocol = offered
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .find(|protocol| protocol.starts_with(TICKET_PREFIX));
        if let Some(protocol) = subprotocol
            && let Ok(value) = HeaderValue::from_str(protocol)
        {
            *self.0 = protocol.strip_prefix(TICKET_PREFIX).map(str::to_owned);
            answer.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, value);
        } else {
            *self.0 = ticket_in_query(request.uri().query().unwrap_or_default());
        }
        Ok(answer)
    }
}

/// A JWT has no character that a query would encode, so the value is taken as it is.
fn ticket_in_query(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("ticket="))?;
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticket_is_found_among_other_parameters() {
        assert_eq!(ticket_in_query("a=b&ticket=x.y-z_.w&c"), Some("x.y-z_.w".to_owned()));
        assert_eq!(ticket_in_query("ticket="), None);
        assert_eq!(ticket_in_query("myticket=x"), None);
    }
}
