//! A chroot: the znode that a session takes for the root. It also sees to it that paths are well
//! formed, as no server gets to see those that are not.
//!
//! Paths are lengthened on their way to the server and shortened on their way back; names of
//! children, access lists and data are no paths. Source: Java's `ZooKeeper.prependChroot` and
//! `ClientCnxn.SendThread.stripChroot`.

use alloc::string::String;
use alloc::vec::Vec;

use crate::tree::path::{ROOT, is_valid};
use crate::types::Path;
use crate::wire::client::{
    CreateMode, CreateRequest, CreateTtlRequest, MultiOp, MultiResult, ReadOp, Request, Response,
};

/// Where a session's paths begin; by default at the root.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
pub struct Chroot(Option<Path>);

impl Chroot {
    /// The chroot at this path; `/` is none. `None` if no znode can be there.
    pub fn new(path: &str) -> Option<Chroot> {
        if !is_valid(path) {
            return None;
        }
        Some(Chroot((path != ROOT).then(|| Path::from(path))))
    }

    /// The path of its znode, as the servers have it.
    pub fn path(&self) -> &str {
        self.0.as_deref().unwrap_or(ROOT)
    }

    /// A path as the servers have it.
    pub(super) fn lengthen(&self, path: &mut Path) {
        let Some(root) = &self.0 else { return };
        *path = match &**path {
            ROOT => root.clone(),
            _ => {
                let mut text = String::with_capacity(root.len() + path.len());
                text.push_str(root);
                text.push_str(path);
                text.into()
            }
        };
    }

    /// A path as the user has it. One that is not below the chroot stays as it is.
    pub(super) fn shorten(&self, path: &mut Path) {
        let Some(rest) = self.0.as_deref().and_then(|root| path.strip_prefix(root)) else { return };
        if rest.is_empty() || rest.starts_with('/') {
            *path = if rest.is_empty() { Path::from(ROOT) } else { Path::from(rest) };
        }
    }

    /// A request as the servers have it; `None` if it names what no znode can have for a path.
    pub(super) fn request(&self, mut request: Request) -> Option<Request> {
        for (path, is_numbered) in paths_of(&mut request) {
            // The number completes the name.
            let is_well_formed = match is_numbered {
                true => is_valid(&[path, "0"].concat()),
                false => is_valid(path),
            };
            if !is_well_formed {
                return None;
            }
            self.lengthen(path);
        }
        Some(request)
    }

    /// A response as the user has it.
    pub(super) fn response(&self, response: &mut Response) {
        if self.0.is_none() {
            return;
        }
        match response {
            Response::Create { path }
            | Response::Create2 { path, .. }
            | Response::Sync { path } => self.shorten(path),
            Response::Paths(paths) => paths.iter_mut().for_each(|path| self.shorten(path)),
            Response::Multi(results) => {
                for result in results {
                    if let MultiResult::Create { path } | MultiResult::Create2 { path, .. } = result
                    {
                        self.shorten(path);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The paths in a request, and whether the server adds a number to them.
fn paths_of(request: &mut Request) -> Vec<(&mut Path, bool)> {
    match request {
        Request::Create(create)
        | Request::Create2(create)
        | Request::CreateContainer(create)
        | Request::CreateTtl(CreateTtlRequest { create, .. }) => [path_of_create(create)].into(),
        Request::Delete(delete) => [(&mut delete.path, false)].into(),
        Request::SetData(set) => [(&mut set.path, false)].into(),
        Request::SetAcl(set) => [(&mut set.path, false)].into(),
        Request::Check(check) => [(&mut check.path, false)].into(),
        Request::Exists { path, .. }
        | Request::GetData { path, .. }
        | Request::GetAcl { path }
        | Request::GetChildren { path, .. }
        | Request::GetChildren2 { path, .. }
        | Request::GetEphemerals { prefix: path }
        | Request::GetAllChildrenNumber { path }
        | Request::Sync { path }
        | Request::AddWatch { path, .. }
        | Request::CheckWatches { path, .. }
        | Request::RemoveWatches { path, .. }
        | Request::DeleteContainer { path } => [(path, false)].into(),
        Request::Multi(ops) => ops.iter_mut().map(path_of_write).collect(),
        Request::MultiRead(ops) => ops.iter_mut().map(path_of_read).collect(),
        // What the session itself sends has the servers' paths already.
        Request::CreateSession { .. }
        | Request::CloseSession
        | Request::WhoAmI
        | Request::Reconfig(_)
        | Request::Auth(_)
        | Request::Ping
        | Request::SetWatches(_)
        | Request::SetWatches2(_) => Vec::new(),
    }
}

fn path_of_create(create: &mut CreateRequest) -> (&mut Path, bool) {
    let mode = CreateMode::from_wire(create.flags);
    (&mut create.path, mode.is_some_and(CreateMode::is_sequential))
}

fn path_of_write(op: &mut MultiOp) -> (&mut Path, bool) {
    match op {
        MultiOp::Create(create)
        | MultiOp::Create2(create)
        | MultiOp::CreateContainer(create)
        | MultiOp::CreateTtl(CreateTtlRequest { create, .. }) => path_of_create(create),
        MultiOp::Delete(delete) => (&mut delete.path, false),
        MultiOp::SetData(set) => (&mut set.path, false),
        MultiOp::Check(check) => (&mut check.path, false),
    }
}

fn path_of_read(op: &mut ReadOp) -> (&mut Path, bool) {
    match op {
        ReadOp::GetData { path, .. } | ReadOp::GetChildren { path, .. } => (path, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_lengthened_and_shortened() {
        let app = Chroot::new("/app").expect("a chroot");
        for (user, server) in [("/", "/app"), ("/a", "/app/a"), ("/a/b", "/app/a/b")] {
            let mut path = Path::from(user);
            app.lengthen(&mut path);
            assert_eq!(&*path, server);
            app.shorten(&mut path);
            assert_eq!(&*path, user);
        }
        let get = |path: &str| Request::GetAcl { path: path.into() };
        assert_eq!(app.request(get("/a")), Some(get("/app/a")));
        let create = |path: &str, flags| {
            let (path, data, acl) = (path.into(), None, Vec::new());
            Request::Create(CreateRequest { path, data, acl, flags })
        };
        assert_eq!(app.request(create("/q/", 2)), Some(create("/app/q/", 2)));
        for wrong in ["", "a", "/a/", "/a//b", "/a/./b", "/.."] {
            assert_eq!(app.request(get(wrong)), None, "{wrong}");
            assert_eq!(Chroot::default().request(create(wrong, 0)), None, "{wrong}");
        }
        let mut beside = Path::from("/apple");
        app.shorten(&mut beside);
        assert_eq!(&*beside, "/apple");
        assert_eq!(Chroot::new("/"), Some(Chroot::default()));
        assert_eq!((Chroot::new("app"), Chroot::new("/app/")), (None, None));
    }
}
