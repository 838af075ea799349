//! All places of a pipeline in which references are read, each with what it is for.

use crate::model::{
    Build, Command, Environment, NotifyTo, Pipeline, Program, Release, Said, SetKind, SetTo, SourcePath, Spanned,
    Template, VerifyKind,
};

/// A text with references, and where it stands.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The text.
    pub template: &'a Template,
    /// What it is for.
    pub role: Role<'a>,
    /// Whether it is read for one environment, so that `{environment}` means something.
    pub in_environment: bool,
}

/// What a text is for.
#[derive(Clone, Copy)]
pub enum Role<'a> {
    /// A build argument; its name.
    BuildArg(&'a Spanned<Said>),
    /// A label of an image.
    Label,
    /// The tag of a push.
    Tag,
    /// A program or an argument.
    Argument,
    /// A line for a shell.
    Shell,
    /// The value of a variable; its name.
    Variable(&'a Spanned<Said>),
    /// The container image of a command.
    Container,
    /// A path in a source.
    Path,
    /// What a task reads.
    Input,
    /// A value that is set in a release.
    Set,
    /// The name of a release.
    ReleaseName,
    /// An address that is asked.
    Address,
    /// What must stand in an answer.
    Expected,
    /// An address that is told something.
    NotifyAddress,
}

impl Role<'_> {
    /// Whether a secret may stand there: where it is handed over and not shown.
    pub fn keeps_secrets(self) -> bool {
        matches!(self, Role::Variable(_) | Role::NotifyAddress)
    }

    /// What it is, with its article.
    pub fn words(self) -> &'static str {
        match self {
            Role::BuildArg(_) => "a build argument",
            Role::Label => "a label of an image",
            Role::Tag => "a tag",
            Role::Argument => "an argument",
            Role::Shell => "a line of a shell",
            Role::Variable(_) => "a variable",
            Role::Container => "the image of a command",
            Role::Path => "a path",
            Role::Input => "an input",
            Role::Set => "a value of a release",
            Role::ReleaseName => "the name of a release",
            Role::Address => "an address that is asked",
            Role::Expected => "what an address answers",
            Role::NotifyAddress => "an address that is told",
        }
    }
}

/// Calls `see` with each place, in the order of the kinds of nodes.
pub fn each<'a>(pipeline: &'a Pipeline, see: &mut dyn FnMut(Place<'a>)) {
    for build in &pipeline.builds {
        in_build(build, see);
    }
    for task in &pipeline.tasks {
        in_command(&task.command, false, see);
        task.inputs.iter().for_each(|i| see(Place { template: &i.what, role: Role::Input, in_environment: false }));
    }
    for release in &pipeline.releases {
        in_release(release, see);
    }
    for environment in &pipeline.environments {
        in_environment(environment, see);
    }
    for notify in &pipeline.notifies {
        if let Some(template) = notify.to.as_ref().and_then(NotifyTo::url) {
            see(Place { template, role: Role::NotifyAddress, in_environment: true });
        }
    }
}

fn in_build<'a>(build: &'a Build, see: &mut dyn FnMut(Place<'a>)) {
    let in_environment = false;
    build.context.iter().for_each(|p| in_path(p, in_environment, see));
    for (name, template) in &build.args {
        see(Place { template, role: Role::BuildArg(name), in_environment });
    }
    for (_, template) in &build.labels {
        see(Place { template, role: Role::Label, in_environment });
    }
    for test in &build.tests {
        in_command(test, in_environment, see);
    }
    if let Some(template) = build.push.as_ref().and_then(|p| p.tag.as_ref()) {
        see(Place { template, role: Role::Tag, in_environment });
    }
}

fn in_release<'a>(release: &'a Release, see: &mut dyn FnMut(Place<'a>)) {
    let in_environment = true;
    release.chart.iter().for_each(|p| in_path(p, in_environment, see));
    release.values.iter().for_each(|v| in_path(&v.file, in_environment, see));
    for set in &release.sets {
        if let SetTo::Text(template) = &set.to {
            let role = if set.kind == SetKind::File { Role::Path } else { Role::Set };
            see(Place { template, role, in_environment });
        }
    }
    if let Some(template) = &release.release_name {
        see(Place { template, role: Role::ReleaseName, in_environment });
    }
}

fn in_environment<'a>(environment: &'a Environment, see: &mut dyn FnMut(Place<'a>)) {
    let in_environment = true;
    for verify in &environment.verifies {
        match &verify.kind {
            VerifyKind::Script { script, args, command } => {
                in_path(script, in_environment, see);
                args.iter().for_each(|template| see(Place { template, role: Role::Argument, in_environment }));
                in_surroundings(command, in_environment, see);
            }
            VerifyKind::Run(command) => in_command(command, in_environment, see),
            VerifyKind::Http { url, contains, .. } => {
                see(Place { template: url, role: Role::Address, in_environment });
                contains.iter().for_each(|template| see(Place { template, role: Role::Expected, in_environment }));
            }
            VerifyKind::HelmTest { .. } => {}
        }
    }
}

fn in_command<'a>(command: &'a Command, in_environment: bool, see: &mut dyn FnMut(Place<'a>)) {
    match &command.program {
        Program::Argv(argv) => {
            argv.iter().for_each(|template| see(Place { template, role: Role::Argument, in_environment }))
        }
        Program::Shell(template) => see(Place { template, role: Role::Shell, in_environment }),
    }
    in_surroundings(command, in_environment, see);
}

fn in_surroundings<'a>(command: &'a Command, in_environment: bool, see: &mut dyn FnMut(Place<'a>)) {
    if let Some(template) = &command.image {
        see(Place { template, role: Role::Container, in_environment });
    }
    for (name, template) in &command.env {
        see(Place { template, role: Role::Variable(name), in_environment });
    }
    command.workdir.iter().for_each(|p| in_path(p, in_environment, see));
}

fn in_path<'a>(path: &'a SourcePath, in_environment: bool, see: &mut dyn FnMut(Place<'a>)) {
    if let Some(template) = &path.path {
        see(Place { template, role: Role::Path, in_environment });
    }
}

/// Calls `see` with each command: of tasks, of tests, of verifications.
pub fn commands<'a>(pipeline: &'a Pipeline, see: &mut dyn FnMut(&'a Command)) {
    pipeline.builds.iter().flat_map(|b| &b.tests).for_each(&mut *see);
    pipeline.tasks.iter().map(|t| &t.command).for_each(&mut *see);
    for verify in pipeline.environments.iter().flat_map(|e| &e.verifies) {
        match &verify.kind {
            VerifyKind::Script { command, .. } | VerifyKind::Run(command) => see(command),
            VerifyKind::Http { .. } | VerifyKind::HelmTest { .. } => {}
        }
    }
}

/// Calls `see` with each folder or file of a source that something works with, and what it is for.
pub fn source_paths<'a>(pipeline: &'a Pipeline, see: &mut dyn FnMut(&'a SourcePath, &'static str)) {
    pipeline.builds.iter().filter_map(|b| b.context.as_ref()).for_each(|p| see(p, "context"));
    pipeline.releases.iter().filter_map(|r| r.chart.as_ref()).for_each(|p| see(p, "chart"));
    pipeline.releases.iter().flat_map(|r| &r.values).for_each(|v| see(&v.file, "values"));
    for verify in pipeline.environments.iter().flat_map(|e| &e.verifies) {
        if let VerifyKind::Script { script, .. } = &verify.kind {
            see(script, "script");
        }
    }
    commands(pipeline, &mut |command| command.workdir.iter().for_each(|p| see(p, "working folder")));
}
