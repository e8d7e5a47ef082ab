//! A proxy on loopback that passes bytes on to one server and counts them, in both directions: what a tool says of itself, or
//! a server of its answers, is not asked. It counts what the connections carry, HTTP's headers included, TCP's not.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// What went through since the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    /// Bytes from the server.
    pub(crate) down: u64,
    /// Bytes to the server.
    pub(crate) up: u64,
    /// Connections.
    pub(crate) connections: u64,
}

#[derive(Default)]
struct Counts {
    down: AtomicU64,
    up: AtomicU64,
    connections: AtomicU64,
    open: AtomicU64,
}

/// A proxy at work; it ends with the program.
pub(crate) struct Meter {
    /// Where it listens.
    pub(crate) port: u16,
    counts: Arc<Counts>,
}

impl Meter {
    /// Begins to listen, on behalf of a server at `port`.
    pub(crate) fn before(port: u16) -> io::Result<Meter> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let own = listener.local_addr()?.port();
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counts = Arc::clone(&shared);
                counts.connections.fetch_add(1, Ordering::Relaxed);
                counts.open.fetch_add(1, Ordering::Relaxed);
                thread::spawn(move || {
                    // A connection that breaks is the tool's to tell of.
                    let _ = pass(&client, port, &counts);
                    counts.open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Ok(Meter { port: own, counts })
    }

    /// What went through since the last look, once every connection is closed.
    pub(crate) fn take(&self) -> Traffic {
        for _ in 0..400 {
            if self.counts.open.load(Ordering::Relaxed) == 0 {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        Traffic {
            down: take(&self.counts.down),
            up: take(&self.counts.up),
            connections: take(&self.counts.connections),
        }
    }
}

fn pass(client: &TcpStream, port: u16, counts: &Counts) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    thread::scope(|scope| {
        scope.spawn(|| copy(client, &server, &counts.up));
        copy(&server, client, &counts.down);
    });
    Ok(())
}

/// Passes on until one side has no more, and tells the other so.
fn copy(mut from: &TcpStream, mut to: &TcpStream, count: &AtomicU64) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(length) => {
                count.fetch_add(length as u64, Ordering::Relaxed);
                if to.write_all(&buffer[..length]).is_err() {
                    // Nobody listens any more: whoever sends is to hear of it.
                    let _ = from.shutdown(Shutdown::Both);
                    break;
                }
            }
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
