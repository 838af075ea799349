//! The one table of codes. A code keeps its number for ever; a rule that goes leaves a gap.
//!
//! `LG00xx` reading the text · `LG01xx` the shape of a node · `LG02xx` names and references · `LG03xx` values ·
//! `LG04xx` the graph and its gates · `LG05xx` the files of the repository · `LG06xx` observing the world ·
//! `LG07xx` rendering and building · `LG08xx` state, plans and runs ·
//! `LG09xx` tests of pipelines.

use super::Severity;

/// A row of the table: a kind of fault with a number that never changes.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The number, as in `LG0201`.
    pub id: &'static str,
    /// The name in words with dashes, as used to set its level.
    pub name: &'static str,
    /// How bad it is unless its level is set.
    pub severity: Severity,
    /// What it is, in one line.
    pub summary: &'static str,
}

macro_rules! codes {
    ($($konst:ident $id:literal $name:literal $severity:ident $summary:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "` ", $name, ": ", $summary)]
            pub static $konst: Code =
                Code { id: $id, name: $name, severity: Severity::$severity, summary: $summary };
        )*
        /// All rows in the order of their numbers.
        pub static ALL: &[&Code] = &[$(&$konst),*];
    };
}

codes! {
    FILE_UNREADABLE "LG0001" "file-unreadable" Error "the file cannot be read";
    FILE_TOO_LARGE "LG0002" "file-too-large" Error "the file is larger than the limit";
    NOT_UTF8 "LG0003" "not-utf8" Error "the file is not UTF-8 text";
    FORBIDDEN_CHARACTER "LG0004" "forbidden-character" Error "a character that KDL forbids or that hides what the text says";
    SYNTAX "LG0005" "syntax" Error "the text is not KDL";
    TOO_DEEP "LG0006" "too-deep" Error "blocks or comments are nested deeper than the limit";
    UNCLOSED "LG0007" "unclosed" Error "a block, string or comment is not closed";
    UNEXPECTED_BRACE "LG0008" "unexpected-brace" Error "a closing brace that closes nothing";
    BARE_KEYWORD "LG0009" "bare-keyword" Error "`true`, `false`, `null`, `inf` or `nan` without its `#`";
    BAD_ESCAPE "LG0010" "bad-escape" Error "an escape that KDL does not have";
    BAD_NUMBER "LG0011" "bad-number" Error "a number that cannot be read";
    TOO_MANY_FAULTS "LG0012" "too-many-faults" Note "more faults in one file than are shown";
    KDL_VERSION "LG0013" "kdl-version" Error "the file says that it is of another version of KDL";
    INCLUDE_CYCLE "LG0014" "include-cycle" Error "a file that includes itself, directly or through others";
    INCLUDE_OUTSIDE "LG0015" "include-outside" Error "an include of a file that is not in the repository";
    INCLUDE_FORM "LG0016" "include-form" Error "an `include` that is not one path in a string";
    INCLUDE_LIMIT "LG0017" "include-limit" Error "more includes, or deeper ones, than the limit";
    REFERENCE_SYNTAX "LG0018" "reference-syntax" Error "a reference in a string that cannot be read";
    STRING_LINES "LG0019" "string-lines" Error "a string of several lines whose lines do not fit together";
    UNKNOWN_NODE "LG0101" "unknown-node" Error "a node that cannot stand here";
    UNKNOWN_PROPERTY "LG0102" "unknown-property" Error "a property that the node does not have";
    MISSING_ARGUMENT "LG0103" "missing-argument" Error "an argument that the node needs is not there";
    SURPLUS_ARGUMENT "LG0104" "surplus-argument" Error "an argument too many";
    WRONG_TYPE "LG0105" "wrong-type" Error "a value of another type than is wanted here";
    MISSING_PROPERTY "LG0106" "missing-property" Error "a property that the node needs is not there";
    MISSING_NODE "LG0107" "missing-node" Error "a node that the block needs is not there";
    REPEATED_NODE "LG0108" "repeated-node" Error "a node that may stand once stands twice";
    REPEATED_PROPERTY "LG0109" "repeated-property" Error "a property stands twice in one node";
    CONTRADICTION "LG0110" "contradiction" Error "two things of which only one can be";
    UNEXPECTED_BLOCK "LG0111" "unexpected-block" Error "a block behind a node that has none";
    UNKNOWN_WORD "LG0112" "unknown-word" Error "a word that is none of those that can stand here";
    OUT_OF_RANGE "LG0113" "out-of-range" Error "a number that is too small or too large";
    TYPE_ANNOTATION "LG0114" "type-annotation" Error "a type annotation, which means nothing here";
    MISSING_VERSION "LG0115" "missing-version" Error "the file does not say which language it is in";
    UNKNOWN_VERSION "LG0116" "unknown-version" Error "a version of the language that this program does not read";
    EMPTY_TEXT "LG0117" "empty-text" Error "a text that says nothing";
    REFERENCE_NOT_READ "LG0118" "reference-not-read" Error "a reference where none is read";
    MISSING_REASON "LG0119" "missing-reason" Error "an `allow` that does not say why";
    EMPTY_NODE "LG0120" "empty-node" Error "a node that says nothing";
    MISPLACED_NODE "LG0121" "misplaced-node" Error "a node in a block where it does not belong";
    UNKNOWN_NAME "LG0201" "unknown-name" Error "a name that nothing in the pipeline has";
    WRONG_KIND "LG0202" "wrong-kind" Error "a name of another kind than is wanted here";
    DUPLICATE_NAME "LG0203" "duplicate-name" Error "a name that is given twice";
    BAD_NAME "LG0204" "bad-name" Error "a name that cannot be one";
    UNKNOWN_FIELD "LG0205" "unknown-field" Error "a reference to a field that its kind does not have";
    NO_VALUE "LG0206" "no-value" Error "a reference to something that is not a value";
    NO_ENVIRONMENT "LG0207" "no-environment" Error "a reference to the environment where none is known";
    RESERVED_NAME "LG0208" "reserved-name" Error "a node with a name that means something of its own";
    DUPLICATE_OUTPUT "LG0209" "duplicate-output" Error "a task with two outputs of one name";
    UNUSED_SOURCE "LG0210" "unused-source" Warning "a source that nothing uses";
    UNUSED_BUILD "LG0211" "unused-build" Warning "a build that nothing uses";
    UNUSED_RELEASE "LG0212" "unused-release" Warning "a release that nothing deploys";
    UNUSED_SECRET "LG0213" "unused-secret" Warning "a secret that nothing uses";
    UNKNOWN_RULE "LG0214" "unknown-rule" Error "a level for a rule that there is not";
    FIXED_RULE "LG0215" "fixed-rule" Error "a level for a rule whose level cannot be changed";
    REPEATED_LEVEL "LG0216" "repeated-level" Error "two levels for one rule";
    UNUSED_ALLOW "LG0217" "unused-allow" Warning "an `allow` of something that is not found";
    REPEATED_MENTION "LG0218" "repeated-mention" Warning "a name that stands twice in one list";
    BAD_DURATION "LG0301" "bad-duration" Error "a text that is no duration";
    BAD_CRON "LG0302" "bad-cron" Error "a text that is no cron expression";
    BAD_TIME_ZONE "LG0303" "bad-time-zone" Error "a time zone that does not exist";
    BAD_WINDOW "LG0304" "bad-window" Error "a text that is no change window";
    BAD_GLOB "LG0305" "bad-glob" Error "a text that is no glob";
    BAD_IMAGE "LG0306" "bad-image" Error "a text that is no repository of images";
    BAD_URL "LG0307" "bad-url" Error "a text that is no URL, or none that is read here";
    BAD_VERSION_RANGE "LG0308" "bad-version-range" Error "a text that is no range of versions";
    BAD_TAG "LG0309" "bad-tag" Error "a text that is neither a tag nor a rule for tags";
    BAD_VARIABLE "LG0310" "bad-variable" Error "a text that cannot be the name of a variable";
    BAD_LABEL "LG0311" "bad-label" Error "a name that Kubernetes or Helm refuses";
    PATH_ESCAPES "LG0312" "path-escapes" Error "a path that leads out of where it starts";
    BAD_PATH "LG0313" "bad-path" Error "a text that cannot be a path";
    BAD_SET_PATH "LG0314" "bad-set-path" Error "a text that is no path of a value";
    BAD_PLATFORM "LG0315" "bad-platform" Error "a text that is no platform";
    BAD_EMAIL "LG0316" "bad-email" Error "a text that is no address for mail";
    BAD_BRANCH "LG0317" "bad-branch" Error "a text that cannot be the name of a branch";
    SECRET_PRINTED "LG0320" "secret-printed" Error "a secret where it would be shown";
    CREDENTIALS_IN_URL "LG0321" "credentials-in-url" Error "a URL with a password in it";
    PLAIN_SECRET "LG0322" "plain-secret" Warning "a password that stands in the file";
    SHELL_INJECTION "LG0323" "shell-injection" Error "text of others in a line of a shell";
    INSECURE_URL "LG0324" "insecure-url" Warning "a URL without encryption";
    REPEATED_SET "LG0325" "repeated-set" Error "a value of a release that is set twice";
    SET_UNDER_SET "LG0326" "set-under-set" Error "a value that is set inside of another that is set";
    REPEATED_VARIABLE "LG0327" "repeated-variable" Error "a variable, build argument or label that is given twice";
    BAD_JSON "LG0328" "bad-json" Error "a `set-json` that is not JSON";
    LATEST_TAG "LG0329" "latest-tag" Warning "the tag `latest`, or none";
    MUTABLE_TAG "LG0330" "mutable-tag" Warning "a push under a tag that stays the same";
    ANY_VERSION "LG0331" "any-version" Warning "a source that takes any version";
    POLL_TOO_SHORT "LG0332" "poll-too-short" Warning "a source that is polled all the time";
    NEVER_DUE "LG0333" "never-due" Error "a cron expression that never comes";
    ZERO_DURATION "LG0334" "zero-duration" Error "a time of nothing";
    CYCLE "LG0401" "cycle" Error "nodes that wait for one another";
    UNGATED_ENVIRONMENT "LG0402" "ungated-environment" Error "an environment after another one without a gate";
    WAY_AROUND_GATE "LG0403" "way-around-gate" Error "a command in the cluster of an environment that its gate does not hold back";
    PARTIAL_GATE "LG0404" "partial-gate" Warning "an environment that can be reached by a way with a gate and by one without";
    UNREACHABLE_ENVIRONMENT "LG0405" "unreachable-environment" Error "an environment that no candidate can reach";
    SAME_TARGET "LG0406" "same-target" Error "two environments that deploy to one place";
    APPROVE_NONE "LG0407" "approve-none" Error "an approval by nobody";
    WINDOW_NEVER_OPEN "LG0408" "window-never-open" Warning "a window that never opens beside others that do";
    SOAK_WITHOUT_PREDECESSOR "LG0409" "soak-without-predecessor" Error "a soak in an environment that comes after no other";
    EXPIRES_IN_CLOSED_WINDOW "LG0410" "expires-in-closed-window" Warning "an approval that can expire before its window opens";
    APPROVAL_FROM_ANYONE "LG0411" "approval-from-anyone" Warning "an approval that anyone can give";
    OPEN_SELF_APPROVAL "LG0412" "open-self-approval" Warning "a gate that one can open for a change of one's own";
    REPEATED_APPROVE "LG0413" "repeated-approve" Warning "two approvals of one group in one gate";
    REDUNDANT_AFTER "LG0414" "redundant-after" Warning "an `after` that follows from another";
    SAME_PUSH "LG0415" "same-push" Error "two builds that push under one name";
    UNVERIFIED_PROMOTION "LG0416" "unverified-promotion" Warning "an environment that hands on what nobody checked there";
    JOB_WITHOUT_IMAGE "LG0417" "job-without-image" Error "a command in a cluster without an image to run in";
    IMAGE_OUT_OF_REACH "LG0418" "image-out-of-reach" Error "an image that the cluster it is deployed to cannot pull";
    SOURCE_WITHOUT_FILES "LG0419" "source-without-files" Error "a source that has no files where files are needed";
    PATHS_WITHOUT_FILES "LG0420" "paths-without-files" Error "path filters on a source that has no files";
    REPEATED_TRIGGER "LG0421" "repeated-trigger" Warning "two triggers of which one is enough";
    SECRET_OUT_OF_PLACE "LG0422" "secret-out-of-place" Error "a secret that is used where it may not be";
    INPUT_WITHOUT_SOURCE "LG0423" "input-without-source" Error "an input that is a glob over no source";
    SAME_RELEASE "LG0424" "same-release" Error "two releases that are deployed to one environment under one name";
    JOB_FILE_OUTPUT "LG0425" "job-file-output" Error "a file that a Job cannot hand over";
    HELM_TEST_NOWHERE "LG0426" "helm-test-nowhere" Error "tests of a chart that cannot run where they should";
    MISSING_PATH "LG0501" "missing-path" Error "a path that is not in the repository";
    MISSING_DOCKERFILE "LG0502" "missing-dockerfile" Error "a Dockerfile that is not in the repository";
    MISSING_VALUES "LG0503" "missing-values" Error "a values file that is not in the repository";
    MISSING_CHART "LG0504" "missing-chart" Error "a folder that should be a chart and is none";
    MISSING_SCRIPT "LG0505" "missing-script" Error "a script that is not in the repository";
    TARGET_IN_SOURCE "LG0506" "target-in-source" Error "an environment that deploys into a folder or branch that is watched";
    SECRET_IN_REPOSITORY "LG0507" "secret-in-repository" Warning "a secret that is read from a file of the repository";
    MACHINE_PATH "LG0508" "machine-path" Warning "a path that only this machine has";
    VALUES_SYNTAX "LG0510" "values-syntax" Error "a values file that is no YAML, or no mapping";
    VALUES_REFUSED "LG0511" "values-refused" Error "values that the schema of the chart refuses";
    UNREAD_VALUE "LG0512" "unread-value" Error "a key of a values file that the chart does not read";
    UNREAD_SET "LG0513" "unread-set" Error "a `set` of a value that the chart does not read";
    NOT_THERE "LG0601" "not-there" Error "something that the pipeline asks for is not there";
    DENIED "LG0602" "denied" Error "access is denied";
    OUT_OF_REACH "LG0603" "out-of-reach" Error "a neighbour cannot be reached";
    NOT_USABLE "LG0604" "not-usable" Error "something that was found cannot be used";
    MOVED "LG0605" "moved" Error "something is no longer as it was when it was looked at";
    LIMIT_REACHED "LG0606" "limit-reached" Error "a bound was reached";
    CANCELLED "LG0607" "cancelled" Error "somebody asked to stop";
    NEEDS_ADAPTER "LG0608" "needs-adapter" Error "the pipeline needs a neighbour that this build of Lockgate cannot speak with";
    RENDER_FAILED "LG0701" "render-failed" Error "a chart cannot be rendered";
    VALUES_INVALID "LG0702" "values-invalid" Error "a values file cannot be used";
    CHART_INVALID "LG0703" "chart-invalid" Error "a chart cannot be used";
    DOCKERFILE_INVALID "LG0704" "dockerfile-invalid" Error "a Dockerfile cannot be built";
    INPUT_MISSING "LG0705" "input-missing" Error "an input of a task matches no file";
    NO_HELM_TESTS "LG0706" "no-helm-tests" Warning "a chart whose tests are to be run and that has none";
    DRAWN "LG0707" "random-values" Note "a chart whose templates draw random values";
    PLAN_UNREADABLE "LG0801" "plan-unreadable" Error "a saved plan cannot be read or written";
    PLAN_STALE "LG0802" "plan-stale" Error "a saved plan does not fit what is there any more";
    REFUSED "LG0803" "refused" Error "somebody asked for something that they may not have, or that makes no sense";
    EXPECTATION_FAILED "LG0901" "expectation-failed" Error "an expectation of a test that does not hold";
}

/// The row with that number or that name.
pub fn find(id_or_name: &str) -> Option<&'static Code> {
    ALL.iter().copied().find(|c| c.id.eq_ignore_ascii_case(id_or_name) || c.name == id_or_name)
}
