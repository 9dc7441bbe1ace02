//! Class 90.

class! {
    Tx "tx" = 90

    /// Client: begins to work in transactions. Answered with [`SelectOk`].
    Select "select" = 10 {}

    /// Server: the channel is transactional.
    SelectOk "select-ok" = 11 {}

    /// Client: makes it happen. Answered with [`CommitOk`].
    Commit "commit" = 20 {}

    /// Server: it has happened.
    CommitOk "commit-ok" = 21 {}

    /// Client: takes it back. Answered with [`RollbackOk`].
    Rollback "rollback" = 30 {}

    /// Server: it did not happen.
    RollbackOk "rollback-ok" = 31 {}
}
