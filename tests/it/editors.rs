//! What `editors/` holds fits together: versions, paths, commands, and the snippets of the pages.

use crate::lab::repository;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

fn text(path: &str) -> String {
    std::fs::read_to_string(repository().join("editors").join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn toml(what: &str, text: &str) -> toml::Table {
    text.parse().unwrap_or_else(|e| panic!("{what}: {e}"))
}

/// The blocks of a page that are in a language.
fn snippets(path: &str, language: &str) -> Vec<String> {
    super::check::blocks(&text(path)).into_iter().filter(|b| b.info == language).map(|b| b.text).collect()
}

#[test]
fn the_extension_for_vs_code_is_whole() {
    let package = json("vscode/package.json");
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(package["license"], env!("CARGO_PKG_LICENSE"));
    let here = |path: &Value| {
        let path = path.as_str().expect("a path");
        assert!(repository().join("editors/vscode").join(path).is_file(), "{path}");
    };
    here(&package["main"]);
    let languages = package["contributes"]["languages"].as_array().expect("languages");
    for language in languages {
        here(&language["configuration"]);
        let event = format!("onLanguage:{}", language["id"].as_str().expect("an id"));
        assert!(package["activationEvents"].as_array().is_some_and(|e| e.contains(&event.as_str().into())), "{event}");
    }
    let configuration = json("vscode/language-configuration.json");
    assert_eq!(configuration["comments"]["lineComment"], "//");
    // What the program asks for is what the package declares.
    let program = text("vscode/extension.js");
    for module in program.split("require(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let package_of = module.split('/').next().unwrap_or_default();
        assert!(package_of == "vscode" || package["dependencies"][package_of].is_string(), "{module}");
    }
    let settings = package["contributes"]["configuration"]["properties"].as_object().expect("settings");
    for setting in settings.keys() {
        let (section, key) = setting.split_once('.').expect("a section");
        assert!(program.contains(&format!("getConfiguration(\"{section}\").get(\"{key}\"")), "{setting} is not read");
    }
    assert!(program.contains("args: [\"lsp\"]"));
}

/// Packs the extension as a user would. It needs npm and its registry, so it runs where live tests do.
#[test]
fn the_extension_for_vs_code_is_packed() {
    let npm = Command::new("npm").arg("--version").output().is_ok_and(|o| o.status.success());
    if std::env::var_os("LOCKGATE_LIVE").is_none_or(|v| v != "1") || !npm {
        eprintln!("passed over: LOCKGATE_LIVE=1 packs the extension with npm");
        return;
    }
    let lab = crate::lab::Lab::with(&[]);
    for file in ["package.json", "extension.js", "language-configuration.json", "README.md"] {
        lab.write(file, &text(&format!("vscode/{file}")));
    }
    let run = |program: &str, args: &[&str]| {
        let done = Command::new(program).args(args).current_dir(lab.path()).output().expect(program);
        let said = [done.stdout, done.stderr].concat();
        assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&said));
        String::from_utf8_lossy(&said).into_owned()
    };
    run("npm", &["install", "--no-audit", "--no-fund"]);
    run("npm", &["run", "package"]);
    assert!(lab.read_bytes("lockgate.vsix").starts_with(b"PK"));
    let inside = run("node_modules/.bin/vsce", &["ls"]);
    for file in ["package.json", "extension.js", "language-configuration.json", "vscode-languageclient/node.js"] {
        assert!(inside.lines().any(|line| line.ends_with(file)), "{file} is not in it: {inside}");
    }
    // The program of the extension, with a VS Code that only remembers: it starts the server that the settings name.
    lab.write("tried.js", TRIED);
    let said = run("node", &["tried.js"]);
    assert!(said.contains("some/lockgate lsp for kdl"), "{said}");
    // One that does not start is said to be so, once, with the setting that mends it.
    assert_eq!((said.matches("shown: ").count(), said.matches("stopped").count()), (1, 1), "{said}");
    assert!(said.contains("shown: `missing lsp` did not start: set lockgate.path"), "{said}");
}

/// Loads the extension as VS Code does, with stand-ins for the two modules that it asks for.
const TRIED: &str = r#"
const Module = require("module");
const load = Module._load;
let path = "some/lockgate";
Module._load = function (name, ...rest) {
  if (name === "vscode") {
    return {
      window: { showErrorMessage: (text) => console.log(`shown: ${text}`) },
      workspace: { getConfiguration: () => ({ get: (key) => (key === "path" ? path : undefined) }) },
    };
  }
  if (name === "vscode-languageclient/node") {
    require.resolve(name);
    return {
      LanguageClient: class {
        constructor(id, title, server, client) {
          this.what = `${server.command} ${server.args.join(" ")} for ${client.documentSelector[0].language}`;
        }
        async start() {
          if (path === "missing") throw new Error("no such program");
          console.log(this.what);
        }
        async stop() { console.log("stopped"); }
      },
    };
  }
  return load.call(this, name, ...rest);
};
const extension = require("./extension.js");
(async () => {
  await extension.activate();
  await extension.deactivate();
  path = "missing";
  await extension.activate();
  await extension.deactivate();
})();
"#;

#[test]
fn the_extension_for_zed_is_whole() {
    let extension = toml("extension.toml", &text("zed/extension.toml"));
    assert_eq!(extension["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
    let server = &extension["language_servers"]["lockgate"];
    // As the extension of the registry calls the language, and as others do: Zed tells the two apart.
    for language in ["Kdl", "KDL"] {
        assert!(
            server["languages"].as_array().is_some_and(|l| l.iter().any(|l| l.as_str() == Some(language))),
            "{language}"
        );
    }
    let cargo = toml("Cargo.toml", &text("zed/Cargo.toml"));
    assert_eq!(cargo["package"]["version"], extension["version"]);
    assert_eq!(cargo["lib"]["crate-type"].as_array().map(Vec::len), Some(1));
    assert!(cargo["dependencies"].get("zed_extension_api").is_some());
    assert!(text("zed/src/lib.rs").contains("\"lsp\""));
}

#[test]
fn the_snippets_of_the_pages_start_the_server() {
    let helix = toml("helix.md", &snippets("helix.md", "toml").concat());
    let server = &helix["language-server"]["lockgate"];
    assert_eq!((server["command"].as_str(), server["args"][0].as_str()), (Some("lockgate"), Some("lsp")));
    let language = &helix["language"][0];
    assert_eq!((language["name"].as_str(), language["roots"][0].as_str()), (Some("kdl"), Some("lockgate.kdl")));
    assert_eq!(language["language-servers"][0].as_str(), Some("lockgate"));
    for snippet in snippets("neovim.md", "lua").iter().filter(|s| s.contains("cmd = ")) {
        assert!(snippet.contains("cmd = { 'lockgate', 'lsp' }"), "{snippet}");
    }
}

#[test]
fn every_page_is_named_in_the_overview_and_every_link_leads_somewhere() {
    let overview = text("README.md");
    for page in ["neovim.md", "helix.md", "zed.md", "vscode/README.md"] {
        assert!(overview.contains(&format!("({page})")), "{page} is not in the overview");
        let folder: PathBuf = repository().join("editors").join(page).parent().expect("a folder").to_path_buf();
        for link in text(page).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_here = link.starts_with("http") || folder.join(link).exists();
            assert!(is_here, "{page}: {link}");
        }
    }
}
