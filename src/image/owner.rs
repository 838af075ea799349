//! Who owns what a build adds: `--chown` and `--chmod`.

use super::tree::Tree;

/// A user's and a group's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    pub(super) uid: u64,
    pub(super) gid: u64,
}

/// The largest number that Linux gives to a user or group.
const LARGEST: u64 = u32::MAX as u64;

/// Reads the value of `--chown`: `user`, `user:group`, each a number or a name that the image knows. A number alone
/// is the group's number too; a name alone brings its own group.
pub(super) fn chown(text: &str, tree: Option<&Tree>) -> Result<Owner, String> {
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let (uid, own_group) = user_numbers(user, tree)?;
    let gid = match group {
        None => own_group,
        Some(group) => group_number(group, tree)?,
    };
    Ok(Owner { uid, gid })
}

fn user_numbers(user: &str, tree: Option<&Tree>) -> Result<(u64, u64), String> {
    if let Some(number) = number(user)? {
        return Ok((number, number));
    }
    if user == "root" {
        return Ok((0, 0));
    }
    known(tree, user)?.user(user).ok_or_else(|| format!("the image's /etc/passwd has no user `{user}`"))
}

fn group_number(group: &str, tree: Option<&Tree>) -> Result<u64, String> {
    if let Some(number) = number(group)? {
        return Ok(number);
    }
    if group == "root" {
        return Ok(0);
    }
    known(tree, group)?.group(group).ok_or_else(|| format!("the image's /etc/group has no group `{group}`"))
}

fn known<'a>(tree: Option<&'a Tree>, name: &str) -> Result<&'a Tree, String> {
    tree.ok_or_else(|| format!("who `{name}` is stands in the base's layers, which are not at hand"))
}

/// A number of a user or group, nothing for a name.
fn number(text: &str) -> Result<Option<u64>, String> {
    if text.is_empty() {
        return Err("a user or group is missing".to_string());
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    match text.parse() {
        Ok(number) if number <= LARGEST => Ok(Some(number)),
        _ => Err(format!("`{text}` is too large for a user or group")),
    }
}

/// Reads the value of `--chmod`: octal permission bits.
pub(super) fn chmod(text: &str) -> Result<u32, String> {
    let octal = !text.is_empty() && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if octal && mode <= 0o7777 => Ok(mode),
        _ => Err(format!("`{text}` is no set of permissions")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::archive::tests::archive;
    use super::*;

    #[test]
    fn reads_owners() {
        let mut tree = Tree::default();
        let files = [
            ("etc/passwd", tar::EntryType::Regular, "app:x:802:803::/:\n"),
            ("etc/group", tar::EntryType::Regular, "wso2:x:804:\n"),
        ];
        tree.add_layer("layer", archive(&files).as_slice()).unwrap();
        for (text, expected) in [
            ("5", Some((5, 5))),
            ("5:6", Some((5, 6))),
            ("app", Some((802, 803))),
            ("app:wso2", Some((802, 804))),
            ("root:root", Some((0, 0))),
            ("5:wso2", Some((5, 804))),
            ("none", None),
            ("app:none", None),
            ("", None),
            ("5:", None),
            ("99999999999", None),
        ] {
            let owner = chown(text, Some(&tree)).ok().map(|owner| (owner.uid, owner.gid));
            assert_eq!(owner, expected, "{text}");
        }
        assert!(chown("app", None).unwrap_err().contains("not at hand"));
    }

    #[test]
    fn reads_permissions() {
        assert_eq!(chmod("0644"), Ok(0o644));
        assert_eq!(chmod("4755"), Ok(0o4755));
        for bad in ["", "8", "u+x", "+644", "77777"] {
            assert!(chmod(bad).is_err(), "{bad}");
        }
    }
}
