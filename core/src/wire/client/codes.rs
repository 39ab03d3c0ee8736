//! The numbers of the client protocol: operations, errors, kinds of znodes and of events.
//!
//! Source: `ZooDefs.OpCode`, `KeeperException.Code`, `CreateMode`, `Watcher.Event`.

wire_enum! {
    /// What a request asks for and what a transaction does.
    OpCode {
        /// Only a transaction: a write failed.
        Error = -1,
        /// Internal: a session begins.
        CreateSession = -10,
        /// A session ends.
        CloseSession = -11,
        /// A znode is made; the reply is its path.
        Create = 1,
        /// A znode goes.
        Delete = 2,
        /// The stat of a znode, if it is there.
        Exists = 3,
        /// Data and stat.
        GetData = 4,
        /// Data changes.
        SetData = 5,
        /// Access list and stat.
        GetAcl = 6,
        /// The access list changes.
        SetAcl = 7,
        /// The names of the children.
        GetChildren = 8,
        /// Wait until all that was committed so far is applied here.
        Sync = 9,
        /// A sign of life.
        Ping = 11,
        /// The names of the children, and the stat.
        GetChildren2 = 12,
        /// A version is checked; only inside a multi.
        Check = 13,
        /// Several writes as one.
        Multi = 14,
        /// A znode is made; the reply is path and stat.
        Create2 = 15,
        /// The ensemble changes.
        Reconfig = 16,
        /// Is there such a watch?
        CheckWatches = 17,
        /// A watch goes.
        RemoveWatches = 18,
        /// A container znode is made.
        CreateContainer = 19,
        /// Only a transaction: a container or TTL znode is reaped.
        DeleteContainer = 20,
        /// A TTL znode is made.
        CreateTtl = 21,
        /// Several reads in one.
        MultiRead = 22,
        /// Credentials.
        Auth = 100,
        /// Watches are set again after a reconnect.
        SetWatches = 101,
        /// A step of SASL.
        Sasl = 102,
        /// The ephemeral znodes of a session.
        GetEphemerals = 103,
        /// The number of all descendants.
        GetAllChildrenNumber = 104,
        /// As `SetWatches`, persistent watches too.
        SetWatches2 = 105,
        /// A persistent watch.
        AddWatch = 106,
        /// The identities of a connection.
        WhoAmI = 107,
    }
}

wire_enum! {
    /// Why a request failed.
    ErrorCode {
        /// It did not fail.
        Ok = 0,
        /// The server failed.
        SystemError = -1,
        /// A part of a multi after the one that failed.
        RuntimeInconsistency = -2,
        /// Data is not as it must be.
        DataInconsistency = -3,
        /// The connection was lost.
        ConnectionLoss = -4,
        /// The request's bytes do not parse.
        MarshallingError = -5,
        /// No such operation.
        Unimplemented = -6,
        /// It took too long.
        OperationTimeout = -7,
        /// An argument is not allowed.
        BadArguments = -8,
        /// No such session.
        UnknownSession = -12,
        /// The new ensemble has no quorum that is connected and in sync.
        NewConfigNoQuorum = -13,
        /// Another reconfiguration is under way.
        ReconfigInProgress = -14,
        /// Errors below this one are the caller's.
        ApiError = -100,
        /// No such znode.
        NoNode = -101,
        /// Not allowed.
        NoAuth = -102,
        /// The version is another one.
        BadVersion = -103,
        /// Ephemeral znodes have no children.
        NoChildrenForEphemerals = -108,
        /// The znode is already there.
        NodeExists = -110,
        /// The znode has children.
        NotEmpty = -111,
        /// The session has expired.
        SessionExpired = -112,
        /// A client's own: a bad callback.
        InvalidCallback = -113,
        /// The access list is empty or not valid.
        InvalidAcl = -114,
        /// The credentials were refused.
        AuthFailed = -115,
        /// The session is on another server now.
        SessionMoved = -118,
        /// The server only reads.
        NotReadOnly = -119,
        /// A local session has no ephemeral znodes.
        EphemeralOnLocalSession = -120,
        /// No such watch.
        NoWatcher = -121,
        /// A client's own: the answer took too long.
        RequestTimeout = -122,
        /// Reconfiguration is switched off.
        ReconfigDisabled = -123,
        /// The session was closed for want of SASL.
        SessionClosedRequireSaslAuth = -124,
        /// A quota is exceeded.
        QuotaExceeded = -125,
        /// The server is too busy.
        ThrottledOp = -127,
    }
}

wire_enum! {
    /// Which kind of znode is made: the flags of a create.
    CreateMode {
        /// It stays.
        Persistent = 0,
        /// It goes with its session.
        Ephemeral = 1,
        /// It stays; the server adds a number to its name.
        PersistentSequential = 2,
        /// It goes with its session; the server adds a number to its name.
        EphemeralSequential = 3,
        /// It goes when its last child has gone.
        Container = 4,
        /// It goes when unchanged for some time.
        PersistentWithTtl = 5,
        /// As that; the server adds a number to its name.
        PersistentSequentialWithTtl = 6,
    }
}

impl OpCode {
    /// Whether a client's request of this kind goes through the leader and takes a zxid.
    pub const fn is_write(self) -> bool {
        match self {
            OpCode::Create
            | OpCode::Delete
            | OpCode::SetData
            | OpCode::SetAcl
            | OpCode::Multi
            | OpCode::Create2
            | OpCode::Reconfig
            | OpCode::CreateContainer
            | OpCode::CreateTtl
            | OpCode::CloseSession => true,
            OpCode::Error
            | OpCode::CreateSession
            | OpCode::Exists
            | OpCode::GetData
            | OpCode::GetAcl
            | OpCode::GetChildren
            | OpCode::Sync
            | OpCode::Ping
            | OpCode::GetChildren2
            | OpCode::Check
            | OpCode::CheckWatches
            | OpCode::RemoveWatches
            | OpCode::DeleteContainer
            | OpCode::MultiRead
            | OpCode::Auth
            | OpCode::SetWatches
            | OpCode::Sasl
            | OpCode::GetEphemerals
            | OpCode::GetAllChildrenNumber
            | OpCode::SetWatches2
            | OpCode::AddWatch
            | OpCode::WhoAmI => false,
        }
    }
}

impl CreateMode {
    /// True if it goes with its session.
    pub const fn is_ephemeral(self) -> bool {
        matches!(self, CreateMode::Ephemeral | CreateMode::EphemeralSequential)
    }

    /// True if it has a time to live.
    pub const fn is_ttl(self) -> bool {
        matches!(self, CreateMode::PersistentWithTtl | CreateMode::PersistentSequentialWithTtl)
    }

    /// True if the server adds a number to its name.
    pub const fn is_sequential(self) -> bool {
        matches!(
            self,
            CreateMode::PersistentSequential
                | CreateMode::EphemeralSequential
                | CreateMode::PersistentSequentialWithTtl
        )
    }
}

wire_enum! {
    /// What a watch event tells.
    EventType {
        /// Nothing of a znode; a client's own.
        None = -1,
        /// The znode was made.
        NodeCreated = 1,
        /// The znode has gone.
        NodeDeleted = 2,
        /// Its data changed.
        NodeDataChanged = 3,
        /// A child was made or has gone.
        NodeChildrenChanged = 4,
    }
}

wire_enum! {
    /// What a watch of addWatch tells; both kinds stay.
    AddWatchMode {
        /// What data and child watches tell.
        Persistent = 0,
        /// What data watches tell, of the znode and of everything below it.
        PersistentRecursive = 1,
    }
}

wire_enum! {
    /// Which watches checkWatches and removeWatches mean.
    WatcherType {
        /// One-shot child watches.
        Children = 1,
        /// One-shot data watches.
        Data = 2,
        /// All of them.
        Any = 3,
        /// Persistent watches (since 3.9).
        Persistent = 4,
        /// Persistent recursive watches (since 3.9).
        PersistentRecursive = 5,
    }
}
