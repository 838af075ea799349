//! From the name of a repository to where it is asked for.

use crate::adapters::web::Web;
use crate::image::reference::Reference;
use crate::ports::images::Repository;
use crate::ports::{Fault, PortError};
use reqwest::Url;

/// What Docker Hub is called in names, and where its registry is.
const HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// A repository as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The registry as people name it, with its port.
    pub(crate) registry: String,
    /// The host that is asked, with its port.
    pub(crate) host: String,
    /// The repository in the registry.
    pub(crate) path: String,
    /// Whether it is asked without TLS.
    pub(crate) plain: bool,
}

impl Address {
    /// Reads a name, which may lack its registry as Docker's do. Nothing that is no name of a repository gets into a URL.
    pub(crate) fn of(at: &Repository, web: &Web) -> Result<Address, PortError> {
        let reference = Reference::parse(&at.name).map_err(|why| {
            PortError::new(Fault::Invalid, format!("`{}` is no name of a repository: {why}", at.name))
        })?;
        if reference.tag.is_some() || reference.digest.is_some() {
            let message = format!("`{}` names an image, and a repository is wanted", at.name);
            return Err(PortError::new(Fault::Invalid, message));
        }
        let registry = reference.domain;
        let host = if registry == HUB.0 { HUB.1.to_string() } else { registry.clone() };
        let plain = at.plain || (is_loopback(&host) && !web.has_certificates(&host));
        Ok(Address { registry, host, path: reference.path, plain })
    }

    /// `https://HOST/v2/`.
    pub(crate) fn root(&self) -> Result<Url, PortError> {
        let text = format!("{}://{}/v2/", if self.plain { "http" } else { "https" }, self.host);
        Url::parse(&text).map_err(|_| PortError::new(Fault::Invalid, format!("`{}` is no registry", self.host)))
    }

    /// `https://HOST/v2/REPOSITORY/REST`.
    pub(crate) fn url(&self, rest: &str) -> Result<Url, PortError> {
        let text = format!("{}{}/{rest}", self.root()?, self.path);
        Url::parse(&text).map_err(|_| PortError::new(Fault::Invalid, format!("`{text}` is no URL")))
    }

    /// The name for errors.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.registry, self.path)
    }
}

/// Whether a host is this machine, which needs no encryption on the way.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|tail| tail.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or(host),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::web::{Certificates, Patience};

    #[test]
    fn names_become_addresses() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("127.0.0.1:5443")).expect("a folder");
        let certificates = Certificates { folders: vec![dir.path().to_path_buf()] };
        let web = Web::with(Patience::default(), certificates);
        for (name, url) in [
            ("alpine", "https://registry-1.docker.io/v2/library/alpine/x"),
            ("acme/app", "https://registry-1.docker.io/v2/acme/app/x"),
            ("index.docker.io/acme/app", "https://registry-1.docker.io/v2/acme/app/x"),
            ("r.example.com:5000/a/b", "https://r.example.com:5000/v2/a/b/x"),
            ("127.0.0.1:5000/a", "http://127.0.0.1:5000/v2/a/x"),
            ("127.0.0.1:5443/a", "https://127.0.0.1:5443/v2/a/x"),
            ("[::1]:5000/a", "http://[::1]:5000/v2/a/x"),
            ("localhost:5000/a", "http://localhost:5000/v2/a/x"),
            ("localhost.evil.org/a", "https://localhost.evil.org/v2/a/x"),
        ] {
            let address = Address::of(&Repository::registry(name), &web).expect(name);
            assert_eq!(address.url("x").expect("a URL").as_str(), url);
        }
        let said = Repository { plain: true, ..Repository::registry("r.example.com/a") };
        assert!(Address::of(&said, &web).expect("an address").plain);
        for bad in
            ["", "r.io/A/b", "r.io/a/../b", "r.io/a?x=1", "r.io/a#x", "r.io/a:tag", "user@r.io/a", "r.io/%2e%2e/a"]
        {
            assert_eq!(Address::of(&Repository::registry(bad), &web).expect_err(bad).fault, Fault::Invalid, "{bad}");
        }
    }
}
