//! Class 85.

class! {
    Confirm "confirm" = 85

    /// Client: wants to know what became of its messages. Answered with [`SelectOk`].
    Select "select" = 10 {
        nowait: bool,
    }

    /// Server: messages are confirmed from here on.
    SelectOk "select-ok" = 11 {}
}
