//! The register of a server: what it must not forget and what is of no pipeline's journal. Tokens, sessions of browsers,
//! deliveries of webhooks, the instants of schedules, and who did what to these.
//!
//! It is a database of its own beside the journals, so that `lockgate token` works while a server runs.

use super::table::Table;
use crate::ports::PortError;
use rusqlite::{Row, params};
use std::path::Path;

/// The name of the database below the server's folder.
pub(super) const NAME: &str = "server.db";

/// How long a delivery is remembered: senders repeat one for days, not for months.
const REMEMBERED: i64 = 30 * 24 * 3_600_000;

const LAYOUT: &str = "
    CREATE TABLE IF NOT EXISTS tokens (
        id TEXT PRIMARY KEY, person TEXT NOT NULL, hash TEXT NOT NULL, scopes TEXT NOT NULL, note TEXT NOT NULL,
        created INTEGER NOT NULL, expires INTEGER, revoked INTEGER
    ) STRICT;
    CREATE TABLE IF NOT EXISTS sessions (
        id TEXT PRIMARY KEY, person TEXT NOT NULL, claims TEXT NOT NULL, csrf TEXT NOT NULL,
        created INTEGER NOT NULL, expires INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS deliveries (
        id INTEGER PRIMARY KEY, pipeline TEXT NOT NULL, source TEXT NOT NULL, provider TEXT NOT NULL,
        delivery TEXT NOT NULL, at INTEGER NOT NULL, outcome TEXT,
        UNIQUE (pipeline, source, provider, delivery)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS deliveries_open ON deliveries (pipeline) WHERE outcome IS NULL;
    CREATE TABLE IF NOT EXISTS instants (
        pipeline TEXT NOT NULL, source TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (pipeline, source)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS audit (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, person TEXT NOT NULL, call TEXT NOT NULL, outcome TEXT NOT NULL
    ) STRICT;
";

/// A token as it is kept: its secret only as a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What names it.
    pub id: String,
    /// Whose it is.
    pub person: String,
    /// The hash of its secret, in PHC form.
    pub hash: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// What it is for, in its owner's words.
    pub note: String,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// When it stops counting.
    pub expires: Option<i64>,
    /// When it was taken back.
    pub revoked: Option<i64>,
}

/// A browser that somebody logged in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser {
    /// The digest of what its cookie says.
    pub id: String,
    /// Who.
    pub person: String,
    /// What whoever vouched for them said of them, as JSON.
    pub claims: String,
    /// What its forms must say.
    pub csrf: String,
    /// When it was made.
    pub created: i64,
    /// When it stops counting.
    pub expires: i64,
}

/// A webhook that was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number here; 0 before it is written.
    pub id: i64,
    /// The pipeline.
    pub pipeline: String,
    /// The source.
    pub source: String,
    /// Who sent it.
    pub provider: String,
    /// What names it there.
    pub delivery: String,
    /// When it came.
    pub at: i64,
    /// What came of it; nothing while that is open.
    pub outcome: Option<String>,
}

/// What became of taking a delivery in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is new, and has that number.
    New(i64),
    /// It was taken in before.
    Known,
}

/// Something that somebody did to what is of no pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// When.
    pub at: i64,
    /// Who.
    pub person: String,
    /// What.
    pub call: String,
    /// What came of it.
    pub outcome: String,
}

/// The register. Calls block, and are short.
#[derive(Debug)]
pub struct Register(Table);

impl Register {
    /// Opens the register in a folder, and makes both when they aren't there.
    pub fn open(folder: &Path) -> Result<Register, PortError> {
        Table::open(folder, NAME, LAYOUT).map(Register)
    }

    /// Takes deliveries in, all of them in one commit. One that was taken in before is told as such.
    pub fn deliver(&self, deliveries: &[Delivery]) -> Result<Vec<Taken>, PortError> {
        self.0.commit(|transaction| {
            let mut taken = Vec::with_capacity(deliveries.len());
            for d in deliveries {
                let sql =
                    "INSERT INTO deliveries (pipeline, source, provider, delivery, at) VALUES (?1, ?2, ?3, ?4, ?5)
                           ON CONFLICT DO NOTHING";
                let row = params![d.pipeline, d.source, d.provider, d.delivery, d.at];
                let is_new = transaction.prepare_cached(sql)?.execute(row)? > 0;
                taken.push(if is_new { Taken::New(transaction.last_insert_rowid()) } else { Taken::Known });
            }
            Ok(taken)
        })
    }

    /// Writes what came of deliveries.
    pub fn settle(&self, deliveries: &[i64], outcome: &str) -> Result<(), PortError> {
        self.0.commit(|transaction| {
            let mut update = transaction.prepare_cached("UPDATE deliveries SET outcome = ?2 WHERE id = ?1")?;
            deliveries.iter().try_for_each(|id| update.execute(params![id, outcome]).map(|_| ()))
        })
    }

    /// The deliveries of a pipeline of which nothing has come yet: a process before took them in.
    pub fn open_deliveries(&self, pipeline: &str) -> Result<Vec<Delivery>, PortError> {
        let sql = "SELECT id, pipeline, source, provider, delivery, at, outcome FROM deliveries
                   WHERE pipeline = ?1 AND outcome IS NULL ORDER BY id";
        self.0.select(sql, [pipeline], delivery)
    }

    /// The newest deliveries of a pipeline, the newest first.
    pub fn deliveries(&self, pipeline: &str, most: u32) -> Result<Vec<Delivery>, PortError> {
        let sql = "SELECT id, pipeline, source, provider, delivery, at, outcome FROM deliveries
                   WHERE pipeline = ?1 ORDER BY id DESC LIMIT ?2";
        self.0.select(sql, params![pipeline, most], delivery)
    }

    /// Forgets what nobody will send again, browsers whose time is over, and who did what before `audited`.
    pub fn tidy(&self, now: i64, audited: i64) -> Result<(), PortError> {
        self.0.write("DELETE FROM audit WHERE at < ?1", [audited])?;
        self.0.write("DELETE FROM deliveries WHERE at < ?1 AND outcome IS NOT NULL", [now - REMEMBERED])?;
        self.0.write("DELETE FROM sessions WHERE expires < ?1", [now]).map(|_| ())
    }

    /// The last instant at which the schedules of a source were due.
    pub fn instant(&self, pipeline: &str, source: &str) -> Result<Option<i64>, PortError> {
        let sql = "SELECT last FROM instants WHERE pipeline = ?1 AND source = ?2";
        self.0.first(sql, [pipeline, source], |r| r.get(0))
    }

    /// Writes down that the schedules of a source were due then.
    pub fn set_instant(&self, pipeline: &str, source: &str, last: i64) -> Result<(), PortError> {
        let sql = "INSERT OR REPLACE INTO instants (pipeline, source, last) VALUES (?1, ?2, ?3)";
        self.0.write(sql, params![pipeline, source, last]).map(|_| ())
    }

    /// Keeps a new token.
    pub fn add_token(&self, token: &Token) -> Result<(), PortError> {
        let sql =
            "INSERT INTO tokens (id, person, hash, scopes, note, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let scopes = token.scopes.join(" ");
        let row = params![token.id, token.person, token.hash, scopes, token.note, token.created, token.expires];
        self.0.write(sql, row).map(|_| ())
    }

    /// The token of that id.
    pub fn token(&self, id: &str) -> Result<Option<Token>, PortError> {
        self.0.first(&format!("{TOKEN} WHERE id = ?1"), [id], token)
    }

    /// All tokens, the newest first.
    pub fn tokens(&self) -> Result<Vec<Token>, PortError> {
        self.0.select(&format!("{TOKEN} ORDER BY created DESC, id"), [], token)
    }

    /// Takes a token back; whether there was one that counted.
    pub fn revoke(&self, id: &str, now: i64) -> Result<bool, PortError> {
        Ok(self.0.write("UPDATE tokens SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL", params![id, now])? > 0)
    }

    /// Keeps a browser that somebody logged in with.
    pub fn add_browser(&self, browser: &Browser) -> Result<(), PortError> {
        let sql = "INSERT INTO sessions (id, person, claims, csrf, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let b = browser;
        self.0.write(sql, params![b.id, b.person, b.claims, b.csrf, b.created, b.expires]).map(|_| ())
    }

    /// The browser of that id.
    pub fn browser(&self, id: &str) -> Result<Option<Browser>, PortError> {
        let sql = "SELECT id, person, claims, csrf, created, expires FROM sessions WHERE id = ?1";
        self.0.first(sql, [id], browser)
    }

    /// Forgets a browser.
    pub fn remove_browser(&self, id: &str) -> Result<(), PortError> {
        self.0.write("DELETE FROM sessions WHERE id = ?1", [id]).map(|_| ())
    }

    /// Writes down what somebody did.
    pub fn audit(&self, row: &Audit) -> Result<(), PortError> {
        let sql = "INSERT INTO audit (at, person, call, outcome) VALUES (?1, ?2, ?3, ?4)";
        self.0.write(sql, params![row.at, row.person, row.call, row.outcome]).map(|_| ())
    }

    /// The newest of what was done, the newest first.
    pub fn audits(&self, most: u32) -> Result<Vec<Audit>, PortError> {
        let read = |r: &Row<'_>| Ok(Audit { at: r.get(0)?, person: r.get(1)?, call: r.get(2)?, outcome: r.get(3)? });
        self.0.select("SELECT at, person, call, outcome FROM audit ORDER BY id DESC LIMIT ?1", [most], read)
    }
}

const TOKEN: &str = "SELECT id, person, hash, scopes, note, created, expires, revoked FROM tokens";

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    let scopes: String = row.get(3)?;
    Ok(Token {
        id: row.get(0)?,
        person: row.get(1)?,
        hash: row.get(2)?,
        scopes: scopes.split_whitespace().map(str::to_string).collect(),
        note: row.get(4)?,
        created: row.get(5)?,
        expires: row.get(6)?,
        revoked: row.get(7)?,
    })
}

fn browser(row: &Row<'_>) -> rusqlite::Result<Browser> {
    Ok(Browser {
        id: row.get(0)?,
        person: row.get(1)?,
        claims: row.get(2)?,
        csrf: row.get(3)?,
        created: row.get(4)?,
        expires: row.get(5)?,
    })
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: row.get(0)?,
        pipeline: row.get(1)?,
        source: row.get(2)?,
        provider: row.get(3)?,
        delivery: row.get(4)?,
        at: row.get(5)?,
        outcome: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(delivery: &str) -> Delivery {
        Delivery {
            id: 0,
            pipeline: "shop".into(),
            source: "app".into(),
            provider: "github".into(),
            delivery: delivery.into(),
            at: 1000,
            outcome: None,
        }
    }

    #[test]
    fn a_delivery_is_taken_in_once_and_stays_open_until_something_came_of_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let register = Register::open(dir.path()).expect("a register");
        let taken = register.deliver(&[of("a"), of("b"), of("a")]).expect("written");
        assert!(matches!(taken.as_slice(), [Taken::New(_), Taken::New(_), Taken::Known]), "{taken:?}");
        drop(register);
        let register = Register::open(dir.path()).expect("a register");
        let open = register.open_deliveries("shop").expect("read");
        assert_eq!(open.iter().map(|d| d.delivery.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        register.settle(&[open[0].id], "run 1").expect("written");
        assert_eq!(register.open_deliveries("shop").expect("read").len(), 1);
        assert_eq!(register.deliver(&[of("a")]).expect("written"), [Taken::Known]);
        let row = |at| Audit { at, person: "ann".into(), call: "login".into(), outcome: "signed in".into() };
        [5, 6].into_iter().for_each(|at| register.audit(&row(at)).expect("written"));
        register.tidy(1000 + REMEMBERED + 1, 6).expect("tidied");
        assert_eq!(register.audits(9).expect("read"), [row(6)], "what is older than was said goes");
        assert_eq!(register.deliveries("shop", 9).expect("read").len(), 1, "an open one stays");
    }

    #[test]
    fn tokens_are_revoked_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let register = Register::open(dir.path()).expect("a register");
        let token = Token {
            id: "abc".into(),
            person: "ann".into(),
            hash: "$argon2id$".into(),
            scopes: vec!["read".into(), "write".into()],
            note: String::new(),
            created: 1,
            expires: None,
            revoked: None,
        };
        register.add_token(&token).expect("kept");
        assert_eq!(register.token("abc").expect("read"), Some(token));
        assert!(register.revoke("abc", 5).expect("written"));
        assert!(!register.revoke("abc", 6).expect("written"));
        assert_eq!(register.token("abc").expect("read").and_then(|t| t.revoked), Some(5));
    }
}
