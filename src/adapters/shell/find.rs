//! Finding a program and its environment, and saying why one could not be started.

use crate::ports::shell::Program;
use crate::ports::{Fault, PortError};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The exact environment of a program.
pub(super) fn environment(program: &Program) -> Result<BTreeMap<OsString, OsString>, PortError> {
    let inherited = program.inherit.iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    let mut environment: BTreeMap<OsString, OsString> = inherited.collect();
    for (name, value) in &program.env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(invalid(format!("`{}` cannot be the name of a variable", name.escape_debug())));
        }
        if value.contains('\0') {
            return Err(invalid(format!("the value of the variable `{name}` has a NUL in it")));
        }
        environment.insert(name.into(), value.into());
    }
    Ok(environment)
}

/// The file of a program. We look for it ourselves, since what decides is the program's `PATH` and not ours, and since
/// only with a path does the standard library start it without a copy of our memory.
pub(super) fn find(program: &Program, environment: &BTreeMap<OsString, OsString>) -> Result<PathBuf, PortError> {
    let name = program.argv.first().map_or("", String::as_str);
    if name.is_empty() {
        return Err(invalid("there is no program to start: its name is empty".into()));
    }
    if let Some(word) = program.argv.iter().find(|word| word.contains('\0')) {
        return Err(invalid(format!("the argument `{}` has a NUL in it", word.escape_debug())));
    }
    if name.contains('/') {
        return Ok(program.cwd.join(name));
    }
    let path = environment.get(&OsString::from("PATH"));
    let found = path.into_iter().flat_map(folders).map(|folder| folder.join(name)).find(|file| is_program(file));
    found.ok_or_else(|| not_in_path(name, program, path))
}

/// The folders of a `PATH`. Relative ones, and empty ones that mean where we are, would make it matter where that is.
fn folders(path: &OsString) -> impl Iterator<Item = PathBuf> {
    std::env::split_paths(path).filter(|folder| folder.is_absolute())
}

fn is_program(file: &Path) -> bool {
    let executable = rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok();
    executable && file.is_file()
}

fn not_in_path(name: &str, program: &Program, path: Option<&OsString>) -> PortError {
    let Some(path) = path else {
        return PortError::new(Fault::NotFound, format!("there is no program `{name}`: `PATH` is not set"))
            .help("let `PATH` be inherited or set it, or name the program by its path");
    };
    let error = PortError::new(Fault::NotFound, format!("there is no program `{name}` in `PATH`"));
    if program.cwd.join(name).is_file() {
        return error.help(format!("did you mean `./{name}`? a name without `/` is looked for in `PATH` only"));
    }
    if name.contains(char::is_whitespace) {
        return error
            .help("write each argument as a word of its own, or say `shell` for a line that a shell should read");
    }
    match nearest(name, path) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help(format!("`PATH` is {}", path.to_string_lossy())),
    }
}

/// The program whose name is most like that one.
fn nearest(name: &str, path: &OsString) -> Option<String> {
    let names = folders(path).filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let scored = names.map(|other| (strsim::damerau_levenshtein(name, &other), other));
    // One slip for every four letters: of thousands of programs, some are always somewhat alike.
    scored.filter(|(slips, _)| *slips <= name.len().div_ceil(4)).min().map(|(_, other)| other)
}

/// Why a program could not be started, from what the system said and from what is there.
pub(super) fn explain(program: &Program, path: &Path, error: &io::Error) -> PortError {
    let cwd = program.cwd.display();
    match std::fs::metadata(&program.cwd) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => return invalid(format!("the working folder `{cwd}` is not a folder")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return PortError::new(Fault::NotFound, format!("the working folder `{cwd}` does not exist"));
        }
        Err(e) => return PortError::new(Fault::Denied, format!("the working folder `{cwd}` cannot be entered: {e}")),
    }
    let name = program.argv.first().map_or("", String::as_str);
    match (std::fs::metadata(path), error.raw_os_error().map(rustix::io::Errno::from_raw_os_error)) {
        (Err(e), _) if e.kind() == io::ErrorKind::NotFound => {
            PortError::new(Fault::NotFound, format!("there is no program `{name}` in `{cwd}`"))
        }
        (Ok(meta), _) if meta.is_dir() => invalid(format!("`{name}` is a folder and not a program")),
        (Ok(meta), Some(rustix::io::Errno::ACCESS)) if meta.permissions().mode() & 0o111 == 0 => {
            PortError::new(Fault::Denied, format!("`{name}` is not executable")).help(format!(
                "run `chmod +x {name}` and commit that, or name its interpreter before it, as in `sh {name}`"
            ))
        }
        (_, Some(rustix::io::Errno::ACCESS)) => {
            PortError::new(Fault::Denied, format!("`{name}` may not be started: {error}"))
        }
        (_, Some(rustix::io::Errno::NOEXEC)) => no_format(name, path),
        (_, Some(rustix::io::Errno::NOENT)) => no_interpreter(name, path),
        (_, Some(rustix::io::Errno::TOOBIG)) => {
            PortError::new(Fault::Limit, format!("the arguments and variables of `{name}` are too long"))
        }
        _ => PortError::new(Fault::Unavailable, format!("`{name}` cannot be started: {error}")),
    }
}

/// The system doesn't know what to do with the file.
fn no_format(name: &str, path: &Path) -> PortError {
    let begin = beginning(path);
    if begin.starts_with(b"\x7fELF") || begin.contains(&0) {
        return invalid(format!("`{name}` is not a program for this machine's processor"));
    }
    invalid(format!("`{name}` has no `#!` line, so that nobody knows what should run it"))
        .help("begin it with a line such as `#!/bin/sh`, or name its interpreter before it")
}

/// The file is there, so what is missing is what should run it.
fn no_interpreter(name: &str, path: &Path) -> PortError {
    let begin = beginning(path);
    let line = begin.split(|b| *b == b'\n').next().and_then(|line| line.strip_prefix(b"#!"));
    let Some(line) = line else {
        return PortError::new(
            Fault::NotFound,
            format!("`{name}` needs a loader or library that is not on this machine"),
        );
    };
    let interpreter = String::from_utf8_lossy(line).trim().to_string();
    let error = PortError::new(
        Fault::NotFound,
        format!("`{name}` wants to be run by `{interpreter}`, which is not on this machine"),
    );
    match line.ends_with(b"\r") {
        true => error.help("its lines end as Windows ends them; let them end with a newline alone"),
        false => error,
    }
}

/// The first bytes of a file, as far as they can be read.
fn beginning(path: &Path) -> Vec<u8> {
    let mut begin = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        drop(file.take(256).read_to_end(&mut begin));
    }
    begin
}

fn invalid(message: String) -> PortError {
    PortError::new(Fault::Invalid, message)
}
