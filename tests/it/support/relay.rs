//! What stands between the program and a server, and fails as networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Passes connections on to a port of this machine, until told otherwise.
pub struct Relay {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    /// How many connections have been made.
    connections: AtomicUsize,
    /// How often what the server says ends its connection instead of being passed on.
    cuts: AtomicUsize,
    /// Bytes that the server may still say.
    left: AtomicU64,
    /// What happens when it has said them: silence, or the end of the connection.
    silent: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Relay {
    pub fn to(server: u16) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared {
            connections: AtomicUsize::new(0),
            cuts: AtomicUsize::new(0),
            left: AtomicU64::new(u64::MAX),
            silent: AtomicBool::new(false),
            open: Mutex::default(),
        });
        let of_listener = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                of_listener.connections.fetch_add(1, Ordering::SeqCst);
                let Ok(there) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let (Ok(client_too), Ok(there_too)) = (client.try_clone(), there.try_clone()) else { continue };
                if let Ok(client) = client.try_clone() {
                    of_listener.open.lock().expect("the connections").push(client);
                }
                let shared = Arc::clone(&of_listener);
                std::thread::spawn(move || answer(there, client, &shared));
                std::thread::spawn(move || ask(client_too, there_too));
            }
        });
        Relay { port, shared }
    }

    /// How many connections have been made so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The next `times` that the server says something, its connection ends instead.
    pub fn cut(&self, times: usize) {
        self.shared.cuts.store(times, Ordering::SeqCst);
    }

    /// The connections end once the server has said `bytes` more.
    pub fn cut_after(&self, bytes: u64) {
        self.shared.silent.store(false, Ordering::SeqCst);
        self.shared.left.store(bytes, Ordering::SeqCst);
    }

    /// Nothing is passed on once the server has said `bytes` more.
    pub fn stall_after(&self, bytes: u64) {
        self.shared.silent.store(true, Ordering::SeqCst);
        self.shared.left.store(bytes, Ordering::SeqCst);
    }

    /// All is as it should be again; what was held back goes on.
    pub fn mend(&self) {
        self.shared.cuts.store(0, Ordering::SeqCst);
        self.shared.left.store(u64::MAX, Ordering::SeqCst);
    }

    /// Ends every connection.
    pub fn cut_all(&self) {
        for connection in self.shared.open.lock().expect("the connections").drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn answer(mut from: TcpStream, mut to: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 16 << 10];
    'passing: while let Ok(count) = from.read(&mut buffer) {
        if count == 0 {
            break;
        }
        if shared.cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |cuts| cuts.checked_sub(1)).is_ok() {
            break;
        }
        let mut said = &buffer[..count];
        while !said.is_empty() {
            let left = shared.left.load(Ordering::SeqCst);
            if left == 0 && !shared.silent.load(Ordering::SeqCst) {
                break 'passing;
            }
            if left == 0 {
                std::thread::sleep(Duration::from_millis(10));
                continue;
            }
            let part = said.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if to.write_all(&said[..part]).is_err() {
                break 'passing;
            }
            if left != u64::MAX {
                shared.left.fetch_sub(part as u64, Ordering::SeqCst);
            }
            said = &said[part..];
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

fn ask(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
