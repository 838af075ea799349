//! `.Capabilities`: the Kubernetes version, the API versions, and Helm's own version.

use super::HelmVersion;
use super::semver::Version;
use super::template::{FuncError, Param};
use super::value::{Kind, Member, Object, Value};
use std::any::Any;

/// What `helm template` assumes of a cluster: that of the client library of Helm v4.2.
pub const DEFAULT_KUBE_VERSION: &str = "v1.36.0";

/// The API versions that Helm v4.2 knows without a cluster, in its order.
pub const DEFAULT_API_VERSIONS: &[&str] = &[
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha2",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];

/// A version of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeVersion {
    version: String,
    normalized: String,
    major: String,
    minor: String,
}

impl KubeVersion {
    /// Reads a version as Helm reads `--kube-version`: `1.30`, `v1.30.2`, `v1.33.4-gke.1245000`.
    ///
    /// # Errors
    /// A text that has no two numbers at least.
    pub fn parse(text: &str) -> Result<KubeVersion, String> {
        let bare = text.strip_prefix('v').unwrap_or(text);
        let end = bare.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(bare.len());
        let mut numbers = bare[..end].trim_end_matches('.').split('.').map(str::parse::<u64>);
        let mut next = || numbers.next().and_then(Result::ok);
        let (Some(major), Some(minor)) = (next(), next()) else {
            return Err(format!("could not parse {text:?} as version"));
        };
        let patch = next().unwrap_or(0);
        let version = if text.starts_with('v') { text.to_string() } else { format!("v{text}") };
        Ok(KubeVersion {
            version,
            normalized: format!("v{major}.{minor}.{patch}"),
            major: major.to_string(),
            minor: minor.to_string(),
        })
    }

    /// The version without what follows its three numbers; ranges are checked against it.
    pub fn normalized(&self) -> &str {
        &self.normalized
    }

    /// The version as it was given, with `v`.
    pub fn text(&self) -> &str {
        &self.version
    }

    /// Whether a range allows this version.
    pub fn is_in(&self, range: &str) -> bool {
        super::semver::Constraint::parse(range)
            .ok()
            .zip(Version::parse(&self.normalized).ok())
            .is_some_and(|(range, version)| range.check(&version))
    }
}

impl Default for KubeVersion {
    fn default() -> KubeVersion {
        KubeVersion::parse(DEFAULT_KUBE_VERSION).unwrap_or_else(|_| KubeVersion {
            version: DEFAULT_KUBE_VERSION.to_string(),
            normalized: DEFAULT_KUBE_VERSION.to_string(),
            major: String::new(),
            minor: String::new(),
        })
    }
}

/// The object `.Capabilities`.
pub(super) fn capabilities(kube: &KubeVersion, api_versions: &[String], helm: HelmVersion) -> Value {
    Value::object(Capabilities { kube: kube.clone(), apis: api_versions.to_vec(), helm })
}

struct Capabilities {
    kube: KubeVersion,
    apis: Vec<String>,
    helm: HelmVersion,
}

impl Capabilities {
    fn fields(&self) -> [(&'static str, Value); 3] {
        [
            ("KubeVersion", Value::object(self.kube.clone())),
            ("APIVersions", Value::object(ApiVersions(self.apis.clone()))),
            ("HelmVersion", Value::object(BuildInfo(self.helm))),
        ]
    }
}

/// A field of this name, or nothing.
fn field(fields: impl IntoIterator<Item = (&'static str, Value)>, name: &str) -> Member {
    fields.into_iter().find(|(n, _)| *n == name).map_or(Member::None, |(_, value)| Member::Field(value))
}

fn no_method(name: &str) -> Result<Value, FuncError> {
    Err(FuncError::Message(format!("{name} is no method")))
}

impl Object for Capabilities {
    fn type_name(&self) -> &'static str {
        "*common.Capabilities"
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn member(&self, name: &str) -> Member {
        field(self.fields(), name)
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, FuncError> {
        no_method(name)
    }

    fn print(&self) -> String {
        let apis = ApiVersions(self.apis.clone()).print();
        format!("{{{} {apis} {}}}", self.kube.struct_form(), BuildInfo(self.helm).print())
    }

    fn plain(&self) -> Value {
        Value::map(self.fields())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl KubeVersion {
    fn struct_form(&self) -> String {
        format!("{{{} {} {} {}}}", self.version, self.normalized, self.major, self.minor)
    }

    fn fields(&self) -> [(&'static str, Value); 3] {
        [("Version", &self.version), ("Major", &self.major), ("Minor", &self.minor)]
            .map(|(name, text)| (name, Value::from(text.as_str())))
    }
}

impl Object for KubeVersion {
    fn type_name(&self) -> &'static str {
        "common.KubeVersion"
    }

    fn member(&self, name: &str) -> Member {
        match name {
            "GitVersion" | "String" => Member::Method,
            name => field(self.fields(), name),
        }
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, FuncError> {
        match (name, args.len()) {
            ("GitVersion", 0) => Ok(Value::from(self.version.as_str())),
            ("String", 0) => Ok(Value::from(self.normalized.as_str())),
            (name, got) => Err(FuncError::arguments(name, 0, got)),
        }
    }

    fn print(&self) -> String {
        self.normalized.clone()
    }

    fn plain(&self) -> Value {
        Value::map(self.fields())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A `common.VersionSet`.
struct ApiVersions(Vec<String>);

impl Object for ApiVersions {
    fn type_name(&self) -> &'static str {
        "common.VersionSet"
    }

    fn kind(&self) -> Kind {
        Kind::Slice
    }

    fn member(&self, name: &str) -> Member {
        if name == "Has" { Member::Method } else { Member::None }
    }

    fn params(&self, _: &str) -> Option<&'static [Param]> {
        Some(&[Param::String])
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, FuncError> {
        match args {
            [Value::Str(wanted)] => Ok(Value::Bool(self.0.iter().any(|v| v.as_bytes() == &wanted[..]))),
            [other] => {
                Err(FuncError::Message(format!("wrong type for value; expected string; got {}", other.type_name())))
            }
            args => Err(FuncError::arguments(name, 1, args.len())),
        }
    }

    fn range(&self) -> Option<Vec<(Value, Value)>> {
        let pairs = self.0.iter().enumerate();
        Some(pairs.map(|(i, v)| (Value::Int(i as i64), Value::from(v.as_str()))).collect())
    }

    fn len(&self) -> Option<usize> {
        Some(self.0.len())
    }

    fn index(&self, key: &Value) -> Option<Value> {
        let (Value::Int(i) | Value::Int64(i)) = key else { return None };
        self.0.get(usize::try_from(*i).ok()?).map(|v| Value::from(v.as_str()))
    }

    fn print(&self) -> String {
        format!("[{}]", self.0.join(" "))
    }

    fn plain(&self) -> Value {
        Value::strings(&self.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A `version.BuildInfo`, as Helm v4.2.3 and v3.19 were built.
struct BuildInfo(HelmVersion);

impl BuildInfo {
    fn fields(&self) -> [(&'static str, &'static str); 5] {
        let (version, go, kube) = match self.0 {
            HelmVersion::V4 => ("v4.2", "go1.26.6", "v1.36"),
            HelmVersion::V3 => ("v3.19", "go1.24.7", "v1.34"),
        };
        [("Version", version), ("GitCommit", ""), ("GitTreeState", ""), ("GoVersion", go), ("KubeClientVersion", kube)]
    }
}

impl Object for BuildInfo {
    fn type_name(&self) -> &'static str {
        "version.BuildInfo"
    }

    fn member(&self, name: &str) -> Member {
        field(self.fields().map(|(name, text)| (name, Value::from(text))), name)
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, FuncError> {
        no_method(name)
    }

    fn print(&self) -> String {
        format!("{{{}}}", self.fields().map(|(_, text)| text).join(" "))
    }

    fn plain(&self) -> Value {
        let names = ["version", "git_commit", "git_tree_state", "go_version", "kube_client_version"];
        let fields = names.into_iter().zip(self.fields()).filter(|(_, (_, text))| !text.is_empty());
        Value::map(fields.map(|(name, (_, text))| (name, Value::from(text))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
