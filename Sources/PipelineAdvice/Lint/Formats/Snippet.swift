import Foundation
import PipelineKit

/// A source line with a caret under a column, as compilers show it.
struct Snippet: Sendable, Hashable {
    /// The visible part of the line, with tabs and control characters replaced.
    var text: String
    /// The line below it: spaces, a caret and tildes.
    var marks: String

    /// The maximum width of the text, in terminal columns.
    static let width = 100
    private static let ellipsis = "…"
    /// The number of scalars to process before and after the column. It exceeds ``width``, so that secrets are
    /// recognised as a whole.
    private static let window = (before: 2000, behind: 1000)

    /// Cuts the line to ``width`` around a column.
    /// - Parameters:
    ///   - line: The line without its line break.
    ///   - column: The column from 1, in Unicode scalars.
    ///   - mask: Masks secrets; keeps the number of scalars.
    init(_ line: String, column: Int, masking mask: SecretMask = SecretMask()) {
        let all = line.unicodeScalars
        let skipped = max(0, min(column - 1, all.count) - Self.window.before)
        let part = all.dropFirst(skipped).prefix(Self.window.before + Self.window.behind)
        let isCut = (before: skipped > 0, behind: skipped + part.count < all.count)
        let line = mask.masked(String(String.UnicodeScalarView(part)))
        let column = column - skipped
        let scalars = Array(line.unicodeScalars)
        let length = Self.length(of: scalars, from: column - 1)
        // A cell is a grapheme cluster: the caret never points between its scalars.
        var cells: [Cell] = []
        var (position, caret, end) = (0, 0, 0)
        for character in line {
            let count = character.unicodeScalars.count
            if position <= column - 1 { caret = cells.count }
            if position < column - 1 + length { end = cells.count + 1 }
            cells.append(Cell(character))
            position += count
        }
        // The column may be just behind the end of the line.
        if column - 1 >= position { (caret, end) = (cells.count, cells.count + 1) }
        (text, marks) = Self.shown(cells, caret: caret, end: max(end, caret + 1), isCut)
    }

    /// The length in scalars of the token at `start`: a quoted text, a word, or one character.
    private static func length(of scalars: [Unicode.Scalar], from start: Int) -> Int {
        guard scalars.indices.contains(start) else { return 1 }
        let first = scalars[start]
        if first == "\"" || first == "'" {
            var index = start + 1
            while index < scalars.count {
                if scalars[index] == first { return index - start + 1 }
                index += scalars[index] == "\\" && first == "\"" ? 2 : 1
            }
            return scalars.count - start
        }
        let word = scalars[start...].prefix { scalar in
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                || "_-.:$/*".unicodeScalars.contains(scalar)
        }
        // Don't underline the colon after a key.
        return max(1, word.last == ":" ? word.count - 1 : word.count)
    }

    /// The visible form of a character and its width in terminal columns.
    private struct Cell {
        var text: String
        var width: Int

        init(_ character: Character) {
            // Replaces controls, bidirectional marks and joiners without a base character by U+FFFD.
            text = VisibleText.shown(character)
            width = text == String(character) ? CellWidth.of(character) : 1
        }
    }

    private static func shown(
        _ cells: [Cell], caret: Int, end: Int, _ isCut: (before: Bool, behind: Bool)
    ) -> (text: String, marks: String) {
        func columns(_ range: Range<Int>) -> Int { cells[range].reduce(0) { $0 + $1.width } }
        var (first, last) = (0, cells.count)
        if columns(0..<cells.count) > width {
            // Show up to a third of the width before the caret.
            first = min(caret, cells.count)
            var room = width / 3
            while first > 0, room >= cells[first - 1].width {
                first -= 1
                room -= cells[first].width
            }
            last = first
            room = width
            while last < cells.count, room >= cells[last].width {
                room -= cells[last].width
                last += 1
            }
        }
        let before = first > 0 || isCut.before ? ellipsis : ""
        let after = last < cells.count || isCut.behind ? ellipsis : ""
        let text = before + cells[first..<last].map(\.text).joined() + after
        let indent = before.count + columns(first..<min(caret, cells.count))
        let waves = max(1, columns(min(caret, cells.count)..<min(end, last)))
        let marks = String(repeating: " ", count: indent) + "^" + String(repeating: "~", count: waves - 1)
        return (text, marks)
    }
}

/// The width of a character in terminal columns.
enum CellWidth {
    /// 0 for combining marks, 2 for wide characters and emoji, else 1.
    static func of(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        if [.nonspacingMark, .enclosingMark].contains(scalar.properties.generalCategory) { return 0 }
        let isEmoji =
            scalar.properties.isEmojiPresentation
            || character.unicodeScalars.contains { $0 == "\u{FE0F}" } && scalar.properties.isEmoji
        return isEmoji || wide.contains { $0.contains(scalar.value) } ? 2 : 1
    }

    /// Approximates East Asian Wide and Fullwidth by Unicode blocks.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
        0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
        0x1B000...0x1B2FF, 0x20000...0x3FFFD,
    ]
}
