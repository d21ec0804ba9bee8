/// What makes a post one and the same: posting the same footage to the same account from the same slot twice is a
/// duplicate, whatever happened to machines in between.
package struct PostKey: Sendable, Hashable, Codable {
    /// Identity of the account at the service.
    package var account: String
    /// SHA-256 of the footage, lower-case hex.
    package var digest: String
    /// Which post of that footage: the pipeline's name, and the part for series.
    package var slot: String

    /// A key.
    package init(account: String, digest: String, slot: String) {
        self.account = account
        self.digest = digest
        self.slot = slot
    }
}
