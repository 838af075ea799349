//! A login with OpenID Connect, at a provider of this test that is as strict as a real one.

use super::http::{Answer, send};
use super::{CONFIG, Served};
use crate::lab::Lab;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockgate::digest::Digest;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A key that opens nothing but this test.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MIIEugIBADANBgkqhkiG9w0BAQEFAASCBKQwggSgAgEAAoIBAQDGdt922SEXu2Yj
HC2RwakZO6Zp/qe2S30nYcSZftjjXpwFs5DDF2HJj7ftZVMJ0B62lXZg0DV4izC1
wTypfTtSvGkArqbq6VlSjJTIRyb7S3BX3SpRWbtUsC6tO3RS/GFEh/3HGJF+teKB
xtUNy80FZUqbq4ReBAKSNOA3qR0PWxhFHK8hkfghQvwubBmzHNecjl5xTqJ0Ik2a
fL88r5LBb3biuvNdHEZJr4iMElarkzadjNWYWX4a4BSARaiCM8HjCxASTAqpi8b1
DSg2a2K9d6yW2q1NXoVyagJp2Y/NN1AYLNVKSFHaN3h92WSVu6cnVvv9XD8OZpda
RtBJH1whAgMBAAECgf9AGkUzbg5yS+VBkehmG9cyf0HRGp+xEdDq13lY2s/TIMvk
S4uGeBbts64Ez6VylfZVoxEJVDbxKIQjMLcXR4vRvWls/vyLA7QGJcIorlK4+DTh
LF5uyDzprb5l1b5Mz5fbOtGNbTIRa04t/Lr0Kc+e3oiqn0ux0jnCX7HMSKNKQd+7
aRT54Jvcdr9FbDv+TXAEQPTOI7uqbHcA7p48ueCLv8u3vvsl+vezwE/z8WcyLKY0
JmQT6m/GTTNmfSZVo//9wPmQY1WDWTLFNhy3rcjv3JdfWAdLZwf/w1FdNBBn5ZEQ
RZoGctJBMCex7xi7gnOUSaG71FU9Mmir8OofvPECgYEA+lcIcYUFRSXW0zZWkAWK
q8PcQqBfwoUrUJ9yG7enwLk6HcjThC3IgO3GtJsaRuLfYMxE0hpScqI3DpuOnP8F
qCI/lgSsyOP74VjROPBOcsrbHtco8fPGtocB1bEK+yKLKaJzVU3WmnE3LOOAfFyD
2ZrKRpqyhWC8KHnAeoKeiLECgYEAyvOVfmXqSJe9GC5RgWxw6OAJdf92l8fHkEPs
RPRjYPXSYSMQCMN5Vn/NsXJnYfpiqFXepnzibcKdGiqPzY8NVL/QzmcOcqV07S0O
02/ILVDHbFKRVk06sZ5zYlCjdY/ltGsAY8huUlrYtsbFI05eIHqWgRMPr8qZJAM9
Hm025nECgYBUvDbgbd0dzbQMY/0i3K1WfIJGjxA6wGar8HxoQ17lzgyM3lgyCmku
ss0qfsGDMvHXSu0UjNJRePTX3fGE1JFumsEZH1X43ap5WV3gPv7evikzJDL4ysH9
MG9/jGCiJswh+Jm/SwyT1DSP3iW0coAynMFQ6rX4jYjCzotHLIVK0QKBgAQFzfnC
ZWFo+IuJJ35sOtSy1B0tohkiEZePcRhwy6N5W+EnA8NYtIf9YoNY5Cmx/9CcWxxr
r0VDrT9+hnkpk7cRUj81Fbk6BFZLJVcViR800a8Y996BC1/H5zuUo5jJ8GCiGlDg
ASfKuy7sQ64OeJkmNON8EDyIxH5NPiHjQkpRAoGADTuQqbqgk8RtPOIaXievkKnk
k41FdQkijGE21Hw1sUkjMvTfuhapikbbWydicUD9QzzPmNnQZA933rTQmSeP01fm
l0wxBuV5snBZxbGnNXAeiuM7DO6nZPbALTAMdciE8Pe1o90h/PsmWBC+QhSLVnw3
ZBzdc6DUCuXlzuHZzbw=
-----END PRIVATE KEY-----
";

/// What the provider was told, and what it says.
#[derive(Default)]
struct Told {
    /// By code: the challenge and the nonce that were sent for it.
    codes: BTreeMap<String, (String, String)>,
    /// Claims that it says, over the right ones.
    claims: BTreeMap<String, Value>,
    /// What was refused at the back channel.
    refused: Vec<String>,
}

/// A provider that listens.
pub(crate) struct Provider {
    pub issuer: String,
    told: Arc<Mutex<Told>>,
}

impl Provider {
    /// One of its own name, which is another site than the server's for a browser.
    pub fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let issuer = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        let told = Arc::new(Mutex::new(Told::default()));
        let (state, at) = (told.clone(), issuer.clone());
        std::thread::spawn(move || {
            let key = Arc::new(RsaPrivateKey::from_pkcs8_pem(KEY).expect("a key"));
            for stream in listener.incoming().flatten() {
                // A browser keeps connections open on which it asks nothing.
                let (key, at, state) = (key.clone(), at.clone(), state.clone());
                std::thread::spawn(move || answer(stream, &key, &at, &state));
            }
        });
        Provider { issuer, told }
    }

    /// What a person does there: signs in, and is sent back with a code.
    fn code(&self, url: &str) -> (String, String) {
        let query = pairs(url.split_once('?').expect("a query").1);
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], "lockgate");
        assert_eq!(query["code_challenge_method"], "S256");
        assert!(query["scope"].split(' ').any(|s| s == "openid"), "{query:?}");
        let code = format!("code-{}", self.told.lock().expect("told").codes.len());
        let known = (query["code_challenge"].clone(), query["nonce"].clone());
        self.told.lock().expect("told").codes.insert(code.clone(), known);
        (code, query["state"].clone())
    }

    fn says(&self, claim: &str, value: Value) {
        self.told.lock().expect("told").claims.insert(claim.to_string(), value);
    }
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let plain = |t: &str| {
        let mut out = Vec::new();
        let mut bytes = t.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'+' => out.push(b' '),
                b'%' => {
                    let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                    out.push(u8::from_str_radix(&digits, 16).expect("hexadecimal"));
                }
                other => out.push(other),
            }
        }
        String::from_utf8(out).expect("a text")
    };
    text.split('&').filter_map(|p| p.split_once('=')).map(|(k, v)| (plain(k), plain(v))).collect()
}

fn answer(mut stream: TcpStream, key: &RsaPrivateKey, issuer: &str, told: &Mutex<Told>) {
    let mut reader = BufReader::new(stream.try_clone().expect("the stream"));
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).expect("a header");
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_string());
    }
    let length = headers.get("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    let path = line.split(' ').nth(1).unwrap_or_default();
    let (status, said) = match path {
        "/.well-known/openid-configuration" => (200, configuration(issuer)),
        "/jwks" => (200, keys(key)),
        "/token" => token(key, issuer, &headers, &pairs(&String::from_utf8_lossy(&body)), told),
        "/favicon.ico" => (200, json!({})),
        path if path.starts_with("/authorize?") => return ask(&mut stream, path),
        path if path.starts_with("/yes?") => return send_back(&mut stream, path, told),
        _ => (404, json!({})),
    };
    let said = said.to_string();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}",
        said.len()
    );
}

/// The page on which a person says who they are.
fn ask(stream: &mut TcpStream, path: &str) {
    let query = path.split_once('?').map_or("", |(_, q)| q).replace('&', "&amp;");
    let page = format!(
        "<!doctype html><title>provider</title><h1>Who are you?</h1><form action=/yes><a href=\"/yes?{query}\">I am olga</a></form>"
    );
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
        page.len()
    );
}

/// Sends a person back to where they came from, with a code, by way of one more redirection, as providers do.
fn send_back(stream: &mut TcpStream, path: &str, told: &Mutex<Told>) {
    let query = pairs(path.split_once('?').map_or("", |(_, q)| q));
    let mut told = told.lock().expect("told");
    let code = format!("code-{}", told.codes.len());
    told.codes.insert(code.clone(), (query["code_challenge"].clone(), query["nonce"].clone()));
    let to = format!("{}?code={code}&state={}", query["redirect_uri"], query["state"]);
    let _ = write!(stream, "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
}

fn configuration(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

fn keys(key: &RsaPrivateKey) -> Value {
    let text = |n: &rsa::BigUint| URL_SAFE_NO_PAD.encode(n.to_bytes_be());
    json!({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": text(key.n()), "e": text(key.e())}]})
}

fn token(
    key: &RsaPrivateKey,
    issuer: &str,
    headers: &BTreeMap<String, String>,
    form: &BTreeMap<String, String>,
    told: &Mutex<Told>,
) -> (u16, Value) {
    let mut told = told.lock().expect("told");
    let refuse = |told: &mut Told, why: &str| {
        told.refused.push(why.to_string());
        (400, json!({"error": "invalid_grant"}))
    };
    let basic = base64::engine::general_purpose::STANDARD.encode("lockgate:a-secret");
    if headers.get("authorization") != Some(&format!("Basic {basic}")) {
        return refuse(&mut told, "the client");
    }
    // A code counts once.
    let Some((challenge, nonce)) = told.codes.remove(form.get("code").map_or("", String::as_str)) else {
        return refuse(&mut told, "the code");
    };
    let verifier = form.get("code_verifier").cloned().unwrap_or_default();
    if URL_SAFE_NO_PAD.encode(Digest::of(verifier.as_bytes()).0) != challenge {
        return refuse(&mut told, "the verifier");
    }
    let now = jiff::Timestamp::now().as_second();
    let mut claims = json!({
        "iss": issuer, "aud": "lockgate", "sub": "42", "iat": now, "exp": now + 300, "nonce": nonce,
        "preferred_username": "olga", "email": "olga@example.com", "groups": ["release-managers"],
    });
    for (name, value) in &told.claims {
        claims[name] = value.clone();
    }
    let text = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
    let signed = format!("{}.{}", text(&json!({"alg": "RS256", "kid": "one"})), text(&claims));
    let mut info =
        vec![0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0, 4, 32];
    info.extend(Digest::of(signed.as_bytes()).0);
    let signature = key.sign(Pkcs1v15Sign::new_unprefixed(), &info).expect("a signature");
    let id_token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    (200, json!({"access_token": "x", "token_type": "bearer", "id_token": id_token}))
}

fn header(answer: &Answer, name: &str) -> Vec<String> {
    let lines = answer.head.lines().filter_map(|l| l.split_once(": "));
    lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.to_string()).collect()
}

fn cookies(answer: &Answer) -> BTreeMap<String, String> {
    let all = header(answer, "set-cookie");
    all.iter()
        .filter_map(|c| c.split(';').next()?.split_once('='))
        .map(|(n, v)| (n.to_string(), v.to_string()))
        .collect()
}

/// Begins a login in a browser: where it is sent to, and the cookie that binds it.
fn begin(served: &Served) -> (String, String) {
    let sent = send(&served.address, "GET", "/login/oidc?to=%2Fp%2Ffirst-light", &[], b"").is(303);
    (header(&sent, "location").remove(0), cookies(&sent)["lockgate-login"].clone())
}

fn come_back(served: &Served, code: &str, state: &str, bound: &str) -> Answer {
    let path = format!("/login/oidc/callback?code={code}&state={state}");
    send(&served.address, "GET", &path, &[("cookie", &format!("lockgate-login={bound}"))], b"")
}

#[test]
fn who_signs_in_there_is_somebody_here_and_nobody_else_is() {
    let provider = Provider::start();
    let config =
        format!("{CONFIG}\noidc issuer=\"{}\" client=lockgate {{ secret env=OIDC_SECRET }}\n", provider.issuer);
    let served = Served::of(Lab::copy_of("examples/01-first-light"), &config, &[("OIDC_SECRET", "a-secret")]);
    served.waits_at("staging");
    let (url, bound) = begin(&served);
    let (code, state) = provider.code(&url);
    // Another browser, another state, or none.
    come_back(&served, &code, &state, "another").is(403);
    come_back(&served, &code, "another", &bound).is(403);
    let back = come_back(&served, &code, &state, &bound).is(303);
    assert_eq!(header(&back, "location"), ["/p/first-light"]);
    assert!(header(&back, "set-cookie").iter().all(|c| c.contains("HttpOnly") && c.contains("SameSite=Lax")));
    let session = cookies(&back)["lockgate"].clone();
    let cookie = format!("lockgate={session}");
    let ask = |method: &str, path: &str, more: &[(&str, &str)], body: &str| {
        let mut headers = vec![("cookie", cookie.as_str()), ("content-type", "application/json")];
        headers.extend_from_slice(more);
        send(&served.address, method, path, &headers, body.as_bytes())
    };
    let who = ask("GET", "/api/v1/whoami", &[], "").is(200).json();
    assert_eq!((who["name"].as_str(), who["groups"][0].as_str()), (Some("olga"), Some("release-managers")));
    assert_eq!(who["role"], "viewer");
    // What a page of somebody else's makes the browser send is not meant.
    let yes = json!({"environment": "staging", "subplan": served.subplan("staging")}).to_string();
    let at = "/api/v1/pipelines/first-light/approve";
    ask("POST", at, &[], &yes).is(403);
    ask("POST", at, &[("x-csrf-token", "guessed")], &yes).is(403);
    assert!(served.events("approved").is_empty());
    // A code and a state count once.
    come_back(&served, &code, &state, &bound).is(403);
    send(&served.address, "GET", "/login/oidc/callback", &[], b"").is(403);
    send(&served.address, "GET", "/login/oidc/callback?error=%3Cscript%3E&state=x", &[], b"").is(403);
}

#[test]
fn a_token_that_is_not_for_us_or_not_of_now_is_nobodys() {
    let provider = Provider::start();
    let config =
        format!("{CONFIG}\noidc issuer=\"{}\" client=lockgate {{ secret env=OIDC_SECRET }}\n", provider.issuer);
    let served = Served::of(Lab::copy_of("examples/01-first-light"), &config, &[("OIDC_SECRET", "a-secret")]);
    let now = jiff::Timestamp::now().as_second();
    for (claim, value) in [
        ("aud", json!("another")),
        ("iss", json!("http://127.0.0.1:1")),
        ("exp", json!(now - 1000)),
        ("nonce", json!("another")),
        // A user of the configuration signs in with a token, whoever the provider says it is.
        ("preferred_username", json!("adm")),
    ] {
        provider.told.lock().expect("told").claims.clear();
        provider.says(claim, value);
        let (url, bound) = begin(&served);
        let (code, state) = provider.code(&url);
        let said = come_back(&served, &code, &state, &bound);
        assert!(matches!(said.status, 403 | 502), "{claim}: {said:?}");
        assert!(!cookies(&said).contains_key("lockgate"), "{claim}");
    }
    assert!(provider.told.lock().expect("told").refused.is_empty());
}
