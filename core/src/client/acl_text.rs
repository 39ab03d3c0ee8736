//! Access lists as people write them: `scheme:id:permissions`, with commas between.
//!
//! The permissions are letters of `cdrwa`; the scheme ends at the first colon and the permissions
//! begin after the last one, so an id may have colons. Source: Java's `AclParser` of `zkCli`.

use alloc::string::String;
use alloc::vec::Vec;

use crate::tree::acl::{ADMIN, CREATE, DELETE, READ, WRITE};
use crate::txn::{Acl, Id};

const LETTERS: [(char, i32); 5] =
    [('c', CREATE), ('d', DELETE), ('r', READ), ('w', WRITE), ('a', ADMIN)];

/// Reads a list, such as `world:anyone:r,digest:bob:fyVm…=:cdrwa`; `None` if it is none.
pub fn parse_acl(text: &str) -> Option<Vec<Acl>> {
    text.split(',').map(entry).collect()
}

/// Writes a list so that [`parse_acl`] reads the same.
pub fn acl_text(list: &[Acl]) -> String {
    let mut text = String::new();
    for acl in list {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&acl.id.scheme);
        text.push(':');
        text.push_str(&acl.id.id);
        text.push(':');
        text.extend(LETTERS.iter().filter(|(_, bit)| acl.perms & bit != 0).map(|(c, _)| c));
    }
    text
}

fn entry(text: &str) -> Option<Acl> {
    let (scheme, rest) = text.trim().split_once(':')?;
    let (id, letters) = rest.rsplit_once(':')?;
    let mut perms = 0;
    for letter in letters.chars() {
        perms |= LETTERS.iter().find(|(known, _)| *known == letter)?.1;
    }
    Some(Acl { perms, id: Id { scheme: scheme.into(), id: id.into() } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        let text = "world:anyone:r,digest:bob:hash=:cdrwa,ip:10.0.0.0/8:,auth::rw";
        let list = parse_acl(text).expect("a list");
        let perms: Vec<i32> = list.iter().map(|acl| acl.perms).collect();
        assert_eq!(perms, [1, 31, 0, 3]);
        assert_eq!((&*list[1].id.scheme, &*list[1].id.id), ("digest", "bob:hash="));
        assert_eq!(list[3].id.id, "");
        assert_eq!(acl_text(&list), text);
        for wrong in ["", "world", "world:anyone", "world:anyone:x", "a:b:r,"] {
            assert_eq!(parse_acl(wrong), None, "{wrong}");
        }
    }
}
