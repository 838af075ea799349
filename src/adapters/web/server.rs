//! A server for tests: a few lines of HTTP, answering as a test wants it to, faults of all kinds too.

use parking_lot::Mutex;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// A server. It stops when the test program ends.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

/// A request.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body ended before it should have.
    pub(crate) cut: bool,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let url = reqwest::Url::parse(&format!("http://x/?{}", self.query)).expect("a query");
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// An answer.
#[derive(Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How much of the body is sent before the line is cut.
    pub(crate) cut: Option<usize>,
}

impl Reply {
    pub(crate) fn new(status: u16) -> Reply {
        Reply { status, ..Reply::default() }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_string(), value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Reply {
        self.body = body.into();
        self
    }

    pub(crate) fn cut(mut self, after: usize) -> Reply {
        self.cut = Some(after);
        self
    }
}

/// What a test does with a request: first the head is shown, with how much of the body to take.
pub(crate) trait Handler: Send + Sync + 'static {
    /// How much of the body is taken before the line is cut; nothing: all.
    fn takes(&self, _: &Request) -> Option<usize> {
        None
    }

    fn answer(&self, request: &Request) -> Reply;
}

impl<F: Fn(&Request) -> Reply + Send + Sync + 'static> Handler for F {
    fn answer(&self, request: &Request) -> Reply {
        self(request)
    }
}

impl Server {
    pub(crate) fn start(handler: impl Handler) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, handler) = (asked.clone(), Arc::new(handler));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, handler) = (log.clone(), handler.clone());
                // A client that goes away in the middle is no fault of the server.
                std::thread::spawn(move || drop(serve(stream, &*handler, &log)));
            }
        });
        Server { address, asked }
    }

    /// What was asked since this was called last: methods, paths and queries.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock())
    }
}

fn serve(mut stream: TcpStream, handler: &dyn Handler, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = read(&mut reader, handler)? {
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        log.lock().push(format!("{} {}{query}", request.method, request.path));
        let reply = handler.answer(&request);
        if request.cut {
            return Ok(());
        }
        let mut head = format!("HTTP/1.1 {} X\r\n", reply.status);
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            head.push_str(&format!("Content-Length: {}\r\n", reply.body.len()));
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        if request.method != "HEAD" {
            let sent = reply.cut.unwrap_or(reply.body.len());
            stream.write_all(&reply.body[..sent.min(reply.body.len())])?;
        }
        if reply.cut.is_some() {
            stream.flush()?;
            return Ok(());
        }
    }
    Ok(())
}

fn read(reader: &mut BufReader<TcpStream>, handler: &dyn Handler) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (method, path, query) = (method.to_string(), path.to_string(), query.to_string());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((key, value)) => headers.push((key.to_ascii_lowercase(), value.trim().to_string())),
            None => break,
        }
    }
    let mut request = Request { method, path, query, headers, body: Vec::new(), cut: false };
    let takes = handler.takes(&request);
    if request.header("transfer-encoding") == Some("chunked") {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk)?;
            request.body.extend(&chunk[..size]);
            if size == 0 {
                break;
            }
        }
    } else {
        let length = request.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
        request.body = vec![0; length];
        if let Some(takes) = takes.filter(|takes| *takes < length) {
            request.body.truncate(takes);
            request.cut = true;
        }
        reader.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}
