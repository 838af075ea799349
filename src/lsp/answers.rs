//! Answers to requests: each is a question to [`ide`](crate::ide), and its answer in the protocol's words.

use super::capabilities::token;
use super::convert::{Convert, symbol_kind};
use super::edits;
use super::server::{Server, error, read};
use super::texts::{path_of, uri_of};
use crate::ide::{self, Analysis, ItemKind};
use crate::source::FileId;
use ls_types::{
    CodeLens, Command, CompletionItem, CompletionItemKind, CompletionItemLabelDetails, CompletionTextEdit,
    DocumentHighlight, DocumentSymbol, Documentation, FoldingRange, FoldingRangeKind, Hover, HoverContents,
    InsertTextFormat, Location, MarkupContent, MarkupKind, Position, SemanticToken, SemanticTokens, SymbolInformation,
    TextDocumentIdentifier, TextDocumentPositionParams, TextEdit, Uri,
};
use lsp_server::{ErrorCode, ResponseError};
use serde::Deserialize;
use serde_json::{Value, json};

type Answer = Result<Value, ResponseError>;

/// How many names of a workspace are listed; people type on when it is too many.
const MOST_SYMBOLS: usize = 500;

/// The answer to a request.
pub(super) fn answer(server: &mut Server, method: &str, params: Value) -> Answer {
    if matches!(method, "textDocument/hover" | "textDocument/codeLens" | "textDocument/completion") {
        server.workspace.look_at_state();
    }
    let server = &*server;
    match method {
        "textDocument/completion" => at(server, params, completion),
        "textDocument/hover" => at(server, params, hover),
        "textDocument/definition" => at(server, params, definition),
        "textDocument/references" => references(server, params),
        "textDocument/documentHighlight" => at(server, params, highlight),
        "textDocument/prepareRename" => at(server, params, edits::prepare_rename),
        "textDocument/rename" => edits::rename(server, params),
        "textDocument/codeAction" => edits::actions(server, params),
        "textDocument/formatting" => of(server, params, edits::format),
        "textDocument/documentSymbol" => of(server, params, outline),
        "textDocument/foldingRange" => of(server, params, folds),
        "textDocument/semanticTokens/full" => of(server, params, colours),
        "textDocument/codeLens" => of(server, params, lenses),
        "workspace/symbol" => Ok(symbols(server, &params)),
        _ => Err(error(ErrorCode::MethodNotFound, &format!("`{method}` is not supported"))),
    }
}

/// A text, as a request names it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfText {
    text_document: TextDocumentIdentifier,
}

/// What a request is asked about.
pub(super) struct Asked<'a> {
    pub server: &'a Server,
    pub analysis: &'a Analysis,
    pub file: FileId,
    pub convert: Convert<'a>,
}

impl<'a> Asked<'a> {
    /// What is known of a text; nothing of one that was never opened.
    pub fn new(server: &'a Server, uri: &Uri) -> Option<Asked<'a>> {
        let (analysis, file) = server.workspace.analysis(&path_of(uri))?;
        Some(Asked { server, analysis, file, convert: converting(server, analysis) })
    }

    /// Whether the text is in the language of pipelines. Values files are judged as well, but what they are written in is
    /// the business of others.
    fn is_pipeline(&self) -> bool {
        self.analysis.document.trees().any(|tree| tree.file() == self.file)
    }
}

pub(super) fn converting<'a>(server: &'a Server, analysis: &'a Analysis) -> Convert<'a> {
    Convert::new(&analysis.sources, &server.workspace.texts, server.client.encoding)
}

/// Answers a request about a text.
fn of(server: &Server, params: Value, what: fn(&Asked<'_>) -> Value) -> Answer {
    let params: OfText = read(params)?;
    let asked = Asked::new(server, &params.text_document.uri).filter(Asked::is_pipeline);
    Ok(asked.map_or(Value::Null, |asked| what(&asked)))
}

/// Answers a request about a place of a text.
fn at(server: &Server, params: Value, what: fn(&Asked<'_>, u32) -> Value) -> Answer {
    let params: TextDocumentPositionParams = read(params)?;
    let asked = Asked::new(server, &params.text_document.uri).filter(Asked::is_pipeline);
    let Some(asked) = asked else { return Ok(Value::Null) };
    let offset = asked.convert.offset(asked.file, params.position);
    Ok(what(&asked, offset))
}

fn markdown(text: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value: text }
}

fn completion(asked: &Asked<'_>, offset: u32) -> Value {
    let items = ide::complete(asked.analysis, asked.file, offset);
    let item = |(number, item): (usize, ide::Item)| {
        let snippet = item.snippet.filter(|_| asked.server.client.snippets);
        let format = if snippet.is_some() { InsertTextFormat::SNIPPET } else { InsertTextFormat::PLAIN_TEXT };
        let edit =
            TextEdit { range: asked.convert.range(item.replaces), new_text: snippet.unwrap_or(item.text.clone()) };
        CompletionItem {
            label: item.label,
            label_details: Some(CompletionItemLabelDetails { detail: None, description: Some(item.detail) }),
            kind: Some(item_kind(item.kind)),
            documentation: (!item.prose.is_empty()).then(|| Documentation::MarkupContent(markdown(item.prose))),
            // They come in the order in which they are most wanted.
            sort_text: Some(format!("{number:05}")),
            filter_text: Some(item.text),
            insert_text_format: Some(format),
            text_edit: Some(CompletionTextEdit::Edit(edit)),
            ..CompletionItem::default()
        }
    };
    json!({ "isIncomplete": false, "items": items.into_iter().enumerate().map(item).collect::<Vec<_>>() })
}

fn item_kind(kind: ItemKind) -> CompletionItemKind {
    match kind {
        ItemKind::Node => CompletionItemKind::KEYWORD,
        ItemKind::Key => CompletionItemKind::PROPERTY,
        ItemKind::Name => CompletionItemKind::VARIABLE,
        ItemKind::Field => CompletionItemKind::FIELD,
        ItemKind::Word => CompletionItemKind::VALUE,
        ItemKind::File => CompletionItemKind::FILE,
        ItemKind::Folder => CompletionItemKind::FOLDER,
    }
}

fn hover(asked: &Asked<'_>, offset: u32) -> Value {
    let hover = ide::hover(asked.analysis, asked.file, offset);
    json!(
        hover.map(|h| Hover {
            contents: HoverContents::Markup(markdown(h.text)),
            range: Some(asked.convert.range(h.span))
        })
    )
}

fn definition(asked: &Asked<'_>, offset: u32) -> Value {
    let targets = ide::definition(asked.analysis, asked.file, offset);
    let location = |target| match target {
        ide::Target::Place(span) => asked.convert.location(span),
        ide::Target::File(path) => {
            let uri = uri_of(&path, &asked.server.workspace.texts)?;
            Some(Location { uri, range: Default::default() })
        }
    };
    json!(targets.into_iter().filter_map(location).collect::<Vec<_>>())
}

fn references(server: &Server, params: Value) -> Answer {
    let params: ls_types::ReferenceParams = read(params)?;
    let (place, with_definition) = (params.text_document_position, params.context.include_declaration);
    let mut found: Vec<Location> = Vec::new();
    for (analysis, file) in server.workspace.analyses(&path_of(&place.text_document.uri)) {
        let convert = converting(server, analysis);
        let offset = convert.offset(file, place.position);
        for span in ide::mentions(analysis, file, offset, with_definition) {
            found.extend(convert.location(span).filter(|l| !found.contains(l)));
        }
    }
    Ok(json!(found))
}

fn highlight(asked: &Asked<'_>, offset: u32) -> Value {
    let spans = ide::mentions(asked.analysis, asked.file, offset, true);
    let here = spans.into_iter().filter(|s| s.file == asked.file);
    json!(here.map(|s| DocumentHighlight { range: asked.convert.range(s), kind: None }).collect::<Vec<_>>())
}

fn outline(asked: &Asked<'_>) -> Value {
    json!(ide::outline(asked.analysis, asked.file).into_iter().map(|e| symbol(asked, e)).collect::<Vec<_>>())
}

fn symbol(asked: &Asked<'_>, entry: ide::Entry) -> DocumentSymbol {
    let children: Vec<DocumentSymbol> = entry.children.into_iter().map(|e| symbol(asked, e)).collect();
    #[allow(deprecated, reason = "the field has to be named to make one")]
    DocumentSymbol {
        name: entry.name,
        detail: Some(entry.detail),
        kind: symbol_kind(entry.kind),
        tags: None,
        deprecated: None,
        range: asked.convert.range(entry.span),
        selection_range: asked.convert.range(entry.name_span),
        children: (!children.is_empty()).then_some(children),
    }
}

fn symbols(server: &Server, params: &Value) -> Value {
    let text = params.get("query").and_then(Value::as_str).unwrap_or_default();
    let mut found: Vec<SymbolInformation> = Vec::new();
    for root in server.workspace.roots.values() {
        let convert = converting(server, &root.analysis);
        for symbol in ide::find(&root.analysis, text).into_iter().take(MOST_SYMBOLS) {
            let Some(location) = convert.location(symbol.span) else { continue };
            #[allow(deprecated, reason = "the field has to be named to make one")]
            let information = SymbolInformation {
                name: symbol.name.clone(),
                kind: symbol_kind(symbol.kind),
                tags: None,
                deprecated: None,
                location,
                container_name: Some(symbol.kind.word().to_string()),
            };
            if found.len() < MOST_SYMBOLS && !found.contains(&information) {
                found.push(information);
            }
        }
    }
    json!(found)
}

fn folds(asked: &Asked<'_>) -> Value {
    let fold = |fold: ide::Fold| {
        let range = asked.convert.range(fold.span);
        FoldingRange {
            start_line: range.start.line,
            // The line with the closing brace stays.
            end_line: if fold.is_comment { range.end.line } else { range.end.line.saturating_sub(1) },
            kind: fold.is_comment.then_some(FoldingRangeKind::Comment),
            ..FoldingRange::default()
        }
    };
    let folds = ide::folds(asked.analysis, asked.file).into_iter().map(fold);
    json!(folds.filter(|f| f.end_line > f.start_line).collect::<Vec<_>>())
}

fn colours(asked: &Asked<'_>) -> Value {
    let mut before = Position::default();
    let mut data = Vec::new();
    for piece in ide::pieces(asked.analysis, asked.file) {
        let (token_type, token_modifiers_bitset) = token(piece.colour);
        for range in asked.convert.lines(piece.span) {
            let same_line = range.start.line == before.line;
            let from = if same_line { before.character } else { 0 };
            data.push(SemanticToken {
                delta_line: range.start.line.saturating_sub(before.line),
                delta_start: range.start.character.saturating_sub(from),
                length: range.end.character.saturating_sub(range.start.character),
                token_type,
                token_modifiers_bitset,
            });
            before = range.start;
        }
    }
    json!(SemanticTokens { result_id: None, data })
}

fn lenses(asked: &Asked<'_>) -> Value {
    let lens = |lens: ide::Lens| CodeLens {
        range: asked.convert.range(lens.span),
        // A command without a name is a line to read.
        command: Some(Command { title: lens.text, command: String::new(), arguments: None }),
        data: None,
    };
    json!(ide::lenses(asked.analysis, asked.file).into_iter().map(lens).collect::<Vec<_>>())
}
