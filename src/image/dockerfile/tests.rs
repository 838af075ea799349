//! Dockerfiles as data: what each comes to, and where its faults lie.

use super::*;

fn parse(text: &str) -> Dockerfile {
    Dockerfile::parse("Dockerfile", text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

fn only(text: &str) -> Instruction {
    parse(&format!("FROM scratch\n{text}")).stages[0].steps[0].instruction.clone()
}

/// The faults as `line:column message`.
fn faults(text: &str) -> Vec<String> {
    let errors = Dockerfile::parse("Dockerfile", text).expect_err(text);
    errors.iter().map(|e| e.to_string().trim_start_matches("Dockerfile:").to_string()).collect()
}

fn texts(words: &[Word]) -> Vec<&str> {
    words.iter().map(|word| word.text.as_str()).collect()
}

fn plain(pairs: &[(Word, Word)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(a, b)| (a.text.as_str(), b.text.as_str())).collect()
}

#[test]
fn stages() {
    let file = parse("ARG A=1 B\nFROM --platform=linux/arm64 a:$A AS One\nUSER x\nfrom scratch\nCOPY --from=one /a /b");
    assert_eq!(file.args.len(), 1);
    assert_eq!(file.stages[0].name.as_deref(), Some("one"));
    assert_eq!(file.stages[0].base, Word { text: "a:$A".into(), pos: Pos { line: 2, column: 29 } });
    assert_eq!(file.stages[0].platform.as_ref().map(|w| w.text.as_str()), Some("linux/arm64"));
    assert_eq!(file.stage("ONE", 1), Some(0));
    assert_eq!(file.stage("0", 1), Some(0));
    assert_eq!(file.stage("1", 1), None);
}

#[test]
fn pairs() {
    let Instruction::Env(pairs) = only("ENV a=1 b=\"x y\" c=x\\ y \\\n d='$z'") else { panic!() };
    assert_eq!(plain(&pairs), [("a", "1"), ("b", "\"x y\""), ("c", "x\\ y"), ("d", "'$z'")]);
    let Instruction::Env(pairs) = only("ENV a some = text") else { panic!() };
    assert_eq!(plain(&pairs), [("a", "some = text")]);
    let Instruction::Arg(pairs) = only("ARG a b=1") else { panic!() };
    assert_eq!(pairs[0].1, None);
    assert_eq!(pairs[1].1, Some(Word { text: "1".into(), pos: Pos { line: 2, column: 9 } }));
}

#[test]
fn transfers() {
    let Instruction::Copy(t) = only("COPY --chown=1:2 --chmod=755 --link a b/* /c/") else { panic!() };
    assert_eq!((t.sources.len(), t.target.text.as_str()), (2, "/c/"));
    assert_eq!(t.chown.map(|w| w.text).as_deref(), Some("1:2"));
    let Instruction::Add(t) = only("ADD [\"a b\", \"/c d\"]") else { panic!() };
    assert_eq!(t.target.text, "/c d");
    let Instruction::Copy(t) = only("COPY <<'A' /x\n$a\nA") else { panic!() };
    let name = Word { text: "A".into(), pos: Pos { line: 2, column: 6 } };
    assert_eq!(t.sources, [Source::Inline { name, content: "$a\n".into(), expand: false }]);
}

#[test]
fn commands() {
    assert_eq!(only("CMD [\"a\", \"b\"]"), Instruction::Cmd(Command::Exec(vec!["a".into(), "b".into()])));
    assert_eq!(only("ENTRYPOINT a  b"), Instruction::Entrypoint(Command::Shell("a  b".into())));
    let file = parse("FROM scratch\nCMD ['a']");
    assert_eq!(file.remarks[0].0, Pos { line: 2, column: 1 });
    let Instruction::Expose(words) = only("EXPOSE 80 443/tcp") else { panic!() };
    assert_eq!(texts(&words), ["80", "443/tcp"]);
    let Instruction::Volume(words) = only("VOLUME [\"/a\"]") else { panic!() };
    assert_eq!(texts(&words), ["/a"]);
}

#[test]
fn health() {
    let Instruction::Healthcheck(check) = only("HEALTHCHECK --interval=1m30s --timeout=1.5s --retries=3 CMD curl x")
    else {
        panic!()
    };
    assert_eq!((check.interval, check.timeout, check.retries), (Some(90_000_000_000), Some(1_500_000_000), Some(3)));
    assert_eq!(check.command, Some(Command::Shell("curl x".into())));
    assert_eq!(only("HEALTHCHECK NONE"), Instruction::Healthcheck(Healthcheck::default()));
}

#[test]
fn every_fault_with_its_place() {
    let text = "FROM\nUSER\n  FORM x\nCOPY a\nCOPY --bad=1 a b\nENV a\nENV =b\nRUN make \\\n  all\nONBUILD USER x\n\
                FROM a b\nFROM a AS 1x\nLABEL a=1 b\nSHELL sh\nHEALTHCHECK x\nHEALTHCHECK --timeout=5x CMD a\nCOPY --from a b c";
    let expected = [
        "1:1: FROM names no image",
        "2:1: USER says nothing",
        "3:3: `FORM` is no instruction of a Dockerfile",
        "4:1: COPY needs a source and a target",
        "5:6: COPY has no flag `--bad` in this builder",
        "6:5: `a` has no value",
        "7:5: `=b` has no name before its `=`",
        "8:1: RUN cannot be done by this builder",
        "10:1: ONBUILD cannot be done by this builder",
        "11:8: FROM does not expect `b` here",
        "12:11: `1x` is no name for a stage",
        "13:11: `b` has no value",
        "14:1: SHELL needs a JSON list",
        "15:1: HEALTHCHECK needs `CMD command` or `NONE`",
        "16:23: `5x` is no time",
        "17:6: `--from` has no value",
    ];
    assert_eq!(faults(text), expected);
}

#[test]
fn the_whole_file() {
    assert_eq!(faults(""), ["1:1: there is no FROM, so there is no image"]);
    assert_eq!(faults("FROM a\nUSER \0"), ["2:1: the Dockerfile has a zero byte"]);
    assert_eq!(faults("# c\nUSER x\nFROM a"), ["2:1: USER stands before the first FROM"]);
    assert_eq!(faults("FROM a AS x\nFROM b AS X"), ["2:1: the stage `x` exists already, in line 1"]);
    assert_eq!(faults("FROM a\nCOPY <<E /x\nb"), ["2:1: the here-document `E` is never ended"]);
    assert_eq!(faults("# escape=x\nFROM a"), ["1:1: the escape character can only be `\\` or a backtick"]);
    assert_eq!(Dockerfile::parse("D", &" ".repeat(2 << 20)).unwrap_err()[0].fault, Fault::Limit);
}

#[test]
fn run_names_the_builder_that_can() {
    let errors = Dockerfile::parse("Dockerfile", "FROM a\nRUN x").unwrap_err();
    assert!(errors[0].help.as_deref().unwrap_or_default().contains("`builder docker`"));
}
