//! A real editor: Neovim without a screen shows what is wrong and applies the fix. Passes over itself where there is no Neovim.

use crate::lab::{Lab, PROGRAM};
use std::process::{Command, Stdio};

/// Opens the file, waits for a diagnostic, takes the only quick fix, waits until nothing is wrong, and writes.
const SCRIPT: &str = r#"
local program, file = vim.env.LOCKGATE_PROGRAM, vim.env.LOCKGATE_TRIED
local function fail(why) io.stderr:write(why .. '\n') vim.cmd('cquit 3') end
vim.cmd('edit ' .. file)
local client = vim.lsp.start_client({ name = 'lockgate', cmd = { program, 'lsp' }, root_dir = vim.fn.fnamemodify(file, ':h') })
if not client then fail('it does not start') end
vim.lsp.buf_attach_client(0, client)
local function count() return #vim.diagnostic.get(0) end
if not vim.wait(60000, function() return count() == 1 end, 20) then fail('nothing is shown') end
local shown = vim.diagnostic.get(0)[1]
io.stdout:write(shown.lnum + 1, ' ', shown.message:match('[^\n]*'), '\n')
local params = vim.lsp.util.make_range_params()
params.range = { start = { line = shown.lnum, character = shown.col }, ['end'] = { line = shown.lnum, character = shown.col } }
params.context = { diagnostics = {}, only = { 'quickfix' } }
local answers = vim.lsp.buf_request_sync(0, 'textDocument/codeAction', params, 60000)
local action = answers and answers[client] and answers[client].result and answers[client].result[1]
if not action then fail('there is no fix') end
vim.lsp.util.apply_workspace_edit(action.edit, 'utf-16')
if not vim.wait(60000, function() return count() == 0 end, 20) then fail('it is still shown') end
vim.cmd('write')
vim.cmd('qall')
"#;

const WRONG: &str = "lockgate 1

pipeline shop {
    sorce app {
        folder \"./app\"
    }
    release web {
        chart app
    }
    environment dev {
        folder \"./out\"
        deploy web
    }
}
";

#[test]
fn neovim_shows_what_is_wrong_and_applies_the_fix() {
    let found = Command::new("nvim").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !found.is_ok_and(|s| s.success()) {
        eprintln!("there is no nvim here");
        return;
    }
    let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
    let lab = Lab::with(&[("lockgate.kdl", WRONG), ("app/Chart.yaml", chart), ("try.lua", SCRIPT)]);
    let file = lab.at("lockgate.kdl");
    let mut command = Command::new("nvim");
    command.args(["--headless", "-u", "NONE", "-i", "NONE", "-n", "-S"]).arg(lab.at("try.lua")).current_dir(lab.path());
    command.env("LOCKGATE_PROGRAM", PROGRAM).env("LOCKGATE_TRIED", &file).env("XDG_STATE_HOME", lab.at("state"));
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let (shown, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{shown}{why}");
    assert!(shown.contains("4 ") && shown.contains("sorce"), "{shown}");
    assert_eq!(lab.read("lockgate.kdl"), WRONG.replace("sorce", "source"));
}
