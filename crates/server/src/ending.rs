//! How the process ends when it must not go on: at once, with a sentence and a code that says why.

use std::fmt::Display;

/// The code of a process that ended because its data could not be written: `EX_IOERR` of sysexits.h.
pub const UNWRITABLE: i32 = 74;

/// Ends the process because something could not be made durable: memory may be ahead of the disk, and nothing that it says
/// may be told to anybody. The next start loads what is durable.
pub(crate) fn unwritable(error: &dyn Display) -> ! {
    tracing::error!(
        "data could not be written: {error}; ending with code {UNWRITABLE}, nothing acknowledged is lost: \
         see to the disk, then start Berth again"
    );
    std::process::exit(UNWRITABLE)
}
