//! One connection of the generator.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use anyhow::{Result, bail, ensure};
use mio::net::TcpStream;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::Frame;
use crate::ws::{self, ACCEPT, Head, Inbox};

/// A socket, what waits to be written to it, and the incomplete frame that came from it.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    pub(super) stage: Stage,
    queue: VecDeque<Frame>,
    written: usize,
    inbox: Inbox,
    head: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Connecting,
    Handshake,
    Open,
}

impl Client {
    /// Begins to connect from the given address, with a small receive buffer if asked for.
    pub(super) fn connect(
        source: Ipv4Addr,
        to: SocketAddr,
        receive_buffer: Option<usize>,
    ) -> Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket =
            rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        if let Some(bytes) = receive_buffer {
            sockopt::set_socket_recv_buffer_size(&socket, bytes)?;
        }
        rustix::net::bind(&socket, &SocketAddrV4::new(source, 0))?;
        match rustix::net::connect(&socket, &to) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self {
            stream: TcpStream::from_std(std::net::TcpStream::from(socket)),
            stage: Stage::Connecting,
            queue: VecDeque::new(),
            written: 0,
            inbox: Inbox::default(),
            head: Vec::new(),
        })
    }

    /// Sends the request once the connection stands.
    pub(super) fn shake_hands(&mut self, host: SocketAddr, path: &str) -> Result<()> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error.into());
        }
        let request = ws::request(host, path);
        self.stage = Stage::Handshake;
        self.send(request.into_bytes().into())
    }

    /// Writes a frame, or what the socket takes of it; the rest follows when it takes more.
    pub(super) fn send(&mut self, frame: Frame) -> Result<()> {
        self.queue.push_back(frame);
        if self.queue.len() == 1 {
            self.flush()
        } else {
            Ok(())
        }
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        while let Some(frame) = self.queue.front() {
            match self.stream.write(&frame[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            if self.written == frame.len() {
                self.queue.pop_front();
                self.written = 0;
            }
        }
        Ok(())
    }

    /// Reads once; `None` if there is nothing. Fewer bytes than there is room for are all.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        match self.stream.read(buffer) {
            Ok(0) => bail!("the server closed the connection"),
            Ok(read) => Ok(Some(read)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes what was read: the answer of the handshake first, then frames.
    pub(super) fn take(
        &mut self,
        data: &mut [u8],
        each: impl FnMut(Head, &mut [u8]) -> Result<()>,
    ) -> Result<()> {
        if self.stage == Stage::Open {
            return self.inbox.feed(data, each);
        }
        self.head.extend_from_slice(data);
        let Some(end) = self.head.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            return Ok(());
        };
        let mut head = std::mem::take(&mut self.head);
        let text = String::from_utf8_lossy(&head[..end]);
        ensure!(
            text.starts_with("HTTP/1.1 101") && text.contains(ACCEPT),
            "the handshake was refused: {}",
            text.lines().next().unwrap_or("")
        );
        self.stage = Stage::Open;
        self.inbox.feed(&mut head[end + 4..], each)
    }
}
