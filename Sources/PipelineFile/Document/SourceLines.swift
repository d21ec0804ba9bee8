/// The lines of a file as editors count them: broken by LF, CR LF or CR. Columns count Unicode scalars, from 1.
package struct SourceLines: Sendable {
    private let scalars: [Unicode.Scalar]
    /// Where each line starts.
    private let starts: [Int]

    /// The lines of `text`.
    package init(_ text: String) { self.init(Array(text.unicodeScalars)) }

    init(_ scalars: [Unicode.Scalar]) {
        self.scalars = scalars
        starts = Self.starts(in: scalars) { $0 == "\n" || $0 == "\r" }
    }

    /// How many there are; an empty file has one.
    package var count: Int { starts.count }

    /// The text of a line without its break; nil beyond the last.
    package func line(_ number: Int) -> String? {
        guard (1...count).contains(number) else { return nil }
        let end = number < count ? starts[number] : scalars.count
        let line = scalars[starts[number - 1]..<end]
        var view = String.UnicodeScalarView()
        view.append(contentsOf: line.prefix { $0 != "\n" && $0 != "\r" })
        return String(view)
    }

    /// The place of the last scalar.
    var end: (line: Int, column: Int) { place(of: scalars.count - 1) }

    /// The place of the scalar at `offset`.
    func place(of offset: Int) -> (line: Int, column: Int) {
        let offset = max(0, min(offset, scalars.count))
        let line = Self.count(of: starts, upTo: offset)
        return (line, offset - starts[line - 1] + 1)
    }

    /// Where lines start when `isBreak` ends them; CR LF counts once.
    static func starts(in scalars: [Unicode.Scalar], isBreak: (Unicode.Scalar) -> Bool) -> [Int] {
        var starts = [0]
        for (index, scalar) in scalars.enumerated() where isBreak(scalar) {
            if scalar == "\r", index + 1 < scalars.count, scalars[index + 1] == "\n" { continue }
            starts.append(index + 1)
        }
        return starts
    }

    /// How many of the sorted `offsets` are not after `offset`.
    static func count(of offsets: [Int], upTo offset: Int) -> Int {
        var (low, high) = (0, offsets.count)
        while low < high {
            let middle = (low + high) / 2
            if offsets[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Takes the places that the YAML parser gives to those of the file.
///
/// The parser breaks lines at three characters that editors take for text (U+0085, U+2028, U+2029), and reads JSON whose
/// escaped pairs were joined, which makes lines shorter.
struct PlaceMap {
    private let lines: SourceLines
    private let parsedStarts: [Int]
    /// Where joined pairs end in what was parsed.
    private let joins: [Int]
    private static let lostScalars = 2

    /// A map for `text`; `joins` as ``DocumentLoader/joiningSurrogates(_:)`` tells them for `parsed`.
    init(_ text: String, parsed: String, joins: [Int]) {
        lines = SourceLines(text)
        self.joins = joins
        parsedStarts = SourceLines.starts(in: Array(parsed.unicodeScalars)) {
            ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains($0)
        }
    }

    /// The place in the file; the file's end for what lies beyond it.
    func place(line: Int, column: Int) -> (line: Int, column: Int) {
        guard line <= parsedStarts.count else { return lines.place(of: .max) }
        return place(of: parsedStarts[max(1, line) - 1] + max(0, column - 1))
    }

    /// The place of the scalar at `offset` of what was parsed.
    func place(of offset: Int) -> (line: Int, column: Int) {
        lines.place(of: offset + Self.lostScalars * SourceLines.count(of: joins, upTo: offset))
    }
}
