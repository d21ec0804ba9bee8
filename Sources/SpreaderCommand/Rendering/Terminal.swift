import Foundation
import Glibc
import PipelineKit

/// The capabilities of the terminal behind a stream.
struct Terminal: Sendable {
    /// Whether lines can be redrawn.
    var isInteractive: Bool
    /// Whether to print colours.
    var hasColor: Bool
    /// The width in columns.
    var width: Int

    /// The terminal behind standard error.
    static func standardError(environment: [String: String] = ProcessInfo.processInfo.environment) -> Terminal {
        let isTerminal = isatty(STDERR_FILENO) == 1 && environment["TERM"] != "dumb"
        var size = winsize()
        let hasSize = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return Terminal(
            isInteractive: isTerminal, hasColor: isTerminal && (environment["NO_COLOR"] ?? "").isEmpty,
            width: hasSize ? Int(size.ws_col) : 80)
    }

    /// Wraps text in the escape codes of a colour; returns it as it is without colours.
    func paint(_ text: String, _ color: Color) -> String {
        hasColor ? "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m" : text
    }

    enum Color: Int { case red = 31, green = 32, yellow = 33, cyan = 36, dim = 2, bold = 1 }
}

/// Writes whole lines to standard output and standard error, without interleaving them.
enum Output {
    /// Writes a result to standard output.
    static func result(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }
    /// Writes a message to standard error.
    static func message(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                return
            }
            bytes = bytes.dropFirst(written)
        }
    }

    /// Writes a value as indented JSON to standard output, its keys sorted.
    static func json(_ value: some Encodable) throws {
        result(try JSONValue(encoding: value).text(pretty: true))
    }

    /// Formats rows as columns of equal width.
    static func table(_ rows: [[String]], indent: String = "") -> String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell.padding(toLength: widths[index], withPad: " ", startingAt: 0)
            }
            return indent + cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
