//! A line of a story: words, and members as `name=value` with quotes around values that have blanks.

/// A line, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Command {
    pub(crate) words: Vec<String>,
    pub(crate) members: Vec<(String, String)>,
    /// What stands behind each ` | ` or ` : ` of the line.
    pub(crate) parts: Vec<Command>,
}

impl Command {
    pub(crate) fn parse(line: &str) -> Self {
        let mut whole = Self::default();
        for token in tokens(line) {
            if token == ":" || token == "|" {
                whole.parts.push(Self::default());
                continue;
            }
            match whole.parts.last_mut() {
                Some(part) => part.push(token),
                None => whole.push(token),
            }
        }
        whole
    }

    fn push(&mut self, token: String) {
        match token.split_once('=') {
            Some((name, value)) => self.members.push((name.to_owned(), value.to_owned())),
            None => self.words.push(token),
        }
    }

    /// The word at this place, or nothing.
    pub(crate) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|other| other == word)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.members.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.get(name).map(|text| text.parse().expect("a number"))
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let named = self.members.iter().filter(move |(other, _)| other == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The values of a member with commas.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let values = self.get(name).into_iter().flat_map(|list| list.split(','));
        values.filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }
}

/// The words of a line; quotes keep blanks together and vanish.
fn tokens(line: &str) -> Vec<String> {
    let (mut tokens, mut token, mut quoted) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                token.get_or_insert_default();
            }
            ' ' if !quoted => tokens.extend(token.take()),
            c => token.get_or_insert_default().push(c),
        }
    }
    tokens.extend(token);
    tokens
}
