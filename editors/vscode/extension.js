// Starts `lockgate lsp` for KDL files, and stops it with the editor.
const { window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = async function activate() {
  const command = workspace.getConfiguration("lockgate").get("path", "lockgate");
  const server = { command, args: ["lsp"] };
  client = new LanguageClient("lockgate", "Lockgate", server, { documentSelector: [{ language: "kdl" }] });
  try {
    await client.start();
  } catch {
    client = undefined;
    window.showErrorMessage(`\`${command} lsp\` did not start: set lockgate.path, then reload the window.`);
  }
};

exports.deactivate = function deactivate() {
  return client ? client.stop() : undefined;
};
