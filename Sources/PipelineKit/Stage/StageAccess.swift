/// What a stage reaches for its work, beyond its options and its input. The host grants nothing else.
///
/// A stage that decodes footage runs in a child process that can read that footage and its work folder only: a crafted
/// file must not reach accounts, other files or the network through a decoder. A stage that declares nothing counts as
/// one that reads footage, so that forgetting a declaration never widens what a stage may do.
public struct StageAccess: OptionSet, Sendable, Hashable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Reads or decodes the content of footage.
    public static let footage = StageAccess(rawValue: 1 << 0)
    /// Uses the network.
    public static let network = StageAccess(rawValue: 1 << 1)
    /// Creates or changes posts, with the account's credentials.
    public static let posts = StageAccess(rawValue: 1 << 2)
    /// Reads and writes files that its options or the user name, other than footage.
    public static let files = StageAccess(rawValue: 1 << 3)
}
