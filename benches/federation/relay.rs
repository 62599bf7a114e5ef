//! What stands between a program and a server, and counts.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Passes connections on to a port of this machine, and counts the bytes that come back from there.
pub struct Relay {
    pub port: u16,
    received: Arc<AtomicU64>,
}

impl Relay {
    pub fn to(server: u16) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let received = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&received);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(there) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let (Ok(client_too), Ok(there_too)) = (client.try_clone(), there.try_clone()) else { continue };
                let counter = Arc::clone(&counter);
                let nobody = Arc::new(AtomicU64::new(0));
                std::thread::spawn(move || pass(there, client, &counter));
                std::thread::spawn(move || pass(client_too, there_too, &nobody));
            }
        });
        Relay { port, received }
    }

    /// Bytes that have come from the server so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, counter: &AtomicU64) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
