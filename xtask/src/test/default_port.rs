//! The port that clients take where nobody names one, forwarded to a broker on a free port.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Connections to the port on both loopback addresses reach the broker until this is dropped.
pub(crate) struct DefaultPort {
    stopping: Arc<AtomicBool>,
    listeners: Vec<(SocketAddr, JoinHandle<()>)>,
}

impl DefaultPort {
    /// # Errors
    /// When the port is taken.
    pub(crate) fn forward(port: u16, broker: String) -> io::Result<Self> {
        let bound = [
            TcpListener::bind((Ipv4Addr::LOCALHOST, port))?,
            TcpListener::bind((Ipv6Addr::LOCALHOST, port))?,
        ];
        let mut forwarding = Self {
            stopping: Arc::default(),
            listeners: Vec::new(),
        };
        for listener in bound {
            let address = listener.local_addr()?;
            let (stopping, broker) = (Arc::clone(&forwarding.stopping), broker.clone());
            let accepting = thread::spawn(move || accept(&listener, &stopping, &broker));
            forwarding.listeners.push((address, accepting));
        }
        Ok(forwarding)
    }
}

impl Drop for DefaultPort {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        for (address, accepting) in self.listeners.drain(..) {
            // Wakes the one that accepts, which then sees that it is over.
            if TcpStream::connect(address).is_ok() {
                let _ = accepting.join();
            }
        }
    }
}

fn accept(listener: &TcpListener, stopping: &AtomicBool, broker: &str) {
    for client in listener.incoming().flatten() {
        if stopping.load(Ordering::SeqCst) {
            return;
        }
        // A client whose connection cannot be made sees its own closed.
        let _ = join(client, broker);
    }
}

fn join(client: TcpStream, broker: &str) -> io::Result<()> {
    let broker = TcpStream::connect(broker)?;
    let back = (broker.try_clone()?, client.try_clone()?);
    thread::spawn(move || pass_on(client, broker));
    thread::spawn(move || pass_on(back.0, back.1));
    Ok(())
}

/// An end that comes from one side goes to the other.
fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn bytes_and_ends_reach_the_broker_until_it_is_dropped() {
        let broker = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = crate::process::free_port().unwrap();
        let address = broker.local_addr().unwrap().to_string();
        let forwarding = DefaultPort::forward(port, address).unwrap();
        for loopback in [
            SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
        ] {
            let mut client = TcpStream::connect(loopback).unwrap();
            client.write_all(b"ping").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let (mut served, _) = broker.accept().unwrap();
            let mut got = String::new();
            served.read_to_string(&mut got).unwrap();
            assert_eq!(got, "ping");
            served.write_all(b"pong").unwrap();
            drop(served);
            got.clear();
            client.read_to_string(&mut got).unwrap();
            assert_eq!(got, "pong");
        }
        drop(forwarding);
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    }
}
