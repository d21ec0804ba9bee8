import Foundation

/// Paths as users write them in options.
package enum UserPath {
    /// The absolute form of a path that may begin with `~` or be relative to the current directory.
    package static func absolute(_ path: String) -> String {
        URL(fileURLWithPath: (path as NSString).expandingTildeInPath).standardizedFileURL.path
    }
}
