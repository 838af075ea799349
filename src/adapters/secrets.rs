//! Secrets of this machine: a variable, a file, what a program prints. Those of clusters are beside it, in `kube::secrets`.
//!
//! No message shows what was found, not even where it is wrong: what looks wrong may be the secret with a typing error.

use super::disk;
use crate::ports::secrets::{Origin, Secrets};
use crate::ports::{Fault, PortError};
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::SecretString;
use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How large a value may be; certificates and kubeconfigs have some kilobytes.
const LIMIT: u64 = 1 << 20;
/// How long a program may take: some ask a remote vault, none should ask a person.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });
/// How often to look whether a program has ended that has closed its output.
const POLL: Duration = Duration::from_millis(5);

/// Secrets of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalSecrets;

impl Secrets for LocalSecrets {
    fn get(&self, origin: &Origin) -> Result<SecretString, PortError> {
        match origin {
            Origin::Env(name) => value(variable(name)?, &format!("the variable `{name}`")),
            Origin::File(path) => value(file(path)?, &format!("the file `{}`", path.display())),
            Origin::Command(argv) => {
                let name = argv.first().map_or("", String::as_str);
                value(printed(argv, name)?, &format!("what `{name}` prints"))
            }
            Origin::Kubernetes { context, .. } => {
                let message = format!("nothing here can ask cluster `{context}` for a secret");
                Err(PortError::new(Fault::Unavailable, message).help("build Lockgate with the feature `kubernetes`"))
            }
        }
    }
}

/// The value without its last line end.
pub(super) fn value(mut bytes: Vec<u8>, of: &str) -> Result<SecretString, PortError> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    let invalid = |how: &str| PortError::new(Fault::Invalid, format!("{of} {how}"));
    if bytes.is_empty() {
        return Err(invalid("is empty").help("a secret needs a value; if none is needed, leave the secret out"));
    }
    // The error would carry the bytes, so it is dropped.
    let text = String::from_utf8(bytes).map_err(|_| invalid("is no text in UTF-8"))?;
    Ok(SecretString::from(text))
}

fn too_large(of: &str) -> PortError {
    PortError::new(Fault::Limit, format!("{of} has more than {LIMIT} bytes, and that is the limit of a secret"))
}

fn variable(name: &str) -> Result<Vec<u8>, PortError> {
    use std::os::unix::ffi::OsStringExt as _;
    let missing = || {
        PortError::new(Fault::NotFound, format!("the variable `{name}` is not set"))
            .help(format!("set it where lockgate is started: `export {name}=…`"))
    };
    // Asking for such a name is no question that the system answers.
    let possible = !name.is_empty() && !name.contains(['=', '\0']);
    let bytes = possible.then(|| std::env::var_os(name)).flatten().ok_or_else(missing)?.into_vec();
    if bytes.len() as u64 > LIMIT { Err(too_large(&format!("the variable `{name}`"))) } else { Ok(bytes) }
}

fn file(path: &Path) -> Result<Vec<u8>, PortError> {
    let failed = |why: std::io::Error| disk::failed(path, "read", &why);
    // A pipe would keep us waiting for whoever writes to it.
    if path.metadata().map_err(failed)?.file_type().is_file() {
        limited(File::open(path).map_err(failed)?)
            .map_err(failed)?
            .ok_or_else(|| too_large(&format!("the file `{}`", path.display())))
    } else {
        Err(PortError::new(Fault::Invalid, format!("`{}` cannot be read: it is no file", path.display())))
    }
}

/// All that comes, unless that is too much.
fn limited(from: impl Read) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(LIMIT + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= LIMIT).then_some(bytes))
}

/// What a program prints. It is started directly, without a shell, and what it says on its standard error is not shown.
fn printed(argv: &[String], name: &str) -> Result<Vec<u8>, PortError> {
    let [program, arguments @ ..] = argv else {
        return Err(PortError::new(Fault::Invalid, "the secret's command names no program"));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn().map_err(|why| unstarted(name, &why))?;
    let begin = Instant::now();
    let result = collect(&mut child, name, begin);
    // Whatever it left behind ends with it. It has been waited for or is killed here, so the number is still its own.
    if result.is_err() {
        stop(&mut child);
    }
    result
}

fn unstarted(name: &str, why: &std::io::Error) -> PortError {
    use std::io::ErrorKind;
    let says =
        |fault, how: &str| PortError::new(fault, format!("the secret's program `{name}` cannot be started: {how}"));
    match why.kind() {
        ErrorKind::NotFound => {
            says(Fault::NotFound, "it is not there").help("give its path, or put its folder into PATH")
        }
        ErrorKind::PermissionDenied => says(Fault::Denied, "permission denied"),
        _ => says(Fault::Unavailable, &why.to_string()),
    }
}

fn collect(child: &mut Child, name: &str, begin: Instant) -> Result<Vec<u8>, PortError> {
    let says = |fault, how: String| PortError::new(fault, format!("the secret's program `{name}` {how}"));
    let slow = || says(Fault::Unavailable, format!("took longer than {} s", PATIENCE.as_secs()));
    let Some(output) = child.stdout.take() else {
        return Err(says(Fault::Unavailable, "has no output".to_string()));
    };
    let (sender, receiver) = mpsc::sync_channel(1);
    // It ends with the program at the latest, which is killed when it takes too long; what a daemon of its keeps open
    // costs a sleeping thread.
    std::thread::spawn(move || sender.send(limited(output)));
    let read = receiver.recv_timeout(PATIENCE).map_err(|_| slow())?;
    let read = read.map_err(|why| says(Fault::Unavailable, format!("cannot be listened to: {why}")))?;
    let bytes = read.ok_or_else(|| too_large(&format!("what `{name}` prints")))?;
    let status = loop {
        match child.try_wait().map_err(|why| says(Fault::Unavailable, format!("cannot be waited for: {why}")))? {
            Some(status) => break status,
            None if begin.elapsed() > PATIENCE => return Err(slow()),
            None => std::thread::sleep(POLL),
        }
    };
    if status.success() {
        return Ok(bytes);
    }
    // "exit status: 3", "signal: 9 (SIGKILL)"
    Err(says(Fault::Unavailable, format!("failed: {status}"))
        .help("what it says is not shown here, as it may hold the secret; run it by hand to see it"))
}

fn stop(child: &mut Child) {
    if matches!(child.try_wait(), Ok(Some(_))) {
        return;
    }
    // It leads a group of its own, so that the programs that it started go with it.
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    drop(child.kill());
    drop(child.wait());
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    fn get(origin: Origin) -> Result<String, PortError> {
        LocalSecrets.get(&origin).map(|secret| secret.expose_secret().to_string())
    }

    fn command(argv: &[&str]) -> Result<String, PortError> {
        get(Origin::Command(argv.iter().map(|s| s.to_string()).collect()))
    }

    #[test]
    fn of_a_variable() {
        let path = std::env::var("PATH").expect("PATH");
        assert_eq!(get(Origin::Env("PATH".into())), Ok(path));
        let error = get(Origin::Env("LOCKGATE_NO_SUCH_VARIABLE".into())).expect_err("not set");
        assert_eq!(
            (error.fault, error.message.as_str()),
            (Fault::NotFound, "the variable `LOCKGATE_NO_SUCH_VARIABLE` is not set")
        );
        for name in ["", "A=B", "A\0B"] {
            assert!(get(Origin::Env(name.into())).is_err(), "{name:?}");
        }
    }

    #[test]
    fn of_a_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let with = |content: &[u8]| {
            let path = dir.path().join("secret");
            std::fs::write(&path, content).expect("written");
            get(Origin::File(path))
        };
        assert_eq!(with(b"s3cret\n"), Ok("s3cret".into()));
        assert_eq!(with(b"s3cret\r\n"), Ok("s3cret".into()));
        assert_eq!(with(b"a\nb\n\n"), Ok("a\nb\n".into()));
        assert!(with(b"\n").expect_err("empty").message.ends_with("secret` is empty"));
        let error = with(b"s3cret\xff").expect_err("no text");
        assert!(
            error.message.ends_with("is no text in UTF-8") && !format!("{error:?}").contains("s3cret"),
            "{error:?}"
        );
        assert_eq!(with(&vec![b'x'; 1 << 20]).map(|s| s.len()), Ok(1 << 20));
        assert_eq!(with(&vec![b'x'; (1 << 20) + 1]).expect_err("too large").fault, Fault::Limit);
        assert_eq!(get(Origin::File(dir.path().join("none"))).expect_err("missing").fault, Fault::NotFound);
        assert!(get(Origin::File(dir.path().into())).expect_err("a folder").message.ends_with("it is no file"));
    }

    #[test]
    fn of_a_program() {
        assert_eq!(command(&["printf", "%s\\n", "a b; $HOME"]), Ok("a b; $HOME".into()));
        assert_eq!(command(&["sh", "-c", "echo noise >&2; echo value"]), Ok("value".into()));
        assert!(command(&["true"]).expect_err("empty").message.ends_with("`true` prints is empty"));
        assert_eq!(command(&[]).expect_err("nothing").fault, Fault::Invalid);
        assert_eq!(command(&["lockgate-no-such-program"]).expect_err("missing").fault, Fault::NotFound);
        assert_eq!(command(&["sh", "-c", "yes"]).expect_err("too much").fault, Fault::Limit);
    }

    #[test]
    fn a_failing_program_shows_nothing() {
        let error = command(&["sh", "-c", "echo s3cret; echo s3cret >&2; exit 3"]).expect_err("failed");
        assert_eq!(error.message, "the secret's program `sh` failed: exit status: 3");
        assert!(!format!("{error:?}").contains("s3cret"));
    }

    #[test]
    fn a_slow_program_is_stopped_with_all_it_started() {
        let dir = tempfile::tempdir().expect("a folder");
        let mark = dir.path().join("mark");
        let script = format!("(sleep 2; touch '{}') & sleep 60", mark.display());
        let begin = Instant::now();
        let error = command(&["sh", "-c", &script]).expect_err("slow");
        assert_eq!(error.message, "the secret's program `sh` took longer than 1 s");
        assert!(begin.elapsed() < Duration::from_millis(1_900));
        std::thread::sleep(Duration::from_millis(1_200));
        assert!(!mark.exists(), "what it started went with it");
        // One that closes its output and stays.
        assert!(command(&["sh", "-c", "echo x; exec >&-; sleep 60"]).is_err());
    }
}
