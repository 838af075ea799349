//! Answers that change texts: another name, fixes, the one form.

use super::answers::{Asked, converting};
use super::server::{Server, error, read};
use super::texts::path_of;
use crate::ide;
use ls_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, PrepareRenameResponse, RenameParams, TextEdit,
    Uri, WorkspaceEdit,
};
use lsp_server::{ErrorCode, ResponseError};
use serde_json::{Value, json};
use std::collections::HashMap;

pub(super) fn prepare_rename(asked: &Asked<'_>, offset: u32) -> Value {
    let found = ide::rename(asked.analysis, asked.file, offset);
    json!(found.map(|(span, placeholder)| {
        PrepareRenameResponse::RangeWithPlaceholder { range: asked.convert.range(span), placeholder }
    }))
}

/// A name is changed in each pipeline file that the text belongs to: a shared file is in several.
pub(super) fn rename(server: &Server, params: Value) -> Result<Value, ResponseError> {
    let params: RenameParams = read(params)?;
    let place = params.text_document_position;
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for (analysis, file) in server.workspace.analyses(&path_of(&place.text_document.uri)) {
        let convert = converting(server, analysis);
        let offset = convert.offset(file, place.position);
        let edits = ide::renamed(analysis, file, offset, &params.new_name);
        let edits = edits.map_err(|why| error(ErrorCode::RequestFailed, &why))?;
        for (uri, edits) in convert.workspace_edit(&edits).changes.unwrap_or_default() {
            let there = changes.entry(uri).or_default();
            edits.into_iter().for_each(|edit| {
                if !there.contains(&edit) {
                    there.push(edit)
                }
            });
        }
    }
    Ok(json!(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }))
}

pub(super) fn actions(server: &Server, params: Value) -> Result<Value, ResponseError> {
    let params: CodeActionParams = read(params)?;
    let Some(asked) = Asked::new(server, &params.text_document.uri) else { return Ok(json!([])) };
    let wants = |kind: &CodeActionKind| {
        let within = |only: &CodeActionKind| kind.as_str().starts_with(only.as_str());
        params.context.only.as_ref().is_none_or(|only| only.iter().any(within))
    };
    let mut actions: Vec<CodeActionOrCommand> = Vec::new();
    if wants(&CodeActionKind::QUICKFIX) {
        let place = asked.convert.span(asked.file, params.range);
        actions.extend(ide::actions(asked.analysis, place).into_iter().map(|a| quick_fix(&asked, a)));
    }
    let all = ide::mend_all(asked.analysis, asked.file);
    if wants(&CodeActionKind::SOURCE_FIX_ALL) && !all.is_empty() {
        actions.push(CodeActionOrCommand::CodeAction(CodeAction {
            title: "Apply all fixes of this file".to_string(),
            kind: Some(CodeActionKind::SOURCE_FIX_ALL),
            edit: Some(asked.convert.workspace_edit(&all)),
            ..CodeAction::default()
        }));
    }
    Ok(json!(actions))
}

fn quick_fix(asked: &Asked<'_>, action: ide::Action<'_>) -> CodeActionOrCommand {
    CodeActionOrCommand::CodeAction(CodeAction {
        title: action.title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![asked.convert.diagnostic(action.mends)]),
        edit: Some(asked.convert.workspace_edit(&action.edits)),
        // There is exactly one way to mend it.
        is_preferred: Some(true),
        ..CodeAction::default()
    })
}

/// A text with a fault has no known form, and stays as it is.
pub(super) fn format(asked: &Asked<'_>) -> Value {
    let edits = ide::form(asked.analysis, asked.file);
    json!(edits.map(|edits| edits.iter().map(|e| asked.convert.edit(e)).collect::<Vec<_>>()))
}
