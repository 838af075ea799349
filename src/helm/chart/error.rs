//! Why a chart cannot be loaded.

/// Why a chart cannot be loaded; the words are Helm's where Helm has some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChartError {
    /// There is no Chart.yaml.
    #[error("Chart.yaml file is missing")]
    NoChartYaml,
    /// A file of the chart cannot be read.
    #[error("cannot load {name}: {error}")]
    Unreadable {
        /// The file.
        name: &'static str,
        /// What is wrong.
        error: String,
        /// The line, where one is known.
        line: Option<u32>,
    },
    /// Chart.yaml says something that no chart may say.
    #[error("validation: {0}")]
    Invalid(String),
    /// A pattern of .helmignore is wrong.
    #[error(".helmignore: {0}")]
    Ignore(String),
    /// A chart in charts/ cannot be loaded.
    #[error("error unpacking subchart {name} in {parent}: {error}")]
    Below {
        /// The folder or archive.
        name: String,
        /// The chart it lies in.
        parent: String,
        /// Why.
        error: Box<ChartError>,
    },
    /// A file is too large.
    #[error("chart file {name:?} is larger than the maximum file size {limit}")]
    FileTooLarge {
        /// The file.
        name: String,
        /// The bound in bytes.
        limit: usize,
    },
    /// The files together are too large.
    #[error("decompressed chart is larger than the maximum size {limit}")]
    TooLarge {
        /// The bound in bytes.
        limit: u64,
    },
    /// The archive has too many entries.
    #[error("chart archive has more than {limit} entries")]
    TooManyEntries {
        /// The bound.
        limit: usize,
    },
    /// Charts lie in charts beyond measure.
    #[error("charts are nested more than {limit} deep")]
    TooDeep {
        /// The bound.
        limit: usize,
    },
    /// The bytes are no gzipped tar archive.
    #[error("the chart is not a gzipped tar archive")]
    NotAnArchive,
    /// The archive breaks off or is damaged.
    #[error("the chart archive is damaged: {0}")]
    Damaged(String),
    /// An entry of the archive would lie outside the chart.
    #[error("chart illegally contains content outside the base directory: {0:?}")]
    Outside(String),
    /// An entry is neither a file nor a folder.
    #[error("chart contains {what} {name:?}: only files and folders are allowed")]
    Irregular {
        /// The entry.
        name: String,
        /// What it is.
        what: &'static str,
    },
    /// Two entries have one name.
    #[error("chart archive contains {0:?} twice")]
    Duplicate(String),
    /// The archive holds no file.
    #[error("no files in chart archive")]
    Empty,
}
