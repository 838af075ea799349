//! What BuildKit asks us while it builds: secrets, and what lets it into registries. It asks over a connection that we open
//! and it then uses the other way round, as gRPC; a secret goes over it when an instruction mounts it, and into nothing that
//! is kept.

use super::faults;
use super::image::Logins;
use crate::ports::{Fault, PortError};
use bollard::health::health_check_response::ServingStatus;
use bollard::health::health_server::{Health, HealthServer};
use bollard::health::{HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse};
use bollard::moby::buildkit::secrets::v1::secrets_server::{Secrets, SecretsServer};
use bollard::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard::moby::filesync::v1::auth_server::{Auth, AuthServer};
use bollard::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status};

/// What we answer, as the engine wants to have it told.
const METHODS: [&str; 2] = ["/moby.buildkit.secrets.v1.Secrets/GetSecret", "/moby.filesync.v1.Auth/Credentials"];
/// The longest head of an answer.
const HEAD: usize = 16 * 1024;
/// How long opening the session may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A session; it ends with this.
pub(super) struct Session(JoinHandle<()>);

impl Drop for Session {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a build may ask for.
#[derive(Clone)]
pub(super) struct Answers {
    /// Secrets by their ids.
    pub secrets: BTreeMap<String, SecretString>,
    /// What registries let us in with.
    pub logins: Logins,
}

/// Whether sessions can be opened with the engine at that address.
pub(super) fn can_reach(host: &str) -> bool {
    let is_plain = host.starts_with("tcp://") || host.starts_with("http://");
    host.starts_with("unix://") || is_plain && std::env::var_os("DOCKER_TLS_VERIFY").is_none()
}

/// Opens a session of that id with the engine.
pub(super) async fn open(host: &str, id: &str, answers: Answers) -> Result<Session, PortError> {
    let opened = async {
        match host.strip_prefix("unix://") {
            Some(path) => serve(UnixStream::connect(path).await?, id, answers).await,
            None => {
                let address = host.trim_start_matches("tcp://").trim_start_matches("http://").trim_end_matches('/');
                serve(TcpStream::connect(address).await?, id, answers).await
            }
        }
    };
    let failed = |why: String| {
        PortError::new(Fault::Unavailable, format!("no session for a build can be opened at {host}: {why}"))
            .help("set DOCKER_BUILDKIT=0 to build without BuildKit")
    };
    match tokio::time::timeout(PATIENCE, opened).await {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(e)) if e.kind() == std::io::ErrorKind::ConnectionRefused => Err(faults::gone(host, "opening a session")),
        Ok(Err(e)) => Err(failed(e.to_string())),
        Err(_) => Err(failed("it has not answered in time".to_string())),
    }
}

/// Asks for the connection to be turned round, and answers on it from then on.
async fn serve<S>(mut line: S, id: &str, answers: Answers) -> std::io::Result<Session>
where
    S: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    let methods: String = METHODS.iter().map(|m| format!("X-Docker-Expose-Session-Grpc-Method: {m}\r\n")).collect();
    let request = format!(
        "POST /session HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\
         X-Docker-Expose-Session-Uuid: {id}\r\n{methods}\r\n"
    );
    line.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    // Byte by byte: what follows the head is no longer ours to read.
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD {
        head.push(line.read_u8().await?);
    }
    let first = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_string();
    if first.split_whitespace().nth(1) != Some("101") {
        return Err(std::io::Error::other(format!("it answers `{first}`")));
    }
    let router = tonic::transport::Server::builder()
        .add_service(HealthServer::new(Alive))
        .add_service(SecretsServer::new(answers.clone()))
        .add_service(AuthServer::new(answers));
    let lines = futures_util::stream::iter([Ok::<_, std::io::Error>(line)]);
    Ok(Session(tokio::spawn(async move {
        // That the engine hangs up is how a session ends.
        drop(router.serve_with_incoming(lines).await);
    })))
}

#[tonic::async_trait]
impl Secrets for Answers {
    async fn get_secret(&self, request: Request<GetSecretRequest>) -> Result<Response<GetSecretResponse>, Status> {
        let id = &request.get_ref().id;
        let secret =
            self.secrets.get(id).ok_or_else(|| Status::not_found(format!("the build has no secret `{id}`")))?;
        Ok(Response::new(GetSecretResponse { data: secret.expose_secret().as_bytes().to_vec() }))
    }
}

#[tonic::async_trait]
impl Auth for Answers {
    async fn credentials(&self, request: Request<CredentialsRequest>) -> Result<Response<CredentialsResponse>, Status> {
        let host = match request.into_inner().host.as_str() {
            "registry-1.docker.io" | "index.docker.io" => "docker.io".to_string(),
            other => other.to_string(),
        };
        let logins = self.logins.clone();
        let found = tokio::task::spawn_blocking(move || logins(&host)).await;
        let found = found.map_err(|e| Status::internal(e.to_string()))?.map_err(|e| Status::internal(e.message))?;
        let (username, secret) = found.map(|c| (c.username, c.password)).unwrap_or_default();
        // A token has no user; that is how BuildKit tells one.
        let username = if username == "<token>" { String::new() } else { username };
        Ok(Response::new(CredentialsResponse { username, secret }))
    }

    async fn fetch_token(&self, _: Request<FetchTokenRequest>) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("tokens are fetched by the engine"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("tokens are fetched by the engine"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("tokens are fetched by the engine"))
    }
}

/// Says that we are there: the engine asks now and then.
struct Alive;

#[tonic::async_trait]
impl Health for Alive {
    type WatchStream = futures_util::stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("there is one answer for all"))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("there is one answer for all"))
    }
}
