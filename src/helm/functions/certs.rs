//! Certificates and private keys, as Go's `crypto/x509` makes them. Random: the texts are other ones than Helm's, valid all
//! the same.

use super::args::{Outcome, any, chars, int, items};
use super::der::{self, bits, element, integer, oid, sequence};
use super::keys::{Key, decode_pem, encode_pem};
use crate::helm::template::Param::{Int, List, Object as ObjectParam, String as Text};
use crate::helm::template::{Context, FuncError, FuncSpec};
use crate::helm::value::{Member, Object, Value};
use sha2::Digest as _;
use std::any::Any;
use std::net::IpAddr;

const CERTIFICATE: &str = "sprig.certificate";

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::fixed("genPrivateKey", &[Text], gen_private_key),
    FuncSpec::fixed("genCA", &[Text, Int], |c, a| authority(c, "genCA", a, None)),
    FuncSpec::fixed("genCAWithKey", &[Text, Int, Text], |c, a| authority(c, "genCAWithKey", a, Some(2))),
    FuncSpec::fixed("genSelfSignedCert", &[Text, List, List, Int], |c, a| self_signed(c, "genSelfSignedCert", a, None)),
    FuncSpec::fixed("genSelfSignedCertWithKey", &[Text, List, List, Int, Text], |c, a| {
        self_signed(c, "genSelfSignedCertWithKey", a, Some(4))
    }),
    FuncSpec::fixed("genSignedCert", &[Text, List, List, Int, ObjectParam(CERTIFICATE)], |c, a| {
        signed(c, "genSignedCert", a, None)
    }),
    FuncSpec::fixed("genSignedCertWithKey", &[Text, List, List, Int, ObjectParam(CERTIFICATE), Text], |c, a| {
        signed(c, "genSignedCertWithKey", a, Some(5))
    }),
    FuncSpec::fixed("buildCustomCert", &[Text, Text], build_custom),
];

/// The fields `.Cert` and `.Key`.
struct Certificate {
    cert: String,
    key: String,
}

impl Object for Certificate {
    fn type_name(&self) -> &'static str {
        CERTIFICATE
    }

    fn member(&self, name: &str) -> Member {
        match name {
            "Cert" => Member::Field(Value::from(self.cert.as_str())),
            "Key" => Member::Field(Value::from(self.key.as_str())),
            _ => Member::None,
        }
    }

    fn call(&self, name: &str, _: &[Value]) -> Outcome {
        Err(FuncError::Message(format!("{name} is no method")))
    }

    fn print(&self) -> String {
        format!("{{{} {}}}", self.cert, self.key)
    }

    fn plain(&self) -> Value {
        Value::map([("Cert", Value::from(self.cert.as_str())), ("Key", Value::from(self.key.as_str()))])
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn gen_private_key(context: &mut Context<'_>, args: &[Value]) -> Outcome {
    context.note_irreproducible("genPrivateKey");
    let made = Key::generate(&mut context.random, &chars(args, 0)).and_then(|key| key.to_pem());
    Ok(Value::from(made.unwrap_or_else(|e| e)))
}

/// The key at an argument, or a new one.
fn key(context: &mut Context<'_>, args: &[Value], given: Option<usize>) -> Result<Key, FuncError> {
    match given {
        Some(i) => Key::from_pem(&chars(args, i)).map_err(|e| FuncError::Message(format!("parsing private key: {e}"))),
        None => Key::rsa(&mut context.random, 2048)
            .map_err(|e| FuncError::Message(format!("error generating rsa key: {e}"))),
    }
}

fn authority(context: &mut Context<'_>, name: &'static str, args: &[Value], given: Option<usize>) -> Outcome {
    context.note_irreproducible(name);
    let key = key(context, args, given)?;
    let request = Template { cn: chars(args, 0), ips: Vec::new(), names: Vec::new(), days: int(args, 1), is_ca: true };
    issue(context, &request, &key, None)
}

fn self_signed(context: &mut Context<'_>, name: &'static str, args: &[Value], given: Option<usize>) -> Outcome {
    context.note_irreproducible(name);
    let key = key(context, args, given)?;
    issue(context, &Template::read(args)?, &key, None)
}

fn signed(context: &mut Context<'_>, name: &'static str, args: &[Value], given: Option<usize>) -> Outcome {
    context.note_irreproducible(name);
    let key = key(context, args, given)?;
    let ca = any(args, 4);
    let Value::Object(object) = &ca else { return Err(FuncError::from("unable to decode certificate")) };
    let ca: &Certificate =
        object.as_any().downcast_ref().ok_or_else(|| FuncError::from("unable to decode certificate"))?;
    let (_, cert) = decode_pem(&ca.cert).ok_or_else(|| FuncError::from("unable to decode certificate"))?;
    let issuer = der::certificate(&cert).ok_or_else(|| {
        FuncError::from("error parsing certificate: decodedSignerCert.Bytes: x509: malformed certificate")
    })?;
    let signer = Key::from_pem(&ca.key).map_err(|e| FuncError::Message(format!("error parsing private key: {e}")))?;
    if signer.public().as_ref() != Ok(&issuer.public_key) {
        let text = "error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey";
        return Err(FuncError::from(text));
    }
    issue(context, &Template::read(args)?, &key, Some((&issuer, &signer)))
}

/// What is to be certified.
struct Template {
    cn: String,
    ips: Vec<IpAddr>,
    names: Vec<String>,
    days: i64,
    is_ca: bool,
}

impl Template {
    fn read(args: &[Value]) -> Result<Template, FuncError> {
        let ips = items(&any(args, 1)).unwrap_or_default();
        let ips = ips.iter().map(|ip| {
            let text = ip.as_str().ok_or_else(|| format!("error parsing ip: {ip:?} is not a string"))?.to_text();
            text.parse().map_err(|_| format!("error parsing ip: {text}"))
        });
        let names = items(&any(args, 2)).unwrap_or_default();
        let names = names.iter().map(|name| {
            let text = name.as_str().map(|s| s.to_text().into_owned());
            text.ok_or_else(|| format!("error processing alternate dns name: {name:?} is not a string"))
        });
        Ok(Template {
            cn: chars(args, 0),
            ips: ips.collect::<Result<_, String>>()?,
            names: names.collect::<Result<_, String>>()?,
            days: int(args, 3),
            is_ca: false,
        })
    }

    fn extensions(&self, public_key: &[u8], issuer_id: Option<&[u8]>) -> Vec<u8> {
        let usage: u8 = if self.is_ca { 0xa4 } else { 0xa0 };
        let unused = usage.trailing_zeros() as u8;
        let mut all = vec![extension(15, true, &element(3, &[unused, usage]))];
        let purpose = |n| oid(&[1, 3, 6, 1, 5, 5, 7, 3, n]);
        all.push(extension(37, false, &sequence(&[&purpose(1), &purpose(2)])));
        let is_ca: &[u8] = if self.is_ca { b"\x01\x01\xff" } else { b"" };
        all.push(extension(19, true, &sequence(&[is_ca])));
        if self.is_ca {
            all.push(extension(14, false, &element(4, &key_id(public_key))));
        }
        if let Some(id) = issuer_id {
            all.push(extension(35, false, &sequence(&[&element(0x80, id)])));
        }
        if !self.names.is_empty() || !self.ips.is_empty() {
            let names = self.names.iter().map(|name| element(0x82, name.as_bytes()));
            let ips = self.ips.iter().map(|ip| match ip {
                IpAddr::V4(ip) => element(0x87, &ip.octets()),
                IpAddr::V6(ip) => element(0x87, &ip.octets()),
            });
            all.push(extension(17, false, &element(0x30, &names.chain(ips).collect::<Vec<_>>().concat())));
        }
        element(0xa3, &element(0x30, &all.concat()))
    }
}

/// An extension of the arc 2.5.29.
fn extension(number: u32, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { b"\x01\x01\xff" } else { b"" };
    sequence(&[&oid(&[2, 5, 29, number]), critical, &element(4, value)])
}

/// The first 160 bits of SHA-256 of the key, as RFC 7093 and Go of today have it.
fn key_id(public_key: &[u8]) -> Vec<u8> {
    let bits =
        der::first(public_key).and_then(|(_, inner, _, _)| der::all(inner).last().map(|(_, bits, _)| bits.to_vec()));
    let bits = bits.unwrap_or_default();
    sha2::Sha256::digest(bits.get(1..).unwrap_or_default())[..20].to_vec()
}

fn name(cn: &str) -> Vec<u8> {
    if cn.is_empty() {
        return sequence(&[]);
    }
    let printable = |b: u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b);
    let tag = if cn.bytes().all(printable) { 0x13 } else { 0x0c };
    sequence(&[&element(0x31, &sequence(&[&oid(&[2, 5, 4, 3]), &element(tag, cn.as_bytes())]))])
}

fn time(at: jiff::Timestamp) -> Vec<u8> {
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    match at.year() {
        1950..=2049 => element(0x17, at.strftime("%y%m%d%H%M%SZ").to_string().as_bytes()),
        _ => element(0x18, at.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes()),
    }
}

/// Makes the certificate of a key, signed by itself or by another.
fn issue(context: &mut Context<'_>, template: &Template, key: &Key, by: Option<(&der::Issuer, &Key)>) -> Outcome {
    let failed = |e: String| FuncError::Message(format!("error creating certificate: {e}"));
    let mut serial = [0; 16];
    context.random.fill(&mut serial);
    let subject = name(&template.cn);
    let public_key = key.public().map_err(failed)?;
    let (issuer, issuer_id, signer) = match by {
        Some((issuer, signer)) => (issuer.subject.clone(), issuer.key_id.as_deref(), signer),
        None => (subject.clone(), None, key),
    };
    let issuer_id = issuer_id.filter(|_| issuer != subject);
    let hours = jiff::SignedDuration::from_hours(template.days.saturating_mul(24).clamp(-876_000, 8_760_000));
    let end = context.env.now.checked_add(hours).unwrap_or(jiff::Timestamp::MAX);
    let body = sequence(&[
        &element(0xa0, &integer(&[2])),
        &integer(&serial),
        &signer.algorithm(),
        &issuer,
        &sequence(&[&time(context.env.now), &time(end)]),
        &subject,
        &public_key,
        &template.extensions(&public_key, issuer_id),
    ]);
    let signature = signer.sign(&body).map_err(failed)?;
    let certificate = sequence(&[&body, &signer.algorithm(), &bits(&signature)]);
    let key = key.to_pem().map_err(failed)?;
    Ok(Value::object(Certificate { cert: encode_pem("CERTIFICATE", &certificate), key }))
}

fn build_custom(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    use base64::Engine as _;
    let decode = |i, what: &str| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(chars(args, i));
        bytes.map(|b| String::from_utf8_lossy(&b).into_owned()).map_err(|_| format!("unable to decode base64 {what}"))
    };
    let (cert, key) = (decode(0, "certificate")?, decode(1, "private key")?);
    let (_, der) = decode_pem(&cert).ok_or_else(|| FuncError::from("unable to decode certificate"))?;
    if der::certificate(&der).is_none() {
        return Err(FuncError::from("error parsing certificate: decodedCert.Bytes: x509: malformed certificate"));
    }
    Key::from_pem(&key).map_err(|e| FuncError::Message(format!("error parsing private key: {e}")))?;
    Ok(Value::object(Certificate { cert, key }))
}
