//! The log store from outside: through its public methods, across reopening and kills.

#[cfg(test)]
mod common;
#[cfg(test)]
mod events;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod filtering;
#[cfg(test)]
mod groups_and_streams;
#[cfg(test)]
mod kill;
