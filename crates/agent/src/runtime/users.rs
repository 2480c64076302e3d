//! Who a container's process is: names and numbers resolved in the image's own /etc/passwd and
//! /etc/group, with Docker's rules. Pure; reading the files stands in `accounts`.

/// The contents of an image's account files; empty when it has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    /// /etc/passwd
    pub passwd: String,
    /// /etc/group
    pub group: String,
}

/// A user as the kernel knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedUser {
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
    /// Supplementary groups, the group itself first (otherwise a process could drop it to pass
    /// permissions that exclude the group).
    pub additional_gids: Vec<u32>,
}

/// Why a user cannot be resolved; Docker's texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// A name that the image does not know.
    #[error("unable to find user {0}: no matching entries in passwd file")]
    NoUser(String),
    /// A group name that the image does not know.
    #[error("unable to find group {0}: no matching entries in group file")]
    NoGroup(String),
    /// A number out of range.
    #[error("uids and gids must be in range 0-2147483647: {0}")]
    OutOfRange(String),
}

struct PasswdEntry<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
}

struct GroupEntry<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

impl Accounts {
    /// Resolves `user`, `uid`, `user:group` or `uid:gid`; empty is root.
    pub fn resolve(&self, user: &str) -> Result<ResolvedUser, UserError> {
        let (user, group) = user.split_once(':').unwrap_or((user, ""));
        let entry = self.find_user(user)?;
        let (uid, own_gid) = match &entry {
            Some(entry) => (entry.uid, entry.gid),
            None => (number(user)?.unwrap_or(0), 0),
        };
        let gid = if group.is_empty() {
            own_gid
        } else {
            self.find_group(group)?
        };
        let mut additional_gids = vec![gid];
        if let (Some(entry), true) = (&entry, group.is_empty()) {
            for member_of in self.groups().filter(|g| g.has_member(entry.name)) {
                if !additional_gids.contains(&member_of.gid) {
                    additional_gids.push(member_of.gid);
                }
            }
        }
        Ok(ResolvedUser {
            uid,
            gid,
            additional_gids,
        })
    }

    /// The first matching line; a number needs none, a name does.
    fn find_user(&self, user: &str) -> Result<Option<PasswdEntry<'_>>, UserError> {
        let wanted = if user.is_empty() { "0" } else { user };
        let uid = number(wanted)?;
        let found = self
            .users()
            .find(|entry| uid.map_or(entry.name == wanted, |uid| entry.uid == uid));
        if found.is_none() && uid.is_none() {
            return Err(UserError::NoUser(user.to_owned()));
        }
        Ok(found)
    }

    fn find_group(&self, group: &str) -> Result<u32, UserError> {
        if let Some(gid) = number(group)? {
            return Ok(gid);
        }
        self.groups()
            .find(|entry| entry.name == group)
            .map(|entry| entry.gid)
            .ok_or_else(|| UserError::NoGroup(group.to_owned()))
    }

    fn users(&self) -> impl Iterator<Item = PasswdEntry<'_>> {
        self.passwd.lines().filter_map(|line| {
            let mut fields = line.trim().split(':');
            let name = fields.next()?;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(PasswdEntry { name, uid, gid })
        })
    }

    fn groups(&self) -> impl Iterator<Item = GroupEntry<'_>> {
        self.group.lines().filter_map(|line| {
            let mut fields = line.trim().split(':');
            let name = fields.next()?;
            let gid = fields.nth(1)?.parse().ok()?;
            let members = fields.next().unwrap_or_default();
            Some(GroupEntry { name, gid, members })
        })
    }
}

impl GroupEntry<'_> {
    fn has_member(&self, name: &str) -> bool {
        self.members.split(',').any(|member| member == name)
    }
}

/// The number that the text is, none if it is a name.
fn number(text: &str) -> Result<Option<u32>, UserError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let in_range = text.parse::<i32>().ok().and_then(|id| u32::try_from(id).ok());
    match in_range {
        Some(id) => Ok(Some(id)),
        None => Err(UserError::OutOfRange(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debian() -> Accounts {
        Accounts {
            passwd: "root:x:0:0:root:/root:/bin/sh\n\
                     # a comment\n\
                     broken\n\
                     www-data:x:33:34:www-data:/var/www:/usr/sbin/nologin\n"
                .to_owned(),
            group: "root:x:0:\n\
                    www:x:34:\n\
                    adm:x:4:syslog,www-data\n\
                    ssl-cert:x:108:root,www-data\n"
                .to_owned(),
        }
    }

    fn resolved(user: &str) -> String {
        match debian().resolve(user) {
            Ok(user) => format!("{}:{} {:?}", user.uid, user.gid, user.additional_gids),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn names_numbers_and_groups() {
        assert_eq!(resolved(""), "0:0 [0, 108]");
        assert_eq!(resolved("root"), "0:0 [0, 108]");
        assert_eq!(resolved("www-data"), "33:34 [34, 4, 108]");
        assert_eq!(resolved("33"), "33:34 [34, 4, 108]");
        assert_eq!(resolved("33:0"), "33:0 [0]");
        assert_eq!(resolved("www-data:adm"), "33:4 [4]");
        assert_eq!(resolved("1000"), "1000:0 [0]");
        assert_eq!(resolved("1000:2000"), "1000:2000 [2000]");
        assert_eq!(resolved(":adm"), "0:4 [4]");
    }

    #[test]
    fn unknown_names_are_errors_in_docker_s_words() {
        assert_eq!(
            resolved("nobody"),
            "unable to find user nobody: no matching entries in passwd file"
        );
        assert_eq!(
            resolved("root:nogroup"),
            "unable to find group nogroup: no matching entries in group file"
        );
        assert_eq!(
            resolved("4294967295"),
            "uids and gids must be in range 0-2147483647: 4294967295"
        );
    }

    #[test]
    fn an_image_without_account_files_has_numbers_only() {
        let none = Accounts::default();
        assert_eq!(none.resolve("").unwrap().additional_gids, [0]);
        assert_eq!(none.resolve("5:6").unwrap().gid, 6);
        assert!(none.resolve("root").is_err());
    }
}
