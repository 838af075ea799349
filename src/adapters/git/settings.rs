//! What libgit2 is told once, for the whole program.

use std::sync::Once;

/// How long a connection may take to be made.
const CONNECT: i32 = 15_000;
/// How long a server may be silent before it counts as gone.
const SILENT: i32 = 60_000;

/// Tells libgit2 what it should know before anything else is asked of it.
pub(super) fn settle() {
    static ONCE: Once = Once::new();
    ONCE.call_once(apply);
}

/// libgit2 has no bound on how long it waits for a server, and these settings are the only way to give it one. They are
/// globals of a C library.
#[allow(unsafe_code)]
fn apply() {
    use git2::{ConfigLevel, opts};
    // SAFETY: These write globals without synchronisation. This runs once, and every use of libgit2 in the program comes
    // after it: nothing outside of this room uses git2, and each of its entrances waits for `settle` to have returned.
    let done = unsafe {
        let timeouts = opts::set_server_connect_timeout_in_milliseconds(CONNECT)
            .and_then(|()| opts::set_server_timeout_in_milliseconds(SILENT));
        // What is configured for people at a keyboard (other URLs, hooks, filters) must not change what a version is.
        let levels = [ConfigLevel::ProgramData, ConfigLevel::System, ConfigLevel::XDG, ConfigLevel::Global];
        let configured = levels.into_iter().try_for_each(|level| opts::set_search_path(level, ""));
        // Git refuses repositories of other users because it would run their hooks and obey their configuration. Objects
        // and references are all that is read here.
        timeouts.and(configured).and_then(|()| opts::set_verify_owner_validation(false))
    };
    // They cannot fail but for lack of memory; without them all still works, with libgit2's defaults.
    drop(done);
}
