//! A server of changes by HTTP: an answer without end, line by line.
//!
//! A client gets the changes after the one that it names, and each new one as soon as it is made.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Between two signs of life.
const LIFE: Duration = Duration::from_secs(5);

/// Changes so far, and who hears of the next ones.
#[derive(Default)]
struct Told {
    lines: Vec<(u64, String)>,
    listeners: Vec<TcpStream>,
}

impl Told {
    fn send(&mut self, line: &str) {
        self.listeners.retain_mut(|listener| listener.write_all(line.as_bytes()).is_ok());
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The server. Its threads end with the process.
pub(super) struct Stream {
    told: Arc<Mutex<Told>>,
    address: SocketAddr,
}

impl Stream {
    /// Listens in the namespace of the thread.
    pub(super) fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let told = Arc::<Mutex<Told>>::default();
        let known = Arc::clone(&told);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who goes away meanwhile asks again.
                serve(stream, &known).unwrap_or_default();
            }
        });
        let known = Arc::clone(&told);
        thread::spawn(move || {
            loop {
                thread::sleep(LIFE);
                lock(&known).send("\n");
            }
        });
        Ok(Self { told, address })
    }

    /// Where it is.
    pub(super) fn url(&self) -> String {
        format!("http://{}/deltas", self.address)
    }

    /// Tells a change.
    pub(super) fn tell(&self, id: u64, line: &str) {
        let mut told = lock(&self.told);
        told.send(line);
        told.lines.push((id, line.to_owned()));
    }
}

fn serve(mut stream: TcpStream, told: &Mutex<Told>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let after = first.split_once("after=").map_or("", |(_, behind)| behind);
    let after = after.split(['&', ' ']).next().and_then(|id| id.parse().ok()).unwrap_or(0);
    let mut told = lock(told);
    stream.set_nodelay(true)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n")?;
    for (_, line) in told.lines.iter().filter(|(id, _)| *id > after) {
        stream.write_all(line.as_bytes())?;
    }
    told.listeners.push(stream);
    Ok(())
}
