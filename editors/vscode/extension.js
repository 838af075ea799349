// Starts `lockgate lsp` for KDL files, and stops it with the editor.
const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = function activate() {
  const command = workspace.getConfiguration("lockgate").get("path", "lockgate");
  const server = { command, args: ["lsp"] };
  client = new LanguageClient("lockgate", "Lockgate", server, { documentSelector: [{ language: "kdl" }] });
  return client.start();
};

exports.deactivate = function deactivate() {
  return client ? client.stop() : undefined;
};
