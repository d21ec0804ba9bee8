/// The protocol between a host and a child process that runs stages: one JSON object per line.
///
/// `docs/plugin-protocol.md` describes it for authors in other languages.
package enum StageProtocol {
    /// The protocol version that this library supports.
    package static let version = 1
    /// The longest line that either side accepts, in bytes.
    package static let longestLine = 16 << 20
}
