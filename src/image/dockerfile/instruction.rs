//! One instruction: keyword, flags and operands.

use super::lines::Document;
use super::parse::Wrong;
use super::words::{Rest, pair};
use super::{Command, Healthcheck, Instruction, Mounts, Pos, Source, Stage, Transfer, Word};

/// An instruction, and a remark on it.
pub(super) struct Parsed {
    pub(super) instruction: Instruction,
    pub(super) remark: Option<String>,
}

impl From<Instruction> for Parsed {
    fn from(instruction: Instruction) -> Parsed {
        Parsed { instruction, remark: None }
    }
}

/// The instructions there are, for hints.
const KEYWORDS: &[&str] = &[
    "FROM",
    "ARG",
    "COPY",
    "ADD",
    "ENV",
    "LABEL",
    "WORKDIR",
    "USER",
    "EXPOSE",
    "ENTRYPOINT",
    "CMD",
    "VOLUME",
    "STOPSIGNAL",
    "SHELL",
    "HEALTHCHECK",
    "ONBUILD",
    "MAINTAINER",
    "RUN",
];

/// What to do about what only a builder with processes and a file system can do.
pub(in crate::image) const OTHER_BUILDER: &str =
    "this builder starts no processes and needs no daemon; write `builder docker` in the build to use Docker instead";

/// Reads an instruction other than FROM.
pub(super) fn parse(
    keyword: &str,
    pos: Pos,
    rest: Rest<'_>,
    documents: &[Document],
    escape: char,
    engine: bool,
) -> Result<Parsed, Wrong> {
    let word = |kind: fn(Word) -> Instruction| one(keyword, pos, rest).map(|word| kind(word).into());
    match keyword {
        "ARG" => pairs(keyword, pos, rest, escape).map(|pairs| Instruction::Arg(pairs).into()),
        "ENV" => assignments(keyword, pos, rest, escape).map(|pairs| Instruction::Env(pairs).into()),
        "LABEL" => assignments(keyword, pos, rest, escape).map(|pairs| Instruction::Label(pairs).into()),
        "COPY" => transfer(keyword, pos, rest, documents, engine).map(|transfer| Instruction::Copy(transfer).into()),
        "ADD" => transfer(keyword, pos, rest, documents, engine).map(|transfer| Instruction::Add(transfer).into()),
        "WORKDIR" => word(Instruction::Workdir),
        "USER" => word(Instruction::User),
        "STOPSIGNAL" => word(Instruction::StopSignal),
        "EXPOSE" => some(keyword, pos, rest.words()).map(|words| Instruction::Expose(words).into()),
        "VOLUME" => some(keyword, pos, rest.json_or_words()).map(|words| Instruction::Volume(words).into()),
        "ENTRYPOINT" => Ok(command(rest, Instruction::Entrypoint)),
        "CMD" => Ok(command(rest, Instruction::Cmd)),
        "SHELL" => shell(pos, rest),
        "HEALTHCHECK" => healthcheck(pos, rest, engine),
        "MAINTAINER" => maintainer(pos, rest),
        "RUN" if engine => Ok(Instruction::Run(mounts(rest)).into()),
        "ONBUILD" if engine => Ok(Instruction::OnBuild.into()),
        "RUN" => Err(Wrong::new(pos, "RUN cannot be done by this builder").help(OTHER_BUILDER)),
        "ONBUILD" => Err(Wrong::new(pos, "ONBUILD cannot be done by this builder").help(OTHER_BUILDER)),
        _ => Err(unknown(keyword, pos)),
    }
}

/// Reads `FROM [--platform=…] image [AS name]`.
pub(super) fn from(pos: Pos, mut rest: Rest<'_>) -> Result<Stage, Wrong> {
    let mut platform = None;
    for (flag, value) in rest.flags() {
        match (flag.text.as_str(), value) {
            ("--platform", Some(value)) => platform = Some(value),
            _ => return Err(bad_flag("FROM", &flag, &["--platform"])),
        }
    }
    let missing = || Wrong::new(pos, "FROM names no image").help("write `FROM image`, or `FROM scratch` for none");
    let base = rest.next().ok_or_else(missing)?;
    let name = match rest.next() {
        None => None,
        Some(word) if word.text.eq_ignore_ascii_case("as") => {
            let none = || Wrong::new(word.pos, "AS is followed by no name");
            Some(stage_name(rest.next().ok_or_else(none)?)?)
        }
        Some(word) => return Err(surplus("FROM", &word).help("write `FROM image AS name`")),
    };
    match rest.next() {
        Some(word) => Err(surplus("FROM", &word)),
        None => Ok(Stage { pos, base, name, platform, steps: Vec::new() }),
    }
}

fn stage_name(word: Word) -> Result<String, Wrong> {
    let name = word.text.to_lowercase();
    let good = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c));
    if good {
        return Ok(name);
    }
    let wrong = Wrong::new(word.pos, format!("`{}` is no name for a stage", word.text));
    Err(wrong.help("a name starts with a letter and has letters, digits, `-`, `_` and `.`"))
}

fn surplus(keyword: &str, word: &Word) -> Wrong {
    Wrong::new(word.pos, format!("{keyword} does not expect `{}` here", word.text))
}

fn unknown(keyword: &str, pos: Pos) -> Wrong {
    let near = KEYWORDS.iter().map(|known| (strsim::damerau_levenshtein(known, keyword), known)).min();
    let wrong = Wrong::new(pos, format!("`{keyword}` is no instruction of a Dockerfile"));
    match near {
        Some((distance, known)) if distance <= 2 => wrong.help(format!("did you mean {known}?")),
        _ => wrong.help("if it belongs to the line above, end that line with the escape character"),
    }
}

fn bad_flag(keyword: &str, flag: &Word, known: &[&str]) -> Wrong {
    if known.contains(&flag.text.as_str()) {
        return Wrong::new(flag.pos, format!("`{}` has no value", flag.text))
            .help(format!("write `{}=value`", flag.text));
    }
    let message = format!("{keyword} has no flag `{}` in this builder", flag.text);
    Wrong::new(flag.pos, message).help(format!("it has {}; for others write `builder docker`", known.join(", ")))
}

fn empty(keyword: &str, pos: Pos) -> Wrong {
    Wrong::new(pos, format!("{keyword} says nothing")).help(format!("write what {keyword} is to set, behind it"))
}

/// An operand that is the whole rest of the line.
fn one(keyword: &str, pos: Pos, rest: Rest<'_>) -> Result<Word, Wrong> {
    let word = rest.whole();
    if word.text.is_empty() { Err(empty(keyword, pos)) } else { Ok(word) }
}

/// Operands of which there is at least one.
fn some(keyword: &str, pos: Pos, words: Vec<Word>) -> Result<Vec<Word>, Wrong> {
    if words.is_empty() { Err(empty(keyword, pos)) } else { Ok(words) }
}

/// `name` and `name=value` operands.
fn pairs(keyword: &str, pos: Pos, mut rest: Rest<'_>, escape: char) -> Result<Vec<(Word, Option<Word>)>, Wrong> {
    let words = some(keyword, pos, std::iter::from_fn(|| rest.next_quoted(escape)).collect())?;
    let nameless = words.iter().find(|word| word.text.starts_with('='));
    match nameless {
        Some(word) => Err(Wrong::new(word.pos, format!("`{}` has no name before its `=`", word.text))),
        None => Ok(words.iter().map(pair).collect()),
    }
}

/// `name=value` operands, or the old form `name the whole rest`.
fn assignments(keyword: &str, pos: Pos, rest: Rest<'_>, escape: char) -> Result<Vec<(Word, Word)>, Wrong> {
    let mut old = rest;
    let first = old.next_quoted(escape).ok_or_else(|| empty(keyword, pos))?;
    if !first.text.contains('=') {
        let value = old.whole();
        let wrong = || Wrong::new(first.pos, format!("`{}` has no value", first.text));
        let help = format!("write `{keyword} {}=value`", first.text);
        return if value.text.is_empty() { Err(wrong().help(help)) } else { Ok(vec![(first, value)]) };
    }
    let valued = |(name, value): (Word, Option<Word>)| match value {
        Some(value) => Ok((name, value)),
        None => {
            let help = "write `name=value`; a value with white space needs quotes";
            Err(Wrong::new(name.pos, format!("`{}` has no value", name.text)).help(help))
        }
    };
    pairs(keyword, pos, rest, escape)?.into_iter().map(valued).collect()
}

/// The operands of COPY and ADD.
fn transfer(
    keyword: &str,
    pos: Pos,
    mut rest: Rest<'_>,
    documents: &[Document],
    engine: bool,
) -> Result<Transfer, Wrong> {
    let mut transfer = Transfer::default();
    let known: &[&str] = if keyword == "COPY" { &["--from", "--chown", "--chmod"] } else { &["--chown", "--chmod"] };
    for (flag, value) in rest.flags() {
        match (flag.text.as_str(), value) {
            ("--from", Some(value)) if keyword == "COPY" => transfer.from = Some(value),
            ("--chown", Some(value)) => transfer.chown = Some(value),
            ("--chmod", Some(value)) => transfer.chmod = Some(value),
            // Independent layers are what this builder makes anyway.
            ("--link", None) => {}
            ("--link", Some(value)) if value.text == "true" || value.text == "false" => {}
            _ if engine => {}
            _ => return Err(bad_flag(keyword, &flag, known)),
        }
    }
    let mut words = rest.json_or_words();
    let help = format!("write `{keyword} source target`, or the JSON form if a path has spaces");
    let too_few = || Wrong::new(pos, format!("{keyword} needs a source and a target")).help(help);
    transfer.target = words.pop().ok_or_else(too_few.clone())?;
    if words.is_empty() {
        return Err(too_few());
    }
    transfer.sources = words.into_iter().map(|word| source(word, documents)).collect();
    Ok(transfer)
}

/// What the `--mount` flags of RUN read: a mount without a kind is of files, and files without `from` are the context's.
fn mounts(mut rest: Rest<'_>) -> Mounts {
    let mut mounts = Mounts::default();
    for (flag, value) in rest.flags() {
        let Some(value) = value.filter(|_| flag.text == "--mount") else { continue };
        let (mut kind, mut from, mut offset) = ("bind", None, 0);
        for field in value.text.split(',') {
            let (name, text) = field.split_once('=').unwrap_or((field, ""));
            match name {
                "type" => kind = text,
                "from" => {
                    let column =
                        value.pos.column + value.text.chars().count() - skipped(&value.text, offset + name.len() + 1);
                    from = Some(Word { text: text.to_string(), pos: Pos { column, ..value.pos } });
                }
                _ => {}
            }
            offset += field.len() + 1;
        }
        mounts.reads_context |= kind == "bind" && from.is_none();
        mounts.from.extend(from);
    }
    mounts
}

/// How many characters stand behind that byte.
fn skipped(text: &str, byte: usize) -> usize {
    text.get(byte..).map_or(0, |rest| rest.chars().count())
}

fn source(word: Word, documents: &[Document]) -> Source {
    match documents.iter().find(|document| document.mark == word.text) {
        None => Source::Path(word),
        Some(document) => Source::Inline {
            name: Word { text: document.name.clone(), pos: word.pos },
            content: document.content.clone(),
            expand: document.expand,
        },
    }
}

/// A command; like Docker, what looks like JSON and is none is a line for the shell.
fn command(rest: Rest<'_>, kind: fn(Command) -> Instruction) -> Parsed {
    let text = rest.text();
    match rest.json() {
        Some(list) => kind(Command::Exec(list)).into(),
        None => {
            let remark = "it starts with `[` but is no JSON list of texts, so it is a line for the shell";
            let remark = text.starts_with('[').then(|| remark.to_string());
            Parsed { instruction: kind(Command::Shell(text.to_string())), remark }
        }
    }
}

fn shell(pos: Pos, rest: Rest<'_>) -> Result<Parsed, Wrong> {
    match rest.json() {
        Some(list) if !list.is_empty() => Ok(Instruction::Shell(list).into()),
        _ => Err(Wrong::new(pos, "SHELL needs a JSON list").help("write `SHELL [\"/bin/bash\", \"-c\"]`")),
    }
}

fn maintainer(pos: Pos, rest: Rest<'_>) -> Result<Parsed, Wrong> {
    let name = one("MAINTAINER", pos, rest)?.text;
    let remark = "MAINTAINER is deprecated; write `LABEL org.opencontainers.image.authors=…`".to_string();
    Ok(Parsed { instruction: Instruction::Maintainer(name), remark: Some(remark) })
}

fn healthcheck(pos: Pos, mut rest: Rest<'_>, engine: bool) -> Result<Parsed, Wrong> {
    const KNOWN: &[&str] = &["--interval", "--timeout", "--start-period", "--start-interval", "--retries"];
    let mut check = Healthcheck::default();
    for (flag, value) in rest.flags() {
        let value = value.ok_or_else(|| bad_flag("HEALTHCHECK", &flag, KNOWN))?;
        let time = || nanoseconds(&value.text).ok_or_else(|| bad_time(&value));
        match flag.text.as_str() {
            "--interval" => check.interval = Some(time()?),
            "--timeout" => check.timeout = Some(time()?),
            "--start-period" => check.start_period = Some(time()?),
            "--start-interval" => check.start_interval = Some(time()?),
            "--retries" => {
                let bad = |_| Wrong::new(value.pos, format!("`{}` is no number of retries", value.text));
                check.retries = Some(value.text.parse().map_err(bad)?);
            }
            _ if engine => {}
            _ => return Err(bad_flag("HEALTHCHECK", &flag, KNOWN)),
        }
    }
    let kind = rest.next().map(|word| word.text.to_ascii_uppercase()).unwrap_or_default();
    let text = rest.text();
    match kind.as_str() {
        "NONE" if text.is_empty() => {}
        "CMD" if !text.is_empty() => {
            check.command = Some(rest.json().map_or_else(|| Command::Shell(text.to_string()), Command::Exec));
        }
        _ => return Err(Wrong::new(pos, "HEALTHCHECK needs `CMD command` or `NONE`")),
    }
    Ok(Instruction::Healthcheck(check).into())
}

fn bad_time(value: &Word) -> Wrong {
    Wrong::new(value.pos, format!("`{}` is no time", value.text)).help("write it like `30s`, `5m` or `1m30s`")
}

/// A time the way Go writes it, in nanoseconds.
fn nanoseconds(text: &str) -> Option<u64> {
    const UNITS: &[(&str, u64)] = &[
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    if text == "0" {
        return Some(0);
    }
    let mut total = 0u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters)?;
        let factor = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        total = total.checked_add(scaled(number, factor)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

/// A decimal number times a factor, without floating point.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digit = |c: char| c.to_digit(10).map(u64::from);
    let whole: u64 = if whole.is_empty() && !part.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(factor)?;
    let mut place = factor;
    for c in part.chars() {
        place /= 10;
        total = total.checked_add(digit(c)?.checked_mul(place)?)?;
    }
    Some(total)
}
