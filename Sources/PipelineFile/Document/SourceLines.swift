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

    /// The location of the last scalar.
    var end: (line: Int, column: Int) { place(of: scalars.count - 1) }

    /// The location of the scalar at `offset`, clamped to the text.
    func place(of offset: Int) -> (line: Int, column: Int) {
        let offset = max(0, min(offset, scalars.count))
        let line = Self.count(of: starts, upTo: offset)
        return (line, offset - starts[line - 1] + 1)
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

    /// The number of elements of the sorted `offsets` that are at most `offset`.
    static func count(of offsets: [Int], upTo offset: Int) -> Int {
        var (low, high) = (0, offsets.count)
        while low < high {
            let middle = (low + high) / 2
            if offsets[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Maps the locations that the YAML parser reports to those in the file.
///
/// They differ because the parser also ends lines at U+0085, U+2028 and U+2029, and because the parsed text has shorter
/// escapes for surrogate pairs.
struct PlaceMap {
    private let lines: SourceLines
    private let parsedStarts: [Int]
    /// The offsets in the parsed text where replaced surrogate pairs end.
    private let joins: [Int]
    private static let lostScalars = 2

    /// Maps from `parsed` to `text`; `parsed` and `joins` come from ``DocumentLoader/joiningSurrogates(_:)``.
    init(_ text: String, parsed: String, joins: [Int]) {
        lines = SourceLines(text)
        self.joins = joins
        parsedStarts = SourceLines.starts(in: Array(parsed.unicodeScalars)) {
            ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains($0)
        }
    }

    /// The location in the file; the end of the file if the parser's line is beyond it.
    func place(line: Int, column: Int) -> (line: Int, column: Int) {
        guard line <= parsedStarts.count else { return lines.place(of: .max) }
        return place(of: parsedStarts[max(1, line) - 1] + max(0, column - 1))
    }

    /// The location in the file of the scalar at `offset` in the parsed text.
    func place(of offset: Int) -> (line: Int, column: Int) {
        lines.place(of: offset + Self.lostScalars * SourceLines.count(of: joins, upTo: offset))
    }
}
