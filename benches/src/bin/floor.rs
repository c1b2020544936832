//! The floor: what the same work costs without a framework, a runtime or a second copy.
//!
//! One thread, epoll, one read and one write per message, a canned handshake. A broadcast is
//! appended to each member's buffer, and each buffer is written once per turn of the loop.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;

use anyhow::Result;
use channels_bench::serve::Arguments;
use channels_bench::ws::{self, ACCEPT, CLOSE, Head, Inbox, PING, PONG};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);
const BUFFER: usize = 256 * 1024;
/// A member's buffer of more than this is given back once it is written.
const KEPT: usize = 256;

struct Peer {
    stream: TcpStream,
    /// The group that the path names; `None` for an echo or before the handshake.
    group: Option<u8>,
    /// Where it stands among the members.
    member: usize,
    open: bool,
    inbox: Inbox,
    output: Vec<u8>,
    written: usize,
    dirty: bool,
}

struct Floor {
    poll: Poll,
    peers: Vec<Option<Peer>>,
    free: Vec<usize>,
    groups: [Vec<usize>; 3],
    dirty: Vec<usize>,
    /// Room for a server's header in front, so that an echo is one piece.
    buffer: Box<[u8]>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    Floor::new()?.run(arguments.address)
}

impl Floor {
    fn new() -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            peers: Vec::new(),
            free: Vec::new(),
            groups: [const { Vec::new() }; 3],
            dirty: Vec::new(),
            buffer: vec![0; BUFFER].into(),
        })
    }

    fn run(&mut self, address: SocketAddr) -> Result<()> {
        let mut listener = TcpListener::bind(address)?;
        self.poll
            .registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let mut events = Events::with_capacity(1024);
        loop {
            self.poll.poll(&mut events, None)?;
            for event in &events {
                if event.token() == LISTENER {
                    self.accept(&listener)?;
                    continue;
                }
                let at = event.token().0;
                if event.is_writable() {
                    self.mark(at);
                }
                if event.is_readable() && self.read(at).is_err() {
                    self.remove(at);
                }
            }
            let mut dirty = std::mem::take(&mut self.dirty);
            for at in dirty.drain(..) {
                if self.peers[at]
                    .as_mut()
                    .is_some_and(|peer| peer.flush().is_err())
                {
                    self.remove(at);
                }
            }
            self.dirty = dirty;
        }
    }

    fn accept(&mut self, listener: &TcpListener) -> Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            stream.set_nodelay(true)?;
            let at = self.free.pop().unwrap_or_else(|| {
                self.peers.push(None);
                self.peers.len() - 1
            });
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll
                .registry()
                .register(&mut stream, Token(at), interest)?;
            self.peers[at] = Some(Peer {
                stream,
                group: None,
                member: 0,
                open: false,
                inbox: Inbox::default(),
                output: Vec::new(),
                written: 0,
                dirty: false,
            });
        }
    }

    /// What waits for this peer is written at the end of the turn.
    fn mark(&mut self, at: usize) {
        if let Some(peer) = &mut self.peers[at]
            && !peer.dirty
            && !peer.output.is_empty()
        {
            peer.dirty = true;
            self.dirty.push(at);
        }
    }

    fn read(&mut self, at: usize) -> Result<()> {
        loop {
            let Some(peer) = self.peers[at].as_mut() else {
                return Ok(());
            };
            let read = match peer.stream.read(&mut self.buffer) {
                Ok(0) => anyhow::bail!("the client is gone"),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            if peer.open {
                self.frames(at, read)?;
            } else {
                self.handshake(at, read)?;
            }
            if read < BUFFER {
                return Ok(());
            }
        }
    }

    fn handshake(&mut self, at: usize, read: usize) -> Result<()> {
        let request = &self.buffer[..read];
        anyhow::ensure!(request.ends_with(b"\r\n\r\n"), "no whole request at once");
        let path = request.split(|&byte| byte == b' ').nth(1).unwrap_or(b"");
        let group = match path {
            b"/chat/" => Some(0),
            b"/relay/" => Some(1),
            b"/idle/" => Some(2),
            _ => None,
        };
        if let Some(peer) = &mut self.peers[at] {
            peer.open = true;
            if let Some(group) = group {
                let members = &mut self.groups[usize::from(group)];
                peer.group = Some(group);
                peer.member = members.len();
                members.push(at);
            }
            peer.write(
                format!(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                     Upgrade: websocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
                )
                .as_bytes(),
            )?;
        }
        Ok(())
    }

    fn frames(&mut self, at: usize, read: usize) -> Result<()> {
        let Some(mut peer) = self.peers[at].take() else {
            return Ok(());
        };
        let mut inbox = std::mem::take(&mut peer.inbox);
        let group = peer.group;
        let mut broadcasts = Vec::new();
        let fed = inbox.feed(&mut self.buffer[..read], |head, frame| {
            let answer = answer(head, frame)?;
            match group {
                Some(_) if head.opcode == ws::TEXT => broadcasts.push(answer.to_vec()),
                _ if head.opcode == PONG => {}
                _ => peer.write(answer)?,
            }
            Ok(())
        });
        peer.inbox = inbox;
        self.peers[at] = Some(peer);
        for (group, frame) in group
            .into_iter()
            .flat_map(|group| broadcasts.iter().map(move |frame| (group, frame)))
        {
            for &member in &self.groups[usize::from(group)] {
                if let Some(peer) = &mut self.peers[member] {
                    peer.output.extend_from_slice(frame);
                    if !peer.dirty {
                        peer.dirty = true;
                        self.dirty.push(member);
                    }
                }
            }
        }
        self.mark(at);
        fed
    }

    fn remove(&mut self, at: usize) {
        let Some(peer) = self.peers[at].take() else {
            return;
        };
        self.free.push(at);
        if let Some(group) = peer.group {
            let members = &mut self.groups[usize::from(group)];
            members.swap_remove(peer.member);
            if let Some(&moved) = members.get(peer.member)
                && let Some(moved) = &mut self.peers[moved]
            {
                moved.member = peer.member;
            }
        }
    }
}

/// Turns a client's frame, in place, into the server's frame of the same payload.
fn answer(head: Head, frame: &mut [u8]) -> Result<&[u8]> {
    let mask = head
        .mask
        .ok_or_else(|| anyhow::anyhow!("a frame without a mask"))?;
    ws::unmask(&mut frame[head.header..], mask);
    anyhow::ensure!(head.opcode != CLOSE, "the client closes");
    let opcode = if head.opcode == PING {
        PONG
    } else {
        head.opcode
    };
    let (header, len) = ws::server_header(opcode, head.payload);
    // A server's header is shorter than a client's by the mask.
    let start = head.header - len;
    frame[start..head.header].copy_from_slice(&header[..len]);
    Ok(&frame[start..])
}

impl Peer {
    /// Writes at once; what the socket does not take waits.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while self.output.is_empty() && !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.output.extend_from_slice(rest);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.dirty = false;
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        self.written = 0;
        self.output.clear();
        if self.output.capacity() > KEPT {
            self.output = Vec::new();
        }
        Ok(())
    }
}
