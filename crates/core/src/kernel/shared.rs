//! Texts that many entities have in common: each is kept once, whoever brings it.
//!
//! Entities that come from the store or from outside bring copies of their own of the names of their cluster, family or
//! image. Sharing changes no fact: two of these are equal whatever they keep.

use std::collections::BTreeSet;

use super::names::Name;

/// How many texts there are at least before those that nobody uses any more are let go.
const FEW: usize = 1024;

/// Texts that many entities have in common.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    names: BTreeSet<Name>,
    /// How many there were after those that nobody used had been let go.
    used: usize,
}

impl PartialEq for Shared {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Shared {}

impl Shared {
    /// Makes `name` the one copy of its text.
    pub fn share(&mut self, name: &mut Name) {
        if let Some(known) = self.names.get(name.as_str()) {
            *name = known.clone();
            return;
        }
        if self.names.len() > FEW.max(2 * self.used) {
            self.names.retain(Name::is_shared);
            self.used = self.names.len();
        }
        self.names.insert(name.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_become_one() {
        let mut shared = Shared::default();
        let mut names = [Name::new("web"), Name::new("web"), Name::new("api")];
        names.iter_mut().for_each(|name| shared.share(name));
        assert!(std::ptr::eq(names[0].as_str(), names[1].as_str()));
        assert_eq!(names[2].as_str(), "api");
    }

    #[test]
    fn what_nobody_uses_is_let_go() {
        let mut shared = Shared::default();
        let mut kept = Name::new("kept");
        shared.share(&mut kept);
        for number in 0..10 * FEW {
            shared.share(&mut Name::new(&number.to_string()));
        }
        assert!(shared.names.len() <= 2 * FEW, "{}", shared.names.len());
        let mut again = Name::new("kept");
        shared.share(&mut again);
        assert!(std::ptr::eq(kept.as_str(), again.as_str()));
    }
}
