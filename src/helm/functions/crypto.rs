//! Hashes, passwords and encryption.

use super::args::{Outcome, chars, int, text};
use super::encoding::hidden;
use crate::helm::template::Param::{Int64, String as Text};
use crate::helm::template::{Context, FuncError, FuncSpec};
use crate::helm::value::Value;
use aes::Aes256;
use aes::cipher::{BlockDecrypt as _, BlockEncrypt as _, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Digest as _;

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::fixed("sha1sum", &[Text], |c, a| hidden(c, "sha1sum", a, |s| hex(&sha1::Sha1::digest(s)))),
    FuncSpec::fixed("sha256sum", &[Text], |c, a| hidden(c, "sha256sum", a, |s| hex(&sha256(s)))),
    FuncSpec::fixed("sha512sum", &[Text], |c, a| hidden(c, "sha512sum", a, |s| hex(&sha512(s)))),
    FuncSpec::fixed("adler32sum", &[Text], |c, a| hidden(c, "adler32sum", a, |s| adler32(s).to_string().into_bytes())),
    FuncSpec::fixed("bcrypt", &[Text], |c, a| {
        c.note_irreproducible("bcrypt");
        Ok(Value::from(bcrypt(c, &text(a, 0))))
    }),
    FuncSpec::fixed("htpasswd", &[Text, Text], htpasswd),
    FuncSpec::fixed("derivePassword", &[Int64, Text, Text, Text, Text], derive_password),
    FuncSpec::fixed("encryptAES", &[Text, Text], encrypt),
    FuncSpec::fixed("decryptAES", &[Text, Text], decrypt),
];

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    <sha2::Sha256 as sha2::Digest>::digest(bytes).into()
}

fn sha512(bytes: &[u8]) -> [u8; 64] {
    <sha2::Sha512 as sha2::Digest>::digest(bytes).into()
}

fn adler32(bytes: &[u8]) -> u32 {
    const PRIME: u32 = 65_521;
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % PRIME;
        (a, (b + a) % PRIME)
    });
    b << 16 | a
}

/// Go's cost is 10, and its form `$2a$`; what is longer than bcrypt looks at is an error, which is the result.
fn bcrypt(context: &mut Context<'_>, password: &[u8]) -> String {
    if password.len() > 72 {
        return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_string();
    }
    let mut salt = [0; 16];
    context.random.fill(&mut salt);
    match bcrypt::hash_with_salt(password, 10, salt) {
        Ok(parts) => parts.format_for_version(bcrypt::Version::TwoA),
        Err(error) => format!("failed to encrypt string with bcrypt: {error}"),
    }
}

fn htpasswd(context: &mut Context<'_>, args: &[Value]) -> Outcome {
    let (user, password) = (chars(args, 0), text(args, 1));
    if user.contains(':') {
        return Ok(Value::from(format!("invalid username: {user}")));
    }
    context.note_irreproducible("htpasswd");
    Ok(Value::from(format!("{user}:{}", bcrypt(context, &password))))
}

/// The templates of passwords of the algorithm "Master Password", and the characters their letters stand for.
const PASSWORDS: &[(&str, &[&str])] = &[
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("short", &["Cvcn"]),
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    ("pin", &["nnnn"]),
];

fn characters(letter: u8) -> &'static [u8] {
    match letter {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

fn derive_password(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    const SEED: &[u8] = b"com.lyndir.masterpassword";
    let kind = chars(args, 1);
    let Some((_, templates)) = PASSWORDS.iter().find(|(name, _)| *name == kind) else {
        return Ok(Value::from(format!("cannot find password template {kind}")));
    };
    let (counter, password, user, site) = (int(args, 0) as u32, text(args, 2), text(args, 3), text(args, 4));
    let salt = [SEED, &(user.len() as u32).to_be_bytes(), &user].concat();
    let mut key = [0; 64];
    let failed = |_| FuncError::from("failed to derive password");
    let params = scrypt::Params::new(15, 8, 2, 64).map_err(failed)?;
    scrypt::scrypt(&password, &salt, &params, &mut key).map_err(|_| FuncError::from("failed to derive password"))?;
    let message = [SEED, &(site.len() as u32).to_be_bytes(), &site, &counter.to_be_bytes()].concat();
    let seed = hmac_sha256(&key, &message);
    let template = templates[usize::from(seed[0]) % templates.len()];
    let letters = template.bytes().zip(&seed[1..]).map(|(letter, n)| {
        let set = characters(letter);
        set[usize::from(*n) % set.len()]
    });
    Ok(Value::from(letters.collect::<Vec<u8>>()))
}

/// HMAC with SHA-256, of a key as long as its block.
fn hmac_sha256(key: &[u8; 64], message: &[u8]) -> [u8; 32] {
    let padded = |pad: u8| key.map(|b| b ^ pad);
    let inner = sha256(&[&padded(0x36)[..], message].concat());
    sha256(&[&padded(0x5c)[..], &inner].concat())
}

/// AES-256 with the password as key, cut or filled with zeros.
fn cipher(password: &[u8]) -> Aes256 {
    let mut key = [0; 32];
    key.iter_mut().zip(password).for_each(|(k, b)| *k = *b);
    Aes256::new(&key.into())
}

fn encrypt(context: &mut Context<'_>, args: &[Value]) -> Outcome {
    context.note_irreproducible("encryptAES");
    let (cipher, plain) = (cipher(&text(args, 0)), text(args, 1));
    if plain.is_empty() {
        return Ok(Value::from(""));
    }
    let padding = 16 - plain.len() % 16;
    let padded = [&plain[..], &vec![padding as u8; padding]].concat();
    let mut last = [0; 16];
    context.random.fill(&mut last);
    let mut out = last.to_vec();
    for chunk in padded.chunks(16) {
        last.iter_mut().zip(chunk).for_each(|(l, b)| *l ^= *b);
        let mut block = last.into();
        cipher.encrypt_block(&mut block);
        last = block.into();
        out.extend_from_slice(&last);
    }
    Ok(Value::from(STANDARD.encode(out)))
}

fn decrypt(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let (cipher, coded) = (cipher(&text(args, 0)), text(args, 1));
    if coded.is_empty() {
        return Ok(Value::from(""));
    }
    let bytes = STANDARD.decode(&coded).map_err(|_| FuncError::from("illegal base64 data at input byte 0"))?;
    let (blocks, rest) = bytes.as_chunks::<16>();
    let [first, blocks @ ..] = blocks else { return Err(FuncError::from("runtime error: slice bounds out of range")) };
    if !rest.is_empty() {
        return Err(FuncError::from("crypto/cipher: input not full blocks"));
    }
    let mut last = *first;
    let mut out = Vec::new();
    for coded in blocks {
        let mut block = (*coded).into();
        cipher.decrypt_block(&mut block);
        let plain: [u8; 16] = block.into();
        out.extend(plain.iter().zip(last).map(|(p, l)| p ^ l));
        last = *coded;
    }
    let padding = usize::from(out.last().copied().unwrap_or(0));
    let kept =
        out.len().checked_sub(padding).ok_or_else(|| FuncError::from("runtime error: slice bounds out of range"))?;
    out.truncate(kept);
    Ok(Value::from(out))
}
