//! The description of the API for programs, made of the one table of routes.

use super::act;
use crate::server::fault::Problem;
use crate::server::routes::{Method, ROUTES, Right};
use axum::Json;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, Ref, RefOr,
    Required,
};
use utoipa::{PartialSchema, ToSchema};

/// What this server can be asked.
pub async fn openapi() -> Json<OpenApi> {
    Json(description())
}

/// What is sent to a route: the name of its schema.
fn sends(path: &str) -> Option<&'static str> {
    if path.contains("/edit/") {
        return Some("AboutEdit");
    }
    Some(match path.rsplit('/').next()? {
        "approve" => "Approve",
        "reject" | "withdraw" | "hold" | "release" => "About",
        "rollback" => "Rollback",
        "pin" | "unpin" | "ban" | "unban" => "OfSource",
        "resolve" => "Resolve",
        "cancel" => "Cancel",
        "apply" => "Apply",
        _ => return None,
    })
}

/// What the path of a route takes from its URL.
fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// What else a route may be asked with.
fn queries(path: &str) -> &'static [(&'static str, &'static str)] {
    match path.rsplit('/').next().unwrap_or_default() {
        "plan" => &[("fresh", "`true` looks at everything now"), ("format", "`text` for people")],
        "status" => &[("format", "`text` for people")],
        "history" => &[
            ("after", "events behind that number"),
            ("before", "events before that number"),
            ("number", "how many"),
            ("name", "what they are about"),
            ("format", "`text` for people"),
        ],
        "log" => &[("step", "the step"), ("run", "the run"), ("follow", "`true` goes on until the step has ended")],
        _ => &[],
    }
}

/// The description, of the routes of the API.
pub fn description() -> OpenApi {
    let mut paths = PathsBuilder::new();
    for route in ROUTES.iter().filter(|r| r.path.starts_with("/api/") || r.right == Right::Signed) {
        let mut operation = OperationBuilder::new().summary(Some(route.about));
        for name in parameters(route.path) {
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
            operation = operation.parameter(parameter.schema(Some(String::schema())));
        }
        for (name, about) in queries(route.path) {
            let parameter = ParameterBuilder::new().name(*name).parameter_in(ParameterIn::Query);
            operation = operation.parameter(parameter.description(Some(*about)).schema(Some(String::schema())));
        }
        if let Some(schema) = sends(route.path).filter(|_| route.method == Method::Post) {
            let content = ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name(schema)))).build();
            let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
            operation = operation.request_body(Some(body.build()));
        }
        let problem = ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name("Problem")))).build();
        let refused = ResponseBuilder::new().description("It was refused, and says why.");
        operation = operation
            .response("200", ResponseBuilder::new().description("It was done, or is answered.").build())
            .response("default", refused.content("application/json", problem).build());
        if let Right::Scope(scope) = route.right {
            operation = operation.security(SecurityRequirement::new("token", [scope.word()]));
        }
        let method = match route.method {
            Method::Get => HttpMethod::Get,
            Method::Post => HttpMethod::Post,
        };
        paths = paths.path(route.path, PathItem::new(method, operation.build()));
    }
    let token = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let mut components = ComponentsBuilder::new().security_scheme("token", token);
    for (name, schema) in schemas() {
        components = components.schema(name, schema);
    }
    let info = InfoBuilder::new().title("Lockgate").version("1").description(Some(
        "What a Lockgate server can be asked and told. A token stands in `Authorization: Bearer …`.",
    ));
    OpenApiBuilder::new().info(info.build()).paths(paths.build()).components(Some(components.build())).build()
}

fn schemas() -> Vec<(String, RefOr<Schema>)> {
    fn of<T: ToSchema + PartialSchema>() -> (String, RefOr<Schema>) {
        (T::name().into_owned(), T::schema())
    }
    vec![
        of::<act::Approve>(),
        of::<act::About>(),
        of::<act::AboutEdit>(),
        of::<act::Rollback>(),
        of::<act::OfSource>(),
        of::<act::Resolve>(),
        of::<act::Cancel>(),
        of::<act::Apply>(),
        of::<act::Applied>(),
        of::<act::Said>(),
        of::<act::Told>(),
        of::<Problem>(),
    ]
}
