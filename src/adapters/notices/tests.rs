//! Receivers as they are: that answer, refuse, hang, send elsewhere; a small mail server among them.

use super::*;
use crate::adapters::web::server::{Reply, Request, Server};
use crate::ports::Fault;
use parking_lot::Mutex;
use secrecy::SecretString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

fn sender(mail: Option<MailServer>) -> Sender {
    Sender { patience: Duration::from_millis(400), ..Sender::new(mail) }
}

fn post(url: String, key: Option<&str>) -> Parcel {
    let to = To::Post { url: SecretString::from(url), body: r#"{"a":1}"#.into(), key: key.map(SecretString::from) };
    Parcel { id: "0123abc".into(), to }
}

fn mail(subject: &str, text: &str) -> Parcel {
    let to = To::Mail { address: "team@example.com".into(), subject: subject.into(), text: text.into() };
    Parcel { id: "0123abc".into(), to }
}

#[test]
fn a_webhook_gets_the_body_with_its_id_and_a_signature_that_can_be_verified() {
    type Seen = Vec<(String, Option<String>, Option<String>)>;
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let log = seen.clone();
    let server = Server::start(move |request: &Request| {
        let header = |name| request.header(name).map(str::to_string);
        let body = String::from_utf8_lossy(&request.body).into_owned();
        log.lock().push((body, header("x-lockgate-notice"), header("x-lockgate-signature")));
        Reply::new(204)
    });
    let url = format!("http://{}/hook", server.address);
    sender(None).send(&post(url.clone(), Some("key"))).expect("sent");
    sender(None).send(&post(url, None)).expect("sent");
    // `printf '{"a":1}' | openssl dgst -sha256 -hmac key`
    let signature = "sha256=88a67f24bbcdaed0e6c997404bb79a743baf44c6bab2f4c27328e3009d22e342";
    let seen = seen.lock().clone();
    assert_eq!((seen[0].0.as_str(), seen[0].1.as_deref()), (r#"{"a":1}"#, Some("0123abc")));
    assert_eq!(seen[0].2.as_deref(), Some(signature));
    assert_eq!(seen[1].2, None);
}

#[test]
fn what_a_receiver_does_wrong_is_told_without_its_address() {
    let server = Server::start(|request: &Request| match request.path.as_str() {
        "/busy" => Reply::new(503),
        "/many" => Reply::new(429),
        "/no" => Reply::new(403),
        "/gone" => Reply::new(404),
        "/away" => Reply::new(302).header("Location", "http://127.0.0.1:1/"),
        _ => {
            std::thread::sleep(Duration::from_secs(5));
            Reply::new(200)
        }
    });
    let address = server.address.to_string();
    let fault = |path: &str| {
        let error = sender(None).send(&post(format!("http://{address}/{path}"), None)).expect_err(path);
        assert!(!error.to_string().contains(&address) && !error.to_string().contains(path), "{error}");
        error.fault
    };
    assert_eq!([fault("busy"), fault("many"), fault("hangs")], [Fault::Unavailable; 3]);
    assert_eq!([fault("no"), fault("gone"), fault("away")], [Fault::Denied, Fault::Invalid, Fault::Invalid]);
    let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let error = sender(None).send(&post(format!("http://{free}/secret"), None)).expect_err("nobody");
    assert_eq!(error.message, "the receiver cannot be reached: connection refused");
    for bad in ["", "secret", "ftp://secret/x"] {
        let error = sender(None).send(&post(bad.into(), None)).expect_err("no URL");
        assert!(error.fault == Fault::Invalid && !error.message.contains("secret"), "{error}");
    }
}

/// A mail server that takes what it is sent, or answers to `RCPT` as it is told.
fn sink(answer: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (address, mails) = (listener.local_addr().expect("an address"), Arc::<Mutex<Vec<String>>>::default());
    let taken = mails.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let taken = taken.clone();
            std::thread::spawn(move || drop(speak(stream, answer, &taken)));
        }
    });
    (address, mails)
}

fn speak(mut stream: TcpStream, answer: &str, taken: &Mutex<Vec<String>>) -> std::io::Result<()> {
    if answer.is_empty() {
        std::thread::sleep(Duration::from_secs(5));
        return Ok(());
    }
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    stream.write_all(b"220 sink ESMTP\r\n")?;
    while let Some(Ok(line)) = lines.next() {
        let said = match line.split_whitespace().next().unwrap_or_default() {
            "EHLO" => "250-sink\r\n250 8BITMIME".to_string(),
            "RCPT" => answer.to_string(),
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let mail: Vec<String> = lines.by_ref().map_while(Result::ok).take_while(|l| l != ".").collect();
                taken.lock().push(mail.join("\n"));
                "250 taken".to_string()
            }
            "QUIT" => "221 bye".to_string(),
            _ => "250 yes".to_string(),
        };
        stream.write_all(format!("{said}\r\n").as_bytes())?;
    }
    Ok(())
}

fn server(address: SocketAddr) -> MailServer {
    let host = address.ip().to_string();
    MailServer {
        host,
        port: Some(address.port()),
        tls: Tls::None,
        login: None,
        from: "Lockgate <ci@example.com>".into(),
    }
}

#[test]
fn a_mail_has_its_id_and_nothing_of_what_others_wrote_becomes_a_header() {
    let (address, mails) = sink("250 yes");
    let evil = "shop: failed: x\r\nBcc: all@example.com\r\n\r\n<script>";
    sender(Some(server(address))).send(&mail(evil, "first\n.\n<b>second</b> é\n")).expect("sent");
    let mails = mails.lock().clone();
    let (head, body) = mails[0].split_once("\n\n").expect("a head and a body");
    assert!(head.contains("Message-ID: <0123abc.lockgate@example.com>"), "{head}");
    assert!(head.contains("X-Lockgate-Notice: 0123abc") && head.contains("Auto-Submitted: auto-generated"), "{head}");
    assert!(head.contains("Content-Type: text/plain; charset=utf-8"), "{head}");
    assert!(!head.lines().any(|l| l.starts_with("Bcc")) && !body.contains("Bcc"), "{head}\n\n{body}");
    assert!(head.contains("To: team@example.com") && head.contains("From: "), "{head}");
}

#[test]
fn what_a_mail_server_does_wrong_is_told() {
    let error = |answer, wanted| {
        let (address, _) = sink(answer);
        let error = sender(Some(server(address))).send(&mail("x", "y")).expect_err("refused");
        assert_eq!(error.fault, wanted, "{error}");
        error.message
    };
    assert!(error("550 no such\u{1b}[31m user", Fault::Invalid).contains("550 no such [31m user"));
    error("451 later", Fault::Unavailable);
    error("", Fault::Unavailable);
    let nobody = sender(None).send(&mail("x", "y")).expect_err("no server");
    assert!(nobody.help.is_some_and(|h| h.contains("LOCKGATE_SMTP")));
    let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    assert_eq!(sender(Some(server(free))).send(&mail("x", "y")).expect_err("nobody").fault, Fault::Unavailable);
    // A server that does not offer encryption is not spoken with in the open.
    let (address, mails) = sink("250 yes");
    let begun = MailServer { tls: Tls::Begun, ..server(address) };
    assert!(sender(Some(begun)).send(&mail("x", "y")).is_err());
    assert!(mails.lock().is_empty());
}

#[test]
fn the_address_of_a_mail_server_says_all_there_is() {
    let of = |url: &str| MailServer::of_url(url, "ci@example.com");
    let server = of("smtps://ann%40x:p%3Aw@mail.example.com").expect("a server");
    assert_eq!((server.host.as_str(), server.port, server.tls), ("mail.example.com", None, Tls::Whole));
    assert!(server.login.is_some_and(|(user, password)| {
        use secrecy::ExposeSecret as _;
        user == "ann@x" && password.expose_secret() == "p:w"
    }));
    assert_eq!(of("smtp://localhost:2525?tls=none").map(|s| (s.port, s.tls)), Ok((Some(2525), Tls::None)));
    for bad in ["", "mail.example.com", "http://x", "smtp://", "smtp://x?tls=maybe", "smtps://u:pa%ffss@x"] {
        let error = of(bad).expect_err(bad);
        assert!(error.fault == Fault::Invalid && !error.message.contains("pa%ff"), "{error}");
    }
    assert!(MailServer::of_url("smtp://x", "nobody").is_err());
}
