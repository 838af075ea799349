//! The journal: rows that are written once and never change, and a snapshot that saves reading them all.

use super::PortError;

/// A row of the journal. What is in it is the business of whoever writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number, from 1, without gaps.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The run it belongs to; 0 outside of runs.
    pub run: u64,
    /// What happened, as JSON.
    pub body: String,
}

/// A fold of all rows up to one, as its writer encodes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The number of the last row in it.
    pub number: u64,
    /// The version of the encoding.
    pub form: u32,
    /// The fold.
    pub body: Vec<u8>,
}

/// What the rows that were cut off added up to. It is told so that every later reader understands it, since the rows are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The number of the last row that was cut off.
    pub number: u64,
    /// The fold, as JSON.
    pub body: Vec<u8>,
}

/// The window to the journal. Whoever holds it open for writing is the only one.
pub trait Journal: Send {
    /// Writes rows, all of them or none. When it returns they survive a loss of power.
    fn append(&mut self, rows: &[Row]) -> Result<(), PortError>;

    /// The rows behind a number, in order.
    fn read(&mut self, after: u64) -> Result<Vec<Row>, PortError>;

    /// Keeps a snapshot in place of the one before.
    fn keep(&mut self, snapshot: &Snapshot) -> Result<(), PortError>;

    /// The snapshot that is kept, if there is one.
    fn kept(&mut self) -> Result<Option<Snapshot>, PortError>;

    /// What the rows that were cut off added up to, if some were.
    fn base(&mut self) -> Result<Option<Base>, PortError>;

    /// Cuts the rows off up to the number of the base, which takes their place. The rows that are left are as they were.
    fn cut(&mut self, base: &Base) -> Result<(), PortError>;

    /// Gives the room of some rows back that were cut off; whether there are more of them. Each call is short.
    fn sweep(&mut self) -> Result<bool, PortError>;
}
