//! What can go wrong with a table.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A row that cannot be written or read.
    #[error("table of detections: {0}")]
    Csv(#[from] csv::Error),
    /// A destination that cannot be written to.
    #[error("table of detections: cannot be written: {0}")]
    Write(#[from] std::io::Error),
    /// A table that lacks a column.
    #[error("table of detections: no column `{missing}`; the columns found are: {found}")]
    Column {
        /// The column that is needed.
        missing: &'static str,
        /// Those that are there.
        found: String,
    },
    /// A cell that is no number.
    #[error("table of detections: line {line}, column `{column}`: expected a number, got `{got}`")]
    Number {
        /// Line of the file, counted from 1.
        line: usize,
        /// Name of the column.
        column: &'static str,
        /// What the cell holds.
        got: String,
    },
    /// Answers of a review that cannot be read.
    #[error("{name}:{line}: {message}")]
    Review {
        /// The file.
        name: String,
        /// Its line, counted from 1.
        line: u64,
        /// What was expected, and what was found.
        message: String,
    },
    /// A setting of events that is out of its range.
    #[error("events: {key}: expected {expected}, got {got}")]
    Setting {
        /// The key.
        key: String,
        /// What it may be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// A window that cannot follow those before it.
    #[error("{path}: window at {start_s} s: {what}: expected {expected}, got {got}")]
    Window {
        /// The recording.
        path: String,
        /// Start of the window, in seconds.
        start_s: f64,
        /// What of it is wrong.
        what: &'static str,
        /// What it has to be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// A format that is not one of ours.
    #[error("format of a table: expected one of {expected}, got `{got}`")]
    Format {
        /// Names of the formats.
        expected: String,
        /// The name that was asked for.
        got: String,
    },
    /// A length of a recording that is none.
    #[error("table of detections: {path}: length: expected a number of seconds, 0 or more, got {got}")]
    Length {
        /// The recording.
        path: String,
        /// Its length, in seconds.
        got: f64,
    },
    /// Rows in an order that the format has no room for.
    #[error("table of detections ({format}): expected {expected}, got {got}")]
    Order {
        /// Name of the format.
        format: &'static str,
        /// What may come next.
        expected: String,
        /// What came.
        got: String,
    },
    /// A table that cannot be read.
    #[error("{table}: cannot be read: {source}")]
    Read {
        /// The table.
        table: String,
        /// Why.
        source: std::io::Error,
    },
    /// A table of no format that is understood.
    #[error("{table}: expected a table of {understood}; got a file that starts with `{got}`")]
    UnknownTable {
        /// The table.
        table: String,
        /// The formats that are.
        understood: &'static str,
        /// Its first line.
        got: String,
    },
    /// A table that was read, and lacks a column.
    #[error("{table}: line 1: expected a column `{missing}`, got {found}; formats that are understood: {understood}")]
    TableColumn {
        /// The table.
        table: String,
        /// The column that is needed, or several of which one is.
        missing: String,
        /// Those that are there.
        found: String,
        /// The formats that are understood.
        understood: &'static str,
    },
    /// A cell that does not hold what it should.
    #[error("{table}: line {line}, column `{column}`: expected {expected}, got `{got}`")]
    Cell {
        /// The table.
        table: String,
        /// Line of the file, counted from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// What it should hold.
        expected: &'static str,
        /// What it holds.
        got: String,
    },
    /// A selection table over several files that does not say where in them its rows are.
    #[error("{table}: line {line}: expected a column `File Offset (s)`, since the rows are of several files: {files}")]
    SeveralFiles {
        /// The table.
        table: String,
        /// Line of the file, counted from 1.
        line: u64,
        /// Two of the files.
        files: String,
    },
    /// A column that would be in a table twice.
    #[error("table of detections: a column `{column}` is there already; expected a table without it")]
    RepeatedColumn {
        /// Its name.
        column: String,
    },
    /// A Parquet file that cannot be written.
    #[error("table of detections (parquet): {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
