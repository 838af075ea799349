//! From lines to stages: what may stand where.

use super::instruction::{self, Parsed};
use super::lines::{self, Line};
use super::words::Rest;
use super::{Dockerfile, Pos, Stage, Step};
use crate::image::limits;
use crate::ports::{Fault, PortError};

/// What is wrong with an instruction.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) pos: Pos,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Wrong {
    pub(super) fn new(pos: Pos, message: impl Into<String>) -> Wrong {
        Wrong { pos, message: message.into(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Wrong {
        self.help = Some(help.into());
        self
    }

    fn error(self, path: &str) -> PortError {
        let error =
            PortError::new(Fault::Invalid, super::clipped(self.message)).at(path, self.pos.line, self.pos.column);
        match self.help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}

/// Reads a Dockerfile; all its faults, in the order of the text.
pub(super) fn parse(path: &str, text: &str) -> Result<Dockerfile, Vec<PortError>> {
    read(path, text, false)
}

/// The same for an engine, which does more.
pub(super) fn parse_for_engine(path: &str, text: &str) -> Result<Dockerfile, Vec<PortError>> {
    read(path, text, true)
}

fn read(path: &str, text: &str, engine: bool) -> Result<Dockerfile, Vec<PortError>> {
    if text.len() as u64 > limits::TEXT {
        let message = format!("the Dockerfile has more than {} bytes", limits::TEXT);
        return Err(vec![PortError::new(Fault::Limit, message).at(path, 1, 1)]);
    }
    // No path and no variable can have one, so it is no text that a person wrote.
    if let Some(line) = text.lines().position(|line| line.contains('\0')) {
        return Err(vec![PortError::new(Fault::Invalid, "the Dockerfile has a zero byte").at(path, line + 1, 1)]);
    }
    let (directives, lines) = lines::split(text);
    if let Some(line) = lines.get(limits::INSTRUCTIONS) {
        let message = format!("the Dockerfile has more than {} instructions", limits::INSTRUCTIONS);
        return Err(vec![PortError::new(Fault::Limit, message).at(path, line.pos(0).line, 1)]);
    }
    let mut reader = Reader::new(path, directives.escape, engine);
    if let Some(pos) = directives.bad_escape {
        let wrong = Wrong::new(pos, "the escape character can only be `\\` or a backtick");
        reader.wrongs.push(wrong.help("write `# escape=\\` or leave the line out"));
    }
    for line in &lines {
        if let Err(wrong) = reader.line(line) {
            reader.wrongs.push(wrong);
        }
        if reader.wrongs.len() >= limits::FAULTS {
            break;
        }
    }
    reader.finish()
}

struct Reader {
    file: Dockerfile,
    /// Whether a FROM was seen, even a faulty one: what follows is then not before the first FROM.
    staged: bool,
    /// Whether an engine builds it.
    engine: bool,
    wrongs: Vec<Wrong>,
}

impl Reader {
    fn new(path: &str, escape: char, engine: bool) -> Reader {
        let file =
            Dockerfile { path: path.to_string(), escape, args: Vec::new(), stages: Vec::new(), remarks: Vec::new() };
        Reader { file, staged: false, engine, wrongs: Vec::new() }
    }

    fn line(&mut self, line: &Line) -> Result<(), Wrong> {
        let mut rest = Rest::of(line);
        let pos = rest.pos();
        let keyword = rest.next().map(|word| word.text.to_ascii_uppercase()).unwrap_or_default();
        if let Some(name) = &line.unended {
            let wrong = Wrong::new(pos, format!("the here-document `{name}` is never ended"));
            return Err(wrong.help(format!("end it with a line that is `{name}` and nothing else")));
        }
        if keyword == "FROM" {
            self.staged = true;
            let stage = instruction::from(pos, rest)?;
            return self.stage(stage);
        }
        let Parsed { instruction, remark } =
            instruction::parse(&keyword, pos, rest, &line.documents, self.file.escape, self.engine)?;
        self.file.remarks.extend(remark.map(|remark| (pos, remark)));
        let argument = matches!(instruction, super::Instruction::Arg(_));
        let step = Step { pos, text: one_line(line), instruction };
        match self.file.stages.last_mut() {
            Some(stage) => stage.steps.push(step),
            // The stage it belongs to is faulty and said so already.
            None if self.staged => {}
            None if argument => self.file.args.push(step),
            None => {
                let wrong = Wrong::new(pos, format!("{keyword} stands before the first FROM"));
                return Err(wrong.help("an image starts with FROM; only ARG may stand before it"));
            }
        }
        Ok(())
    }

    fn stage(&mut self, stage: Stage) -> Result<(), Wrong> {
        if self.file.stages.len() >= limits::STAGES {
            return Err(Wrong::new(stage.pos, format!("there are more than {} stages", limits::STAGES)));
        }
        let twin = self.file.stages.iter().find(|other| other.name.is_some() && other.name == stage.name);
        let wrong = twin.map(|twin| {
            let name = stage.name.clone().unwrap_or_default();
            Wrong::new(stage.pos, format!("the stage `{name}` exists already, in line {}", twin.pos.line))
                .help("give each stage a name of its own")
        });
        self.file.stages.push(stage);
        wrong.map_or(Ok(()), Err)
    }

    fn finish(mut self) -> Result<Dockerfile, Vec<PortError>> {
        if !self.staged && self.wrongs.is_empty() {
            let wrong = Wrong::new(Pos { line: 1, column: 1 }, "there is no FROM, so there is no image");
            self.wrongs.push(wrong.help("start with `FROM image` or `FROM scratch`"));
        }
        if self.wrongs.is_empty() {
            return Ok(self.file);
        }
        let path = self.file.path;
        Err(self.wrongs.into_iter().map(|wrong| wrong.error(&path)).collect())
    }
}

/// The instruction for the image's history: white space in a row is one.
fn one_line(line: &Line) -> String {
    line.text.split_whitespace().collect::<Vec<_>>().join(" ")
}
