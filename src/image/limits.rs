//! The bounds of what is read and made, each with its reason. A bound that is reached is an error which names it.

/// The largest Dockerfile and the largest ignore file: they are read and parsed as a whole.
pub const TEXT: u64 = 1 << 20;

/// The longest path, pattern and link; what Linux allows.
pub const PATH: usize = 4096;

/// The most instructions of a Dockerfile: some of them go through all that was said before.
pub const INSTRUCTIONS: usize = 10_000;

/// The most variables of an image's environment: they are looked through one by one.
pub const VARIABLES: usize = 4096;

/// The most patterns of an ignore file: each is held against each file.
pub const PATTERNS: usize = 1000;

/// The longest message of an error: it may quote what it is about.
pub const MESSAGE: usize = 1000;

/// The most that the variables of a stage may come to, in bytes: each may hold the one before twice.
pub const EXPANDED: usize = 4 << 20;

/// The most stages of a Dockerfile: each holds a configuration of its own.
pub const STAGES: usize = 128;

/// The most here-documents of one instruction.
pub const DOCUMENTS: usize = 64;

/// The most faults of one file that are told: nobody reads on.
pub const FAULTS: usize = 100;

/// The largest file that goes into a layer: a file is held in memory while it is packed.
pub const FILE: u64 = 1 << 30;

/// The largest layer before compression: what registries and runtimes take without complaint.
pub const LAYER: u64 = 4 << 30;

/// The most entries of an image's new layers, and the most folders and links known of a base: all of them are held in memory.
pub const ENTRIES: usize = 1_000_000;

/// The largest manifest or index; the limit that registries have (4 MiB).
pub const MANIFEST: u64 = 4 << 20;

/// The largest configuration of an image.
pub const CONFIG: u64 = 4 << 20;

/// The most layers of an image: overlay file systems mount no more than 127, and Docker refuses them.
pub const LAYERS: usize = 127;

/// The most that the layers of a base may unpack to while its folders are listed.
pub const BASE: u64 = 64 << 30;

/// The most links followed on the way to one path; what Linux allows.
pub const LINKS: usize = 40;
