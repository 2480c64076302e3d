//! How many connections the process may hold: what its limit of open files leaves beside the store.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The most connections at a time, however many files the process may open.
const CONNECTIONS: u64 = 20_000;
/// The files that are left to the store, the logs and what else runs in this process.
const OTHERS: u64 = 512;

/// The most connections at a time. Raises the process's limit of open files first, as far as it is needed and allowed: no
/// further, because child processes inherit it, and some walk through all the files that they might have open.
pub(super) fn connections() -> usize {
    let files = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) => raise(soft, hard),
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be read");
            CONNECTIONS + OTHERS
        }
    };
    let connections = connections_of(files);
    if connections < CONNECTIONS {
        tracing::info!(
            connections,
            files,
            "the limit of open files bounds the connections at a time"
        );
    }
    usize::try_from(connections).unwrap_or(usize::MAX)
}

/// The limit that holds afterwards.
fn raise(soft: u64, hard: u64) -> u64 {
    let wanted = hard.min(CONNECTIONS + OTHERS);
    if wanted <= soft {
        return soft;
    }
    match setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be raised");
            soft
        }
    }
}

/// The connections that `files` open files are enough for. Under a very low limit, connections and others have half each.
fn connections_of(files: u64) -> u64 {
    let left = files.saturating_sub(OTHERS).max(files / 2);
    left.clamp(1, CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_the_store() {
        let known = [
            (0, 1),
            (256, 128),
            (1024, 512),
            (4096, 3584),
            (20_512, 20_000),
            (u64::MAX, 20_000),
        ];
        for (files, connections) in known {
            assert_eq!(connections_of(files), connections, "{files} files");
        }
    }

    #[test]
    fn the_limit_of_this_process_is_enough_for_its_connections() {
        let connections = connections() as u64;
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert!(connections >= 1 && connections < soft, "{connections} of {soft}");
    }
}
