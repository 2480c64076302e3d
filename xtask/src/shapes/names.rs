//! Names of the model as names of Rust.

/// Words that cannot name a field.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "box", "break", "const", "continue", "do", "dyn", "else", "enum", "extern", "false",
    "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override",
    "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "use",
    "virtual", "where", "while", "yield",
];

/// Words that cannot name a field even when escaped.
const PATHS: &[&str] = &["crate", "self", "super"];

/// `capacityProviderStrategy` → `capacity_provider_strategy`.
pub(super) fn field(name: &str) -> String {
    let snake = words(name).to_lowercase();
    if KEYWORDS.contains(&snake.as_str()) {
        format!("r#{snake}")
    } else if PATHS.contains(&snake.as_str()) {
        format!("{snake}_")
    } else {
        snake
    }
}

/// `RunTaskRequest` → `RUN_TASK_REQUEST`.
pub(super) fn table(name: &str) -> String {
    words(name).to_uppercase()
}

/// With `_` wherever a word begins. An acronym is one word, its plural too: `DNSNames`, `subnetIDs`.
fn words(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut spaced = String::new();
    for (index, letter) in letters.iter().enumerate() {
        if index > 0 && begins_word(&letters, index) {
            spaced.push('_');
        }
        spaced.push(if letter.is_ascii_alphanumeric() { *letter } else { '_' });
    }
    spaced
}

fn begins_word(letters: &[char], index: usize) -> bool {
    let previous = letters[index - 1];
    let next = letters.get(index + 1).copied().unwrap_or_default();
    let ends_acronym = next.is_ascii_lowercase() && !is_plural(&letters[index + 1..]);
    letters[index].is_ascii_uppercase()
        && (previous.is_ascii_lowercase() || previous.is_ascii_digit() || previous.is_ascii_uppercase() && ends_acronym)
}

fn is_plural(rest: &[char]) -> bool {
    rest[0] == 's' && rest.get(1).is_none_or(char::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_where_people_see_them() {
        for (name, expected) in [
            ("capacityProviderStrategy", "capacity_provider_strategy"),
            ("RunTaskRequest", "run_task_request"),
            ("pidMode", "pid_mode"),
            ("Ipv6CidrBlock", "ipv6_cidr_block"),
            ("DNSNames", "dns_names"),
            ("subnetIDs", "subnet_ids"),
            ("EBSVolume", "ebs_volume"),
            ("s3Files", "s3_files"),
            ("sizeInGiB", "size_in_gi_b"),
            ("type", "r#type"),
            ("self", "self_"),
            ("log-group", "log_group"),
        ] {
            assert_eq!(field(name), expected);
        }
        assert_eq!(table("RunTaskRequest"), "RUN_TASK_REQUEST");
    }
}
