//! The outbox: notices that are to be sent. How far the journal was read for each receiver is written in one commit with what
//! came of reading it, so that nothing is lost and nothing is put in twice, whenever the process ends.

use super::table::Table;
use crate::ports::PortError;
use rusqlite::{Row, params};
use std::path::Path;

/// The name of the database below the state's folder.
pub(super) const NAME: &str = "notices.db";
/// For how long it is remembered what became of a notice.
const REMEMBERED: i64 = 30 * 24 * 3_600_000;

const LAYOUT: &str = "
    CREATE TABLE IF NOT EXISTS receivers (name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS notices (
        id TEXT PRIMARY KEY, receiver TEXT NOT NULL, number INTEGER NOT NULL, event TEXT NOT NULL, body TEXT NOT NULL,
        since INTEGER NOT NULL, due INTEGER, tried INTEGER NOT NULL DEFAULT 0, sent INTEGER, fault TEXT
    ) STRICT;
    CREATE INDEX IF NOT EXISTS notices_due ON notices (due, number) WHERE due IS NOT NULL;
";

/// A notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What names it.
    pub id: String,
    /// Who is told.
    pub receiver: String,
    /// The number of the event in the journal.
    pub number: u64,
    /// The event, as a `notify` calls it.
    pub event: String,
    /// What is told.
    pub body: String,
    /// Since when it is to be sent.
    pub since: i64,
    /// When it is tried next; nothing once it was sent or given up.
    pub due: Option<i64>,
    /// How often it was tried.
    pub tried: u32,
    /// When it was sent.
    pub sent: Option<i64>,
    /// Why it was not, the last time that was tried.
    pub fault: Option<String>,
}

/// The outbox of a state. Calls block, and are short.
#[derive(Debug)]
pub struct Outbox(Table);

impl Outbox {
    /// Opens the outbox in the folder of a state, and makes both when they aren't there.
    pub fn open(folder: &Path) -> Result<Outbox, PortError> {
        Table::open(folder, NAME, LAYOUT).map(Outbox)
    }

    /// Opens it to read, if there is one; nothing can be written into it then.
    pub fn look(folder: &Path) -> Result<Option<Outbox>, PortError> {
        Ok(Table::look(folder, NAME)?.map(Outbox))
    }

    /// Whether there is one in the folder of a state.
    pub fn is_at(folder: &Path) -> bool {
        folder.join(NAME).is_file()
    }

    /// Takes a receiver in, who is told of what happens behind that number; one that is known goes on where it was. How far the
    /// journal was read for it.
    pub fn receiver(&self, name: &str, number: u64) -> Result<u64, PortError> {
        let insert = "INSERT INTO receivers (name, number) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.0.write(insert, params![name, number.cast_signed()])?;
        let found = self.0.first("SELECT number FROM receivers WHERE name = ?1", [name], |r| r.get::<_, i64>(0))?;
        Ok(found.map_or(number, i64::cast_unsigned))
    }

    /// Puts notices of one receiver in, and writes that the journal was read up to that number for it.
    pub fn put(&self, receiver: &str, upto: u64, notices: &[Notice]) -> Result<(), PortError> {
        self.0.commit(|transaction| {
            for n in notices {
                let sql = "INSERT INTO notices (id, receiver, number, event, body, since, due) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
                           ON CONFLICT DO NOTHING";
                let row = params![n.id, receiver, n.number.cast_signed(), n.event, n.body, n.since];
                transaction.prepare_cached(sql)?.execute(row)?;
            }
            let update = "UPDATE receivers SET number = max(number, ?2) WHERE name = ?1";
            transaction.execute(update, params![receiver, upto.cast_signed()]).map(|_| ())
        })
    }

    /// Forgets receivers that nobody names any more, with what they were not told, and what was told long ago.
    pub fn tidy(&self, receivers: &[String], now: i64) -> Result<(), PortError> {
        let known = serde_json::to_string(receivers).unwrap_or_default();
        for sql in [
            "DELETE FROM notices WHERE receiver NOT IN (SELECT value FROM json_each(?1))",
            "DELETE FROM receivers WHERE name NOT IN (SELECT value FROM json_each(?1))",
        ] {
            self.0.write(sql, [&known])?;
        }
        self.0.write("DELETE FROM notices WHERE due IS NULL AND since < ?1", [now - REMEMBERED]).map(|_| ())
    }

    /// How far the journal was read for everybody; nothing where nobody is told.
    pub fn read_by_all(&self) -> Result<Option<u64>, PortError> {
        let found = self.0.first("SELECT min(number) FROM receivers", [], |r| r.get::<_, Option<i64>>(0))?;
        Ok(found.flatten().map(i64::cast_unsigned))
    }

    /// What waits to be sent, what is due first before.
    pub fn waiting(&self) -> Result<Vec<Notice>, PortError> {
        self.0.select(&format!("{NOTICE} WHERE due IS NOT NULL ORDER BY due, number LIMIT 1000"), [], notice)
    }

    /// The newest notices, the newest first.
    pub fn newest(&self, most: u32) -> Result<Vec<Notice>, PortError> {
        self.0.select(&format!("{NOTICE} ORDER BY number DESC, receiver LIMIT ?1"), [most], notice)
    }

    /// Notices that failed since that moment and were not sent: those that are tried again, and those that were given up.
    pub fn failing(&self, since: i64) -> Result<Vec<Notice>, PortError> {
        let sql =
            format!("{NOTICE} WHERE sent IS NULL AND fault IS NOT NULL AND since >= ?1 ORDER BY number LIMIT 1000");
        self.0.select(&sql, [since], notice)
    }

    /// One was sent.
    pub fn sent(&self, id: &str, now: i64) -> Result<(), PortError> {
        let sql = "UPDATE notices SET sent = ?2, due = NULL, fault = NULL, tried = tried + 1 WHERE id = ?1";
        self.0.write(sql, params![id, now]).map(|_| ())
    }

    /// One could not be sent; it is tried again at that moment, or not any more.
    pub fn not_sent(&self, id: &str, fault: &str, again: Option<i64>) -> Result<(), PortError> {
        let sql = "UPDATE notices SET fault = ?2, due = ?3, tried = tried + 1 WHERE id = ?1";
        self.0.write(sql, params![id, fault, again]).map(|_| ())
    }
}

const NOTICE: &str = "SELECT id, receiver, number, event, body, since, due, tried, sent, fault FROM notices";

fn notice(row: &Row<'_>) -> rusqlite::Result<Notice> {
    Ok(Notice {
        id: row.get(0)?,
        receiver: row.get(1)?,
        number: row.get::<_, i64>(2)?.cast_unsigned(),
        event: row.get(3)?,
        body: row.get(4)?,
        since: row.get(5)?,
        due: row.get(6)?,
        tried: row.get(7)?,
        sent: row.get(8)?,
        fault: row.get(9)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str, number: u64) -> Notice {
        let (receiver, event, body) = ("team".to_string(), "failed".to_string(), "{}".to_string());
        Notice {
            id: id.into(),
            receiver,
            number,
            event,
            body,
            since: 5,
            due: Some(5),
            tried: 0,
            sent: None,
            fault: None,
        }
    }

    #[test]
    fn what_was_put_in_is_sent_once_and_old_history_is_nobodys() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(Outbox::look(dir.path()).expect("looked").is_none());
        let outbox = Outbox::open(dir.path()).expect("an outbox");
        assert_eq!(outbox.receiver("team", 10), Ok(10), "what was before is not told");
        assert_eq!(outbox.receiver("team", 99), Ok(10), "and one that is known goes on");
        outbox.put("team", 12, &[of("a", 11), of("b", 12)]).expect("put");
        outbox.put("team", 12, &[of("a", 11)]).expect("put twice");
        drop(outbox);
        let outbox = Outbox::open(dir.path()).expect("an outbox");
        assert_eq!(outbox.receiver("team", 99), Ok(12));
        assert_eq!(outbox.waiting().expect("read"), [of("a", 11), of("b", 12)]);
        outbox.sent("a", 7).expect("written");
        outbox.not_sent("b", "HTTP 500", Some(90)).expect("written");
        let waiting = outbox.waiting().expect("read");
        assert_eq!((waiting.len(), waiting[0].due, waiting[0].tried), (1, Some(90), 1));
        assert_eq!(outbox.failing(0).expect("read").len(), 1);
        outbox.not_sent("b", "HTTP 500", None).expect("written");
        assert!(outbox.waiting().expect("read").is_empty());
        assert_eq!(outbox.newest(9).expect("read").iter().map(|n| n.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        outbox.tidy(&["team".into()], 6).expect("tidied");
        assert_eq!(outbox.newest(9).expect("read").len(), 2);
        outbox.tidy(&["team".into()], 6 + REMEMBERED).expect("tidied");
        assert!(outbox.newest(9).expect("read").is_empty());
        outbox.tidy(&["other".into()], 6).expect("tidied");
        assert_eq!(outbox.receiver("team", 99), Ok(99), "one that was forgotten begins anew");
    }
}
