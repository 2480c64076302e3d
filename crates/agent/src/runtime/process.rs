//! Which process a container runs: Docker's rules for combining an image's configuration with
//! what a task definition says. Pure.

use std::str::FromStr;

use nix::sys::signal::Signal;

use super::spec::Process;
use crate::images::ImageConfig;

/// What a task definition says about the process; empty means "as the image says".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessOverrides {
    /// Replaces the image's entry point and drops the image's command.
    pub entry_point: Vec<String>,
    /// Replaces the image's command.
    pub command: Vec<String>,
    /// Laid over the image's environment.
    pub environment: Vec<(String, String)>,
    /// Replaces the image's user.
    pub user: Option<String>,
    /// Replaces the image's working directory.
    pub working_directory: Option<String>,
}

/// Why there is no process to run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    /// Neither image nor task definition names a program.
    #[error("no command specified")]
    NoCommand,
    /// Docker's text for `WORKDIR`s that are not absolute.
    #[error("the working directory '{0}' is invalid, it needs to be an absolute path")]
    RelativeWorkingDirectory(String),
}

const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The process of a container made from `image`.
pub fn resolve_process(image: &ImageConfig, overrides: &ProcessOverrides) -> Result<Process, ProcessError> {
    let args = resolve_args(image, overrides);
    if args.is_empty() {
        return Err(ProcessError::NoCommand);
    }
    let cwd = first_filled(overrides.working_directory.as_deref(), Some(&image.working_dir)).unwrap_or("/");
    if !cwd.starts_with('/') {
        return Err(ProcessError::RelativeWorkingDirectory(cwd.to_owned()));
    }
    Ok(Process {
        args,
        env: resolve_env(&image.env, &overrides.environment),
        cwd: cwd.to_owned(),
        user: first_filled(overrides.user.as_deref(), Some(&image.user))
            .unwrap_or_default()
            .to_owned(),
    })
}

fn resolve_args(image: &ImageConfig, overrides: &ProcessOverrides) -> Vec<String> {
    let (entrypoint, image_cmd): (&[String], &[String]) = if overrides.entry_point.is_empty() {
        (&image.entrypoint, &image.cmd)
    } else if overrides.entry_point == [""] {
        (&[], &[]) // Docker's way to say "no entry point"
    } else {
        (&overrides.entry_point, &[])
    };
    let cmd = if overrides.command.is_empty() {
        image_cmd
    } else {
        &overrides.command
    };
    [entrypoint, cmd].concat()
}

fn resolve_env(image: &[String], overrides: &[(String, String)]) -> Vec<String> {
    let mut env = vec![DEFAULT_PATH.to_owned()];
    for entry in image {
        set_env(&mut env, entry.clone());
    }
    for (name, value) in overrides {
        set_env(&mut env, format!("{name}={value}"));
    }
    env
}

/// Replaces the variable in place, or appends it: the order that people see in `env` stays.
pub(super) fn set_env(env: &mut Vec<String>, entry: String) {
    let name = env_name(&entry);
    match env.iter_mut().find(|known| env_name(known) == name) {
        Some(known) => *known = entry,
        None => env.push(entry),
    }
}

fn env_name(entry: &str) -> &str {
    entry.split_once('=').map_or(entry, |(name, _)| name)
}

fn first_filled<'a>(first: Option<&'a str>, second: Option<&'a str>) -> Option<&'a str> {
    [first, second].into_iter().flatten().find(|text| !text.is_empty())
}

/// A signal's number from an image's `STOPSIGNAL`: `SIGQUIT`, `QUIT`, `quit` or `3`.
pub fn parse_signal(text: &str) -> Option<u32> {
    if let Ok(number) = text.parse::<u32>() {
        return (1..=64).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(real_time) = real_time_signal(name) {
        return Some(real_time);
    }
    let signal = Signal::from_str(&format!("SIG{name}")).ok()?;
    u32::try_from(signal as i32).ok()
}

/// `RTMIN+3` (systemd in a container), `RTMAX-1`; as the C library numbers them: 34 to 64.
fn real_time_signal(name: &str) -> Option<u32> {
    let number = match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(""), _) => 34,
        (_, Some("")) => 64,
        (Some(offset), _) => 34 + offset.strip_prefix('+')?.parse::<u32>().ok()?,
        (_, Some(offset)) => 64_u32.checked_sub(offset.strip_prefix('-')?.parse().ok()?)?,
        (None, None) => return None,
    };
    (34..=64).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn image(entrypoint: &str, cmd: &str) -> ImageConfig {
        ImageConfig {
            entrypoint: words(entrypoint),
            cmd: words(cmd),
            ..ImageConfig::default()
        }
    }

    fn args(image: &ImageConfig, entry_point: &[&str], command: &[&str]) -> String {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let overrides = ProcessOverrides {
            entry_point: owned(entry_point),
            command: owned(command),
            ..ProcessOverrides::default()
        };
        resolve_process(image, &overrides).map_or_else(|error| error.to_string(), |p| p.args.join(" "))
    }

    #[test]
    fn entry_point_and_command_combine_as_in_docker() {
        let image = image("/entry -x", "serve --all");
        assert_eq!(args(&image, &[], &[]), "/entry -x serve --all");
        assert_eq!(args(&image, &[], &["debug"]), "/entry -x debug");
        assert_eq!(args(&image, &["sh", "-c"], &[]), "sh -c");
        assert_eq!(args(&image, &["sh", "-c"], &["ls"]), "sh -c ls");
        assert_eq!(args(&image, &[""], &["ls"]), "ls");
        assert_eq!(args(&image, &[""], &[]), "no command specified");
    }

    #[test]
    fn no_program_is_an_error() {
        assert_eq!(args(&ImageConfig::default(), &[], &[]), "no command specified");
    }

    #[test]
    fn the_image_fills_what_is_not_overridden() {
        let image = ImageConfig {
            cmd: words("a"),
            env: words("PATH=/opt/bin A=1 B=2"),
            user: "www-data".to_owned(),
            working_dir: "/srv".to_owned(),
            ..ImageConfig::default()
        };
        let plain = resolve_process(&image, &ProcessOverrides::default()).unwrap();
        assert_eq!(plain.env, words("PATH=/opt/bin A=1 B=2"));
        assert_eq!((plain.cwd.as_str(), plain.user.as_str()), ("/srv", "www-data"));

        let overrides = ProcessOverrides {
            environment: vec![("A".to_owned(), "x=y z".to_owned()), ("C".to_owned(), String::new())],
            user: Some("7:7".to_owned()),
            working_directory: Some("/tmp".to_owned()),
            ..ProcessOverrides::default()
        };
        let laid_over = resolve_process(&image, &overrides).unwrap();
        assert_eq!(laid_over.env, ["PATH=/opt/bin", "A=x=y z", "B=2", "C="]);
        assert_eq!((laid_over.cwd.as_str(), laid_over.user.as_str()), ("/tmp", "7:7"));
    }

    #[test]
    fn a_bare_image_gets_a_path_and_the_root_directory() {
        let process = resolve_process(&image("", "x"), &ProcessOverrides::default()).unwrap();
        assert_eq!(process.env, [DEFAULT_PATH]);
        assert_eq!(process.cwd, "/");
    }

    #[test]
    fn a_relative_working_directory_is_refused() {
        let overrides = ProcessOverrides {
            working_directory: Some("srv".to_owned()),
            ..ProcessOverrides::default()
        };
        assert_eq!(
            resolve_process(&image("", "x"), &overrides),
            Err(ProcessError::RelativeWorkingDirectory("srv".to_owned()))
        );
    }

    #[test]
    fn signals_by_name_and_number() {
        for (text, number) in [
            ("SIGTERM", Some(15)),
            ("QUIT", Some(3)),
            ("sigwinch", Some(28)),
            ("9", Some(9)),
            ("SIGRTMIN+3", Some(37)),
            ("RTMAX-1", Some(63)),
            ("RTMAX-90", None),
            ("0", None),
            ("65", None),
            ("SIGNOPE", None),
        ] {
            assert_eq!(parse_signal(text), number, "{text}");
        }
    }
}
