/// A line and a column from 1, as editors count them; columns in Unicode scalars.
struct TextPosition: Sendable, Hashable {
    var line: Int
    var column: Int

    static let start = TextPosition(line: 1, column: 1)
}

/// The lines of a file as editors count them, ended by LF, CR LF or CR. Lines and columns count from 1, columns in
/// Unicode scalars.
package struct SourceLines: Sendable {
    private let scalars: [Unicode.Scalar]
    /// The offset of each line's first scalar.
    private let starts: [Int]

    package init(_ text: String) { self.init(Array(text.unicodeScalars)) }

    init(_ scalars: [Unicode.Scalar]) {
        self.scalars = scalars
        starts = Self.starts(in: scalars) { $0 == "\n" || $0 == "\r" }
    }

    /// The number of lines; 1 for an empty file.
    package var count: Int { starts.count }

    /// The text of a line without its line break; nil if there is no such line.
    package func line(_ number: Int) -> String? {
        guard (1...count).contains(number) else { return nil }
        let end = number < count ? starts[number] : scalars.count
        let line = scalars[starts[number - 1]..<end]
        var view = String.UnicodeScalarView()
        view.append(contentsOf: line.prefix { $0 != "\n" && $0 != "\r" })
        return String(view)
    }

    /// The position of the last scalar.
    var end: TextPosition { position(at: scalars.count - 1) }

    /// The position of the scalar at `offset`, clamped to the text.
    func position(at offset: Int) -> TextPosition {
        let offset = max(0, min(offset, scalars.count))
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        return TextPosition(line: low, column: offset - starts[low - 1] + 1)
    }

    /// The offsets where lines start. A line ends after a scalar for which `isBreak` is true; CR LF is one line break.
    static func starts(in scalars: [Unicode.Scalar], isBreak: (Unicode.Scalar) -> Bool) -> [Int] {
        var starts = [0]
        for (index, scalar) in scalars.enumerated() where isBreak(scalar) {
            if scalar == "\r", index + 1 < scalars.count, scalars[index + 1] == "\n" { continue }
            starts.append(index + 1)
        }
        return starts
    }
}

/// Maps the locations that the YAML parser reports to those in the file. They differ because the parser also ends lines
/// at U+0085, U+2028 and U+2029.
struct PositionMap {
    private let lines: SourceLines
    /// The offsets where lines start for the parser.
    private let starts: [Int]

    init(_ text: String) {
        let scalars = Array(text.unicodeScalars)
        lines = SourceLines(scalars)
        starts = SourceLines.starts(in: scalars) { ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains($0) }
    }

    /// The position in the file; the end of the file if the parser's line is beyond it.
    func position(line: Int, column: Int) -> TextPosition {
        guard line <= starts.count else { return position(at: .max) }
        return position(at: starts[max(1, line) - 1] + max(0, column - 1))
    }

    /// The position of the scalar at `offset`.
    func position(at offset: Int) -> TextPosition { lines.position(at: offset) }
}
