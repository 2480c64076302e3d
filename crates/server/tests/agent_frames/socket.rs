//! The agent's end of a websocket.

use std::io::ErrorKind;
use std::net::TcpStream;

use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
use tokio_tungstenite::tungstenite::{Error, Message};

/// An open socket. Dropping it is the end of its TCP connection, without a word.
pub(crate) struct Socket(WebSocket<TcpStream>);

impl Socket {
    /// After an upgrade.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(WebSocket::from_raw_socket(stream, Role::Client, None))
    }

    /// Sends a text frame.
    pub(crate) fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// Sends a binary frame.
    pub(crate) fn say_binary(&mut self, bytes: &[u8]) {
        self.0.send(Message::binary(bytes.to_vec())).unwrap();
    }

    /// The next text frame; nothing when the connection is over.
    pub(crate) fn hear(&mut self) -> Option<String> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Ok(Message::Close(_)) => return None,
                Ok(_) => {}
                Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("nothing was said, and the connection is not over")
                }
                Err(_) => return None,
            }
        }
    }

    /// The next frame: its type and message.
    #[track_caller]
    pub(crate) fn next(&mut self) -> (String, Value) {
        let text = self.hear().expect("the connection goes on");
        let mut frame: Value = serde_json::from_str(&text).unwrap();
        let kind = frame["type"].as_str().unwrap().to_owned();
        (kind, frame["message"].take())
    }

    /// Closes the socket as the agent does, and gives back the code with which the other side completes the close.
    pub(crate) fn close(mut self, code: u16, reason: &'static str) -> Option<u16> {
        self.0
            .close(Some(CloseFrame {
                code: code.into(),
                reason: reason.into(),
            }))
            .unwrap();
        loop {
            match self.0.read() {
                Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}
