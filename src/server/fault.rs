//! What is answered when something cannot be done.

use crate::app::Failure;
use crate::ports::{Fault, PortError};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request was not answered as it was meant.
#[derive(Debug)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// What is said.
    pub problem: Problem,
}

/// What is said of something that cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// What happened, in words.
    pub error: String,
    /// The code of the diagnostic, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What is not as it was looked at, where that is why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<String>,
}

impl Refusal {
    /// A refusal in words.
    pub fn new(status: StatusCode, error: impl Into<String>) -> Refusal {
        Refusal { status, problem: Problem { error: error.into(), code: None, help: None, differs: Vec::new() } }
    }

    /// What is not there, or not for whoever asks: the same words for both.
    pub fn absent() -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, "there is nothing here, or nothing that you may see")
    }

    /// Nobody has said who asks.
    pub fn unknown() -> Refusal {
        let mut refusal = Refusal::new(StatusCode::UNAUTHORIZED, "say who you are");
        refusal.problem.help = Some("send `Authorization: Bearer TOKEN`, with a token of `lockgate token new`".into());
        refusal
    }

    /// The same with how to go on.
    pub fn help(mut self, help: impl Into<String>) -> Refusal {
        self.problem.help = Some(help.into());
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.problem)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let value = axum::http::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(axum::http::header::WWW_AUTHENTICATE, value);
        }
        response
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        let Some(first) = failure.diagnostics.iter().find(|d| d.is_error()).or(failure.diagnostics.first()) else {
            return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "something failed and did not say why");
        };
        let mut refusal = Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, first.message.clone());
        refusal.problem.code = Some(first.code.id.to_string());
        refusal.problem.help = first.help.clone();
        refusal
    }
}

impl From<PortError> for Refusal {
    fn from(error: PortError) -> Refusal {
        let status = match error.fault {
            Fault::NotFound => StatusCode::NOT_FOUND,
            Fault::Denied => StatusCode::FORBIDDEN,
            Fault::Invalid | Fault::Limit => StatusCode::UNPROCESSABLE_ENTITY,
            Fault::Moved => StatusCode::CONFLICT,
            Fault::Unavailable | Fault::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        };
        let help = error.help.clone();
        let mut refusal = Refusal::new(status, error.to_string());
        refusal.problem.help = help;
        refusal
    }
}
